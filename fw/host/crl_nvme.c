/* SPDX-License-Identifier: Apache-2.0 */
/* The user half: see crl_nvme.h for what it does, docs/host_library.md for how it is used. */
#include "carillon_mmio.h"

#include "crl_nvme.h"

#include "crl_nvme_queue.h"

#define PAGE CRL_NVME_PAGE
#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline)) /* keeps the short way short */
#else
#define INLINE inline
#define NOINLINE
#endif

uint32_t crl_nvme_list_bytes(uint32_t max_bytes)
{
    uint32_t pages = max_bytes / PAGE + (max_bytes % PAGE != 0); /* those after the first, at the worst offset */
    uint32_t bytes = sizeof(uint64_t);

    while (bytes < pages * sizeof(uint64_t) && bytes <= PAGE)
        bytes *= 2;
    return bytes <= PAGE ? bytes : 0;
}

/* Whether [at, at + bytes) lies in the memory of the pair. */
static bool inside(const struct crl_nvme_pair *pair, uint64_t at, uint64_t bytes)
{
    return at + bytes <= pair->mem.bytes;
}

enum crl_err crl_nvme_open(const struct crl_dev *dev, struct crl_nvme_qp *qp, const struct crl_nvme_pair *pair,
                           struct crl_nvme_slot *slots, uint32_t window)
{
    const struct crl_mem *mem = &pair->mem;

    (void)dev;
    if (pair->sq_entries < 2 || pair->sq_entries > CRL_NVME_MAX_DEPTH || pair->cq_entries < 2
        || pair->cq_entries > CRL_NVME_MAX_DEPTH || pair->commands < 1 || pair->commands > CRL_NVME_MAX_COMMANDS
        || pair->block_shift < 9 || pair->block_shift > 31 || slots == NULL || mem->cpu == NULL || window > pair->sq_doorbell
        || window > pair->cq_doorbell || pair->list_bytes > PAGE || pair->list_bytes < crl_nvme_list_bytes(pair->max_bytes)
        || crl_nvme_list_bytes(pair->max_bytes) == 0 || (pair->list_bytes & (pair->list_bytes - 1)) != 0)
        return CRL_E_ARG;
    if ((mem->bus | pair->sq_at | pair->cq_at | pair->lists_at) % PAGE != 0
        || !inside(pair, pair->sq_at, pair->sq_entries * sizeof(struct crl_nvme_sqe))
        || !inside(pair, pair->cq_at, pair->cq_entries * sizeof(struct crl_nvme_cqe))
        || !inside(pair, pair->lists_at, (uint64_t)pair->commands * pair->list_bytes))
        return CRL_E_ARG;
    *qp = (struct crl_nvme_qp){
        .sq = (struct crl_nvme_sqe *)(void *)(mem->cpu + pair->sq_at),
        .cq = (const struct crl_nvme_cqe *)(const void *)(mem->cpu + pair->cq_at),
        .slots = slots,
        .lists = (uint64_t *)(void *)(mem->cpu + pair->lists_at),
        .lists_bus = mem->bus + pair->lists_at,
        .list_words = pair->list_bytes / (uint32_t)sizeof(uint64_t),
        .max_bytes = pair->max_bytes,
        .nsid = pair->nsid,
        .sq_doorbell = pair->sq_doorbell - window,
        .cq_doorbell = pair->cq_doorbell - window,
        .qid = pair->qid,
        .sq_entries = pair->sq_entries,
        .cq_entries = pair->cq_entries,
        .commands = pair->commands,
        .phase = 1,
        .block_shift = (uint8_t)pair->block_shift,
    };
    for (uint16_t i = 0; i < pair->commands; i++)
        slots[i] = (struct crl_nvme_slot){.cid = i, .next = i + 1 < pair->commands ? (uint16_t)(i + 1) : CRL_NVME_NONE};
    return CRL_OK;
}

/* [prp] */
/* Where page `i` of the data lies, i > 0. */
static inline uint64_t data_page(const struct crl_nvme_buf *buf, uint32_t i)
{
    return buf->pages != NULL ? buf->pages[i] : (buf->bus & ~(uint64_t)(PAGE - 1)) + (uint64_t)i * PAGE;
}

static inline uint64_t first_prp(const struct crl_nvme_buf *buf)
{
    return buf->pages != NULL ? buf->pages[0] + (buf->bus & (PAGE - 1)) : buf->bus;
}

