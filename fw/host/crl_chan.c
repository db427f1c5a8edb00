/* SPDX-License-Identifier: Apache-2.0 */
/* DMA channels: see crl_chan.h for what it does, docs/programmers_guide.md for why. */
#include "carillon_mmio.h"

#include "crl_chan.h"

#include <string.h>

#include "carillon_regs.h"
#include "crl_wait.h"

#define START_MS 1000u /* for RESET and ENABLE at the start */

static_assert(sizeof(struct crl_desc) == 32 && sizeof(struct crl_cqe) == 16, "entries of the rings");

/* [address] */
uint64_t crl_seg_address(uint32_t index, uint32_t gen, uint64_t offset)
{
    struct crl_segaddr a = {0};

    crl_segaddr_index_set(&a, index);
    crl_segaddr_gen_set(&a, gen);
    crl_segaddr_offset_set(&a, offset);
    return a.offset_gen_index;
}
/* [address end] */

/* [identify] */
enum crl_err crl_node_identify(const struct crl_dev *dev, struct crl_node_caps *caps)
{
    uint64_t ident = crl_read(dev, CRL_ADDR(NODE, IDENT, 0));
    uint64_t caps0 = crl_read(dev, CRL_ADDR(NODE, CAPS0, 0));

    if (memcmp(&ident, "CRLN", 4) != 0 || CRL_GET(NODE_IDENT_MAJOR, ident) != CRL_VERSION_MAJOR)
        return CRL_E_NODE;
    *caps = (struct crl_node_caps){
        .channels = (uint32_t)CRL_GET(NODE_CAPS0_CHANNELS, caps0),
        .peers = (uint32_t)CRL_GET(NODE_CAPS0_PEERS, caps0),
        .segments = (uint32_t)CRL_GET(NODE_CAPS0_SEGMENTS, caps0),
    };
    return CRL_OK;
}
/* [identify end] */

/* [segment] */
enum crl_err crl_seg_set(const struct crl_dev *dev, uint32_t index, const struct crl_seg *seg)
{
    crl_write(dev, CRL_ADDR(SEG, BASE, index), seg->base);
    crl_write(dev, CRL_ADDR(SEG, SIZE, index), seg->size);
    crl_write(dev, CRL_ADDR(SEG, CTRL, index), /* last: this takes all three into effect */
              CRL_PUT(SEG_CTRL_RIGHTS, seg->rights) | CRL_PUT(SEG_CTRL_CHANNEL, seg->channel)
                  | CRL_PUT(SEG_CTRL_PEER, seg->peer) | CRL_PUT(SEG_CTRL_GEN, seg->gen) | CRL_PUT(SEG_CTRL_VALID, 1));
    return CRL_GET(SEG_CTRL_VALID, crl_read(dev, CRL_ADDR(SEG, CTRL, index))) ? CRL_OK : CRL_E_ARG;
}
/* [segment end] */

/* [revoke] */
enum crl_err crl_seg_revoke(const struct crl_dev *dev, const uint32_t *indices, uint32_t count, uint32_t ms)
{
    struct crl_wait left = crl_wait_ms(ms);
    uint16_t seq;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t ctrl = crl_read(dev, CRL_ADDR(SEG, CTRL, indices[i]));

        crl_write(dev, CRL_ADDR(SEG, CTRL, indices[i]), ctrl & ~CRL_SEG_CTRL_VALID_MASK);
    }
    seq = (uint16_t)(CRL_GET(NODE_REVOKE_ACK, crl_read(dev, CRL_ADDR(NODE, REVOKE, 0))) + 1);
    crl_write(dev, CRL_ADDR(NODE, REVOKE, 0), CRL_PUT(NODE_REVOKE_SEQ, seq));
    do {
        if (CRL_GET(NODE_REVOKE_ACK, crl_read(dev, CRL_ADDR(NODE, REVOKE, 0))) == seq)
            return CRL_OK;
    } while (crl_wait(dev, &left));
    return CRL_E_TIMEOUT;
}
/* [revoke end] */

/* [command] */
static void reap_all(const struct crl_dev *dev, struct crl_chan *ch, crl_chan_sink *sink, void *context)
{
    struct crl_cqe entries[8];
    uint32_t count;

    do {
        crl_chan_reap(dev, ch, entries, 8, &count);
        for (uint32_t i = 0; i < count && sink != NULL; i++)
            sink(context, &entries[i]);
    } while (count > 0);
}

