# SPDX-License-Identifier: Apache-2.0
"""The demonstration's second act: a namespace, two applications with queues of their own, one of which misbehaves."""
