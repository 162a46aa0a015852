/*
 * http.c - requests by libcurl, with bounds.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "sync/http.h"

#define SESSION_HEADER "x-amz-security-token: "
#define SERVICE_BYTES  (RW_SYNC_NAME_MAX + 32)
#define ROOM_EVERY     (1u << 20) /* bytes written between two looks at the room */
#define MS_PER_SECOND  1000

/* SHA-256 of nothing, which a GET has.  S3 wants to be told, and other servers do not mind. */
static const char no_content[] =
    "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
#define OK(status) ((status) >= 200 && (status) < 300)

struct rw_http {
    const struct rw_sync_settings *settings;
    CURL *easy;
    struct curl_slist *s3_headers; /* signed with the others */
    int64_t deadline;              /* ms of the monotonic clock */
    EVP_MD_CTX *digest;
    uint64_t downloaded;
    uint32_t retry_after; /* seconds; the longest since the deadline was set */
    char said[CURL_ERROR_SIZE];
};

/* Where the bytes of one answer go: into memory, or into a file. */
struct sink {
    struct rw_http *http;
    char *text;
    size_t capacity;
    int fd; /* -1: memory */
    uint64_t size, limit;
    uint64_t unchecked; /* bytes written since the last look at the room */
    bool too_large, no_memory, is_cut;
    int write_error; /* errno */
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000;
}

/* ---- sinks --------------------------------------------------------------------------- */

static bool keep(struct sink *sink, const char *bytes, size_t size) {
    if (sink->size + size + 1 > sink->capacity) {
        const size_t capacity = (size_t)sink->size * 2 + size + 1024;
        char *larger = realloc(sink->text, capacity);
        sink->no_memory = !larger;
        if (!larger)
            return false;
        sink->text = larger;
        sink->capacity = capacity;
    }
    memcpy(sink->text + sink->size, bytes, size);
    sink->text[sink->size + size] = '\0';
    return true;
}

static bool write_file(struct sink *sink, const char *bytes, size_t size) {
    EVP_DigestUpdate(sink->http->digest, bytes, size);
    sink->http->downloaded += size;
    sink->unchecked += size;
    if (sink->unchecked >= ROOM_EVERY) {
        sink->unchecked = 0;
        if (!rw_http_has_room(sink->fd, size)) {
            sink->write_error = ENOSPC;
            return false;
        }
    }
    while (size > 0) {
        ssize_t n = write(sink->fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            sink->write_error = errno;
            return false;
        }
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* libcurl's: another number than `n` ends the transfer. */
static size_t take(char *bytes, size_t one, size_t n, void *context) {
    struct sink *sink = context;
    long status = 0;
    (void)one;
    curl_easy_getinfo(sink->http->easy, CURLINFO_RESPONSE_CODE, &status);
    const bool is_refusal = !OK(status);
    sink->is_cut = is_refusal && sink->size + n > RW_HTTP_REFUSAL_MAX;
    if (sink->is_cut)
        return 0; /* nobody reads a novel about it: what came is the answer */
    sink->too_large = !is_refusal && sink->size + n > sink->limit;
    if (sink->too_large)
        return 0;
    const bool to_file = sink->fd >= 0 && !is_refusal;
    if (!(to_file ? write_file(sink, bytes, n) : keep(sink, bytes, n)))
        return 0;
    sink->size += n;
    return n;
}

/* ---- one request ----------------------------------------------------------------------------- */

/* False: this libcurl cannot do what must be done. */
static bool authenticate(struct rw_http *http, enum rw_http_whom whom) {
    const struct rw_sync_settings *settings = http->settings;
    char service[SERVICE_BYTES];
    if (whom == RW_HTTP_S3) {
        snprintf(service, sizeof service, "aws:amz:%s:s3", settings->s3_region);
        if (curl_easy_setopt(http->easy, CURLOPT_AWS_SIGV4, service) != CURLE_OK ||
            curl_easy_setopt(http->easy, CURLOPT_HTTPAUTH, CURLAUTH_AWS_SIGV4) != CURLE_OK)
            return false;
        curl_easy_setopt(http->easy, CURLOPT_USERNAME, settings->s3_key);
        curl_easy_setopt(http->easy, CURLOPT_PASSWORD, settings->s3_secret);
        curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, http->s3_headers);
    } else if (settings->username) {
        curl_easy_setopt(http->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(http->easy, CURLOPT_USERNAME, settings->username);
        curl_easy_setopt(http->easy, CURLOPT_PASSWORD, settings->password);
    } else if (settings->token) {
        curl_easy_setopt(http->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(http->easy, CURLOPT_XOAUTH2_BEARER, settings->token);
    }
    return true;
}

/* A signature is for one address: a redirect of S3 is an answer like others.  libcurl sends
 * name, password and token to the host, port and scheme of the first request only. */
static bool bound(struct rw_http *http, enum rw_http_whom whom, const char *url, int64_t ms) {
    const struct rw_sync_settings *settings = http->settings;
    const bool is_tls = strncasecmp(url, "https:", 6) == 0;
    CURL *easy = http->easy;
    if (curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, is_tls ? "https" : "http,https") !=
            CURLE_OK)
        return false;
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, whom == RW_HTTP_S3 ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)RW_HTTP_REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)settings->timeout);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)RW_HTTP_SLOWEST);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)settings->timeout);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ms);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "rowan-sync/" ROWAN_VERSION);
    if (settings->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* and no others */
    }
    return true;
}

