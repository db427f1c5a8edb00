/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user half alone, on a queue pair whose other end is played here: a node that fetches, completes in any order, and
 * checks every doorbell and every entry. For sanitizers: `host_unit SEED`. Registers as in tests/mmio.
 */
#include "carillon_mmio.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crl_nvme.h"
#include "crl_nvme_queue.h"

#define CHECK(what)                                                                           \
    do {                                                                                      \
        checks++;                                                                             \
        if (!(what)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (seed %u)\n", __FILE__, __LINE__, #what, seed);        \
            exit(1);                                                                          \
        }                                                                                     \
    } while (0)

#define PAGE 4096u
#define BUS UINT64_C(0x8000000000)
#define SQ_DB 0x5000u
#define CQ_DB 0x5800u
#define QID 4

static unsigned seed;
static unsigned long checks;
static uint32_t state;

static uint32_t rnd(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(state >> 8) * below >> 24);
}

/* ------------------------------------------------------------------------------------------------- the node's side */


static struct node {
    struct crl_nvme_pair pair;
    uint8_t *raw;                 /* queues, lists */
    uint16_t head, tail;          /* SQ: fetched, rung */
    uint16_t cq_tail, cq_head;
    uint8_t phase;
    struct crl_nvme_sqe out[CRL_NVME_MAX_COMMANDS + 1];
    uint32_t out_count;
    bool barrier;                 /* since the last store that matters */
    uint32_t rings;
} node;

static void wmb(void)
{
    node.barrier = true;
}

static void write32(uint32_t addr, uint32_t value)
{
    CHECK(node.barrier);
    node.barrier = false;
    node.rings++;
    if (addr == SQ_DB) {
        uint32_t size = node.pair.sq_entries;
        uint32_t added = (value + size - node.tail) % size, held = (node.tail + size - node.head) % size;

        CHECK(value < size && added > 0 && added <= size - 1 - held);
        node.tail = (uint16_t)value;
    } else {
        uint32_t size = node.pair.cq_entries;
        uint32_t freed = (value + size - node.cq_head) % size, unread = (node.cq_tail + size - node.cq_head) % size;

        CHECK(addr == CQ_DB && value < size && freed > 0 && freed <= unread);
        node.cq_head = (uint16_t)value;
    }
}

static uint64_t none64(uint32_t addr)
{
    (void)addr;
    CHECK(!"a register is read");
    return 0;
}

static void none(uint32_t addr, uint64_t value)
{
    (void)addr, (void)value;
    CHECK(!"a 64-bit write");
}

static void relax(void)
{
    CHECK(!"it waits");
}

static const struct crl_dev dev = {.read = none64, .write = none, .wmb = wmb, .relax = relax, .write32 = write32};

static bool cq_room(uint32_t reserved)
{
    uint32_t size = node.pair.cq_entries;

    return (node.cq_tail + size - node.cq_head) % size + reserved < size - 1;
}

/* Takes one command; the entry is spoiled, as its place is the host's again. */
static bool fetch(void)
{
    struct crl_nvme_sqe *from = (struct crl_nvme_sqe *)(void *)node.raw + node.head;

    if (node.head == node.tail || !cq_room(node.out_count))
        return false;
    for (uint32_t i = 0; i < node.out_count; i++)
        CHECK(node.out[i].cid != from->cid);
    node.out[node.out_count++] = *from;
    memset(from, 0xEE, sizeof(*from));
    node.head = (uint16_t)((node.head + 1) % node.pair.sq_entries);
    return true;
}

static void post(uint16_t cid, uint16_t status, uint16_t sqhd, uint16_t sqid)
{
    struct crl_nvme_cqe *to = (struct crl_nvme_cqe *)(void *)(node.raw + node.pair.cq_at) + node.cq_tail;

    *to = (struct crl_nvme_cqe){.dw0 = cid * 3u, .sqhd = sqhd, .sqid = sqid, .cid = cid,
                                .phase_status_crd_more_dnr = (uint16_t)(status << 1 | node.phase)};
    if (++node.cq_tail == node.pair.cq_entries) {
        node.cq_tail = 0;
        node.phase ^= 1;
    }
}

static bool complete(void)
{
    uint32_t i = rnd(node.out_count + 1);

    if (i >= node.out_count)
        return false;
    post(node.out[i].cid, (uint16_t)(node.out[i].cid & 0x7FF), node.head, QID);
    node.out[i] = node.out[--node.out_count];
    return true;
}

static struct crl_nvme_slot *slots;
static struct crl_nvme_qp qp;

/* A fresh pair in memory of exactly its size. */
static void open_pair(uint16_t sq, uint16_t cq, uint16_t commands, uint32_t max_bytes)
{
    uint32_t list = crl_nvme_list_bytes(max_bytes);
    uint32_t cq_at = (sq * 64u + PAGE - 1) / PAGE * PAGE, lists_at = cq_at + (cq * 16u + PAGE - 1) / PAGE * PAGE;
    uint32_t bytes = lists_at + commands * list;

    free(node.raw);
    free(slots);
    node = (struct node){.phase = 1, .raw = aligned_alloc(64, (bytes + 63) / 64 * 64)};
    slots = malloc(commands * sizeof(*slots));
    CHECK(node.raw != NULL && slots != NULL);
    memset(node.raw, 0, bytes);
    node.pair = (struct crl_nvme_pair){.qid = QID, .sq_entries = sq, .cq_entries = cq, .commands = commands,
                                       .sq_doorbell = SQ_DB, .cq_doorbell = CQ_DB, .nsid = 7, .block_shift = 9,
                                       .max_bytes = max_bytes, .mem = {node.raw, BUS, bytes}, .cq_at = cq_at,
                                       .lists_at = lists_at, .list_bytes = list};
    CHECK(crl_nvme_open(&dev, &qp, &node.pair, slots, 0) == CRL_OK);
}

/* ------------------------------------------------------------------------------------------------------------ tests */

/* Every page of the data, as the node would find it by the PRPs of the entry. */
static void check_prps(const struct crl_nvme_sqe *sqe, const struct crl_nvme_buf *buf, uint32_t bytes)
{
    uint32_t offset = (uint32_t)(buf->bus % PAGE), pages = (offset + bytes + PAGE - 1) / PAGE;
    uint64_t first = buf->pages ? buf->pages[0] + offset : buf->bus;

    CHECK(sqe->prp1 == first);
    if (pages == 1)
        CHECK(sqe->prp2 == 0);
    for (uint32_t i = 1; i < pages; i++) {
        uint64_t want = buf->pages ? buf->pages[i] : buf->bus - offset + (uint64_t)i * PAGE;
        uint64_t got = sqe->prp2;

        if (pages > 2) {
            uint64_t at = sqe->prp2 - BUS;

            CHECK(at >= node.pair.lists_at && at + (pages - 1) * 8 <= node.pair.mem.bytes);
            CHECK(at / PAGE == (at + (pages - 1) * 8 - 1) / PAGE); /* no chaining */
            memcpy(&got, node.raw + at + (i - 1) * 8, 8);
        }
        CHECK(got == want);
    }
}

static void prps(void)
{
    static const uint32_t limits[] = {512, 4096, 8192, 12288, 131072, 1u << 20, 2u << 20};
    static uint64_t pages[520];

    for (size_t k = 0; k < sizeof(limits) / sizeof(*limits); k++) {
        open_pair(17, 17, 16, limits[k]);
        for (uint32_t round = 0; round < 200; round++) {
            uint32_t blocks = round % 3 ? 1 + rnd(limits[k] / 512) : limits[k] / 512;
            uint32_t offset = round % 5 == 0 ? 0 : round % 5 == 1 ? PAGE - 4 : 4 * rnd(PAGE / 4);
            struct crl_nvme_buf buf = {.bus = (uint64_t)rnd(1u << 20) << 20 | offset};
            struct crl_nvme_done done;
            uint32_t count;

            for (uint32_t i = 0; i < 520; i++)
                pages[i] = (uint64_t)rnd(1u << 24) * PAGE;
            buf.pages = rnd(2) ? pages : NULL;
            CHECK(crl_nvme_write(&dev, &qp, UINT64_C(0xABCD00000000) + round, blocks, &buf, CRL_NVME_FUA, &round) == CRL_OK);
            crl_nvme_ring(&dev, &qp);
            CHECK(fetch());
            check_prps(&node.out[0], &buf, blocks * 512);
            CHECK(node.out[0].opc == CRL_NVME_IO_OP_WRITE && node.out[0].nsid == 7 && node.out[0].fuse_psdt == 0);
            CHECK(node.out[0].cdw10 == round && node.out[0].cdw11 == 0xABCD);
            CHECK(node.out[0].cdw12 == ((blocks - 1) | 1u << 30));
            CHECK((node.out[0].mptr | node.out[0].cdw2 | node.out[0].cdw3) == 0);
            CHECK((node.out[0].cdw13 | node.out[0].cdw14 | node.out[0].cdw15) == 0);
            while (!complete())
                ;
            CHECK(crl_nvme_poll(&dev, &qp, &done, 1, &count) == CRL_OK && count == 1 && done.cookie == &round);
        }
    }
    CHECK(crl_nvme_list_bytes((2u << 20) + 1) == 0 && crl_nvme_list_bytes(UINT32_MAX) == 0 && crl_nvme_list_bytes(0) == 8);
}

static enum crl_err any(uint32_t kind, uint64_t lba, void *cookie)
{
    static const struct crl_nvme_buf buf = {.bus = 0x10000};

    switch (kind) {
    case 0: return crl_nvme_read(&dev, &qp, lba, 1, &buf, 0, cookie);
    case 1: return crl_nvme_write(&dev, &qp, lba, 8, &buf, 0, cookie);
    case 2: return crl_nvme_compare(&dev, &qp, lba, 1, &buf, 0, cookie);
    case 3: return crl_nvme_flush(&dev, &qp, cookie);
    case 4: return crl_nvme_write_zeroes(&dev, &qp, lba, 65536, CRL_NVME_DEAC, cookie);
    case 5: return crl_nvme_verify(&dev, &qp, lba, 2, 0, cookie);
    default: return crl_nvme_dsm(&dev, &qp, &buf, 3, CRL_NVME_DSM_AD, cookie);
    }
}

static void traffic(uint16_t sq, uint16_t cq, uint16_t commands, uint32_t rounds)
{
    static const uint8_t opcodes[] = {CRL_NVME_IO_OP_READ,         CRL_NVME_IO_OP_WRITE,  CRL_NVME_IO_OP_COMPARE, CRL_NVME_IO_OP_FLUSH,
                                      CRL_NVME_IO_OP_WRITE_ZEROES, CRL_NVME_IO_OP_VERIFY, CRL_NVME_IO_OP_DSM};
    static uint8_t kinds[1u << 16];
    uint32_t sent = 0, seen = 0, under_way = 0, fetched = 0, full = 0, head = 0;
    uint32_t max = commands;

    open_pair(sq, cq, commands, 8192);
    while (seen < rounds) {
        switch (rnd(5)) {
        case 0: /* put some in, also more than fit */
            for (uint32_t n = rnd(sq + 2u); n > 0 && sent < rounds; n--) {
                uint8_t kind = (uint8_t)rnd(7);
                /* The library knows of fetched entries what completions have told. */
                uint32_t used = (qp.sq_tail + sq - head) % sq;
                enum crl_err err = any(kind, sent, &kinds[sent % (1u << 16)]);

                CHECK(err == (under_way == max || used == sq - 1u ? CRL_E_FULL : CRL_OK));
                if (err == CRL_OK) {
                    kinds[sent++ % (1u << 16)] = kind;
                    under_way++;
                } else {
                    full++;
                }
                CHECK(crl_nvme_under_way(&qp) == under_way);
            }
            break;
        case 1: {
            uint32_t before = node.rings;
            bool news = qp.sq_tail != node.tail;

            crl_nvme_ring(&dev, &qp);
            CHECK(node.rings == before + news && node.tail == qp.sq_tail);
            break;
        }
        case 2:
            while (rnd(4) && fetch()) {
                struct crl_nvme_sqe *sqe = &node.out[node.out_count - 1];

                CHECK(sqe->opc == opcodes[kinds[fetched % (1u << 16)]]);
                if (kinds[fetched % (1u << 16)] != 3 && kinds[fetched % (1u << 16)] != 6)
                    CHECK(sqe->cdw10 == fetched);
                fetched++;
            }
            break;
        case 3:
            while (rnd(4) && complete())
                ;
            break;
        default: {
            struct crl_nvme_done done[5];
            uint32_t count, unread = (node.cq_tail + cq - node.cq_head) % cq, want = 1 + rnd(5), before = node.rings;
            uint16_t at = node.cq_head;

            CHECK(crl_nvme_poll(&dev, &qp, done, want, &count) == CRL_OK);
            CHECK(count == (unread < want ? unread : want) && node.rings == before + (count > 0));
            CHECK(node.cq_head == (at + count) % cq);
            for (uint32_t i = 0; i < count; i++) {
                const struct crl_nvme_cqe *e = (struct crl_nvme_cqe *)(void *)(node.raw + node.pair.cq_at) + (at + i) % cq;

                CHECK(done[i].status == (e->cid & 0x7FF) && done[i].result == e->cid * 3u && done[i].retry && !done[i].more);
                CHECK((uint8_t *)done[i].cookie >= kinds && (uint8_t *)done[i].cookie < kinds + sizeof(kinds));
                head = e->sqhd;
            }
            under_way -= count;
            seen += count;
        }
        }
    }
    CHECK(under_way == 0 && sent == rounds && fetched == rounds);
    CHECK(full > 0 || sq > 256);
}

/* An entry that can't be: nothing of it is believed, and it stays an error. */
static void lies(void)
{
    for (uint32_t kind = 0; kind < 7; kind++) {
        struct crl_nvme_done done[4];
        uint32_t count;
        uint16_t cid, head;

        open_pair(8, 8, 5, 8192);
        for (uint32_t i = 0; i < 3; i++)
            CHECK(any(0, i, NULL) == CRL_OK);
        crl_nvme_ring(&dev, &qp);
        while (fetch())
            ;
        cid = node.out[0].cid;
        head = node.head;
        post(node.out[1].cid, 0, head, QID); /* a good one first */
        switch (kind) {
        case 0: post(node.out[1].cid, 0, head, QID); break;              /* twice */
        case 1: post((uint16_t)(cid + 0x1000), 0, head, QID); break;     /* a use that is yet to come */
        case 2: post(5, 0, head, QID); break;                            /* no such slot */
        case 3: post(4, 0, head, QID); break;                            /* a slot that is free */
        case 4: post(cid, 0, head, QID + 1); break;                      /* another queue */
        case 5: post(cid, 0, 8, QID); break;                             /* head outside the queue */
        default: post(cid, 0, (uint16_t)(head + 1), QID); break;         /* head beyond the tail */
        }
        for (uint32_t again = 0; again < 2; again++) {
            CHECK(crl_nvme_poll(&dev, &qp, done, 4, &count) == CRL_E_DEVICE);
            CHECK(count == !again && crl_nvme_under_way(&qp) == 2);
        }
    }
}

/* A completion of an earlier use of the same slot. */
static void stale(void)
{
    struct crl_nvme_done done[4];
    uint32_t count;
    uint16_t old = 0;

    open_pair(4, 4, 1, 8192);
    for (uint32_t i = 0; i < 40; i++) {
        CHECK(any(0, i, NULL) == CRL_OK && any(0, i, NULL) == CRL_E_FULL);
        crl_nvme_ring(&dev, &qp);
        CHECK(fetch() && (node.out[0].cid & CRL_NVME_SLOT_MASK) == 0);
        CHECK(i == 0 || node.out[0].cid != old);
        if (i == 39) {
            post(old, 0, node.head, QID);
            CHECK(crl_nvme_poll(&dev, &qp, done, 4, &count) == CRL_E_DEVICE && count == 0);
            return;
        }
        old = node.out[0].cid;
        while (!complete())
            ;
        CHECK(crl_nvme_poll(&dev, &qp, done, 4, &count) == CRL_OK && count == 1);
    }
}

static void arguments(void)
{
    const struct crl_nvme_buf odd = {.bus = 0x1002}, even = {.bus = 0x1000};
    struct crl_nvme_pair bad;
    struct crl_nvme_qp other;

    open_pair(8, 8, 8, 8192);
    CHECK(crl_nvme_read(&dev, &qp, 0, 0, &even, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_read(&dev, &qp, 0, 17, &even, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_read(&dev, &qp, 0, UINT32_MAX, &even, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_write(&dev, &qp, 0, 1, &odd, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_write_zeroes(&dev, &qp, 0, 0, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_verify(&dev, &qp, 0, 65537, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_dsm(&dev, &qp, &even, 0, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_dsm(&dev, &qp, &even, 257, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_dsm(&dev, &qp, &odd, 1, 0, NULL) == CRL_E_ARG);
    CHECK(crl_nvme_under_way(&qp) == 0 && qp.sq_tail == 0);
    CHECK(crl_nvme_dsm(&dev, &qp, &even, 256, 0, NULL) == CRL_OK);

#define BAD(member, value)                                                       \
    do {                                                                         \
        bad = node.pair;                                                         \
        bad.member = (value);                                                    \
        CHECK(crl_nvme_open(&dev, &other, &bad, slots, 0) == CRL_E_ARG);          \
    } while (0)
    BAD(sq_entries, 1);
    BAD(sq_entries, 4097);
    BAD(cq_entries, 0);
    BAD(commands, 0);
    BAD(commands, 4096);
    BAD(commands, 9);
    BAD(block_shift, 8);
    BAD(list_bytes, 8);
    BAD(list_bytes, 24);
    BAD(list_bytes, 8192);
    BAD(max_bytes, UINT32_MAX);
    BAD(mem.cpu, NULL);
    BAD(mem.bus, 0x800);
    BAD(mem.bytes, node.pair.mem.bytes - 1);
    BAD(cq_at, 64);
    BAD(sq_at, 0x100000);
    CHECK(crl_nvme_open(&dev, &other, &node.pair, NULL, 0) == CRL_E_ARG);
    CHECK(crl_nvme_open(&dev, &other, &node.pair, slots, SQ_DB + 4) == CRL_E_ARG);
    CHECK(crl_nvme_page(&node.pair) == SQ_DB);
    CHECK(crl_nvme_open(&dev, &other, &node.pair, slots, crl_nvme_page(&node.pair)) == CRL_OK);
    CHECK(other.sq_doorbell == 0 && other.cq_doorbell == CQ_DB - SQ_DB);
}

int main(int argc, char **argv)
{
    seed = state = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1;
    prps();
    traffic(2, 2, 1, 200);
    traffic(2, 5, 4, 500);
    traffic(5, 3, 8, 2000);
    traffic(16, 16, 15, 20000);
    traffic(13, 64, 40, 20000);
    traffic(256, 7, 100, 3000);
    traffic(4096, 4096, 4095, 30000);
    lies();
    stale();
    arguments();
    free(node.raw);
    free(slots);
    printf("%lu checks\n", checks);
    return 0;
}
