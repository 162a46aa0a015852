/*
 * http.h - requests to a server that may be down, slow, or lie.
 *
 * One connection at a time, kept open between requests.  Every answer has a bound in bytes and in
 * time; redirects are bounded, stay with HTTP(S), and carry no credentials to another host.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_HTTP_H
#define RW_SYNC_HTTP_H

#include "sync/settings.h"
#include "sync/trouble.h"

/* Bounds. */
#define RW_HTTP_URL_MAX       8192u       /* bytes of an address, escaped */
#define RW_HTTP_REDIRECTS_MAX 3u          /* of one request */
#define RW_HTTP_TEXT_MAX      (4u << 20)  /* bytes of an answer that is kept in memory */
#define RW_HTTP_REFUSAL_MAX   (64u << 10) /* bytes of an answer that is no success */
#define RW_HTTP_SLOWEST       1024u       /* bytes/s; SYNC_TIMEOUT below it is no progress */
#define RW_ROOM_RESERVE       (4u << 20)  /* bytes that are left to others on the disk */
#define RW_SHA256_BYTES       32u
#define RW_RETRY_AFTER_MAX    3600u /* seconds that a server may ask for */

enum rw_http_whom { RW_HTTP_REGISTRY, RW_HTTP_S3 }; /* whose credentials a request has */

struct rw_http;

struct rw_http *rw_http_new(const struct rw_sync_settings *settings); /* NULL without memory */
void rw_http_free(struct rw_http *http);

/* All requests from now on end within so many seconds. */
void rw_http_set_deadline(struct rw_http *http, uint32_t seconds);

/* An answer in memory.  `text` has a zero byte behind it. */
struct rw_http_text {
    long status; /* of HTTP: any, for the caller to judge */
    char *text;  /* malloc'ed */
    size_t size;
};

/* GET.  False (RW_FAILED) if there was no whole answer within the bounds. */
bool rw_http_get(struct rw_http *http, enum rw_http_whom whom, const char *url,
                 struct rw_http_text *answer, struct rw_trouble *trouble);

/* What came into a file. */
struct rw_http_file {
    uint64_t size;
    unsigned char sha256[RW_SHA256_BYTES];
};

/* GET into a file, whose name `name` is for errors.  False: it failed, or has more than `limit`
 * bytes, or there is no room for it (RW_REFUSED_TOO_LARGE). */
bool rw_http_download(struct rw_http *http, enum rw_http_whom whom, const char *url,
                      const char *name, int fd, uint64_t limit, struct rw_http_file *file,
                      struct rw_trouble *trouble);

/* Is there room for so many bytes more beside the file or folder `fd`, and some for others? */
bool rw_http_has_room(int fd, uint64_t bytes);
/* What a failure to write `name` is: RW_REFUSED_TOO_LARGE if `number` (errno) says that there is
 * no room. */
bool rw_http_explain_write(const char *name, int number, struct rw_trouble *trouble);

/* Seconds that an answer since the deadline was set has asked to be left alone for (Retry-After),
 * up to RW_RETRY_AFTER_MAX. */
uint32_t rw_http_retry_after(const struct rw_http *http);

/* Bytes that came into files since the last call. */
uint64_t rw_http_downloaded(struct rw_http *http);

/* Appends `text` as part of an address; slashes stay if `is_path`. */
void rw_url_add(struct rw_buffer *url, const char *text, bool is_path);
/* Ends the text; false if it was longer than the buffer. */
bool rw_url_end(struct rw_buffer *url);

#endif
