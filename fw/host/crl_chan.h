/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DMA channels: rings and doorbells of one channel, for whoever owns it, and what function 0 sets up around it.
 *
 * One thread at a time uses a channel; different channels are independent. Posting, ringing and reaping never wait and
 * never allocate. docs/programmers_guide.md explains rings, states and descriptors.
 *
 *     crl_node_identify, crl_chan_own, crl_seg_set    function 0
 *     crl_chan_start                                  the owner; again after each stop
 *     crl_chan_post, crl_chan_ring, crl_chan_reap
 *     crl_chan_drain, crl_chan_abort or crl_chan_reset
 */
#ifndef CRL_CHAN_H
#define CRL_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "carillon_layout.h"
#include "crl_err.h"

struct crl_dev;

/* ------------------------------------------------------------------------------------------------------- function 0 */

/* What a node has. */
struct crl_node_caps {
    uint32_t channels;
    uint32_t peers;
    uint32_t segments;
};

/* CRL_E_NODE: no node here, or another major version of its interface. Function 0. */
CRL_CHECKED enum crl_err crl_node_identify(const struct crl_dev *dev, struct crl_node_caps *caps);

/* A segment of memory, and who may use it. */
struct crl_seg {
    uint64_t base;    /* multiple of 4096 */
    uint64_t size;    /* bytes, 1 to 2^40 */
    uint32_t rights;  /* CRL_SEG_RIGHT_... */
    uint16_t channel; /* of this node */
    uint8_t peer;     /* with the right REMOTE: its index, 15: any */
    uint16_t gen;     /* key generation, 0 to 4095 */
};

/* Sets a segment. CRL_E_ARG: an impossible range, the segment is not valid. Function 0. */
CRL_CHECKED enum crl_err crl_seg_set(const struct crl_dev *dev, uint32_t index, const struct crl_seg *seg);

/*
 * Ends `count` segments and waits up to `ms` milliseconds until no access that they permitted is under way. Rings in them
 * are not stopped by it: stop their channel first. CRL_E_TIMEOUT: the memory hangs, see NODE.STATUS. Function 0; one
 * thread at a time for the node.
 */
CRL_CHECKED enum crl_err crl_seg_revoke(const struct crl_dev *dev, const uint32_t *indices, uint32_t count, uint32_t ms);

/* Whose a channel is, and what it gets. */
struct crl_chan_owner {
    bool client;       /* owned by `func`, with owner tag `tag`; false: function 0's */
    uint16_t func;
    uint16_t tag;
    uint8_t class;     /* 3 is the most urgent */
    uint8_t weight;    /* share in its class, 1 to 255 */
    bool management;   /* served at least once in 32 picks */
    bool bound;        /* to channel `peer_channel` of peer `peer` */
    uint8_t peer;
    uint8_t peer_channel;
};

/*
 * Gives a channel to an owner: stops it, sets owner, policy (segment-relative addresses) and binding, and no rate limit.
 * End its segments first (crl_seg_revoke) when an earlier owner may still use it. Errors as crl_chan_reset. Function 0.
 */
CRL_CHECKED enum crl_err crl_chan_own(const struct crl_dev *dev, uint32_t channel, const struct crl_chan_owner *owner);

/* Segment address of byte `offset`. */
uint64_t crl_seg_address(uint32_t index, uint32_t gen, uint64_t offset);

/* --------------------------------------------------------------------------------------------------------- the owner */

/* Where the rings lie. Sizes as log2 of the entries, 2 to 12. `log2_recv` 0: no receive ring. */
struct crl_chan_rings {
    struct crl_desc *desc;       /* as the program sees them */
    struct crl_cqe *cpl;
    struct crl_desc *recv;
    uint64_t desc_address;       /* as the node does: segment addresses, aligned to the ring's bytes or 4 KiB */
    uint64_t cpl_address;
    uint64_t recv_address;
    uint8_t log2_desc;
    uint8_t log2_cpl;
    uint8_t log2_recv;
};

