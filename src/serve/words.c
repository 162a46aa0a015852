/*
 * words.c - the words @NAME@ of conf/rowan.conf.in: what each of them stands for.
 *
 * Values have been checked (values.c): none of them can end what it stands in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <sys/resource.h>

#include "serve/parts.h"

typedef void print_word(FILE *to, const struct rw_serve_settings *settings);

/* ---- processes ------------------------------------------------------------------------------ */

static void print_module(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->module)
        fprintf(to, "load_module \"%s\";", settings->module);
}

static void print_workers(FILE *to, const struct rw_serve_settings *settings) {
    fprintf(to, "%u", settings->workers);
}

/* The hard limit: nginx raises its own one up to it. */
static void print_open_files(FILE *to, const struct rw_serve_settings *settings) {
    (void)settings;
    struct rlimit limit = {.rlim_max = RW_SERVE_OPEN_FILES_MAX};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > RW_SERVE_OPEN_FILES_MAX)
        limit.rlim_max = RW_SERVE_OPEN_FILES_MAX; /* RLIM_INFINITY, too */
    fprintf(to, "%ju", (uintmax_t)limit.rlim_max);
}

static void print_connections(FILE *to, const struct rw_serve_settings *settings) {
    fprintf(to, "%u", settings->connections);
}

static void print_log_level(FILE *to, const struct rw_serve_settings *settings) {
    fputs(rw_log_level_nginx(settings->log_level), to);
}

/* A client that has just been answered may already be sending again when nginx is told to end.
 * nginx before 1.27.4 cannot spare its connection; one that has the module inside is newer. */
static void print_leave(FILE *to, const struct rw_serve_settings *settings) {
    if (!settings->module)
        fputs("keepalive_min_timeout 5s;", to);
}

/* ---- places ----------------------------------------------------------------------------- */

static void print_runtime(FILE *to, const struct rw_serve_settings *settings) {
    fputs(settings->runtime_dir, to);
}

static void print_metrics(FILE *to, const struct rw_serve_settings *settings) {
    fputs(settings->metrics_dir, to);
}

static void print_share(FILE *to, const struct rw_serve_settings *settings) {
    fputs(settings->share_dir, to);
}

static void print_model(FILE *to, const struct rw_serve_settings *settings) {
    fprintf(to, "\"%s\"%s", settings->model_dir, settings->model_optional ? " optional" : "");
}

/* ---- the challenger ---------------------------------------------------------------------- */

static bool is_split(const struct rw_serve_settings *settings) {
    return settings->challenger_share > 0 && settings->challenger_share < RW_SERVE_SAMPLE_ALL;
}

/* Not split by $request_id alone, as the sample of the access log is: it would be the same part. */
static void print_challenger(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->challenger_dir)
        fprintf(to, "rowan_model       challenger \"%s\" optional;", settings->challenger_dir);
    if (is_split(settings))
        fprintf(to,
                "\n    split_clients     challenger$request_id $rowan_arm "
                "{ %u.%02u%% challenger; * fraud; }",
                settings->challenger_share / 100, settings->challenger_share % 100);
}

static void print_predict(FILE *to, const struct rw_serve_settings *settings) {
    if (is_split(settings))
        fputs("rowan_predict $rowan_arm fraud;", to);
    else if (settings->challenger_share)
        fputs("rowan_predict challenger fraud;", to);
    else
        fputs("rowan_predict fraud;", to);
    if (settings->challenger_shadow)
        fputs("\n            mirror /.shadow;", to);
}

static void print_challenger_locations(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->challenger_dir)
        fputs("location = /health/challenger { rowan_health challenger; }", to);
    if (settings->challenger_shadow)
        fputs("\n        location = /.shadow { internal; rowan_predict challenger; }", to);
}

static void print_environment(FILE *to, const struct rw_serve_settings *settings) {
    fputs(settings->environment, to);
}

/* ---- the access log --------------------------------------------------------------------- */

static void print_replica(FILE *to, const struct rw_serve_settings *settings) {
    fputs(settings->instance, to);
}

static void print_access_log(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->access_log)
        fprintf(to, "\"%s\" rowan if=$rowan_logged",
                settings->access_log_file ? settings->access_log_file : "/dev/stdout");
    else
        fputs("off", to);
}

static bool is_sampled(const struct rw_serve_settings *settings) {
    return settings->access_log_sample > 0 && settings->access_log_sample < RW_SERVE_SAMPLE_ALL;
}

static void print_sample(FILE *to, const struct rw_serve_settings *settings) {
    if (is_sampled(settings))
        fprintf(to, "split_clients $request_id $rowan_sampled { %u.%02u%% 1; * 0; }",
                settings->access_log_sample / 100, settings->access_log_sample % 100);
}

static void print_sampled(FILE *to, const struct rw_serve_settings *settings) {
    if (is_sampled(settings))
        fputs("$rowan_sampled", to);
    else
        fputs(settings->access_log_sample ? "1" : "0", to);
}

