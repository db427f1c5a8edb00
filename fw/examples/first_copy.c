/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first thing to try on a node: function 0 sets up a segment for the rings and one for the data, enables channel 0,
 * and copies 4 KiB in pieces through rings of four entries, so that both rings wrap. It uses the host library (fw/host).
 */
#include "first_copy.h"

#include "carillon_layout.h"
#include "crl_chan.h"
#include "crl_wait.h"

#define CH 0u
#define SEG_RINGS 0u
#define SEG_DATA 1u
#define GEN 1u    /* key generation of both segments */
#define LOG2 2u   /* rings of four entries, three usable */
#define PIECE 448u /* bytes a descriptor */
#define MS 1000u  /* for the whole copy, and for stopping */

/* [setup] */
static enum crl_err set_up(const struct crl_dev *dev, struct crl_chan *ch, const struct crl_mem *mem)
{
    const struct crl_seg rings = {.base = mem->bus,
                                  .size = FIRST_COPY_SRC,
                                  .rights = CRL_SEG_RIGHT_RING | CRL_SEG_RIGHT_LOCAL,
                                  .channel = CH,
                                  .gen = GEN};
    const struct crl_seg data = {.base = mem->bus + FIRST_COPY_SRC,
                                 .size = 2 * FIRST_COPY_BYTES,
                                 .rights = CRL_SEG_RIGHT_READ | CRL_SEG_RIGHT_WRITE | CRL_SEG_RIGHT_LOCAL,
                                 .channel = CH,
                                 .gen = GEN};
    enum crl_err err = crl_chan_own(dev, CH, &(struct crl_chan_owner){.class = 2, .weight = 1}); /* function 0's */

    if (err == CRL_OK)
        err = crl_seg_set(dev, SEG_RINGS, &rings);
    if (err == CRL_OK)
        err = crl_seg_set(dev, SEG_DATA, &data);
    if (err != CRL_OK)
        return err;
    return crl_chan_start(dev, ch, CH,
                          &(struct crl_chan_rings){
                              .desc = (struct crl_desc *)(void *)(mem->cpu + FIRST_COPY_DRING),
                              .cpl = (struct crl_cqe *)(void *)(mem->cpu + FIRST_COPY_CRING),
                              .desc_address = crl_seg_address(SEG_RINGS, GEN, FIRST_COPY_DRING),
                              .cpl_address = crl_seg_address(SEG_RINGS, GEN, FIRST_COPY_CRING),
                              .log2_desc = LOG2,
                              .log2_cpl = LOG2,
                          });
}
/* [setup end] */

/* [work] */
static enum crl_err copy(const struct crl_dev *dev, struct crl_chan *ch, uint8_t *failed)
{
    /* The destination gets a pattern first. Good news of that is not wanted: only an error would be posted. */
    const struct crl_desc fill = {.opcode = CRL_OP_FILL,
                                  .flags = CRL_DESC_FLAG_NO_CPL,
                                  .length = FIRST_COPY_BYTES,
                                  .src = UINT64_C(0xDDDDDDDDDDDDDDDD),
                                  .dst = crl_seg_address(SEG_DATA, GEN, FIRST_COPY_BYTES)};
    struct crl_wait left = crl_wait_ms(MS);
    uint32_t sent = 0, done = 0, count;
    struct crl_cqe entry;
    enum crl_err err = crl_chan_post(dev, ch, &fill, 1);

    while (err == CRL_OK && done < FIRST_COPY_BYTES) {
        while (err == CRL_OK && sent < FIRST_COPY_BYTES && crl_chan_room(ch) > 0) {
            uint32_t rest = FIRST_COPY_BYTES - sent;
            struct crl_desc desc = {.opcode = CRL_OP_COPY,
                                    .flags = sent == 0 ? CRL_DESC_FLAG_FENCE : 0, /* not before the pattern is written */
                                    .tag = (uint16_t)(sent / PIECE),
                                    .length = rest < PIECE ? rest : PIECE,
                                    .src = crl_seg_address(SEG_DATA, GEN, sent),
                                    .dst = crl_seg_address(SEG_DATA, GEN, FIRST_COPY_BYTES + sent)};

            err = crl_chan_post(dev, ch, &desc, 1);
            sent += desc.length;
        }
        crl_chan_ring(dev, ch); /* one doorbell for all of them */
        crl_chan_reap(dev, ch, &entry, 1, &count);
        if (count == 0) {
            if (!crl_wait(dev, &left))
                return CRL_E_TIMEOUT;
        } else if (entry.status != CRL_ST_OK) {
            *failed = entry.status;
            return CRL_E_STATUS;
        } else {
            done += entry.bytes;
        }
    }
    return err;
}
/* [work end] */

/* [main] */
enum crl_err first_copy(const struct crl_dev *dev, const struct crl_mem *mem, uint8_t *failed)
{
    struct crl_node_caps caps;
    struct crl_chan ch;
    enum crl_err err, stopped;

    if (mem->bytes < FIRST_COPY_AREA)
        return CRL_E_ARG;
    err = crl_node_identify(dev, &caps);
    if (err == CRL_OK && (caps.channels <= CH || caps.segments <= SEG_DATA))
        err = CRL_E_NODE;
    if (err == CRL_OK)
        err = set_up(dev, &ch, mem);
    if (err != CRL_OK)
        return err;
    err = copy(dev, &ch, failed);
    if (err == CRL_OK)
        return crl_chan_drain(dev, &ch, NULL, NULL, MS);
    /* Stops the channel whatever state it is in; then no access of it is under way. */
    stopped = crl_chan_reset(dev, &ch, MS);
    return stopped == CRL_OK ? err : stopped;
}
/* [main end] */