/* An open channel. Its members are the library's. */
struct crl_chan {
    struct crl_desc *desc;
    const struct crl_cqe *cpl;
    struct crl_desc *recv;
    uint32_t page;       /* number of the channel's page from dev's first byte */
    uint16_t desc_mask;  /* entries less one */
    uint16_t cpl_mask;
    uint16_t recv_mask;
    uint16_t prod;       /* next free slot of the descriptor ring */
    uint16_t rung;       /* what the node knows of it */
    uint16_t cons;       /* first descriptor that has not begun, as the last completion said */
    uint16_t cpl_cons;   /* next completion entry to look at */
    uint16_t recv_prod;
    uint16_t recv_rung;
    uint16_t recv_cons;
    uint8_t phase;       /* of the entry at cpl_cons when it is new */
    bool stopping;       /* DRAIN was given and has not ended */
};

/* Takes each completion when a channel stops. */
typedef void crl_chan_sink(void *context, const struct crl_cqe *entry);

/*
 * Resets the channel, whatever state it was left in, clears the completion ring and enables it with empty rings.
 * CRL_E_ARG: sizes, or a missing ring. CRL_E_STATE: refused, mostly BAD_RING; CH.STATUS.LAST_ERROR has it.
 * CRL_E_TIMEOUT: a second was not enough.
 */
CRL_CHECKED enum crl_err crl_chan_start(const struct crl_dev *dev, struct crl_chan *ch, uint32_t channel,
                                        const struct crl_chan_rings *rings);

/* Descriptors that fit at the moment. */
static inline uint32_t crl_chan_room(const struct crl_chan *ch)
{
    return (uint32_t)ch->desc_mask - ((uint32_t)(ch->prod - ch->cons) & ch->desc_mask);
}

/*
 * Puts `count` descriptors into the ring and tells nobody: crl_chan_ring does. All or none; both slots of a CMP_SWAP in
 * one call. CRL_E_FULL: no room; reap, then again. CRL_E_ARG: more than the ring can ever hold.
 */
CRL_CHECKED enum crl_err crl_chan_post(const struct crl_dev *dev, struct crl_chan *ch, const struct crl_desc *desc,
                                       uint32_t count);

/* Posts a receive buffer: `length` bytes at segment address `to`. `tag` comes back. CRL_E_FULL, CRL_E_ARG: no such ring. */
CRL_CHECKED enum crl_err crl_chan_post_recv(const struct crl_dev *dev, struct crl_chan *ch, uint16_t tag, uint64_t to,
                                            uint32_t length);

/* Tells the node of all that was posted since the last time, each ring with one doorbell after a barrier. */
void crl_chan_ring(const struct crl_dev *dev, struct crl_chan *ch);

/* Takes up to `max` completions without waiting, and hands their slots back with one doorbell. *count may be 0. */
void crl_chan_reap(const struct crl_dev *dev, struct crl_chan *ch, struct crl_cqe *entries, uint32_t max, uint32_t *count);

/*
 * Executes what was rung, then stops. Completions go to `sink` (NULL: nowhere) as they come: a full completion ring would
 * hold the channel up. Waits up to `ms` milliseconds; CRL_E_TIMEOUT: it is still draining, call again, or abort.
 */
CRL_CHECKED enum crl_err crl_chan_drain(const struct crl_dev *dev, struct crl_chan *ch, crl_chan_sink *sink, void *context,
                                        uint32_t ms);

/*
 * Stops now. What has begun completes, mostly with ABORTED, to `sink`; *begun (may be NULL) is the index of the first
 * descriptor that has not begun: it and those after it were not executed.
 */
CRL_CHECKED enum crl_err crl_chan_abort(const struct crl_dev *dev, struct crl_chan *ch, crl_chan_sink *sink, void *context,
                                        uint32_t ms, uint16_t *begun);

/* Stops now, and forgets: no completions; also after an error of the channel. When CRL_OK is returned it is DISABLED. */
CRL_CHECKED enum crl_err crl_chan_reset(const struct crl_dev *dev, struct crl_chan *ch, uint32_t ms);

/* State of the channel and LAST_ERROR (may be NULL). */
enum crl_state crl_chan_state(const struct crl_dev *dev, const struct crl_chan *ch, uint8_t *last_error);

#endif
