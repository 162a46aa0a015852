/*
 * fuzz_s3_listing.c - any bytes as a listing of S3: files with plain names, or an error.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "sync/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rw_listing listing = {0};
    char next[RW_CONTINUE_MAX + 1];
    rowan_error error = {0};
    rowan_status status =
        rw_s3_listing_parse((const char *)data, size, "a/b/", &listing, next, &error);
    check(status == ROWAN_OK || (error.status == status && error.what[0] != '\0'));
    check(memchr(next, '\0', sizeof next) != NULL);
    check(listing.n <= listing.n_seen && listing.n_seen <= RW_ENTRIES_MAX);
    for (size_t i = 0; i < listing.n; i++)
        check(rw_name_is_plain(listing.files[i].name, strlen(listing.files[i].name)));
    rw_listing_free(&listing);
    return 0;
}
