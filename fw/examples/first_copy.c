/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first thing to try on a node: function 0 sets up a segment for the rings and one for the data, enables channel 0,
 * and copies 4 KiB in pieces through rings of four entries, so that both rings wrap.
 */
#include "first_copy.h"

#include <stdbool.h>
#include <string.h>

#include "carillon_layout.h"
#include "carillon_mmio.h"
#include "carillon_regs.h"

#define CH 0u
#define SEG_RINGS 0u
#define SEG_DATA 1u
#define GEN 1u                     /* key generation of both segments */
#define LOG2 2u                    /* rings of four entries, three usable */
#define RING (1u << LOG2)
#define PIECE 448u                 /* bytes a descriptor */
#ifndef SPINS
#define SPINS 1000000u             /* rounds of waiting before giving up */
#endif

struct channel {
    const struct crl_dev *dev;
    struct crl_desc *dring;
    const struct crl_cqe *cring;
    uint32_t prod;                 /* next free slot of the descriptor ring */
    uint32_t cons;                 /* first one that the engine has not begun */
    uint32_t cq_cons;              /* next completion entry to look at */
    uint8_t phase;                 /* what its phase bit will be */
};

/* [address] */
static uint64_t seg_address(uint32_t index, uint64_t offset)
{
    struct crl_segaddr a = {0};

    crl_segaddr_index_set(&a, index);
    crl_segaddr_gen_set(&a, GEN);
    crl_segaddr_offset_set(&a, offset);
    return a.offset_gen_index;
}
/* [address end] */

/* [identify] */
static enum crl_err identify(const struct crl_dev *dev)
{
    uint64_t ident = crl_read(dev, CRL_ADDR(NODE, IDENT, 0));
    uint64_t caps = crl_read(dev, CRL_ADDR(NODE, CAPS0, 0));

    if (memcmp(&ident, "CRLN", 4) != 0 || CRL_GET(NODE_IDENT_MAJOR, ident) != CRL_VERSION_MAJOR)
        return CRL_E_NODE;
    if (CRL_GET(NODE_CAPS0_CHANNELS, caps) <= CH || CRL_GET(NODE_CAPS0_SEGMENTS, caps) <= SEG_DATA)
        return CRL_E_NODE;
    return CRL_OK;
}
/* [identify end] */

/* [segment] */
static void segment(const struct crl_dev *dev, uint32_t index, uint64_t base, uint64_t size, uint32_t rights)
{
    crl_write(dev, CRL_ADDR(SEG, BASE, index), base);
    crl_write(dev, CRL_ADDR(SEG, SIZE, index), size);
    crl_write(dev, CRL_ADDR(SEG, CTRL, index), /* last: this takes all three into effect */
              CRL_PUT(SEG_CTRL_RIGHTS, rights | CRL_SEG_RIGHT_LOCAL) | CRL_PUT(SEG_CTRL_CHANNEL, CH)
                  | CRL_PUT(SEG_CTRL_GEN, GEN) | CRL_PUT(SEG_CTRL_VALID, 1));
}
/* [segment end] */

/* [command] */
static enum crl_err command(const struct crl_dev *dev, enum crl_cmd cmd, enum crl_state wanted)
{
    crl_write(dev, CRL_ADDR(CH, CTRL, CH), CRL_PUT(CH_CTRL_CMD, cmd));
    for (uint32_t i = 0; i < SPINS; i++) {
        uint64_t status = crl_read(dev, CRL_ADDR(CH, STATUS, CH));

        if (!CRL_GET(CH_STATUS_BUSY, status))
            return CRL_GET(CH_STATUS_STATE, status) == wanted ? CRL_OK : CRL_E_STATE;
        crl_relax(dev);
    }
    return CRL_E_TIMEOUT;
}
/* [command end] */

/* [start] */
static enum crl_err start(struct channel *ch, const struct crl_dev *dev, const struct crl_area *area)
{
    enum crl_err err;

    /* What an earlier owner may have left. */
    err = command(dev, CRL_CMD_RESET, CRL_STATE_DISABLED);
    if (err != CRL_OK)
        return err;

    segment(dev, SEG_RINGS, area->bus, FIRST_COPY_SRC, CRL_SEG_RIGHT_RING);
    segment(dev, SEG_DATA, area->bus + FIRST_COPY_SRC, 2 * FIRST_COPY_BYTES, CRL_SEG_RIGHT_READ | CRL_SEG_RIGHT_WRITE);

    crl_write(dev, CRL_ADDR(CHP, OWNER, CH), 0); /* no owner: the channel is function 0's */
    crl_write(dev, CRL_ADDR(CHP, POLICY, CH), CRL_PUT(CHP_POLICY_CLASS, 2) | CRL_PUT(CHP_POLICY_WEIGHT, 1));
    crl_write(dev, CRL_ADDR(CHP, RATE, CH), 0);
    crl_write(dev, CRL_ADDR(CHP, BIND, CH), 0);