/* Waits until the last command was carried out, handing completions to `sink` meanwhile if `reap`. */
static enum crl_err settle(const struct crl_dev *dev, struct crl_chan *ch, enum crl_state wanted, bool reap,
                           crl_chan_sink *sink, void *context, uint32_t ms)
{
    struct crl_wait left = crl_wait_ms(ms);
    uint64_t status;

    do {
        status = crl_read(dev, CRL_ADDR(CH, STATUS, ch->page));
        if (reap) /* after the look at STATUS: what was posted before it settled is taken */
            reap_all(dev, ch, sink, context);
        if (!CRL_GET(CH_STATUS_BUSY, status))
            return CRL_GET(CH_STATUS_STATE, status) == wanted ? CRL_OK : CRL_E_STATE;
    } while (crl_wait(dev, &left));
    return CRL_E_TIMEOUT;
}

static void command(const struct crl_dev *dev, const struct crl_chan *ch, enum crl_cmd cmd)
{
    crl_write(dev, CRL_ADDR(CH, CTRL, ch->page), CRL_PUT(CH_CTRL_CMD, cmd));
}
/* [command end] */

/* [own] */
enum crl_err crl_chan_own(const struct crl_dev *dev, uint32_t channel, const struct crl_chan_owner *owner)
{
    struct crl_chan ch = {.page = channel};
    enum crl_err err = crl_chan_reset(dev, &ch, START_MS); /* owner and binding change only while it is DISABLED */

    if (err != CRL_OK)
        return err;
    crl_write(dev, CRL_ADDR(CHP, OWNER, channel),
              CRL_PUT(CHP_OWNER_FUNC, owner->func) | CRL_PUT(CHP_OWNER_TAG, owner->tag)
                  | CRL_PUT(CHP_OWNER_VALID, owner->client));
    crl_write(dev, CRL_ADDR(CHP, POLICY, channel),
              CRL_PUT(CHP_POLICY_CLASS, owner->class) | CRL_PUT(CHP_POLICY_WEIGHT, owner->weight)
                  | CRL_PUT(CHP_POLICY_MGMT, owner->management));
    crl_write(dev, CRL_ADDR(CHP, RATE, channel), 0);
    crl_write(dev, CRL_ADDR(CHP, BIND, channel),
              CRL_PUT(CHP_BIND_PEER, owner->peer) | CRL_PUT(CHP_BIND_PEER_CH, owner->peer_channel)
                  | CRL_PUT(CHP_BIND_VALID, owner->bound));
    return crl_chan_reset(dev, &ch, START_MS); /* the earlier owner may have tried something in between */
}
/* [own end] */

static bool ring_ok(const void *ring, uint8_t log2)
{
    return ring != NULL && log2 >= 2 && log2 <= 12;
}

/* [start] */
enum crl_err crl_chan_start(const struct crl_dev *dev, struct crl_chan *ch, uint32_t channel, const struct crl_chan_rings *rings)
{
    enum crl_err err;

    if (!ring_ok(rings->desc, rings->log2_desc) || !ring_ok(rings->cpl, rings->log2_cpl)
        || (rings->log2_recv != 0 && !ring_ok(rings->recv, rings->log2_recv)))
        return CRL_E_ARG;
    *ch = (struct crl_chan){
        .desc = rings->desc,
        .cpl = rings->cpl,
        .recv = rings->recv,
        .page = channel,
        .desc_mask = (uint16_t)((1u << rings->log2_desc) - 1),
        .cpl_mask = (uint16_t)((1u << rings->log2_cpl) - 1),
        .recv_mask = (uint16_t)((1u << rings->log2_recv) - 1),
    };
    err = crl_chan_reset(dev, ch, START_MS); /* what an earlier owner may have left */
    if (err != CRL_OK)
        return err;

    crl_write(dev, CRL_ADDR(CH, DRING_BASE, channel), rings->desc_address);
    crl_write(dev, CRL_ADDR(CH, DRING_SIZE, channel), rings->log2_desc);
    crl_write(dev, CRL_ADDR(CH, CRING_BASE, channel), rings->cpl_address);
    crl_write(dev, CRL_ADDR(CH, CRING_SIZE, channel), rings->log2_cpl);
    crl_write(dev, CRL_ADDR(CH, RRING_BASE, channel), rings->recv_address);
    crl_write(dev, CRL_ADDR(CH, RRING_SIZE, channel), rings->log2_recv);

    /* No entry may show the phase of the first pass before it is written. */
    memset(rings->cpl, 0, ((size_t)ch->cpl_mask + 1) * sizeof(struct crl_cqe));
    crl_wmb(dev);
    command(dev, ch, CRL_CMD_ENABLE);
    return settle(dev, ch, CRL_STATE_ACTIVE, false, NULL, NULL, START_MS);
}
/* [start end] */

/* [post] */
enum crl_err crl_chan_post(const struct crl_dev *dev, struct crl_chan *ch, const struct crl_desc *desc, uint32_t count)
{
    (void)dev;
    if (count > ch->desc_mask)
        return CRL_E_ARG;
    if (count > crl_chan_room(ch))
        return CRL_E_FULL;
    for (uint32_t i = 0; i < count; i++) {
        ch->desc[ch->prod] = desc[i];
        ch->prod = (ch->prod + 1) & ch->desc_mask;
    }
    return CRL_OK;
}

