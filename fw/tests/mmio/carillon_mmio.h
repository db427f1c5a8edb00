/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for fw/include/carillon_mmio.h: every access is a call, to a simulation or to a fake. */
#ifndef CARILLON_MMIO_H
#define CARILLON_MMIO_H

#include <stdint.h>

struct crl_dev {
    uint64_t (*read)(uint32_t addr);
    void (*write)(uint32_t addr, uint64_t value);
    void (*wmb)(void);
    void (*relax)(void);
};

static inline uint64_t crl_read(const struct crl_dev *dev, uint32_t addr)
{
    return dev->read(addr);
}

static inline void crl_write(const struct crl_dev *dev, uint32_t addr, uint64_t value)
{
    dev->write(addr, value);
}

static inline void crl_wmb(const struct crl_dev *dev)
{
    dev->wmb();
}

static inline void crl_rmb(const struct crl_dev *dev)
{
    (void)dev;
}

static inline void crl_relax(const struct crl_dev *dev)
{
    dev->relax();
}

#endif
