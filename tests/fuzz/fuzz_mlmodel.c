/*
 * fuzz_mlmodel.c - any bytes as an MLmodel: flavours and plain names of files, or an error.
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
    struct rw_mlmodel mlmodel;
    rowan_error error = {0};
    rowan_status status = rw_mlmodel_parse((const char *)data, size, &mlmodel, &error);
    check(status == ROWAN_OK || (error.status == status && error.what[0] != '\0'));
    for (int i = 0; i < RW_FLAVOURS; i++)
        check(!mlmodel.data[i][0] || rw_name_is_plain(mlmodel.data[i], strlen(mlmodel.data[i])));
    check(memchr(mlmodel.others, '\0', sizeof mlmodel.others) != NULL);
    return 0;
}
