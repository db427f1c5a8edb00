# SPDX-License-Identifier: Apache-2.0
"""CRC-32C (Castagnoli) as in RFC 3720: reflected, initial value and final inversion all ones."""

from __future__ import annotations

_POLY = 0x82F63B78  # 0x1EDC6F41, reflected


def _make_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLY if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _make_table()


def crc32c(data: bytes, crc: int = 0) -> int:
    """CRC of data; give the result of a former call as `crc` to go on."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def crc32c_bitwise(data: bytes) -> int:
    """The same, bit by bit from the definition; only there to check the table."""
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            feedback = (crc ^ (byte >> bit)) & 1
            crc = (crc >> 1) ^ (_POLY if feedback else 0)
    return crc ^ 0xFFFFFFFF
