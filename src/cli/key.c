/*
 * key.c - `rowan key`: a new API key, and its line for the server's file.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/command.h"
#include "keys/keys.h"

#define RANDOM_BYTES 32u /* nobody guesses 256 bits */
#define KEY_BYTES    ((RANDOM_BYTES * 8 + 5) / 6)

static const char *class_name;

static bool fill_random(uint8_t *bytes, size_t size) {
    ssize_t got;
    do
        got = getrandom(bytes, size, 0); /* up to 256 bytes come whole, or not at all */
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)size;
}

/* base64url (RFC 4648, section 5) without padding: safe in headers, URLs and shells. */
static void write_key(const uint8_t *bytes, char key[KEY_BYTES + 1]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < KEY_BYTES; i++) {
        size_t bit = 6 * i, at = bit / 8;
        unsigned two = (unsigned)bytes[at] << 8 | (at + 1 < RANDOM_BYTES ? bytes[at + 1] : 0u);
        key[i] = digits[two >> (10 - bit % 8) & 63];
    }
    key[KEY_BYTES] = '\0';
}

static void print_line(const uint8_t *digest, enum rw_key_class class, const char *name) {
    for (size_t i = 0; i < RW_KEY_DIGEST_BYTES; i++)
        printf("%02x", digest[i]);
    printf(" %s %s\n", rw_key_class_name(class), name);
}

static enum rw_exit make_key(const char *name, enum rw_key_class class) {
    uint8_t bytes[RANDOM_BYTES], digest[RW_KEY_DIGEST_BYTES];
    char key[KEY_BYTES + 1];
    if (!fill_random(bytes, sizeof bytes)) {
        rw_say("key: the system gives no random numbers: %s", strerror(errno));
        return RW_EXIT_REFUSED;
    }
    write_key(bytes, key);
    if (!rw_key_digest(key, KEY_BYTES, digest)) {
        rw_say("key: libcrypto cannot compute SHA-256");
        return RW_EXIT_REFUSED;
    }
    print_line(digest, class, name);
    enum rw_exit written = rw_finish_output(); /* no key whose line is lost */
    if (written == RW_EXIT_OK)
        fprintf(stderr, "%s\n", key);
    else
        clearerr(stdout); /* it has been said */
    return written;
}

static enum rw_exit run(const char *const *operands) {
    enum rw_key_class class = RW_KEY_NORMAL;
    if (!rw_key_name_valid(operands[0], strlen(operands[0]))) {
        rw_say(
            "key: %s: a name has 1 to %u letters, digits, '_', '.' and '-' (see rowan key --help)",
            operands[0], RW_KEY_NAME_MAX);
        return RW_EXIT_USAGE;
    }
    if (class_name && !rw_key_class_find(class_name, strlen(class_name), &class)) {
        rw_say("key: --class %s: must be high, normal or low (see rowan key --help)", class_name);
        return RW_EXIT_USAGE;
    }
    return make_key(operands[0], class);
}

static const struct rw_option options[] = {
    {.name = "class",
     .argument = "CLASS",
     .text = "high, normal or low: who is served first when not all can be.\nDefault: normal.",
     .value = &class_name},
    {0}};

const struct rw_command rw_command_key = {
    .name = "key",
    .summary = "makes an API key for a client of the server",
    .operands = "NAME",
    .n_operands = 1,
    .description =
        "Makes a random key of 256 bits for the client NAME (letters, digits, '_', '.'\n"
        "and '-').  The key goes to standard error and is for the client: it is nowhere\n"
        "else and cannot be shown again.  The line for the server's file of keys, with\n"
        "the SHA-256 of the key, goes to standard output.",
    .options = options,
    .exit_status = "0   the key was made\n"
                   "1   no random numbers, or the line could not be written\n"
                   "2   the command line was wrong",
    .examples = "rowan key payments --class high >>/etc/rowan/keys\n"
                "rowan key payments >>keys 2>payments.key",
    .run = run,
};
