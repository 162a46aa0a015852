/*
 * contributions_avx2.c - contributions with AVX2.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/contributions.h"
#include "forest/cpu.h"

#if defined(__x86_64__)

#define WALKER_TARGET __attribute__((target("avx2")))
#define WALKER_WIDTH  4
#include "forest/contributions_walker.h"

static bool fits(void) {
    return rw_cpu_has(RW_CPU_AVX2);
}

const struct rw_contribution_walker rw_contribution_walker_avx2 = {"avx2", fits, add};

#endif
