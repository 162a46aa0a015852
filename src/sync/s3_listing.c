/*
 * s3_listing.c - S3's ListObjectsV2, an answer in XML.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "sync/listing.h"

#define KEY_MAX   2048u /* bytes of an object's name with its prefix: S3 has 1024 */
#define DEPTH_MAX 16u

/* The elements that matter: of one name each, wherever they stand. */
enum element { NOTHING, KEY, SIZE, TOKEN };

struct reader {
    XML_Parser parser;
    struct rw_listing *listing;
    const char *prefix;
    char *next;
    enum element inside;
    unsigned depth;
    bool is_listing; /* the root is what it must be */
    char text[KEY_MAX + 1];
    size_t length;
    char key[KEY_MAX + 1];
    size_t key_length;
    uint64_t size;
    rowan_status status;
    rowan_error *error;
};

static void stop(struct reader *reader, rowan_status status) {
    reader->status = status;
    XML_StopParser(reader->parser, XML_FALSE);
}

static void refuse(struct reader *reader, const char *what) {
    stop(reader, rw_fail(reader->error, ROWAN_MALFORMED, "listing of S3",
                         "does MLFLOW_S3_ENDPOINT_URL lead to an S3 server?", "%s", what));
}

static void begin(void *context, const char *name, const char **attributes) {
    struct reader *reader = context;
    (void)attributes;
    if (reader->depth == 0)
        reader->is_listing = strcmp(name, "ListBucketResult") == 0;
    if (++reader->depth > DEPTH_MAX || !reader->is_listing) {
        refuse(reader, "is no ListBucketResult");
        return;
    }
    reader->length = 0;
    reader->inside = strcmp(name, "Key") == 0                     ? KEY
                     : strcmp(name, "Size") == 0                  ? SIZE
                     : strcmp(name, "NextContinuationToken") == 0 ? TOKEN
                                                                  : NOTHING;
    if (strcmp(name, "Contents") == 0) {
        reader->key_length = 0;
        reader->size = RW_SIZE_UNKNOWN;
    }
}

static void add_text(void *context, const char *text, int length) {
    struct reader *reader = context;
    if (reader->inside == NOTHING)
        return;
    if ((size_t)length > KEY_MAX - reader->length) {
        refuse(reader, "has a name that is too long");
        return;
    }
    memcpy(reader->text + reader->length, text, (size_t)length);
    reader->length += (size_t)length;
    reader->text[reader->length] = '\0';
}

static void end_value(struct reader *reader) {
    if (reader->inside == KEY) {
        memcpy(reader->key, reader->text, reader->length);
        reader->key_length = reader->length;
    } else if (reader->inside == SIZE) {
        const bool is_number = reader->length > 0 && reader->length < 19 &&
                               strspn(reader->text, "0123456789") == reader->length;
        reader->size = is_number ? strtoull(reader->text, NULL, 10) : RW_SIZE_UNKNOWN;
    } else if (reader->inside == TOKEN) {
        if (reader->length > RW_CONTINUE_MAX) {
            refuse(reader, "has a token that is too long");
            return;
        }
        memcpy(reader->next, reader->text, reader->length);
        reader->next[reader->length] = '\0';
    }
}

/* The folder itself may be an object of its own. */
static void end_object(struct reader *reader) {
    const size_t length = strlen(reader->prefix);
    if (reader->key_length < length || memcmp(reader->key, reader->prefix, length) != 0) {
        refuse(reader, "names an object outside of the folder that was asked for");
        return;
    }
    if (reader->key_length == length)
        return;
    rowan_status status = rw_listing_add(reader->listing, reader->key + length,
                                         reader->key_length - length, reader->size, reader->error);
    if (status != ROWAN_OK)
        stop(reader, status);
}

static void end(void *context, const char *name) {
    struct reader *reader = context;
    end_value(reader);
    reader->inside = NOTHING;
    reader->length = 0;
    reader->depth--;
    if (reader->status == ROWAN_OK && strcmp(name, "Contents") == 0)
        end_object(reader);
    if (reader->status == ROWAN_OK && strcmp(name, "CommonPrefixes") == 0) {
        rowan_status status = rw_listing_count(reader->listing, reader->error);
        if (status != ROWAN_OK)
            stop(reader, status);
    }
}

/* S3 writes no document type; entities that grow need one. */
static void refuse_doctype(void *context, const char *name, const char *system, const char *public,
                           int has_subset) {
    (void)name, (void)system, (void)public, (void)has_subset;
    refuse(context, "has a document type");
}

rowan_status rw_s3_listing_parse(const char *xml, size_t size, const char *prefix,
                                 struct rw_listing *listing, char next[RW_CONTINUE_MAX + 1],
                                 rowan_error *error) {
    struct reader *reader = calloc(1, sizeof *reader);
    XML_Parser parser = reader ? XML_ParserCreate("UTF-8") : NULL;
    next[0] = '\0';
    if (!parser) {
        free(reader);
        return rw_fail(error, ROWAN_NO_MEMORY, "listing of S3", NULL, "no memory");
    }
    *reader = (struct reader){.parser = parser,
                              .listing = listing,
                              .prefix = prefix,
                              .next = next,
                              .size = RW_SIZE_UNKNOWN,
                              .error = error};
    XML_SetUserData(parser, reader);
    XML_SetElementHandler(parser, begin, end);
    XML_SetCharacterDataHandler(parser, add_text);
    XML_SetStartDoctypeDeclHandler(parser, refuse_doctype);
    const bool parsed = XML_Parse(parser, xml, (int)size, XML_TRUE) == XML_STATUS_OK;
    rowan_status status = reader->status;
    if (!parsed && status == ROWAN_OK)
        status = rw_fail(error, ROWAN_MALFORMED, "listing of S3",
                         "does MLFLOW_S3_ENDPOINT_URL lead to an S3 server?", "is no XML: %s",
                         XML_ErrorString(XML_GetErrorCode(parser)));
    XML_ParserFree(parser);
    free(reader);
    return status;
}
