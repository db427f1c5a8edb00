/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How software reaches a node: registers, memory that the node writes, barriers, waiting. Nothing else knows, so another
 * platform, or a test, brings a file of this name that comes first in the include path.
 *
 * Rings, queues and data lie in memory that the node and the processor see alike: coherent, or not cached. Any thread may
 * call what is here.
 */
#ifndef CARILLON_MMIO_H
#define CARILLON_MMIO_H

#include <stddef.h>
#include <stdint.h>
#if __STDC_HOSTED__ && !defined(__STDC_NO_THREADS__)
#include <threads.h>
#endif

struct crl_dev {
    volatile uint8_t *bar; /* BAR0, or the part of it that was mapped, as device memory */
};

static inline uint64_t crl_read(const struct crl_dev *dev, uint32_t addr)
{
    return *(volatile uint64_t *)(volatile void *)(dev->bar + addr);
}

static inline void crl_write(const struct crl_dev *dev, uint32_t addr, uint64_t value)
{
    *(volatile uint64_t *)(volatile void *)(dev->bar + addr) = value;
}

/* A doorbell of the NVMe block: exactly these four bytes. */
static inline void crl_write32(const struct crl_dev *dev, uint32_t addr, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(dev->bar + addr) = value;
}

/* Memory that the node may write at this moment: read once, whole. */
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

/* Loads from memory before it are made before the node sees a register write after it: what was read is handed back. */
static inline void crl_mb(const struct crl_dev *dev)
{
    (void)dev;
#if defined(__aarch64__)
    __asm__ volatile("dmb osh" ::: "memory");
#elif defined(__riscv)
    __asm__ volatile("fence rw,ow" ::: "memory");
#elif defined(__x86_64__)
    __asm__ volatile("" ::: "memory"); /* loads are never overtaken by later stores */
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

/* Once in every round of a loop that waits for the node and expects it soon. */
static inline void crl_relax(const struct crl_dev *dev)
{
    (void)dev;
#if defined(__x86_64__)
    __asm__ volatile("pause");
#endif
}

/* Once in every round of a loop that waits for something slow: gives the processor away for a millisecond or more. */
static inline void crl_sleep_ms(const struct crl_dev *dev)
{
#if __STDC_HOSTED__ && !defined(__STDC_NO_THREADS__)
    (void)dev;
    (void)thrd_sleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
#else
    for (uint32_t i = 0; i < CRL_ROUNDS_A_MS; i++) /* -DCRL_ROUNDS_A_MS=… of this processor */
        crl_relax(dev);
#endif
}

#endif
