/*
 * listing.c - the files of an artifact's root, whoever listed them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "sync/listing.h"

#define FILES_AT_ONCE 64u

static bool is_printable(const char *name, size_t length) {
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return true;
}

bool rw_name_is_plain(const char *name, size_t length) {
    return length > 0 && length <= RW_FILE_NAME_MAX && name[0] != '.' &&
           !memchr(name, '/', length) && !memchr(name, '\\', length) && is_printable(name, length);
}

rowan_status rw_listing_count(struct rw_listing *listing, rowan_error *error) {
    if (listing->n_seen == RW_ENTRIES_MAX)
        return rw_fail(error, ROWAN_LIMIT, "listing", "log the model into a folder of its own",
                       "the artifact has more than %u files and folders", RW_ENTRIES_MAX);
    listing->n_seen++;
    return ROWAN_OK;
}

static rowan_status make_room(struct rw_listing *listing, rowan_error *error) {
    if (listing->n % FILES_AT_ONCE)
        return ROWAN_OK;
    struct rw_entry_file *larger =
        realloc(listing->files, (listing->n + FILES_AT_ONCE) * sizeof *larger);
    if (!larger)
        return rw_fail(error, ROWAN_NO_MEMORY, "listing", NULL, "no memory");
    listing->files = larger;
    return ROWAN_OK;
}

rowan_status rw_listing_add(struct rw_listing *listing, const char *name, size_t length,
                            uint64_t size, rowan_error *error) {
    rowan_status status = rw_listing_count(listing, error);
    if (status != ROWAN_OK)
        return status;
    if (length > 1 && name[0] == '.' && name[1] != '.' && !memchr(name, '/', length))
        return ROWAN_OK; /* hidden, as editors and file managers leave them */
    if (!rw_name_is_plain(name, length))
        return rw_fail(error, ROWAN_MISMATCH, "listing",
                       "log the model again, with MLflow's client",
                       "'%.*s' is no name of a file in the artifact's folder",
                       length > 80 ? 80 : (int)length, name);
    if ((status = make_room(listing, error)) != ROWAN_OK)
        return status;
    struct rw_entry_file *file = &listing->files[listing->n++];
    memcpy(file->name, name, length);
    file->name[length] = '\0';
    file->size = size;
    return ROWAN_OK;
}

const struct rw_entry_file *rw_listing_find(const struct rw_listing *listing, const char *name) {
    for (size_t i = 0; i < listing->n; i++)
        if (strcmp(listing->files[i].name, name) == 0)
            return &listing->files[i];
    return NULL;
}

void rw_listing_free(struct rw_listing *listing) {
    free(listing->files);
    *listing = (struct rw_listing){0};
}
