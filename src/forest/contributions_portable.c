/*
 * contributions_portable.c - contributions on any CPU.
 * SPDX-License-Identifier: Apache-2.0
 */
#define WALKER_TARGET
#define WALKER_WIDTH 2
#include "forest/contributions_walker.h"

static bool fits(void) {
    return true;
}

const struct rw_contribution_walker rw_contribution_walker_portable = {"portable", fits, add};
