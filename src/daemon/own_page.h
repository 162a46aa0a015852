/*
 * own_page.h - the page of metrics of one thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_DAEMON_OWN_PAGE_H
#define RW_DAEMON_OWN_PAGE_H

#include "metrics/metrics.h"

/* A page in metrics_dir (NULL: a private one).  A directory that is full or missing must not
 * keep the service from scoring: it is logged as "WHO missing in metrics", and the page is a
 * private one.  NULL only without memory. */
struct rw_page *rw_own_page(const char *metrics_dir, const char *who);

#endif
