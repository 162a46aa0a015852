/*
 * pace.c - the interval, back-off and jitter.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sync/pace.h"

#define MS_PER_SECOND 1000u

uint64_t rw_pace_ms(uint32_t interval_s, uint32_t n_failures, uint32_t random) {
    const uint64_t interval = (uint64_t)interval_s * MS_PER_SECOND;
    const uint64_t most = interval > RW_PACE_MAX_MS ? interval : RW_PACE_MAX_MS;
    uint64_t pause = interval << (n_failures < RW_PACE_DOUBLINGS ? n_failures : RW_PACE_DOUBLINGS);
    if (pause > most)
        pause = most;
    const uint64_t spread = pause / RW_PACE_JITTER;
    return pause - spread + (spread ? random % (2 * spread + 1) : 0);
}
