/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel half: see crl_nvme_ctrl.h for what it does, docs/host_library.md for how it is used. */
#include "carillon_mmio.h"

#include "crl_nvme_ctrl.h"

#include <string.h>

#include "carillon_regs.h"
#include "crl_nvme_queue.h"
#include "crl_wait.h"

#define PAGE CRL_NVME_PAGE
#define ASQ_AT 0u
#define ACQ_AT PAGE
#define DATA_AT (2u * PAGE)

#ifndef CRL_NVME_ADMIN_MS
#define CRL_NVME_ADMIN_MS 30000u /* longest admin command */
#endif

static_assert(CRL_NVME_ADMIN_ENTRIES * sizeof(struct crl_nvme_sqe) <= PAGE, "the admin submission queue has a page");
static_assert(CRL_NVME_ADMIN_BYTES == DATA_AT + PAGE, "and so have its completion queue and the data");
static_assert(sizeof(struct crl_nvme_grant) <= PAGE, "a grant is sent in the data page");
static_assert(offsetof(struct crl_nvme_grant, reserved_32) + (CRL_NVME_CLIENT_RANGES + 2) * sizeof(struct crl_nvme_range)
                  <= sizeof(struct crl_nvme_grant), "queues, lists and the client's ranges fit");

static void *data(const struct crl_nvme_ctrl *ctrl)
{
    return ctrl->mem.cpu + DATA_AT;
}

/* A little-endian number out of what Identify gave. */
static uint64_t field(const struct crl_nvme_ctrl *ctrl, uint32_t at, uint32_t bytes)
{
    const uint8_t *from = (const uint8_t *)data(ctrl) + at;
    uint64_t value = 0;

    while (bytes > 0)
        value = value << 8 | from[--bytes];
    return value;
}

struct crl_mem crl_nvme_data(const struct crl_nvme_ctrl *ctrl)
{
    return (struct crl_mem){ctrl->mem.cpu + DATA_AT, ctrl->mem.bus + DATA_AT, PAGE};
}

/* ---------------------------------------------------------------------------------------------- controller registers */

static uint64_t status(const struct crl_dev *dev)
{
    return crl_read(dev, CRL_ADDR(NVME, CSTS, 0));
}

static bool gone(uint64_t value)
{
    return value == UINT64_MAX;
}

/*
 * EN = 0, and the node has let go of everything: RDY falls then. CFS falls with it unless its cause is still there, and
 * would be taken for that of the next start.
 */
static enum crl_err disable(const struct crl_dev *dev, uint32_t ready_ms)
{
    struct crl_wait left = crl_wait_ms(ready_ms);
    uint64_t csts;

    crl_write(dev, CRL_ADDR(NVME, INTMC_CC, 0), 0);
    do {
        csts = status(dev);
        if (gone(csts))
            return CRL_E_NODE;
        if (!CRL_GET(NVME_CSTS_RDY, csts) && !CRL_GET(NVME_CSTS_CFS, csts))
            return CRL_OK;
    } while (crl_wait(dev, &left));
    return CRL_GET(NVME_CSTS_RDY, csts) ? CRL_E_TIMEOUT : CRL_E_FATAL;
}

/* EN = 1, and it is ready. */
static enum crl_err enable(const struct crl_dev *dev, const struct crl_nvme_ctrl *ctrl, bool weighted)
{
    struct crl_wait left = crl_wait_ms(ctrl->ready_ms);
    uint64_t csts;

