/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the library: how long to wait. First in a tight loop, then a millisecond at a time. */
#ifndef CRL_WAIT_H
#define CRL_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "carillon_mmio.h"

#ifndef CRL_SPINS
#define CRL_SPINS 10000u /* rounds before the first pause */
#endif

struct crl_wait {
    uint32_t spins; /* rounds left */
    uint32_t ms;    /* pauses left */
};

static inline struct crl_wait crl_wait_ms(uint32_t ms)
{
    return (struct crl_wait){CRL_SPINS, ms};
}

/* One round; false when the time is over. Look once more before giving up: others may have had the processor. */
static inline bool crl_wait(const struct crl_dev *dev, struct crl_wait *left)
{
    if (left->spins > 0) {
        left->spins--;
        crl_relax(dev);
        return true;
    }
    if (left->ms == 0)
        return false;
    left->ms--;
    crl_sleep_ms(dev);
    return true;
}

#endif