/* Pages 1 to `last` into the list of a slot. It is a power of two of bytes, so it stays in a page and never chains. */
static NOINLINE uint64_t fill_list(const struct crl_nvme_qp *qp, const struct crl_nvme_buf *buf, uint32_t last, uint32_t slot)
{
    size_t at = (size_t)slot * qp->list_words;
    uint64_t *list = qp->lists + at;
    uint64_t page = data_page(buf, 1);

    if (buf->pages != NULL)
        for (uint32_t i = 1; i <= last; i++)
            *list++ = buf->pages[i];
    else
        for (uint32_t i = 1; i <= last; i++, page += PAGE)
            *list++ = page;
    return qp->lists_bus + at * sizeof(uint64_t);
}

/* PRP2 of `bytes` of data: nothing, the second page, or the list of slot `slot`. */
static inline uint64_t second_prp(const struct crl_nvme_qp *qp, const struct crl_nvme_buf *buf, uint32_t bytes, uint32_t slot)
{
    uint32_t last = ((uint32_t)(buf->bus & (PAGE - 1)) + bytes - 1) / PAGE; /* number of the last page */

    if (last == 0)
        return 0;
    return last == 1 ? data_page(buf, 1) : fill_list(qp, buf, last, slot);
}
/* [prp end] */

/* A command: what the caller found sound. Every byte of the entry is written: it held another command. */
static INLINE enum crl_err put(struct crl_nvme_qp *qp, uint8_t opcode, const struct crl_nvme_buf *buf, uint32_t bytes,
                               uint32_t cdw10, uint32_t cdw11, uint32_t cdw12, void *cookie)
{
    uint16_t tail;
    uint16_t slot = qp->free;
    struct crl_nvme_sqe *sqe = crl_nvme_room(qp, &tail);

    if (sqe == NULL)
        return CRL_E_FULL;
    sqe->cdw10 = cdw10;
    sqe->cdw11 = cdw11;
    sqe->cdw12 = cdw12;
    sqe->cdw13 = 0;
    sqe->cdw14 = 0;
    sqe->cdw15 = 0;
    sqe->cdw2 = 0;
    sqe->cdw3 = 0;
    sqe->mptr = 0;
    sqe->nsid = qp->nsid;
    sqe->prp1 = bytes > 0 ? first_prp(buf) : 0;
    sqe->prp2 = bytes > 0 ? second_prp(qp, buf, bytes, slot) : 0;
    sqe->opc = opcode;
    sqe->fuse_psdt = 0;
    sqe->cid = crl_nvme_take(qp, tail, cookie);
    return CRL_OK;
}

/* [submit] */
static INLINE enum crl_err move(struct crl_nvme_qp *qp, uint8_t opcode, uint64_t slba, uint32_t blocks,
                                const struct crl_nvme_buf *buf, uint32_t flags, void *cookie)
{
    uint64_t bytes = (uint64_t)blocks << qp->block_shift;

    if (bytes - 1 >= qp->max_bytes || buf->bus % 4 != 0) /* no blocks: bytes - 1 is large */
        return CRL_E_ARG;
    return put(qp, opcode, buf, (uint32_t)bytes, (uint32_t)slba, (uint32_t)(slba >> 32), (blocks - 1) | flags, cookie);
}
/* [submit end] */

enum crl_err crl_nvme_read(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                           const struct crl_nvme_buf *to, uint32_t flags, void *cookie)
{
    (void)dev;
    return move(qp, CRL_NVME_IO_OP_READ, slba, blocks, to, flags, cookie);
}

enum crl_err crl_nvme_write(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                            const struct crl_nvme_buf *from, uint32_t flags, void *cookie)
{
    (void)dev;
    return move(qp, CRL_NVME_IO_OP_WRITE, slba, blocks, from, flags, cookie);
}

enum crl_err crl_nvme_compare(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                              const struct crl_nvme_buf *with, uint32_t flags, void *cookie)
{
    (void)dev;
    return move(qp, CRL_NVME_IO_OP_COMPARE, slba, blocks, with, flags, cookie);
}

/* Blocks without data. */
static INLINE enum crl_err touch(struct crl_nvme_qp *qp, uint8_t opcode, uint64_t slba, uint32_t blocks, uint32_t flags,
                                 void *cookie)
{
    if (blocks - 1 > 0xFFFFu)
        return CRL_E_ARG;
    return put(qp, opcode, NULL, 0, (uint32_t)slba, (uint32_t)(slba >> 32), (blocks - 1) | flags, cookie);
}

enum crl_err crl_nvme_write_zeroes(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                                   uint32_t flags, void *cookie)
{
    (void)dev;
    return touch(qp, CRL_NVME_IO_OP_WRITE_ZEROES, slba, blocks, flags, cookie);
}

enum crl_err crl_nvme_verify(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                             uint32_t flags, void *cookie)
{
    (void)dev;
    return touch(qp, CRL_NVME_IO_OP_VERIFY, slba, blocks, flags, cookie);
}

