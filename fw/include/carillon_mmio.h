/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How software reaches a node: registers, barriers, waiting. Nothing else knows, so another platform, or a test, brings
 * a file of this name that comes first in the include path.
 *
 * Descriptors and completion entries lie in memory that the node and the processor see alike: coherent, or not cached.
 */
#ifndef CARILLON_MMIO_H
#define CARILLON_MMIO_H

#include <stdint.h>

struct crl_dev {
    volatile uint8_t *bar; /* BAR0, mapped as device memory */
};

static inline uint64_t crl_read(const struct crl_dev *dev, uint32_t addr)
{
    return *(volatile uint64_t *)(volatile void *)(dev->bar + addr);
}

static inline void crl_write(const struct crl_dev *dev, uint32_t addr, uint64_t value)
{
    *(volatile uint64_t *)(volatile void *)(dev->bar + addr) = value;
}

/* Stores to memory before it are seen by the node before it sees a register write after it. */
static inline void crl_wmb(const struct crl_dev *dev)
{
    (void)dev;
#if defined(__aarch64__)
    __asm__ volatile("dmb oshst" ::: "memory");
#elif defined(__riscv)
    __asm__ volatile("fence w,ow" ::: "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Loads from memory after it are not made before a load that precedes it. */
static inline void crl_rmb(const struct crl_dev *dev)
{
    (void)dev;
#if defined(__aarch64__)
    __asm__ volatile("dmb oshld" ::: "memory");
#elif defined(__riscv)
    __asm__ volatile("fence ir,r" ::: "memory");
#else
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/* Once in every round of a loop that waits for the node. */
static inline void crl_relax(const struct crl_dev *dev)
{
    (void)dev;
#if defined(__x86_64__)
    __asm__ volatile("pause");
#endif
}

#endif