static bool explain(struct rw_http *http, const struct sink *sink, const char *what, CURLcode code,
                    struct rw_trouble *trouble) {
    if (sink->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return rw_refuse(trouble, sink->fd >= 0 ? RW_REFUSED_TOO_LARGE : RW_FAILED, what, NULL,
                         "has more than the %llu bytes that it may have",
                         (unsigned long long)sink->limit);
    if (sink->write_error)
        return rw_http_explain_write(what, sink->write_error, trouble);
    if (sink->no_memory || code == CURLE_OUT_OF_MEMORY)
        return rw_trouble(trouble, what, NULL, "no memory");
    const char *remedy = code == CURLE_OPERATION_TIMEDOUT
                             ? "SYNC_TIMEOUT and SYNC_DEADLINE say how long to wait"
                         : code == CURLE_PEER_FAILED_VERIFICATION
                             ? "name its authority in MLFLOW_TRACKING_SERVER_CERT_PATH"
                             : NULL;
    return rw_trouble(trouble, what, remedy, "%s",
                      http->said[0] ? http->said : curl_easy_strerror(code));
}

/* With a 429 or a 503, as a rule. */
static void note_retry_after(struct rw_http *http) {
    curl_off_t seconds = 0;
    curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > RW_RETRY_AFTER_MAX)
        seconds = RW_RETRY_AFTER_MAX;
    if (seconds > http->retry_after)
        http->retry_after = (uint32_t)seconds;
}

static bool perform(struct rw_http *http, enum rw_http_whom whom, const char *url,
                    struct sink *sink, long *status, const char *what, struct rw_trouble *trouble) {
    const bool is_file = sink->fd >= 0;
    const int64_t left = http->deadline - now_ms(),
                  most = (int64_t)http->settings->timeout * MS_PER_SECOND;
    if (left <= 0)
        return rw_trouble(trouble, what, "SYNC_DEADLINE says how long a look may take",
                          "there was no time left for it");
    curl_easy_reset(http->easy); /* connections stay */
    if (!bound(http, whom, url, is_file || left < most ? left : most) || !authenticate(http, whom))
        return rw_trouble(trouble, what, "use a libcurl with HTTP, HTTPS and AWS_SIGV4",
                          "this libcurl cannot keep the bounds of a request, or sign it");
    http->said[0] = '\0';
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->said);
    curl_easy_setopt(http->easy, CURLOPT_URL, url);
    curl_easy_setopt(http->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)sink->limit);
    curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, sink);
    const CURLcode code = curl_easy_perform(http->easy);
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && sink->is_cut))
        return explain(http, sink, what, code, trouble);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, status);
    note_retry_after(http);
    return true;
}

bool rw_http_get(struct rw_http *http, enum rw_http_whom whom, const char *url,
                 struct rw_http_text *answer, struct rw_trouble *trouble) {
    struct sink sink = {.http = http, .fd = -1, .limit = RW_HTTP_TEXT_MAX};
    *answer = (struct rw_http_text){0};
    bool well = perform(http, whom, url, &sink, &answer->status,
                        whom == RW_HTTP_S3 ? "S3" : "registry", trouble);
    if (well && !sink.text && !(sink.text = calloc(1, 1)))
        well = rw_trouble(trouble, "registry", NULL, "no memory");
    if (!well) {
        free(sink.text);
        return false;
    }
    answer->text = sink.text;
    answer->size = (size_t)sink.size;
    return true;
}

