/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private queue pair: the kernel grants and creates it, the application reads and writes with it. In a real system the
 * two halves are in different address spaces; the pair, two mappings of memory and one of a doorbell page are all that goes
 * from one to the other.
 */
#include "private_queue.h"

#include "crl_wait.h"

#define SLBA 8u
#define MS 5000u /* for a command */
#define COMMANDS 15u

static const struct crl_nvme_shape shape = {
    .sq_entries = 16, .cq_entries = 16, .commands = COMMANDS, .max_bytes = PRIVATE_QUEUE_DATA, .priority = 2};

uint64_t private_queue_bytes(void)
{
    return crl_nvme_pair_bytes(&shape);
}

/* [give] */
enum crl_err private_queue_give(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint16_t func,
                                const struct crl_mem *queues, const struct crl_mem *data, struct crl_nvme_pair *pair)
{
    const struct crl_nvme_range range = {.base = data->bus,
                                         .pages = PRIVATE_QUEUE_DATA / CRL_NVME_PAGE,
                                         .rights = CRL_NVME_RIGHT_SOURCE | CRL_NVME_RIGHT_SINK};
    const struct crl_nvme_client client = {.owner = PRIVATE_QUEUE_OWNER,
                                           .func = func,
                                           .nsid = 1,
                                           .slba = 0,
                                           .nlb = PRIVATE_QUEUE_BLOCKS,
                                           .opcodes = 1u << CRL_NVME_IO_OP_READ | 1u << CRL_NVME_IO_OP_WRITE,
                                           .ranges = &range,
                                           .range_count = 1};

    return crl_nvme_pair_create(dev, ctrl, &client, &shape, queues, pair);
}
/* [give end] */

/* [use] */
static enum crl_err wait_for_one(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint16_t *failed)
{
    struct crl_wait left = crl_wait_ms(MS);
    struct crl_nvme_done done;
    uint32_t count;
    enum crl_err err;

    do {
        err = crl_nvme_poll(dev, qp, &done, 1, &count);
        if (err != CRL_OK)
            return err;
        if (count > 0) {
            *failed = done.status;
            return done.status == CRL_NVME_STATUS_SUCCESS ? CRL_OK : CRL_E_STATUS;
        }
    } while (crl_wait(dev, &left));
    return CRL_E_TIMEOUT;
}

enum crl_err private_queue_use(const struct crl_dev *dev, const struct crl_nvme_pair *pair, uint32_t window,
                               const struct crl_mem *data, uint16_t *failed)
{
    const struct crl_nvme_buf buf = {.bus = data->bus};
    const uint32_t blocks = PRIVATE_QUEUE_DATA >> pair->block_shift;
    struct crl_nvme_slot slots[COMMANDS];
    struct crl_nvme_qp qp;
    enum crl_err err = crl_nvme_open(dev, &qp, pair, slots, window);

    if (err == CRL_OK)
        err = crl_nvme_write(dev, &qp, SLBA, blocks, &buf, 0, NULL);
    if (err == CRL_OK) {
        crl_nvme_ring(dev, &qp);
        err = wait_for_one(dev, &qp, failed);
    }
    if (err == CRL_OK)
        err = crl_nvme_read(dev, &qp, SLBA, blocks, &buf, 0, NULL);
    if (err == CRL_OK) {
        crl_nvme_ring(dev, &qp);
        err = wait_for_one(dev, &qp, failed);
    }
    return err;
}
/* [use end] */
