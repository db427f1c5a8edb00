/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRST_COPY_H
#define FIRST_COPY_H

#include <stdint.h>

struct crl_dev;

enum crl_err {
    CRL_OK = 0,
    CRL_E_NODE,    /* no Carillon node at this address, or too small a one */
    CRL_E_STATE,   /* a command was refused; STATUS has the reason */
    CRL_E_TIMEOUT, /* the node did not get there in time */
    CRL_E_STATUS,  /* a descriptor ended with an error */
};

/* Memory that both sides see: FIRST_COPY_AREA bytes, at a multiple of 4 KiB for the node. */
struct crl_area {
    uint8_t *cpu;
    uint64_t bus;
};

/* Layout of the area: descriptor ring, completion ring, source, destination. */
#define FIRST_COPY_DRING 0x0000u
#define FIRST_COPY_CRING 0x0800u
#define FIRST_COPY_SRC 0x1000u
#define FIRST_COPY_DST 0x2000u
#define FIRST_COPY_BYTES 0x1000u
#define FIRST_COPY_AREA 0x3000u

/* Copies FIRST_COPY_BYTES from SRC to DST with channel 0, in pieces. `failed`: status code, with CRL_E_STATUS. */
enum crl_err first_copy(const struct crl_dev *dev, const struct crl_area *area, uint8_t *failed);

#endif