void crl_chan_ring(const struct crl_dev *dev, struct crl_chan *ch)
{
    if (ch->recv_rung != ch->recv_prod) {
        ch->recv_rung = ch->recv_prod;
        crl_wmb(dev);
        crl_write(dev, CRL_ADDR(CH, RRING_PROD, ch->page), ch->recv_prod);
    }
    if (ch->rung != ch->prod) {
        ch->rung = ch->prod;
        crl_wmb(dev);
        crl_write(dev, CRL_ADDR(CH, DRING_PROD, ch->page), ch->prod);
    }
}
/* [post end] */

enum crl_err crl_chan_post_recv(const struct crl_dev *dev, struct crl_chan *ch, uint16_t tag, uint64_t to, uint32_t length)
{
    uint16_t next = (ch->recv_prod + 1) & ch->recv_mask;

    (void)dev;
    if (ch->recv_mask == 0)
        return CRL_E_ARG;
    if (next == ch->recv_cons)
        return CRL_E_FULL;
    ch->recv[ch->recv_prod] = (struct crl_desc){.opcode = CRL_OP_RECV, .tag = tag, .length = length, .dst = to};
    ch->recv_prod = next;
    return CRL_OK;
}

/* [reap] */
void crl_chan_reap(const struct crl_dev *dev, struct crl_chan *ch, struct crl_cqe *entries, uint32_t max, uint32_t *count)
{
    uint32_t n = 0;

    while (n < max) {
        const struct crl_cqe *slot = &ch->cpl[ch->cpl_cons];
        struct crl_cqe first = {.kind_phase = crl_load8(dev, &slot->kind_phase)};

        if (crl_cqe_phase(&first) != ch->phase)
            break;
        crl_rmb(dev); /* the rest of the entry, and the data it announces, are read after the phase */
        entries[n] = *slot;
        if (crl_cqe_kind(&first) == CRL_CQE_KIND_RECEIVE)
            ch->recv_cons = entries[n].dring_cons & ch->recv_mask;
        else if (crl_cqe_kind(&first) == CRL_CQE_KIND_DESCRIPTOR)
            ch->cons = entries[n].dring_cons & ch->desc_mask;
        n++;
        ch->cpl_cons = (ch->cpl_cons + 1) & ch->cpl_mask;
        if (ch->cpl_cons == 0)
            ch->phase ^= 1;
    }
    *count = n;
    if (n > 0) {
        crl_mb(dev); /* the entries have been read before the node may write there again */
        crl_write(dev, CRL_ADDR(CH, CRING_CONS, ch->page), ch->cpl_cons);
    }
}
/* [reap end] */

/* [stop] */
enum crl_err crl_chan_drain(const struct crl_dev *dev, struct crl_chan *ch, crl_chan_sink *sink, void *context, uint32_t ms)
{
    enum crl_err err;

    if (!ch->stopping)
        command(dev, ch, CRL_CMD_DRAIN);
    err = settle(dev, ch, CRL_STATE_DISABLED, true, sink, context, ms);
    ch->stopping = err == CRL_E_TIMEOUT;
    return err;
}

enum crl_err crl_chan_abort(const struct crl_dev *dev, struct crl_chan *ch, crl_chan_sink *sink, void *context, uint32_t ms,
                            uint16_t *begun)
{
    enum crl_err err;

    command(dev, ch, CRL_CMD_ABORT);
    err = settle(dev, ch, CRL_STATE_DISABLED, true, sink, context, ms);
    ch->stopping = false;
    if (err == CRL_OK && begun != NULL)
        *begun = (uint16_t)CRL_GET(CH_DRING_CONS_INDEX, crl_read(dev, CRL_ADDR(CH, DRING_CONS, ch->page)));
    return err;
}

enum crl_err crl_chan_reset(const struct crl_dev *dev, struct crl_chan *ch, uint32_t ms)
{
    command(dev, ch, CRL_CMD_RESET);
    ch->prod = ch->rung = ch->cons = ch->cpl_cons = 0;
    ch->recv_prod = ch->recv_rung = ch->recv_cons = 0;
    ch->phase = 1;
    ch->stopping = false;
    return settle(dev, ch, CRL_STATE_DISABLED, false, NULL, NULL, ms);
}
/* [stop end] */

enum crl_state crl_chan_state(const struct crl_dev *dev, const struct crl_chan *ch, uint8_t *last_error)
{
    uint64_t status = crl_read(dev, CRL_ADDR(CH, STATUS, ch->page));

    if (last_error != NULL)
        *last_error = (uint8_t)CRL_GET(CH_STATUS_LAST_ERROR, status);
    return (enum crl_state)CRL_GET(CH_STATUS_STATE, status);
}
