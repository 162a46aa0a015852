/*
 * clients.h - what each client asked for, and its fair share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SHED_CLIENTS_H
#define RW_SHED_CLIENTS_H

#include "shed/shed.h"

/* The client's entry of this interval, made if need be. */
struct rw_shed_client *rw_shed_client(struct rw_shed *shed, enum rw_shed_priority priority,
                                      uint64_t id);
/* The cost that all clients asked for in this interval. */
int64_t rw_shed_demand(const struct rw_shed *shed);
/* Shares the budget out by the demand of this interval; `scale`: from it to one interval. */
void rw_shed_share(struct rw_shed *shed, double scale);
void rw_shed_no_quota(struct rw_shed *shed);
/* Forgets demand; keeps what clients owe or have saved, while quotas hold. */
void rw_shed_next_interval(struct rw_shed *shed);

#endif
