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
    void (*write32)(uint32_t addr, uint32_t value);
};

static inline uint64_t crl_read(const struct crl_dev *dev, uint32_t addr)
{
    return dev->read(addr);
}

static inline void crl_write(const struct crl_dev *dev, uint32_t addr, uint64_t value)
{
    dev->write(addr, value);
}

static inline void crl_write32(const struct crl_dev *dev, uint32_t addr, uint32_t value)
{
    dev->write32(addr, value);
}

static inline uint8_t crl_load8(const struct crl_dev *dev, const uint8_t *from)
{
    (void)dev;
    return *(const volatile uint8_t *)from;
}

static inline uint16_t crl_load16(const struct crl_dev *dev, const uint16_t *from)
{
    (void)dev;
    return *(const volatile uint16_t *)from;
}

static inline void crl_wmb(const struct crl_dev *dev)
{
    dev->wmb();
}

static inline void crl_mb(const struct crl_dev *dev)
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

static inline void crl_sleep_ms(const struct crl_dev *dev)
{
    dev->relax();
}

#endif
