/*
 * trouble.h - why a look at the registry did not end with its model served.
 *
 * Either it failed, and the next look may do better (RW_FAILED: the network, the registry, the
 * disk); or what the registry names was refused, and stays refused until it names something else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_TROUBLE_H
#define RW_SYNC_TROUBLE_H

#include "base/base.h"

/* In the order of ml_model_sync_refused_total's reasons (counters.c). */
enum rw_reason {
    RW_FAILED,           /* not refused */
    RW_REFUSED_CHECKSUM, /* other bytes than the tag rowan.sha256 says */
    RW_REFUSED_TOO_LARGE,
    RW_REFUSED_FORMAT, /* nothing that Rowan serves, or from nowhere that it reads */
    RW_REFUSED_GOLDEN,
    RW_REFUSED_CONTRACT,
    RW_REFUSED_NAME,       /* a file's name that reaches out of the folder, or is too long */
    RW_REFUSED_INCOMPLETE, /* a file is missing, or shorter than the listing says */
    RW_REASONS
};

struct rw_trouble {
    enum rw_reason reason;
    bool names_nothing; /* RW_FAILED: the registry is well, and has no such model */
    bool may_pass;      /* refused, and yet worth another look: no room now, cut on its way */
    rowan_error error;
};

/* A refusal that may pass. */
#define rw_refuse_now(trouble, ...)                                                                \
    ((void)rw_refuse((trouble), __VA_ARGS__), (trouble)->may_pass = true, false)

/* Fills *trouble and gives false back, so that `return rw_trouble(...)` reads well. */
#define rw_trouble(trouble, ...) rw_refuse((trouble), RW_FAILED, __VA_ARGS__)
#define rw_refuse(trouble, why, where, remedy, ...)                                                \
    ((trouble)->reason = (why), (trouble)->names_nothing = (trouble)->may_pass = false,            \
     rw_error_set(&(trouble)->error, ROWAN_IO, (where), (remedy), __VA_ARGS__), false)

#endif