    crl_write(dev, CRL_ADDR(NVME, NSSR_AQA, 0),
              CRL_PUT(NVME_NSSR_AQA_ASQS, CRL_NVME_ADMIN_ENTRIES - 1) | CRL_PUT(NVME_NSSR_AQA_ACQS, CRL_NVME_ADMIN_ENTRIES - 1));
    crl_write(dev, CRL_ADDR(NVME, ASQ, 0), ctrl->mem.bus + ASQ_AT);
    crl_write(dev, CRL_ADDR(NVME, ACQ, 0), ctrl->mem.bus + ACQ_AT);
    crl_wmb(dev); /* the completion queue is clear */
    crl_write(dev, CRL_ADDR(NVME, INTMC_CC, 0),
              CRL_PUT(NVME_INTMC_CC_EN, 1) | CRL_PUT(NVME_INTMC_CC_AMS, weighted) | CRL_PUT(NVME_INTMC_CC_IOSQES, 6)
                  | CRL_PUT(NVME_INTMC_CC_IOCQES, 4));
    do {
        csts = status(dev);
        if (gone(csts))
            return CRL_E_NODE;
        if (CRL_GET(NVME_CSTS_CFS, csts))
            return CRL_E_FATAL;
        if (CRL_GET(NVME_CSTS_RDY, csts))
            return CRL_OK;
    } while (crl_wait(dev, &left));
    return CRL_E_TIMEOUT;
}

/* ------------------------------------------------------------------------------------------------------ admin queue */

static enum crl_err submit(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_sqe *sqe, void *cookie)
{
    uint16_t tail;
    struct crl_nvme_sqe *place = crl_nvme_room(&ctrl->admin, &tail);

    if (place == NULL)
        return CRL_E_FULL;
    *place = *sqe;
    place->cid = crl_nvme_take(&ctrl->admin, tail, cookie);
    crl_nvme_ring(dev, &ctrl->admin);
    return CRL_OK;
}

/* Asks to be told of the next event. */
static enum crl_err arm(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl)
{
    struct crl_nvme_sqe sqe = {.opc = CRL_NVME_ADMIN_OP_ASYNC_EVENT};
    enum crl_err err = CRL_OK;

    if (!ctrl->armed && ctrl->event_count < CRL_NVME_EVENTS) {
        err = submit(dev, ctrl, &sqe, &ctrl->armed);
        ctrl->armed = err == CRL_OK;
    }
    return err;
}

/* Takes completions: of the caller's command, and of the event request. */
static enum crl_err poll(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl)
{
    struct crl_nvme_done done;
    uint32_t count;
    enum crl_err err;

    do {
        err = crl_nvme_poll(dev, &ctrl->admin, &done, 1, &count);
        if (err != CRL_OK) {
            ctrl->running = false;
            return err;
        }
        if (count > 0 && done.cookie == &ctrl->done) {
            ctrl->done = done;
            ctrl->waiting = false;
        } else if (count > 0) {
            ctrl->armed = false;
            if (done.status == CRL_NVME_STATUS_SUCCESS)
                ctrl->events[ctrl->event_count++] = (struct crl_nvme_event){
                    .type = done.result & 7u, .info = done.result >> 8 & 0xFFu, .log = done.result >> 16 & 0xFFu};
        }
    } while (count > 0);
    return CRL_OK;
}

enum crl_err crl_nvme_admin(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_sqe *sqe,
                            uint32_t *result)
{
    struct crl_wait left = crl_wait_ms(CRL_NVME_ADMIN_MS);
    enum crl_err err;
    bool more;

    if (!ctrl->running)
        return CRL_E_STATE;
    ctrl->waiting = true;
    err = submit(dev, ctrl, sqe, &ctrl->done);
    if (err != CRL_OK)
        return err;
    do {
        more = crl_wait(dev, &left);
        err = poll(dev, ctrl);
        if (err != CRL_OK)
            return err;
        if (ctrl->waiting && left.spins == 0) { /* it takes long: is there still somebody? */
            uint64_t csts = status(dev);

            err = gone(csts) ? CRL_E_NODE : CRL_GET(NVME_CSTS_CFS, csts) ? CRL_E_FATAL : CRL_OK;
        }
    } while (ctrl->waiting && more && err == CRL_OK);
    if (ctrl->waiting) { /* what becomes of the command is not known, nor when it lets go of its data */
        ctrl->running = false;
        return err != CRL_OK ? err : CRL_E_TIMEOUT;
    }
    if (result != NULL)
        *result = ctrl->done.result;
    if (ctrl->done.status != CRL_NVME_STATUS_SUCCESS) {
        ctrl->status = ctrl->done.status;
        return CRL_E_STATUS;
    }
    return CRL_OK;
}

