/*
 * contributions_avx512.c - contributions with AVX-512.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/contributions.h"
#include "forest/cpu.h"

#if defined(__x86_64__)

#define WALKER_TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#define WALKER_WIDTH  8
#include "forest/contributions_walker.h"

static bool fits(void) {
    return rw_cpu_has(RW_CPU_AVX512);
}

const struct rw_contribution_walker rw_contribution_walker_avx512 = {"avx512", fits, add};

#endif