/* ---- who may ask ------------------------------------------------------------------------ */

static void print_listen(FILE *to, const struct rw_serve_settings *settings) {
    const char *host = settings->api_host;
    const bool is_bare = strchr(host, ':') && *host != '[';
    fprintf(to, "%s%s%s:%u backlog=4096%s%s", is_bare ? "[" : "", host, is_bare ? "]" : "",
            settings->api_port, settings->tls_certificate ? " ssl" : "",
            settings->tls_certificate && settings->module ? " http2" : "");
}

static void print_tls(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->tls_certificate)
        fprintf(to,
                "ssl_certificate     \"%s\";\n"
                "        ssl_certificate_key \"%s\";\n"
                "        ssl_protocols       TLSv1.2 TLSv1.3;\n"
                "        ssl_session_cache   shared:tls:10m;\n"
                "        ssl_session_tickets off;%s",
                settings->tls_certificate, settings->tls_key,
                settings->module ? "" : "\n        http2               on;");
    if (settings->tls_client_ca)
        fprintf(to,
                "\n        ssl_client_certificate \"%s\";\n"
                "        ssl_verify_client      %s;",
                settings->tls_client_ca, settings->tls_client_verify ? "optional" : "on");
}

static void print_api_keys(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->api_keys)
        fprintf(to, "rowan_api_keys \"%s\"%s;", settings->api_keys,
                settings->api_keys_required ? " required" : "");
}

/* ---- limits ----------------------------------------------------------------------------- */

static void print_body_max(FILE *to, const struct rw_serve_settings *settings) {
    fputs(settings->body_max, to);
}

static void print_body_buffer(FILE *to, const struct rw_serve_settings *settings) {
    fputs(settings->body_buffer, to);
}

static void print_client_timeout(FILE *to, const struct rw_serve_settings *settings) {
    fprintf(to, "%us", settings->client_timeout);
}

static void print_rate(FILE *to, const struct rw_serve_settings *settings) {
    fprintf(to, "%u", settings->rate_limit ? settings->rate_limit : 1);
}

static void print_rate_limit(FILE *to, const struct rw_serve_settings *settings) {
    if (!settings->rate_limit)
        return;
    fputs("limit_req zone=rowan_rate", to);
    if (settings->rate_burst) /* nginx has no word for none */
        fprintf(to, " burst=%u nodelay", settings->rate_burst);
    fputs(";", to);
}

static void print_connection_limit(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->client_connections)
        fprintf(to, "limit_conn rowan_connections %u;", settings->client_connections);
}

static void print_shed(FILE *to, const struct rw_serve_settings *settings) {
    if (settings->shed_target)
        fprintf(to, "rowan_shed $rowan_priority target=%ums interval=50ms;", settings->shed_target);
}

static void print_trusted_proxies(FILE *to, const struct rw_serve_settings *settings) {
    static const char separators[] = ", \t";
    const char *at = settings->trusted_proxies ? settings->trusted_proxies : "";
    bool has_any = false;
    for (at += strspn(at, separators); *at; at += strspn(at, separators), has_any = true) {
        const size_t length = strcspn(at, separators);
        fprintf(to, "set_real_ip_from %.*s;\n    ", (int)length, at);
        at += length;
    }
    if (has_any)
        fputs("real_ip_header X-Forwarded-For; real_ip_recursive on;", to);
}

/* ---- all of them ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    print_word *print;
} words[] = {
    {"ACCESS_LOG", print_access_log},
    {"ACCESS_LOG_SAMPLE", print_sample},
    {"ACCESS_LOG_SAMPLED", print_sampled},
    {"API_KEYS", print_api_keys},
    {"BODY_BUFFER", print_body_buffer},
    {"BODY_MAX", print_body_max},
    {"CHALLENGER", print_challenger},
    {"CHALLENGER_LOCATIONS", print_challenger_locations},
    {"CLIENT_TIMEOUT", print_client_timeout},
    {"CONNECTIONS", print_connections},
    {"CONNECTION_LIMIT", print_connection_limit},
    {"ENVIRONMENT", print_environment},
    {"LEAVE", print_leave},
    {"LISTEN", print_listen},
    {"LOG_LEVEL", print_log_level},
    {"METRICS", print_metrics},
    {"MODEL", print_model},
    {"MODULE", print_module},
    {"OPEN_FILES", print_open_files},
    {"PREDICT", print_predict},
    {"RATE", print_rate},
    {"RATE_LIMIT", print_rate_limit},
    {"REPLICA_ID", print_replica},
    {"RUNTIME", print_runtime},
    {"SHARE", print_share},
    {"SHED", print_shed},
    {"TLS", print_tls},
    {"TRUSTED_PROXIES", print_trusted_proxies},
    {"WORKERS", print_workers},
};

bool rw_serve_word(const struct rw_serve_settings *settings, const char *name, size_t length,
                   FILE *to) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, name, length) == 0) {
            words[i].print(to, settings);
            return true;
        }
    return false;
}
