/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PRIVATE_QUEUE_H
#define PRIVATE_QUEUE_H

#include <stdint.h>

#include "crl_err.h"
#include "crl_nvme.h"
#include "crl_nvme_ctrl.h"

struct crl_dev;

#define PRIVATE_QUEUE_OWNER 1u
#define PRIVATE_QUEUE_BLOCKS 64u
#define PRIVATE_QUEUE_DATA (4u * 4096u)

/* Kernel: a pair for function `func`, for the first blocks of namespace 1. `queues`, `data`: memory of that function. */
CRL_CHECKED enum crl_err private_queue_give(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint16_t func,
                                            const struct crl_mem *queues, const struct crl_mem *data,
                                            struct crl_nvme_pair *pair);

/* Bytes of `queues`. */
uint64_t private_queue_bytes(void);

/*
 * Application: writes `data` to block 8 on, and reads it back over itself. `failed`: status, with CRL_E_STATUS. `window` as
 * in crl_nvme_open.
 */
CRL_CHECKED enum crl_err private_queue_use(const struct crl_dev *dev, const struct crl_nvme_pair *pair, uint32_t window,
                                           const struct crl_mem *data, uint16_t *failed);

#endif
