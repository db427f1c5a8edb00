/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of NVM Express Base 2.0 and NVM Command Set 1.0 that the node's generated headers do not carry. */
#ifndef CRL_NVME_SPEC_H
#define CRL_NVME_SPEC_H

#include <stdint.h>

#define CRL_NVME_PAGE 4096u      /* memory page, CC.MPS = 0 */
#define CRL_NVME_DB_BASE 0x1000u /* first doorbell */
#define CRL_NVME_MAX_DEPTH 4096u
#define CRL_NVME_NSID_ALL UINT32_C(0xFFFFFFFF)

/* Flags of I/O commands, as they stand in CDW12 */
#define CRL_NVME_LR (UINT32_C(1) << 31)   /* limited retry */
#define CRL_NVME_FUA (UINT32_C(1) << 30)  /* force unit access */
#define CRL_NVME_DEAC (UINT32_C(1) << 25) /* Write Zeroes: deallocate */
/* Dataset Management, CDW11 */
#define CRL_NVME_DSM_AD (UINT32_C(1) << 2) /* deallocate */

#endif