enum crl_err crl_nvme_identify(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, enum crl_nvme_cns cns, uint32_t nsid)
{
    return crl_nvme_admin(dev, ctrl,
                          &(struct crl_nvme_sqe){.opc = CRL_NVME_ADMIN_OP_IDENTIFY,
                                                 .nsid = nsid,
                                                 .prp1 = ctrl->mem.bus + DATA_AT,
                                                 .cdw10 = cns},
                          NULL);
}

enum crl_err crl_nvme_set_feature(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, enum crl_nvme_fid fid, uint32_t value,
                                  uint32_t *result)
{
    return crl_nvme_admin(dev, ctrl,
                          &(struct crl_nvme_sqe){.opc = CRL_NVME_ADMIN_OP_SET_FEATURES, .cdw10 = fid, .cdw11 = value}, result);
}

enum crl_err crl_nvme_namespace(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint32_t nsid, struct crl_nvme_ns *ns)
{
    enum crl_err err = crl_nvme_identify(dev, ctrl, CRL_NVME_CNS_NAMESPACE, nsid);
    uint32_t format;

    if (err != CRL_OK)
        return err;
    ns->blocks = field(ctrl, 0, 8);                                   /* NSZE */
    format = (uint32_t)(field(ctrl, 26, 1) & 0xF);                    /* FLBAS */
    ns->block_shift = (uint32_t)field(ctrl, 128 + 4 * format + 2, 1); /* LBADS */
    if (ns->blocks == 0) { /* not active */
        ctrl->status = CRL_NVME_STATUS_INVALID_NS;
        return CRL_E_STATUS;
    }
    return ns->block_shift < 9 || ns->block_shift > 31 ? CRL_E_NODE : CRL_OK;
}

/* -------------------------------------------------------------------------------------------------- start, and the end */

/* What the controller is, and what the driver wants of it. */
static enum crl_err introduce(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint32_t pairs)
{
    enum crl_err err = crl_nvme_identify(dev, ctrl, CRL_NVME_CNS_CONTROLLER, 0);
    uint32_t mdts, events, given, sqs, cqs;

    if (err != CRL_OK)
        return err;
    if ((field(ctrl, 512, 1) & 0xF) > 6 || (field(ctrl, 513, 1) & 0xF) > 4) /* SQES, CQES */
        return CRL_E_NODE;
    mdts = (uint32_t)field(ctrl, 77, 1);
    ctrl->cntlid = (uint16_t)field(ctrl, 78, 2);
    events = (uint32_t)field(ctrl, 92, 4) & (1u << 8 | 1u << 11); /* OAES: namespace attributes, ANA */
    ctrl->error_log_bytes = (uint32_t)(field(ctrl, 262, 1) + 1) * 64; /* ELPE */
    ctrl->namespaces = (uint32_t)field(ctrl, 516, 4);
    ctrl->max_bytes = PAGE * (PAGE / (uint32_t)sizeof(uint64_t)); /* what one PRP list can name */
    if (mdts != 0 && mdts < 9)
        ctrl->max_bytes = PAGE << mdts;

    err = crl_nvme_set_feature(dev, ctrl, CRL_NVME_FID_QUEUES, (pairs - 1) << 16 | (pairs - 1), &given);
    if (err != CRL_OK)
        return err;
    sqs = (given & 0xFFFF) + 1;
    cqs = (given >> 16) + 1;
    ctrl->pairs = (uint16_t)(sqs < cqs ? sqs : cqs);
    if (ctrl->pairs > pairs)
        ctrl->pairs = (uint16_t)pairs;
    if (events != 0)
        err = crl_nvme_set_feature(dev, ctrl, CRL_NVME_FID_ASYNC_EVENT, events, NULL);
    return err == CRL_OK ? arm(dev, ctrl) : err;
}

