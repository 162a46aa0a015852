/*
 * pace.h - when to look again: politely, and not with all other replicas at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_PACE_H
#define RW_SYNC_PACE_H

#include <stdint.h>

#define RW_PACE_MAX_MS    300000u /* between two looks at a registry that fails; or the interval */
#define RW_PACE_JITTER    5u      /* a fifth more or less */
#define RW_PACE_DOUBLINGS 16u

/* Milliseconds until the next look: the interval, doubled with each failure in a row up to the
 * maximum, a fifth more or less by `random` (any number). */
uint64_t rw_pace_ms(uint32_t interval_s, uint32_t n_failures, uint32_t random);

#endif
