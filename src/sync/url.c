/*
 * url.c - parts of an address, escaped.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "sync/http.h"

static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789-._~";

/* As RFC 3986 and S3's signatures want it: everything that is not unreserved, in capitals. */
void rw_url_add(struct rw_buffer *url, const char *text, bool is_path) {
    for (; *text; text++) {
        if (strchr(unreserved, *text) || (is_path && *text == '/'))
            rw_buffer_add(url, text, 1);
        else
            rw_buffer_printf(url, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

bool rw_url_end(struct rw_buffer *url) {
    rw_buffer_add(url, "", 1);
    return !url->failed;
}