/* [start] */
enum crl_err crl_nvme_start(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_mem *mem, uint32_t pairs,
                            bool weighted)
{
    uint64_t cap = crl_read(dev, CRL_ADDR(NVME, CAP, 0));
    struct crl_nvme_pair admin;
    enum crl_err err, ended;

    if (gone(cap) || !(CRL_GET(NVME_CAP_CSS, cap) & 1) || CRL_GET(NVME_CAP_MPSMIN, cap) != 0)
        return CRL_E_NODE;
    if (mem->cpu == NULL || mem->bus % PAGE != 0 || mem->bytes < CRL_NVME_ADMIN_BYTES || pairs < 1 || pairs > CRL_NVME_MAX_PAIRS)
        return CRL_E_ARG;
    *ctrl = (struct crl_nvme_ctrl){
        .mem = *mem,
        .ready_ms = ((uint32_t)CRL_GET(NVME_CAP_TO, cap) + 1) * 500,
        .stride = 4u << CRL_GET(NVME_CAP_DSTRD, cap),
        .max_entries = (uint32_t)CRL_GET(NVME_CAP_MQES, cap) + 1,
    };
    if (ctrl->max_entries > CRL_NVME_MAX_DEPTH)
        ctrl->max_entries = CRL_NVME_MAX_DEPTH;
    if (ctrl->max_entries < CRL_NVME_ADMIN_ENTRIES)
        return CRL_E_NODE;

    /* Firmware or an earlier driver may have left it running. */
    err = disable(dev, ctrl->ready_ms);
    if (err != CRL_OK)
        return err;
    memset(mem->cpu, 0, CRL_NVME_ADMIN_BYTES);
    admin = (struct crl_nvme_pair){
        .sq_entries = CRL_NVME_ADMIN_ENTRIES,
        .cq_entries = CRL_NVME_ADMIN_ENTRIES,
        .commands = CRL_NVME_ADMIN_COMMANDS,
        .sq_doorbell = CRL_NVME_DB_BASE,
        .cq_doorbell = CRL_NVME_DB_BASE + ctrl->stride,
        .block_shift = 9,
        .mem = *mem,
        .sq_at = ASQ_AT,
        .cq_at = ACQ_AT,
        .lists_at = DATA_AT, /* none is ever built: every admin command's data lie in the one page */
        .list_bytes = sizeof(uint64_t),
    };
    err = crl_nvme_open(dev, &ctrl->admin, &admin, ctrl->slots, 0);
    if (err != CRL_OK)
        return err;
    err = enable(dev, ctrl, weighted && (CRL_GET(NVME_CAP_AMS, cap) & 1));
    if (err == CRL_OK) {
        ctrl->running = true;
        err = introduce(dev, ctrl, pairs);
    }
    if (err != CRL_OK) {
        ended = crl_nvme_stop(dev, ctrl);
        return ended == CRL_OK ? err : ended;
    }
    return CRL_OK;
}
/* [start end] */

enum crl_err crl_nvme_stop(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl)
{
    enum crl_err err = disable(dev, ctrl->ready_ms);

    ctrl->running = false;
    if (err == CRL_OK || err == CRL_E_FATAL)
        memset(ctrl->pair, 0, sizeof(ctrl->pair));
    return err;
}

/* Tells it that power will go. */
static enum crl_err prepare(const struct crl_dev *dev, const struct crl_nvme_ctrl *ctrl, bool abrupt)
{
    struct crl_wait left = crl_wait_ms(ctrl->ready_ms);
    uint64_t cc = crl_read(dev, CRL_ADDR(NVME, INTMC_CC, 0));

    if (gone(cc))
        return CRL_E_NODE;
    cc &= ~(CRL_NVME_INTMC_CC_SHN_MASK | CRL_NVME_INTMC_CC_INTMC_MASK);
    crl_write(dev, CRL_ADDR(NVME, INTMC_CC, 0), cc | CRL_PUT(NVME_INTMC_CC_SHN, abrupt ? 2 : 1));
    do {
        uint64_t csts = status(dev);

        if (gone(csts))
            return CRL_E_NODE;
        if (CRL_GET(NVME_CSTS_SHST, csts) == 2)
            return CRL_OK;
    } while (crl_wait(dev, &left));
    return CRL_E_TIMEOUT;
}

