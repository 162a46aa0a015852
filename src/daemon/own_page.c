/*
 * own_page.c - the page of metrics of one thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "daemon/own_page.h"
#include "daemon/log.h"

#define TEXT_BYTES 512

struct rw_page *rw_own_page(const char *metrics_dir, const char *who) {
    rowan_error error;
    char text[TEXT_BYTES];
    struct rw_page *page = NULL;
    if (metrics_dir && rw_page_open(metrics_dir, &page, &error) == ROWAN_OK)
        return page;
    if (metrics_dir)
        rw_log(RW_LOG_ERROR, "%s missing in metrics: %s", who,
               rowan_error_text(&error, text, sizeof text));
    return rw_page_private();
}
