/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRST_COPY_H
#define FIRST_COPY_H

#include <stdint.h>

#include "crl_err.h"

struct crl_dev;

/* Layout of the memory: descriptor ring, completion ring, source, destination. */
#define FIRST_COPY_DRING 0x0000u
#define FIRST_COPY_CRING 0x0800u
#define FIRST_COPY_SRC 0x1000u
#define FIRST_COPY_DST 0x2000u
#define FIRST_COPY_BYTES 0x1000u
#define FIRST_COPY_AREA 0x3000u

/*
 * Copies FIRST_COPY_BYTES from SRC to DST with channel 0, in pieces. `mem`: FIRST_COPY_AREA bytes, at a multiple of 4 KiB
 * for the node. `failed`: status code, with CRL_E_STATUS.
 */
CRL_CHECKED enum crl_err first_copy(const struct crl_dev *dev, const struct crl_mem *mem, uint8_t *failed);

#endif