enum crl_err crl_nvme_shutdown(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, bool abrupt)
{
    enum crl_err err = CRL_OK, next;

    for (uint16_t qid = 1; !abrupt && ctrl->running && err == CRL_OK && qid <= ctrl->pairs; qid++)
        if (ctrl->pair[qid - 1].used)
            err = crl_nvme_pair_delete(dev, ctrl, qid);
    next = prepare(dev, ctrl, abrupt);
    if (err == CRL_OK)
        err = next;
    next = crl_nvme_stop(dev, ctrl);
    return err == CRL_OK ? next : err;
}

/* -------------------------------------------------------------------------------------------------------- queue pairs */

static uint64_t pages(uint64_t bytes)
{
    return (bytes + PAGE - 1) / PAGE;
}

uint64_t crl_nvme_pair_bytes(const struct crl_nvme_shape *shape)
{
    uint32_t list = crl_nvme_list_bytes(shape->max_bytes);

    if (shape->sq_entries < 2 || shape->sq_entries > CRL_NVME_MAX_DEPTH || shape->cq_entries < 2
        || shape->cq_entries > CRL_NVME_MAX_DEPTH || shape->commands < 1 || shape->commands > CRL_NVME_MAX_COMMANDS
        || shape->max_bytes == 0 || list == 0 || shape->priority > 3)
        return 0;
    return PAGE * (pages(shape->sq_entries * sizeof(struct crl_nvme_sqe)) + pages(shape->cq_entries * sizeof(struct crl_nvme_cqe))
                   + pages((uint64_t)shape->commands * list));
}

/*
 * Writes the grant of a pair: the client's, all rights for the kernel, or with NULL none at all. It is always written: an
 * earlier client of this number may have left one.
 */
static enum crl_err grant(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_client *client,
                          const struct crl_nvme_pair *pair)
{
    struct crl_nvme_grant *to = data(ctrl);
    struct crl_nvme_range *ranges = (struct crl_nvme_range *)(void *)to->reserved_32;

    memset(to, 0, sizeof(*to));
    if (client != NULL && client->owner == 0) {
        to->nsid = CRL_NVME_NSID_ALL;
        to->nlb = UINT64_MAX;
        to->opcodes = CRL_NVME_OPCODES_ALL;
        to->ranges = 1;
        ranges[0] = (struct crl_nvme_range){.pages = UINT32_MAX,
                                            .rights = CRL_NVME_RIGHT_SOURCE | CRL_NVME_RIGHT_SINK | CRL_NVME_RIGHT_PRP_LIST
                                                      | CRL_NVME_RIGHT_QUEUE};
    } else if (client != NULL) {
        to->owner = client->owner;
        to->func = client->func;
        to->nsid = client->nsid;
        to->slba = client->slba;
        to->nlb = client->nlb;
        to->opcodes = client->opcodes;
        to->ranges = client->range_count + 2;
        ranges[0] = (struct crl_nvme_range){.base = pair->mem.bus, .pages = pair->lists_at / PAGE, .rights = CRL_NVME_RIGHT_QUEUE};
        ranges[1] = (struct crl_nvme_range){.base = pair->mem.bus + pair->lists_at,
                                            .pages = (uint32_t)pages((uint64_t)pair->commands * pair->list_bytes),
                                            .rights = CRL_NVME_RIGHT_PRP_LIST};
        for (uint32_t i = 0; i < client->range_count; i++)
            ranges[2 + i] = client->ranges[i];
    }
    return crl_nvme_admin(dev, ctrl,
                          &(struct crl_nvme_sqe){.opc = CRL_NVME_ADMIN_OP_GRANT_SET,
                                                 .prp1 = ctrl->mem.bus + DATA_AT,
                                                 .cdw10 = pair->qid},
                          NULL);
}

