/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the instructions of the user half as they are executed, by single steps (x86-64, Linux). Arguments: the first
 * address of the library's code and the one behind it, in hexadecimal; what lies elsewhere does not count. Prints lines of
 * a case, a tabulator and its instructions. Used by count.py.
 */
#define _GNU_SOURCE
#include "carillon_mmio.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl_nvme.h"

static const char *const cases[] = {
    "read, within a page", "read, two pages",     "read, list of 4", "read, list of 32",
    "write zeroes",        "ring",                "ring, nothing new",     "poll, nothing there",
    "poll, one completion", "poll, four completions",
};
#define CASES (sizeof(cases) / sizeof(*cases))
#define MARK() __asm__ volatile("int3" ::: "memory")

static _Alignas(4096) uint8_t bar[0x4000], memory[0x40000];

static void must(bool good)
{
    if (!good)
        _exit(1);
}

/* A completion as the node would write it. */
static void complete(uint32_t at, uint16_t cid, uint16_t head)
{
    struct crl_nvme_cqe entry = {.sqhd = head, .sqid = 1, .cid = cid, .phase_status_crd_more_dnr = 1};

    memcpy(memory + 0x1000 + at * sizeof(entry), &entry, sizeof(entry));
}

static void traced(void)
{
    static struct crl_nvme_slot slots[16];
    const struct crl_dev dev = {.bar = bar};
    const struct crl_nvme_pair pair = {.qid = 1, .sq_entries = 16, .cq_entries = 16, .commands = 16, .sq_doorbell = 0x2000,
                                       .cq_doorbell = 0x2800, .nsid = 1, .block_shift = 9, .max_bytes = 1u << 20,
                                       .mem = {memory, 0x100000, sizeof(memory)}, .cq_at = 0x1000, .lists_at = 0x2000,
                                       .list_bytes = 2048};
    const struct crl_nvme_buf buf = {.bus = 0x700000};
    struct crl_nvme_done done[4];
    struct crl_nvme_qp qp;
    uint32_t count;
    enum crl_err err;

    must(crl_nvme_open(&dev, &qp, &pair, slots, 0) == CRL_OK);
    must(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    MARK();
    err = crl_nvme_read(&dev, &qp, 0, 8, &buf, 0, NULL);
    MARK();
    must(err == CRL_OK);
    MARK();
    err = crl_nvme_read(&dev, &qp, 0, 16, &buf, 0, NULL);
    MARK();
    must(err == CRL_OK);
    MARK();
    err = crl_nvme_read(&dev, &qp, 0, 5 * 8, &buf, 0, NULL);
    MARK();
    must(err == CRL_OK);
    MARK();
    err = crl_nvme_read(&dev, &qp, 0, 33 * 8, &buf, 0, NULL);
    MARK();
    must(err == CRL_OK);
    MARK();
    err = crl_nvme_write_zeroes(&dev, &qp, 0, 8, 0, NULL);
    MARK();
    must(err == CRL_OK);
    MARK();
    crl_nvme_ring(&dev, &qp);
    MARK();
    MARK();
    crl_nvme_ring(&dev, &qp);
    MARK();
    MARK();
    err = crl_nvme_poll(&dev, &qp, done, 4, &count);
    MARK();
    must(err == CRL_OK && count == 0);
    complete(0, 0, 1);
    MARK();
    err = crl_nvme_poll(&dev, &qp, done, 4, &count);
    MARK();
    must(err == CRL_OK && count == 1);
    for (uint16_t i = 1; i < 5; i++)
        complete(i, i, (uint16_t)(i + 1));
    MARK();
    err = crl_nvme_poll(&dev, &qp, done, 4, &count);
    MARK();
    must(err == CRL_OK && count == 4);
    _exit(0);
}

/* Whether the child stopped at a mark, not after a step. */
static bool at_mark(pid_t child)
{
    siginfo_t info;

    return ptrace(PTRACE_GETSIGINFO, child, NULL, &info) == 0 && info.si_code == SI_KERNEL;
}

static bool stopped(pid_t child)
{
    int status;

    return waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

int main(int argc, char **argv)
{
    unsigned long first, end;
    pid_t child;

    if (argc != 3)
        return 2;
    first = strtoul(argv[1], NULL, 16);
    end = strtoul(argv[2], NULL, 16);
    child = fork();

    if (child == 0)
        traced();
    for (size_t i = 0; i < CASES; i++) {
        struct user_regs_struct regs;
        unsigned count = 0;

        if (i > 0)
            ptrace(PTRACE_CONT, child, NULL, NULL);
        if (!stopped(child))
            return 1;
        do {
            if (ptrace(PTRACE_GETREGS, child, NULL, &regs) != 0)
                return 1;
            count += regs.rip >= first && regs.rip < end;
            ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
            if (!stopped(child))
                return 1;
        } while (!at_mark(child));
        printf("%s\t%u\n", cases[i], count);
    }
    ptrace(PTRACE_CONT, child, NULL, NULL);
    return 0;
}
