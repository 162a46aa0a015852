/*
 * lookup.c - a client's key to its line in the file, in a time that tells nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <endian.h>
#include <string.h>

/* SHA-256's own functions: the newer ones look it up by name at every call, and bring all of
 * OpenSSL into a static program. */
#define OPENSSL_API_COMPAT 10101
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "keys/keys.h"

bool rw_key_digest(const char *key, size_t length, uint8_t digest[RW_KEY_DIGEST_BYTES]) {
    SHA256_CTX context;
    return SHA256_Init(&context) && SHA256_Update(&context, key, length) &&
           SHA256_Final(digest, &context);
}

/* The first eight bytes, as a number that sorts as they do. */
static uint64_t leading(const uint8_t *digest) {
    uint64_t bytes;
    memcpy(&bytes, digest, sizeof bytes);
    return be64toh(bytes);
}

/* The first key whose leading bytes are not below.  The number of steps depends on the
 * number of keys alone, and no step branches on a digest. */
static size_t first_not_below(const struct rw_keys *keys, uint64_t wanted) {
    size_t first = 0;
    for (size_t left = keys->n; left > 1;) {
        size_t half = left / 2;
        first += half * (leading(keys->keys[first + half - 1].digest) < wanted);
        left -= half;
    }
    return first + (leading(keys->keys[first].digest) < wanted);
}

const struct rw_key *rw_keys_find(const struct rw_keys *keys,
                                  const uint8_t digest[RW_KEY_DIGEST_BYTES]) {
    if (keys->n == 0)
        return NULL;
    const uint64_t wanted = leading(digest);
    const struct rw_key *key = keys->keys + first_not_below(keys, wanted);
    const struct rw_key *end = keys->keys + keys->n;
    for (; key < end && leading(key->digest) == wanted; key++)
        if (CRYPTO_memcmp(key->digest, digest, RW_KEY_DIGEST_BYTES) == 0)
            return key;
    return NULL;
}