static enum crl_err create_cq(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_pair *pair,
                              const struct crl_nvme_shape *shape)
{
    return crl_nvme_admin(dev, ctrl,
                          &(struct crl_nvme_sqe){
                              .opc = CRL_NVME_ADMIN_OP_CREATE_CQ,
                              .prp1 = pair->mem.bus + pair->cq_at,
                              .cdw10 = (uint32_t)(pair->cq_entries - 1) << 16 | pair->qid,
                              .cdw11 = 1u | (uint32_t)shape->interrupts << 1 /* PC, IEN, IV */
                                       | (shape->interrupts ? (uint32_t)shape->vector << 16 : 0),
                          },
                          NULL);
}

static enum crl_err create_sq(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_pair *pair,
                              const struct crl_nvme_shape *shape)
{
    return crl_nvme_admin(dev, ctrl,
                          &(struct crl_nvme_sqe){
                              .opc = CRL_NVME_ADMIN_OP_CREATE_SQ,
                              .prp1 = pair->mem.bus + pair->sq_at,
                              .cdw10 = (uint32_t)(pair->sq_entries - 1) << 16 | pair->qid,
                              .cdw11 = 1u | (uint32_t)shape->priority << 1 | (uint32_t)pair->qid << 16, /* PC, QPRIO, CQID */
                          },
                          NULL);
}

static enum crl_err delete_queue(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, enum crl_nvme_admin_op op, uint16_t qid)
{
    return crl_nvme_admin(dev, ctrl, &(struct crl_nvme_sqe){.opc = (uint8_t)op, .cdw10 = qid}, NULL);
}

/* A pair was refused half way. CRL_E_STATUS with the status of that, when what had been made is gone again. */
static enum crl_err undo(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_pair *pair, bool cq)
{
    uint16_t why = ctrl->status;
    enum crl_err err = cq ? delete_queue(dev, ctrl, CRL_NVME_ADMIN_OP_DELETE_CQ, pair->qid) : CRL_OK;

    if (err == CRL_OK)
        err = grant(dev, ctrl, NULL, pair);
    ctrl->status = why;
    return err == CRL_OK ? CRL_E_STATUS : err;
}

static bool sound(const struct crl_nvme_client *client)
{
    if (client->owner == 0)
        return true;
    if (client->nlb == 0 || client->range_count > CRL_NVME_CLIENT_RANGES || (client->range_count > 0 && client->ranges == NULL))
        return false;
    for (uint32_t i = 0; i < client->range_count; i++)
        if (client->ranges[i].base % PAGE != 0)
            return false;
    return true;
}

/* [pair] */
enum crl_err crl_nvme_pair_create(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_client *client,
                                  const struct crl_nvme_shape *shape, const struct crl_mem *mem, struct crl_nvme_pair *pair)
{
    uint64_t bytes = crl_nvme_pair_bytes(shape);
    struct crl_nvme_ns ns;
    uint16_t qid = 1;
    enum crl_err err;

    if (bytes == 0 || mem->cpu == NULL || mem->bus % PAGE != 0 || mem->bytes < bytes || !sound(client)
        || shape->max_bytes > ctrl->max_bytes || shape->sq_entries > ctrl->max_entries || shape->cq_entries > ctrl->max_entries)
        return CRL_E_ARG;
    while (qid <= ctrl->pairs && ctrl->pair[qid - 1].used)
        qid++;
    if (qid > ctrl->pairs)
        return CRL_E_SPACE;
    err = crl_nvme_namespace(dev, ctrl, client->nsid, &ns);
    if (err != CRL_OK)
        return err;

    *pair = (struct crl_nvme_pair){
        .qid = qid,
        .sq_entries = shape->sq_entries,
        .cq_entries = shape->cq_entries,
        .commands = shape->commands,
        .sq_doorbell = CRL_NVME_DB_BASE + 2u * qid * ctrl->stride,
        .cq_doorbell = CRL_NVME_DB_BASE + (2u * qid + 1u) * ctrl->stride,
        .nsid = client->nsid,
        .block_shift = ns.block_shift,
        .max_bytes = shape->max_bytes,
        .mem = *mem,
        .cq_at = PAGE * (uint32_t)pages(shape->sq_entries * sizeof(struct crl_nvme_sqe)),
        .list_bytes = crl_nvme_list_bytes(shape->max_bytes),
    };
    pair->lists_at = pair->cq_at + PAGE * (uint32_t)pages(shape->cq_entries * sizeof(struct crl_nvme_cqe));
    memset(mem->cpu, 0, bytes); /* no entry may show the phase of the first pass, and no owner sees another's commands */

    err = grant(dev, ctrl, client, pair); /* before the queues exist: they are never without */
    if (err != CRL_OK)
        return err;
    err = create_cq(dev, ctrl, pair, shape);
    if (err == CRL_OK) {
        err = create_sq(dev, ctrl, pair, shape);
        if (err == CRL_E_STATUS)
            err = undo(dev, ctrl, pair, true);
    } else if (err == CRL_E_STATUS) {
        err = undo(dev, ctrl, pair, false);
    }
    if (err != CRL_OK)
        return err;
    ctrl->pair[qid - 1].used = true;
    ctrl->pair[qid - 1].owner = client->owner;
    return CRL_OK;
}
/* [pair end] */