enum crl_err crl_nvme_flush(const struct crl_dev *dev, struct crl_nvme_qp *qp, void *cookie)
{
    (void)dev;
    return put(qp, CRL_NVME_IO_OP_FLUSH, NULL, 0, 0, 0, 0, cookie);
}

enum crl_err crl_nvme_dsm(const struct crl_dev *dev, struct crl_nvme_qp *qp, const struct crl_nvme_buf *list, uint32_t ranges,
                          uint32_t attributes, void *cookie)
{
    uint32_t bytes = ranges * (uint32_t)sizeof(struct crl_nvme_dsm);

    (void)dev;
    if (ranges - 1 > 255 || bytes > qp->max_bytes || list->bus % 4 != 0)
        return CRL_E_ARG;
    return put(qp, CRL_NVME_IO_OP_DSM, list, bytes, ranges - 1, attributes, 0, cookie);
}

/* [ring] */
void crl_nvme_ring(const struct crl_dev *dev, struct crl_nvme_qp *qp)
{
    if (qp->sq_rung == qp->sq_tail) /* a doorbell that moves nothing is refused */
        return;
    qp->sq_rung = qp->sq_tail;
    crl_wmb(dev); /* entries, lists and data are there before the node looks */
    crl_write32(dev, qp->sq_doorbell, qp->sq_tail);
}
/* [ring end] */

/* [poll] */
/* Whether `head` lies from the old head up to what was rung, round the end of the queue. */
static inline bool head_ok(const struct crl_nvme_qp *qp, uint16_t head)
{
    if (qp->sq_head <= qp->sq_rung)
        return head >= qp->sq_head && head <= qp->sq_rung;
    return (head >= qp->sq_head && head < qp->sq_entries) || head <= qp->sq_rung;
}

/* One new entry; false when it can't be. */
static INLINE bool finish(struct crl_nvme_qp *qp, const struct crl_nvme_cqe *entry, uint16_t word, struct crl_nvme_done *done)
{
    uint16_t cid = entry->cid;
    uint16_t head = entry->sqhd;
    uint16_t index = cid & CRL_NVME_SLOT_MASK;
    struct crl_nvme_slot *slot = &qp->slots[index];

    if (index >= qp->commands || slot->next != CRL_NVME_BUSY || slot->cid != cid || entry->sqid != qp->qid || !head_ok(qp, head))
        return false;
    done->cookie = slot->cookie;
    done->result = entry->dw0;
    done->status = word >> 1 & 0x7FFu;
    done->retry = !(word >> 15);
    done->more = word >> 14 & 1;
    slot->cid = (uint16_t)(cid + CRL_NVME_SLOT_MASK + 1u); /* a late or repeated entry of this use is recognised */
    slot->next = qp->free;
    qp->free = index;
    qp->sq_head = head;
    qp->under_way--;
    return true;
}

/* Takes what has come: the first entry is known to be new. */
static NOINLINE enum crl_err take_entries(const struct crl_dev *dev, struct crl_nvme_qp *qp, struct crl_nvme_done *done,
                                          uint32_t max, uint32_t *count)
{
    const struct crl_nvme_cqe *entry = &qp->cq[qp->cq_head];
    uint16_t word = crl_load16(dev, &entry->phase_status_crd_more_dnr);
    enum crl_err err = CRL_OK;
    uint32_t n = 0;

    do {
        crl_rmb(dev); /* the rest of the entry, and the data it announces, are read after the phase */
        if (!finish(qp, entry, word, &done[n])) {
            err = CRL_E_DEVICE;
            break;
        }
        if (++qp->cq_head == qp->cq_entries) {
            qp->cq_head = 0;
            qp->phase ^= 1;
        }
        entry = &qp->cq[qp->cq_head];
        word = crl_load16(dev, &entry->phase_status_crd_more_dnr);
    } while (++n < max && (word & 1) == qp->phase);
    *count = n;
    if (n > 0) {
        crl_mb(dev); /* the entries have been read before the node may write there again */
        crl_write32(dev, qp->cq_doorbell, qp->cq_head);
    }
    return err;
}

enum crl_err crl_nvme_poll(const struct crl_dev *dev, struct crl_nvme_qp *qp, struct crl_nvme_done *done, uint32_t max,
                           uint32_t *count)
{
    *count = 0;
    if (max == 0 || (crl_load16(dev, &qp->cq[qp->cq_head].phase_status_crd_more_dnr) & 1) != qp->phase)
        return CRL_OK;
    return take_entries(dev, qp, done, max, count);
}
/* [poll end] */
