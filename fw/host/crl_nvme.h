/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVMe, the user half: commands on a private queue pair that the kernel half made (crl_nvme_ctrl.h).
 *
 * The program that owns the pair calls it, with no kernel on the path, no lock and no allocation. One thread at a time
 * uses a pair; different pairs are independent. Nothing here waits. The node checks each doorbell, command and address
 * against the grant, so a program that breaks a rule harms itself alone.
 *
 *     crl_nvme_open                                  once
 *     crl_nvme_read, _write, ...  as many as fit     CRL_E_FULL: poll, then again
 *     crl_nvme_ring               one for all of them
 *     crl_nvme_poll               until what was sent has come back
 */
#ifndef CRL_NVME_H
#define CRL_NVME_H

#include <stdbool.h>
#include <stdint.h>

#include "carillon_layout.h"
#include "crl_err.h"
#include "crl_nvme_spec.h"

struct crl_dev;

/* A private queue pair, as the kernel half hands it to its owner. In it only what the owner may know. */
struct crl_nvme_pair {
    uint16_t qid;         /* number of both queues */
    uint16_t sq_entries;  /* 2 to 4096; one less can be under way */
    uint16_t cq_entries;
    uint16_t commands;    /* command identifiers, 1 to 4095 */
    uint32_t sq_doorbell; /* address in BAR0 */
    uint32_t cq_doorbell;
    uint32_t nsid;        /* namespace of its commands */
    uint32_t block_shift; /* log2 of the bytes of a block */
    uint32_t max_bytes;   /* of data a command */
    struct crl_mem mem;   /* queues and lists; who sees it elsewhere sets `cpu` */
    uint32_t sq_at;       /* offsets in `mem` */
    uint32_t cq_at;
    uint32_t lists_at;
    uint32_t list_bytes;  /* of each command: a power of two, 8 to 4096 */
};

/* What the program remembers of a command. Memory of its own, never the node's. */
struct crl_nvme_slot {
    void *cookie;
    uint16_t cid;  /* of its present or next command */
    uint16_t next; /* of the free list, or: under way */
};

/* An open queue pair. Its members are the library's. */
struct crl_nvme_qp {
    struct crl_nvme_sqe *sq;
    const struct crl_nvme_cqe *cq;
    struct crl_nvme_slot *slots;
    uint64_t *lists;
    uint64_t lists_bus;
    uint32_t list_words;  /* 8-byte entries of a list */
    uint32_t max_bytes;
    uint32_t nsid;
    uint32_t sq_doorbell;
    uint32_t cq_doorbell;
    uint16_t qid;
    uint16_t sq_entries;
    uint16_t cq_entries;
    uint16_t commands;
    uint16_t sq_tail;     /* next free slot */
    uint16_t sq_rung;     /* what the node knows of it */
    uint16_t sq_head;     /* what the last completion said */
    uint16_t cq_head;     /* next entry to look at */
    uint16_t free;        /* first free slot */
    uint16_t under_way;   /* commands without a completion */
    uint8_t phase;        /* of the entry at cq_head when it is new */
    uint8_t block_shift;
};

/*
 * Where the data of a command lies: contiguous from `bus` when `pages` is NULL. Otherwise page by page: the first byte is
 * in pages[0], at the offset `bus` has in its page, the rest from the start of pages[1], pages[2], ... Addresses as the
 * node sees them; pages are multiples of 4096, `bus` is one of 4.
 */
struct crl_nvme_buf {
    uint64_t bus;
    const uint64_t *pages;
};

/* How a command ended. */
struct crl_nvme_done {
    void *cookie;    /* as submitted */
    uint32_t result; /* DW0 */
    uint16_t status; /* enum crl_nvme_status: SCT and SC */
    bool retry;      /* with an error: the same command may succeed later (DNR is 0) */
    bool more;       /* the kernel half finds more in the Error Information log */
};

/* Bytes of a PRP list for commands of up to `max_bytes` of data: a power of two. 0: above what one list can name. */
uint32_t crl_nvme_list_bytes(uint32_t max_bytes);