enum crl_err crl_nvme_pair_delete(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint16_t qid)
{
    enum crl_err err;

    if (qid < 1 || qid > ctrl->pairs || !ctrl->pair[qid - 1].used)
        return CRL_E_ARG;
    err = delete_queue(dev, ctrl, CRL_NVME_ADMIN_OP_DELETE_SQ, qid);
    if (err == CRL_OK)
        err = delete_queue(dev, ctrl, CRL_NVME_ADMIN_OP_DELETE_CQ, qid);
    if (err == CRL_OK)
        ctrl->pair[qid - 1].used = false;
    return err;
}

/* [teardown] */
enum crl_err crl_nvme_owner_teardown(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint16_t owner)
{
    enum crl_err err;

    if (owner == 0)
        return CRL_E_ARG;
    err = crl_nvme_admin(dev, ctrl, &(struct crl_nvme_sqe){.opc = CRL_NVME_ADMIN_OP_OWNER_TEARDOWN, .cdw10 = owner}, NULL);
    if (err != CRL_OK)
        return err;
    for (uint32_t i = 0; i < CRL_NVME_MAX_PAIRS; i++)
        if (ctrl->pair[i].used && ctrl->pair[i].owner == owner)
            ctrl->pair[i].used = false;
    return CRL_OK;
}
/* [teardown end] */

/* ------------------------------------------------------------------------------------------------------------- events */

/* Reads the log page that belongs to an event, which ends its holding back of others. */
static enum crl_err read_log(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint8_t log)
{
    uint32_t bytes = log == CRL_NVME_LID_ERROR ? ctrl->error_log_bytes : log == CRL_NVME_LID_ANA ? PAGE : 512;

    if (bytes > PAGE)
        bytes = PAGE;
    return crl_nvme_admin(dev, ctrl,
                          &(struct crl_nvme_sqe){.opc = CRL_NVME_ADMIN_OP_GET_LOG_PAGE,
                                                 .nsid = CRL_NVME_NSID_ALL,
                                                 .prp1 = ctrl->mem.bus + DATA_AT,
                                                 .cdw10 = (bytes / 4 - 1) << 16 | log},
                          NULL);
}

enum crl_err crl_nvme_event(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, struct crl_nvme_event *event, bool *found)
{
    enum crl_err err;

    *found = false;
    if (!ctrl->running)
        return CRL_E_STATE;
    err = poll(dev, ctrl);
    if (err != CRL_OK)
        return err;
    *found = ctrl->event_count > 0;
    if (*found) {
        *event = ctrl->events[0];
        ctrl->event_count--;
        memmove(ctrl->events, ctrl->events + 1, ctrl->event_count * sizeof(*event));
        err = read_log(dev, ctrl, event->log);
        if (err != CRL_OK && err != CRL_E_STATUS) /* a page that is not there can't be read: the event stands for itself */
            return err;
    }
    return arm(dev, ctrl);
}
