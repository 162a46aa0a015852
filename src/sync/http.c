/*
 * http.c - requests by libcurl, with bounds.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "sync/http.h"

#define SESSION_HEADER "x-amz-security-token: "
#define SERVICE_BYTES  (RW_SYNC_NAME_MAX + 32)
#define OK(status)     ((status) >= 200 && (status) < 300)

struct rw_http {
    const struct rw_sync_settings *settings;
    CURL *easy;
    struct curl_slist *s3_headers; /* the session's token */
    EVP_MD_CTX *digest;
    uint64_t downloaded;
    char said[CURL_ERROR_SIZE];
};

/* Where the bytes of one answer go: into memory, or into a file. */
struct sink {
    struct rw_http *http;
    char *text;
    size_t capacity;
    int fd; /* -1: memory */
    uint64_t size, limit;
    bool too_large, no_memory;
    int write_error; /* errno */
};

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
    if (is_refusal && sink->size + n > RW_HTTP_REFUSAL_MAX)
        return n; /* nobody reads a novel about it */
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

static void authenticate(struct rw_http *http, enum rw_http_whom whom) {
    const struct rw_sync_settings *settings = http->settings;
    char service[SERVICE_BYTES];
    if (whom == RW_HTTP_S3) {
        snprintf(service, sizeof service, "aws:amz:%s:s3", settings->s3_region);
        curl_easy_setopt(http->easy, CURLOPT_AWS_SIGV4, service);
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
}

/* A signature is for one address: a redirect of S3 is an answer like others.  libcurl sends
 * name, password and token to the host, port and scheme of the first request only. */
static void bound(struct rw_http *http, enum rw_http_whom whom, const char *url, long seconds) {
    const struct rw_sync_settings *settings = http->settings;
    const bool is_tls = strncasecmp(url, "https:", 6) == 0;
    CURL *easy = http->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, is_tls ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, whom == RW_HTTP_S3 ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)RW_HTTP_REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)settings->timeout);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)RW_HTTP_SLOWEST);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)settings->timeout);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, seconds);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "rowan-sync/" ROWAN_VERSION);
    if (settings->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
}

static bool explain(struct rw_http *http, const struct sink *sink, const char *what, CURLcode code,
                    struct rw_trouble *trouble) {
    if (sink->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return rw_refuse(trouble, sink->fd >= 0 ? RW_REFUSED_TOO_LARGE : RW_FAILED, what, NULL,
                         "has more than the %llu bytes that it may have",
                         (unsigned long long)sink->limit);
    if (sink->write_error)
        return rw_trouble(trouble, what, "is there room beside MODEL_DIR?", "cannot write it: %s",
                          strerror(sink->write_error));
    if (sink->no_memory || code == CURLE_OUT_OF_MEMORY)
        return rw_trouble(trouble, what, NULL, "no memory");
    const char *remedy = code == CURLE_OPERATION_TIMEDOUT ? "SYNC_TIMEOUT says how long to wait"
                         : code == CURLE_PEER_FAILED_VERIFICATION
                             ? "name its authority in MLFLOW_TRACKING_SERVER_CERT_PATH"
                             : NULL;
    return rw_trouble(trouble, what, remedy, "%s",
                      http->said[0] ? http->said : curl_easy_strerror(code));
}

static bool perform(struct rw_http *http, enum rw_http_whom whom, const char *url,
                    struct sink *sink, long *status, const char *what, struct rw_trouble *trouble) {
    const bool is_file = sink->fd >= 0;
    curl_easy_reset(http->easy); /* connections stay */
    bound(http, whom, url, is_file ? (long)RW_HTTP_SECONDS_MAX : (long)http->settings->timeout);
    authenticate(http, whom);
    http->said[0] = '\0';
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->said);
    curl_easy_setopt(http->easy, CURLOPT_URL, url);
    curl_easy_setopt(http->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)sink->limit);
    curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, sink);
    const CURLcode code = curl_easy_perform(http->easy);
    if (code != CURLE_OK)
        return explain(http, sink, what, code, trouble);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, status);
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

uint64_t rw_http_downloaded(struct rw_http *http) {
    const uint64_t bytes = http->downloaded;
    http->downloaded = 0;
    return bytes;
}

/* ---- life ---------------------------------------------------------------------------- */

static bool add_session(struct rw_http *http) {
    const char *token = http->settings->s3_session;
    if (!token)
        return true;
    const size_t size = sizeof SESSION_HEADER + strlen(token);
    char *header = malloc(size);
    if (header) {
        snprintf(header, size, SESSION_HEADER "%s", token);
        http->s3_headers = curl_slist_append(NULL, header); /* signed with the others */
    }
    free(header);
    return http->s3_headers != NULL;
}

struct rw_http *rw_http_new(const struct rw_sync_settings *settings) {
    struct rw_http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    http->settings = settings;
    http->easy = curl_easy_init();
    http->digest = EVP_MD_CTX_new();
    if (http->easy && http->digest && add_session(http))
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
