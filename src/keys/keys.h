/*
 * keys.h - API keys: a file of digests, who they belong to, and how they are looked up.
 *
 * A line of the file is "SHA-256-hex CLASS NAME"; '#' begins a line of comment.  The keys
 * themselves are nowhere: only their digests are kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_KEYS_H
#define RW_KEYS_H

#include "base/base.h"

/* Bounds. */
#define RW_KEYS_FILE_MAX (4u << 20) /* bytes of the file */
#define RW_KEYS_MAX      16384u     /* keys of one file */
#define RW_KEY_NAME_MAX  64u        /* bytes of a client's name */
#define RW_KEY_MAX       256u       /* bytes of a key, as a client sends it */

#define RW_KEY_DIGEST_BYTES 32u /* SHA-256 */

/* Who goes first when not all can be served. */
enum rw_key_class { RW_KEY_LOW, RW_KEY_NORMAL, RW_KEY_HIGH, RW_KEY_CLASSES };

struct rw_key {
    uint8_t digest[RW_KEY_DIGEST_BYTES];
    enum rw_key_class class;
    char name[RW_KEY_NAME_MAX + 1];
    uint32_t line; /* of the file */
};

struct rw_keys {
    size_t n;
    struct rw_key *keys; /* [n], by digest, no two the same */
};

/* Parses the text of a key file.  Two keys may have one name (a client changes its key),
 * but no digest comes twice.  A file without keys is valid: nobody has one.  Errors say
 * the line.  On success the caller frees *keys. */
rowan_status rw_keys_parse(const char *text, size_t size, struct rw_keys **keys,
                           rowan_error *error);
/* The same for a file; errors say the path too. */
rowan_status rw_keys_load(const char *path, struct rw_keys **keys, rowan_error *error);
void rw_keys_free(struct rw_keys *keys); /* may be NULL */

/* The name may have letters, digits, '_', '.' and '-'. */
bool rw_key_name_valid(const char *name, size_t length);
/* "low", "normal" or "high". */
const char *rw_key_class_name(enum rw_key_class class);
bool rw_key_class_find(const char *name, size_t length, enum rw_key_class *class);

/* SHA-256.  False: libcrypto failed. */
bool rw_key_digest(const char *key, size_t length, uint8_t digest[RW_KEY_DIGEST_BYTES]);
/* The key with this digest, or NULL.  Takes the same time for any two digests. */
const struct rw_key *rw_keys_find(const struct rw_keys *keys,
                                  const uint8_t digest[RW_KEY_DIGEST_BYTES]);

#endif