static bool judge(long status, const char *name, const char *text, struct rw_trouble *trouble) {
    char begin[120] = "";
    if (text)
        snprintf(begin, sizeof begin, ": %.100s", text);
    if (status == 404)
        return rw_refuse(trouble, RW_REFUSED_INCOMPLETE, name, "register the model again, whole",
                         "is listed, and cannot be downloaded (HTTP 404)");
    if (!OK(status))
        return rw_trouble(trouble, name, status == 403 ? "may this user read it?" : NULL,
                          "cannot be downloaded (HTTP %ld%s)", status, begin);
    return true;
}

bool rw_http_download(struct rw_http *http, enum rw_http_whom whom, const char *url,
                      const char *name, int fd, uint64_t limit, struct rw_http_file *file,
                      struct rw_trouble *trouble) {
    struct sink sink = {.http = http, .fd = fd, .limit = limit};
    long status = 0;
    *file = (struct rw_http_file){0};
    if (EVP_DigestInit_ex(http->digest, EVP_sha256(), NULL) != 1)
        return rw_trouble(trouble, name, NULL, "no SHA-256 in this OpenSSL");
    bool well = perform(http, whom, url, &sink, &status, name, trouble) &&
                judge(status, name, sink.text, trouble);
    free(sink.text);
    if (!well)
        return false;
    file->size = sink.size;
    EVP_DigestFinal_ex(http->digest, file->sha256, NULL);
    return true;
}

uint32_t rw_http_retry_after(const struct rw_http *http) {
    return http->retry_after;
}

uint64_t rw_http_downloaded(struct rw_http *http) {
    const uint64_t bytes = http->downloaded;
    http->downloaded = 0;
    return bytes;
}

/* ---- time and room ------------------------------------------------------------------------- */

void rw_http_set_deadline(struct rw_http *http, uint32_t seconds) {
    http->retry_after = 0;
    http->deadline = now_ms() + (int64_t)seconds * MS_PER_SECOND;
}

/* What cannot be asked is tried. */
bool rw_http_has_room(int fd, uint64_t bytes) {
    struct statvfs st;
    if (fstatvfs(fd, &st) != 0)
        return true;
    const uint64_t room = (uint64_t)st.f_bavail * st.f_frsize;
    return room >= RW_ROOM_RESERVE && room - RW_ROOM_RESERVE >= bytes;
}

bool rw_http_explain_write(const char *name, int number, struct rw_trouble *trouble) {
    static const char remedy[] = "make room beside MODEL_DIR, or lower SYNC_KEEP";
    if (number == ENOSPC || number == EDQUOT || number == EFBIG)
        return rw_refuse_now(trouble, RW_REFUSED_TOO_LARGE, name, remedy, "no room for it: %s",
                             strerror(number));
    return rw_trouble(trouble, name, remedy, "cannot write it: %s", strerror(number));
}

/* ---- life ---------------------------------------------------------------------------- */

static bool add_headers(struct rw_http *http) {
    const char *token = http->settings->s3_session;
    http->s3_headers = curl_slist_append(NULL, no_content);
    if (!http->s3_headers)
        return false;
    if (!token)
        return true;
    const size_t size = sizeof SESSION_HEADER + strlen(token);
    char *header = malloc(size);
    struct curl_slist *all = NULL;
    if (header) {
        snprintf(header, size, SESSION_HEADER "%s", token);
        all = curl_slist_append(http->s3_headers, header);
    }
    free(header);
    return all != NULL;
}

struct rw_http *rw_http_new(const struct rw_sync_settings *settings) {
    struct rw_http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    http->settings = settings;
    rw_http_set_deadline(http, settings->deadline);
    http->easy = curl_easy_init();
    http->digest = EVP_MD_CTX_new();
    if (http->easy && http->digest && add_headers(http))
        return http;
    rw_http_free(http);
    return NULL;
}

void rw_http_free(struct rw_http *http) {
    if (!http)
        return;
    curl_easy_cleanup(http->easy);
    curl_slist_free_all(http->s3_headers);
    EVP_MD_CTX_free(http->digest);
    free(http);
}
