/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVMe, the kernel half: the controller, its admin queue, and private queue pairs for clients. For function 0 only.
 *
 * One thread at a time uses a controller: the caller holds its lock round every call. Calls wait for the node, up to the
 * times named below, and may sleep (crl_sleep_ms). Pairs that were handed out are used meanwhile, by their owners, with
 * the user half (crl_nvme.h).
 *
 *     crl_nvme_start
 *     crl_nvme_namespace                what there is
 *     crl_nvme_pair_create              grant, completion queue, submission queue; hand the pair to its client
 *     crl_nvme_event                    from the interrupt's thread, or now and then
 *     crl_nvme_pair_delete              the client has finished
 *     crl_nvme_owner_teardown           the client has died
 *     crl_nvme_shutdown, crl_nvme_stop
 */
#ifndef CRL_NVME_CTRL_H
#define CRL_NVME_CTRL_H

#include <stdbool.h>
#include <stdint.h>

#include "carillon_layout.h"
#include "crl_err.h"
#include "crl_nvme.h"

struct crl_dev;

#define CRL_NVME_MAX_PAIRS 128u         /* I/O queue pairs of a node at most */
#define CRL_NVME_ADMIN_ENTRIES 32u      /* of both admin queues */
#define CRL_NVME_ADMIN_COMMANDS 4u      /* under way: the caller's, and an Asynchronous Event Request */
#define CRL_NVME_ADMIN_BYTES (3u * 4096u) /* memory of a controller: submission queue, completion queue, data */
#define CRL_NVME_EVENTS 8u              /* events that wait to be fetched */
#define CRL_NVME_CLIENT_RANGES 6u       /* memory ranges of a client beside those of its queues and lists */

/* Every I/O opcode, for crl_nvme_client.opcodes. */
#define CRL_NVME_OPCODES_ALL                                                                                             \
    (1u << CRL_NVME_IO_OP_FLUSH | 1u << CRL_NVME_IO_OP_WRITE | 1u << CRL_NVME_IO_OP_READ | 1u << CRL_NVME_IO_OP_COMPARE \
     | 1u << CRL_NVME_IO_OP_WRITE_ZEROES | 1u << CRL_NVME_IO_OP_DSM | 1u << CRL_NVME_IO_OP_VERIFY)

/* An asynchronous event, as in DW0 of its completion. */
struct crl_nvme_event {
    uint8_t type; /* 0: error, then info is enum crl_nvme_aer_err; 1: health; 2: notice */
    uint8_t info;
    uint8_t log;  /* log page that tells more, and was read to let the next event of this type come */
};

/* A namespace. */
struct crl_nvme_ns {
    uint64_t blocks;
    uint32_t block_shift; /* log2 of the bytes of a block */
};

/* Who gets a pair, and what he may do with it. */
struct crl_nvme_client {
    uint16_t owner;   /* tag of the client, the same for all of its pairs. 0: the kernel itself; then only nsid counts */
    uint16_t func;    /* FUNCTION_ID that rings the doorbells and on whose behalf memory is accessed */
    uint32_t nsid;    /* its namespace */
    uint64_t slba;    /* blocks: the first, and how many (at least 1) */
    uint64_t nlb;
    uint32_t opcodes; /* a bit for each I/O opcode */
    const struct crl_nvme_range *ranges; /* memory for data; rights SOURCE, SINK */
    uint32_t range_count;                /* 0 to CRL_NVME_CLIENT_RANGES */
};

/* How large a pair is. */
struct crl_nvme_shape {
    uint16_t sq_entries; /* 2 to 4096, and CAP.MQES + 1 */
    uint16_t cq_entries;
    uint16_t commands;   /* identifiers, 1 to 4095; more than sq_entries - 1 may be under way, entries being free once fetched */
    uint32_t max_bytes;  /* of data a command; at least 1, up to the controller's max_bytes */
    uint8_t priority;    /* with weighted arbitration: 0 urgent, 1 high, 2 medium, 3 low */
    bool interrupts;     /* completions interrupt with `vector` */
    uint16_t vector;
};

/* A controller. Read the first group; the rest is the library's. */
struct crl_nvme_ctrl {
    uint16_t status;    /* enum crl_nvme_status of the last command that ended with CRL_E_STATUS */
    uint16_t cntlid;
    uint16_t pairs;     /* I/O queue pairs there are; numbers 1 to `pairs` */
    uint32_t max_bytes; /* of data a command */
    uint32_t max_entries; /* of a queue */
    uint32_t namespaces;  /* largest namespace number */

    bool running;
    bool waiting;         /* a command of the caller is under way */
    bool armed;           /* an Asynchronous Event Request is under way */
    uint8_t event_count;
    uint32_t ready_ms;    /* how long RDY and SHST may take */
    uint32_t stride;      /* bytes from doorbell to doorbell */
    uint32_t error_log_bytes;
    struct crl_mem mem;
    struct crl_nvme_done done; /* of the caller's command */
    struct crl_nvme_event events[CRL_NVME_EVENTS];
    struct crl_nvme_qp admin;
    struct crl_nvme_slot slots[CRL_NVME_ADMIN_COMMANDS];
    struct {
        bool used;
        uint16_t owner;
    } pair[CRL_NVME_MAX_PAIRS]; /* of number i + 1 */
};

