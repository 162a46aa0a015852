/*
 * fuzz_keys.c - any bytes as a key file: keys that can be found, or an error with its line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "keys/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

static void check_keys(const struct rw_keys *keys) {
    check(keys->n <= RW_KEYS_MAX);
    for (size_t i = 0; i < keys->n; i++) {
        const struct rw_key *key = &keys->keys[i];
        check(rw_key_name_valid(key->name, strlen(key->name)));
        check(key->class < RW_KEY_CLASSES && key->line > 0);
        check(rw_keys_find(keys, key->digest) == key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rw_keys *keys = NULL;
    rowan_error error = {0};
    if (rw_keys_parse((const char *)data, size, &keys, &error) == ROWAN_OK) {
        check_keys(keys);
        rw_keys_free(keys);
    } else {
        check(error.what[0] != '\0' && strncmp(error.where, "line ", 5) == 0);
    }
    return 0;
}