/*
 * Opens a pair that was just created, with both queues empty. `slots`: pair->commands of them. `window`: what the address
 * in BAR0 is of the byte that dev reaches as 0; 0 when all of BAR0 is mapped, crl_nvme_page() when just the page of the
 * pair is. `pair` is not needed afterwards. The completion queue must hold zeros, as crl_nvme_pair_create leaves it.
 * CRL_E_ARG: sizes out of range, memory missing, doorbells outside the window.
 */
CRL_CHECKED enum crl_err crl_nvme_open(const struct crl_dev *dev, struct crl_nvme_qp *qp, const struct crl_nvme_pair *pair,
                                       struct crl_nvme_slot *slots, uint32_t window);

/* The 4 KiB page of BAR0 with the doorbells of the pair, to be mapped into the owner's address space. */
static inline uint32_t crl_nvme_page(const struct crl_nvme_pair *pair)
{
    return pair->sq_doorbell & ~(CRL_NVME_PAGE - 1);
}

/*
 * Commands. Each puts one into the submission queue and tells nobody: crl_nvme_ring does. `cookie` comes back with the
 * completion. `blocks` counts from 1. The data must stay where it is until then.
 *
 * CRL_E_FULL: no slot of the queue or no command identifier is free. CRL_E_ARG: no blocks, more bytes than max_bytes (Write
 * Zeroes, Verify: more than 65536 blocks), or a data address that is no multiple of 4. In both cases nothing has changed.
 * All else (blocks, namespace, opcode, memory that was not granted) the node finds: status in crl_nvme_done.
 */
CRL_CHECKED enum crl_err crl_nvme_read(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                                       const struct crl_nvme_buf *to, uint32_t flags, void *cookie);
CRL_CHECKED enum crl_err crl_nvme_write(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                                        const struct crl_nvme_buf *from, uint32_t flags, void *cookie);
/* COMPARE_FAILURE when a byte differs. */
CRL_CHECKED enum crl_err crl_nvme_compare(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                                          const struct crl_nvme_buf *with, uint32_t flags, void *cookie);
/* `flags`: CRL_NVME_DEAC, CRL_NVME_FUA, CRL_NVME_LR. */
CRL_CHECKED enum crl_err crl_nvme_write_zeroes(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba,
                                               uint32_t blocks, uint32_t flags, void *cookie);
CRL_CHECKED enum crl_err crl_nvme_verify(const struct crl_dev *dev, struct crl_nvme_qp *qp, uint64_t slba, uint32_t blocks,
                                         uint32_t flags, void *cookie);
CRL_CHECKED enum crl_err crl_nvme_flush(const struct crl_dev *dev, struct crl_nvme_qp *qp, void *cookie);
/* Dataset Management: `ranges` struct crl_nvme_dsm, 1 to 256, lie in `list`. `attributes`: CRL_NVME_DSM_AD. */
CRL_CHECKED enum crl_err crl_nvme_dsm(const struct crl_dev *dev, struct crl_nvme_qp *qp, const struct crl_nvme_buf *list,
                                      uint32_t ranges, uint32_t attributes, void *cookie);

/* Tells the node of all commands since the last time: barrier, then one doorbell; none when there is nothing new. */
void crl_nvme_ring(const struct crl_dev *dev, struct crl_nvme_qp *qp);

/*
 * Takes up to `max` completions, as they are, without waiting: *count of them, 0 when there are none. One doorbell hands
 * all of their slots back. CRL_E_DEVICE: the entry after those *count names a command that is not under way, another
 * queue, or an impossible queue head; it stays, and so does the error.
 */
CRL_CHECKED enum crl_err crl_nvme_poll(const struct crl_dev *dev, struct crl_nvme_qp *qp, struct crl_nvme_done *done,
                                       uint32_t max, uint32_t *count);

/* Commands that have been put in and not come back, rung or not. */
static inline uint32_t crl_nvme_under_way(const struct crl_nvme_qp *qp)
{
    return qp->under_way;
}

#endif
