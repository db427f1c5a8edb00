/* SPDX-License-Identifier: Apache-2.0 */
/* What the functions of the host library return. docs/host_library.md says what to do about each. */
#ifndef CRL_ERR_H
#define CRL_ERR_H

#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "structures in memory are little endian: this library is for little-endian processors"
#endif

#if defined(__GNUC__)
#define CRL_CHECKED __attribute__((warn_unused_result))
#else
#define CRL_CHECKED
#endif

enum crl_err {
    CRL_OK = 0,
    CRL_E_NODE,    /* no node or controller at this address, or not one that this library can drive */
    CRL_E_STATE,   /* refused: the object is not in the state for it, or a channel's command failed (CH.STATUS has why) */
    CRL_E_TIMEOUT, /* did not get there in time */
    CRL_E_STATUS,  /* the command or descriptor ended with an error; its status was handed out */
    CRL_E_ARG,     /* an argument is out of range; nothing was done */
    CRL_E_FULL,    /* no free slot or command identifier: take completions first; nothing was done */
    CRL_E_SPACE,   /* no queue number left, or the memory that was given is too small; nothing was done */
    CRL_E_FATAL,   /* the controller shows CSTS.CFS: stop it and start it again */
    CRL_E_DEVICE,  /* an entry in memory breaks the rules: use the queue no more, delete it */
};

/* The name of an error, for messages. */
static inline const char *crl_err_name(enum crl_err err)
{
    switch (err) {
    case CRL_OK: return "OK";
    case CRL_E_NODE: return "NODE";
    case CRL_E_STATE: return "STATE";
    case CRL_E_TIMEOUT: return "TIMEOUT";
    case CRL_E_STATUS: return "STATUS";
    case CRL_E_ARG: return "ARG";
    case CRL_E_FULL: return "FULL";
    case CRL_E_SPACE: return "SPACE";
    case CRL_E_FATAL: return "FATAL";
    case CRL_E_DEVICE: return "DEVICE";
    }
    return "unknown";
}

/* Memory that the processor and the node see alike, contiguous for both. */
struct crl_mem {
    uint8_t *cpu;   /* where this program sees it */
    uint64_t bus;   /* where the node sees it */
    uint64_t bytes;
};

#endif
