/*
 * contributions_avx512.c - contributions with avx512.
 * SPDX-License-Identifier: Apache-2.0
 */
#define WALKER_TARGET __attribute__((target("avx512f,avx512vl,avx512dq")))
#include "forest/contributions_walker.h"

static bool fits(void) {
    return __builtin_cpu_supports("avx512vl");
}

const struct rw_contribution_walker rw_contribution_walker_avx512 = {"avx512", fits, add};
