/*
 * contributions_avx2.c - contributions with avx2.
 * SPDX-License-Identifier: Apache-2.0
 */
#define WALKER_TARGET __attribute__((target("avx2")))
#include "forest/contributions_walker.h"

static bool fits(void) {
    return __builtin_cpu_supports("avx2");
}

const struct rw_contribution_walker rw_contribution_walker_avx2 = {"avx2", fits, add};