    crl_write(dev, CRL_ADDR(CH, DRING_BASE, CH), seg_address(SEG_RINGS, FIRST_COPY_DRING));
    crl_write(dev, CRL_ADDR(CH, DRING_SIZE, CH), LOG2);
    crl_write(dev, CRL_ADDR(CH, CRING_BASE, CH), seg_address(SEG_RINGS, FIRST_COPY_CRING));
    crl_write(dev, CRL_ADDR(CH, CRING_SIZE, CH), LOG2);

    /* No entry may show the phase of the first pass before it is written. */
    memset(area->cpu + FIRST_COPY_CRING, 0, RING * sizeof(struct crl_cqe));
    *ch = (struct channel){
        .dev = dev,
        .dring = (struct crl_desc *)(void *)(area->cpu + FIRST_COPY_DRING),
        .cring = (const struct crl_cqe *)(const void *)(area->cpu + FIRST_COPY_CRING),
        .phase = 1,
    };
    crl_wmb(dev);
    return command(dev, CRL_CMD_ENABLE, CRL_STATE_ACTIVE);
}
/* [start end] */

/* [post] */
static uint32_t room(const struct channel *ch)
{
    return RING - 1 - ((ch->prod - ch->cons) & (RING - 1));
}

static void put(struct channel *ch, const struct crl_desc *desc)
{
    ch->dring[ch->prod] = *desc;
    ch->prod = (ch->prod + 1) & (RING - 1);
}

static void doorbell(const struct channel *ch)
{
    crl_wmb(ch->dev);
    crl_write(ch->dev, CRL_ADDR(CH, DRING_PROD, CH), ch->prod);
}
/* [post end] */

/* [reap] */
static bool reap(struct channel *ch, struct crl_cqe *entry)
{
    const struct crl_cqe *slot = &ch->cring[ch->cq_cons];

    entry->kind_phase = *(const volatile uint8_t *)&slot->kind_phase;
    if (crl_cqe_phase(entry) != ch->phase)
        return false;
    crl_rmb(ch->dev); /* the rest of the entry, and the data it announces, are read after the phase */
    *entry = *slot;
    ch->cons = entry->dring_cons;
    ch->cq_cons = (ch->cq_cons + 1) & (RING - 1);
    if (ch->cq_cons == 0)
        ch->phase ^= 1;
    crl_write(ch->dev, CRL_ADDR(CH, CRING_CONS, CH), ch->cq_cons);
    return true;
}
/* [reap end] */

/* [work] */
static enum crl_err copy(struct channel *ch, uint8_t *failed)
{
    uint32_t sent = 0, done = 0, spins = 0;
    struct crl_cqe entry;

    /* The destination gets a pattern first. Good news of that is not wanted: only an error would be posted. */
    put(ch, &(struct crl_desc){.opcode = CRL_OP_FILL,
                               .flags = CRL_DESC_FLAG_NO_CPL,
                               .length = FIRST_COPY_BYTES,
                               .src = UINT64_C(0xDDDDDDDDDDDDDDDD),
                               .dst = seg_address(SEG_DATA, FIRST_COPY_BYTES)});
    while (done < FIRST_COPY_BYTES) {
        while (sent < FIRST_COPY_BYTES && room(ch) > 0) {
            uint32_t left = FIRST_COPY_BYTES - sent;
            struct crl_desc desc = {.opcode = CRL_OP_COPY,
                                    .flags = sent == 0 ? CRL_DESC_FLAG_FENCE : 0, /* not before the pattern is written */
                                    .tag = (uint16_t)(sent / PIECE),
                                    .length = left < PIECE ? left : PIECE,
                                    .src = seg_address(SEG_DATA, sent),
                                    .dst = seg_address(SEG_DATA, FIRST_COPY_BYTES + sent)};

            put(ch, &desc);
            sent += desc.length;
        }
        doorbell(ch); /* one for all of them */
        while (!reap(ch, &entry)) {
            if (++spins > SPINS)
                return CRL_E_TIMEOUT;
            crl_relax(ch->dev);
        }
        if (entry.status != CRL_ST_OK) {
            *failed = entry.status;
            return CRL_E_STATUS;
        }
        done += entry.bytes;
    }
    return CRL_OK;
}
/* [work end] */

/* [main] */
enum crl_err first_copy(const struct crl_dev *dev, const struct crl_area *area, uint8_t *failed)
{
    struct channel ch;
    enum crl_err err = identify(dev);

    if (err == CRL_OK)
        err = start(&ch, dev, area);
    if (err != CRL_OK)
        return err;
    err = copy(&ch, failed);
    if (err != CRL_OK) {
        /* Stops the channel whatever state it is in; then no access of it is under way. */
        enum crl_err stopped = command(dev, CRL_CMD_RESET, CRL_STATE_DISABLED);

        return stopped == CRL_OK ? err : stopped;
    }
    return command(dev, CRL_CMD_DRAIN, CRL_STATE_DISABLED);
}
/* [main end] */
