/*
 * link.h - from margins to responses.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LINK_H
#define RW_LINK_H

#include "rowan.h"

uint32_t rw_link_outputs(rowan_link link, uint32_t n_groups);

/* One row: margins[n_groups] -> out[rw_link_outputs].  margins may be overwritten. */
void rw_link_apply(rowan_link link, float *margins, uint32_t n_groups, double *out);

const char *rw_link_name(rowan_link link);

#endif
