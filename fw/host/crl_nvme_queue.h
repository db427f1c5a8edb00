/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the library: slots of a submission queue, for the user half and for the admin queue. */
#ifndef CRL_NVME_QUEUE_H
#define CRL_NVME_QUEUE_H

#include "carillon_layout.h"
#include "crl_nvme.h"

#define CRL_NVME_BUSY 0xFFFFu       /* `next` of a slot whose command is under way */
#define CRL_NVME_NONE 0xFFFEu       /* end of the free list */
#define CRL_NVME_SLOT_MASK 0x0FFFu  /* of a command identifier: the slot; above it a count of its uses */
#define CRL_NVME_MAX_COMMANDS 4095u /* slot 4095 is left out: FFFFh is no command identifier (Error Information log) */

static_assert(sizeof(struct crl_nvme_sqe) == 64 && sizeof(struct crl_nvme_cqe) == 16, "CC.IOSQES 6, IOCQES 4");
static_assert(offsetof(struct crl_nvme_sqe, prp1) == 24 && offsetof(struct crl_nvme_sqe, cdw10) == 40, "NVMe's places");
static_assert(offsetof(struct crl_nvme_cqe, phase_status_crd_more_dnr) == 14, "the phase is in the last two bytes");
static_assert(sizeof(struct crl_nvme_dsm) == 16, "a range of Dataset Management");

/* Place of the next command and its slot; NULL when one of them is missing. */
static inline struct crl_nvme_sqe *crl_nvme_room(const struct crl_nvme_qp *qp, uint16_t *tail)
{
    uint16_t next = (uint16_t)(qp->sq_tail + 1u);

    if (next == qp->sq_entries)
        next = 0;
    if (qp->free == CRL_NVME_NONE || next == qp->sq_head)
        return NULL;
    *tail = next;
    return &qp->sq[qp->sq_tail];
}

/* Takes the slot and moves the tail, once the entry is written; returns nothing that can fail. */
static inline uint16_t crl_nvme_take(struct crl_nvme_qp *qp, uint16_t tail, void *cookie)
{
    struct crl_nvme_slot *slot = &qp->slots[qp->free];

    qp->free = slot->next;
    slot->next = CRL_NVME_BUSY;
    slot->cookie = cookie;
    qp->sq_tail = tail;
    qp->under_way++;
    return slot->cid;
}

#endif
