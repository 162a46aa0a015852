/*
 * fuzz_registry.c - any bytes as an answer of MLflow: values within their bounds, or an error.
 *
 * The first byte chooses whose answer it is.
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

static void check_error(rowan_status status, const rowan_error *error) {
    check(status == ROWAN_OK || (error->status == status && error->what[0] != '\0'));
}

static void check_listing(const char *json, size_t size) {
    struct rw_listing listing = {0};
    rowan_error error = {0};
    check_error(rw_artifacts_parse(json, size, &listing, &error), &error);
    check(listing.n <= listing.n_seen && listing.n_seen <= RW_ENTRIES_MAX);
    for (size_t i = 0; i < listing.n; i++)
        check(rw_name_is_plain(listing.files[i].name, strlen(listing.files[i].name)));
    rw_listing_free(&listing);
}

static void check_digests(const char *json, size_t size) {
    struct rw_digests digests;
    rowan_error error = {0};
    check_error(rw_digests_parse(json, size, &digests, &error), &error);
    check(digests.n <= RW_DIGESTS_MAX);
    for (size_t i = 0; i < digests.n; i++)
        check(rw_name_is_plain(digests.digests[i].name, strlen(digests.digests[i].name)));
}

static void check_registered(const char *json, size_t size) {
    struct rw_registered registered;
    rowan_error error = {0};
    rowan_status status = rw_registered_parse(json, size, &registered, &error);
    check_error(status, &error);
    check(status != ROWAN_OK || !registered.version[0] ||
          rw_name_is_plain(registered.version, strlen(registered.version)));
}

static void check_run(const char *json, size_t size) {
    struct rw_run run;
    rowan_error error = {0};
    rowan_status status = rw_run_parse(json, size, &run, &error);
    check_error(status, &error);
    check(status != ROWAN_OK || run.artifact_uri[0]);
}

static void check_uri(const char *json, size_t size) {
    char uri[RW_ARTIFACT_MAX + 1], text[64];
    rowan_error error = {0};
    check_error(rw_artifact_uri_parse(json, size, uri, &error), &error);
    check_error(rw_logged_model_parse(json, size, uri, &error), &error);
    rw_registry_error_parse(json, size, text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(const char *, size_t) = {check_listing, check_digests,
                                                           check_registered, check_run, check_uri};
    if (size == 0)
        return 0;
    checks[data[0] % (sizeof checks / sizeof *checks)]((const char *)data + 1, size - 1);
    return 0;
}
