/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for fw/include/carillon_mmio.h: every access is a call, to a simulation or to a fake. The calls that may be NULL
 * are for memory that is not the same for both sides: loads of what the node may be writing, and the barriers of loads.
 */
#ifndef CARILLON_MMIO_H
#define CARILLON_MMIO_H

#include <stddef.h>
#include <stdint.h>

struct crl_dev {
    uint64_t (*read)(uint32_t addr);
    void (*write)(uint32_t addr, uint64_t value);
    void (*wmb)(void);
    void (*relax)(void);
    void (*write32)(uint32_t addr, uint32_t value);
    uint32_t (*load)(const void *from, uint32_t bytes); /* NULL: memory is what the program sees */
    void (*mb)(void);                                   /* NULL: as wmb */
    void (*rmb)(void);                                  /* NULL: nothing to do */
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
    return dev->load != NULL ? (uint8_t)dev->load(from, 1) : *(const volatile uint8_t *)from;
}

static inline uint16_t crl_load16(const struct crl_dev *dev, const uint16_t *from)
{
    return dev->load != NULL ? (uint16_t)dev->load(from, 2) : *(const volatile uint16_t *)from;
}

static inline void crl_wmb(const struct crl_dev *dev)
{
    dev->wmb();
}

static inline void crl_mb(const struct crl_dev *dev)
{
    if (dev->mb != NULL)
        dev->mb();
    else
        dev->wmb();
}

static inline void crl_rmb(const struct crl_dev *dev)
{
    if (dev->rmb != NULL)
        dev->rmb();
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