/*
 * Starts the controller, whatever state it was left in, and asks for up to `pairs` I/O queue pairs (1 to 128). `mem`:
 * CRL_NVME_ADMIN_BYTES at a multiple of 4096, the controller's until crl_nvme_stop has returned CRL_OK or CRL_E_FATAL. `weighted`:
 * weighted round robin with urgent class, if there is.
 *
 * CRL_E_NODE: no controller here, or one with other pages, entries or command sets. CRL_E_TIMEOUT: RDY did not follow in
 * the time of CAP.TO. CRL_E_FATAL, CRL_E_STATUS: it came up wrong. Afterwards the controller is disabled unless CRL_OK.
 */
CRL_CHECKED enum crl_err crl_nvme_start(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_mem *mem,
                                        uint32_t pairs, bool weighted);

/*
 * Ends everything at once: queues and grants are gone, and when CRL_OK is returned the node touches none of their memory.
 * Commands under way get no completion. CRL_E_TIMEOUT: it may still touch memory; keep it, reset the node. CRL_E_FATAL: it
 * touches none, but CFS stays: it can't be started.
 */
CRL_CHECKED enum crl_err crl_nvme_stop(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl);

/*
 * Before power goes: deletes all pairs (not when `abrupt`), then shuts down, waits for SHST and stops. Clients must have
 * stopped. Errors as crl_nvme_stop; it stops whatever goes wrong before, and returns the first error.
 */
CRL_CHECKED enum crl_err crl_nvme_shutdown(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, bool abrupt);

/*
 * Any admin command: `sqe` with all but the identifier; its completion's DW0 in *result (may be NULL). Data goes through
 * crl_nvme_data(). CRL_E_STATUS: see ctrl->status. CRL_E_TIMEOUT, CRL_E_FATAL, CRL_E_DEVICE: the controller must be
 * stopped, nothing else works.
 */
CRL_CHECKED enum crl_err crl_nvme_admin(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, const struct crl_nvme_sqe *sqe,
                                        uint32_t *result);

/* A page for the data of admin commands, as both sides see it. Every other call may overwrite it. */
struct crl_mem crl_nvme_data(const struct crl_nvme_ctrl *ctrl);

/* Identify, 4096 bytes into crl_nvme_data(). */
CRL_CHECKED enum crl_err crl_nvme_identify(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, enum crl_nvme_cns cns,
                                           uint32_t nsid);

/* Size and block of a namespace. CRL_E_STATUS, INVALID_NS: not there, or not active. */
CRL_CHECKED enum crl_err crl_nvme_namespace(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint32_t nsid,
                                            struct crl_nvme_ns *ns);

/* Set Features; *result (may be NULL) is DW0. */
CRL_CHECKED enum crl_err crl_nvme_set_feature(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, enum crl_nvme_fid fid,
                                              uint32_t value, uint32_t *result);

/* Bytes of memory that a pair of this shape needs. 0: the shape is impossible. */
uint64_t crl_nvme_pair_bytes(const struct crl_nvme_shape *shape);

/*
 * Makes a queue pair for a client: picks a number, grants, creates both queues in `mem` (crl_nvme_pair_bytes, at a
 * multiple of 4096, cleared here), and fills *pair for crl_nvme_open. The memory is the node's until the pair is deleted.
 * The grant names the queues and lists in `mem` and the client's own ranges. Map to the client: `mem`, its data, and
 * page crl_nvme_page(pair) of BAR0.
 *
 * CRL_E_ARG: shape, client or memory. CRL_E_SPACE: no number is left. CRL_E_STATUS: refused; what had been made is undone.
 */
CRL_CHECKED enum crl_err crl_nvme_pair_create(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl,
                                              const struct crl_nvme_client *client, const struct crl_nvme_shape *shape,
                                              const struct crl_mem *mem, struct crl_nvme_pair *pair);

/*
 * Deletes a pair and takes its grant back. The client has stopped using it, or will find that it does nothing. When it
 * returns CRL_OK the node touches none of the memory. CRL_E_ARG: there is no such pair.
 */
CRL_CHECKED enum crl_err crl_nvme_pair_delete(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint16_t qid);

/*
 * The end of a client, whatever it was doing: all of its pairs and grants go, with one command. When it returns CRL_OK
 * the node touches none of their memory, and the client's data. CRL_E_ARG: owner 0.
 */
CRL_CHECKED enum crl_err crl_nvme_owner_teardown(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, uint16_t owner);

/*
 * The next asynchronous event, if there is one: *found. Does not wait for events, but reads the log page that belongs to
 * it into crl_nvme_data(), which lets further events of its type come. Call it until *found is false.
 */
CRL_CHECKED enum crl_err crl_nvme_event(const struct crl_dev *dev, struct crl_nvme_ctrl *ctrl, struct crl_nvme_event *event,
                                        bool *found);

#endif
