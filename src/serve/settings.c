/*
 * settings.c - all settings of `rowan serve`: read, and proved together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/parts.h"

static bool is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- defaults that no table can hold --------------------------------------------------- */

/* PREFIX/bin/rowan has PREFIX/share/rowan. */
static rowan_status find_share(char **share, rowan_error *error) {
    static const struct rw_setting row = {.argument = "DIR"};
    char path[PATH_MAX] = "", *end;
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    for (int i = 0; i < 2; i++)
        if ((end = strrchr(path, '/')) != NULL)
            *end = '\0';
    char *found = NULL;
    if (asprintf(&found, "%s/share/rowan", path) < 0)
        return rw_fail(error, ROWAN_NO_MEMORY, "ROWAN_SHARE_DIR", NULL, "no memory for a path");
    rowan_status status = rw_take_path(&row, found, "ROWAN_SHARE_DIR", share, error);
    free(found);
    return status;
}

static rowan_status find_metrics(const struct rw_serve_settings *settings, char **metrics,
                                 rowan_error *error) {
    if (asprintf(metrics, "%s/metrics", settings->runtime_dir) >= 0)
        return ROWAN_OK;
    *metrics = NULL;
    return rw_fail(error, ROWAN_NO_MEMORY, "METRICS_DIR", NULL, "no memory for a path");
}

static rowan_status complete(struct rw_serve_settings *settings, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    if (!settings->instance)
        status = rw_take_host_name(&settings->instance, error);
    if (status == ROWAN_OK && !settings->body_buffer)
        status = rw_store_text(settings->body_max, "BODY_BUFFER", &settings->body_buffer, error);
    if (status == ROWAN_OK && !settings->share_dir)
        status = find_share(&settings->share_dir, error);
    if (status == ROWAN_OK && !settings->metrics_dir)
        status = find_metrics(settings, &settings->metrics_dir, error);
    if (settings->workers == 0)
        settings->workers = rw_serve_cpus("/sys/fs/cgroup", "/proc/self/cgroup");
    if (settings->workers > RW_SERVE_WORKERS_MAX)
        settings->workers = RW_SERVE_WORKERS_MAX;
    return status;
}

/* ---- what goes together ------------------------------------------------------------------- */

static rowan_status needs(const char *name, const char *value, const char *other,
                          rowan_error *error) {
    return rw_fail(error, ROWAN_ARGUMENT, name, NULL, "%s: needs %s", value, other);
}

static rowan_status check_challenger(const struct rw_serve_settings *settings, rowan_error *error) {
    const char *dir = settings->challenger_dir;
    if (!dir && settings->challenger_share)
        return rw_fail(error, ROWAN_ARGUMENT, "CHALLENGER_SHARE", NULL, "needs CHALLENGER_DIR");
    if (!dir && settings->challenger_shadow)
        return needs("CHALLENGER_SHADOW", "1", "CHALLENGER_DIR", error);
    if (!dir)
        return ROWAN_OK;
    if (!settings->challenger_share && !settings->challenger_shadow)
        return needs("CHALLENGER_DIR", dir, "CHALLENGER_SHARE above 0, or CHALLENGER_SHADOW=1",
                     error);
    if (settings->challenger_share == RW_SERVE_SAMPLE_ALL && settings->challenger_shadow)
        return rw_fail(error, ROWAN_ARGUMENT, "CHALLENGER_SHADOW", NULL,
                       "1: with CHALLENGER_SHARE=100 the challenger answers everything itself");
    if (strcmp(dir, settings->model_dir) == 0)
        return rw_fail(error, ROWAN_ARGUMENT, "CHALLENGER_DIR", "name another one, or a link",
                       "%s: is MODEL_DIR", dir);
    return ROWAN_OK;
}

static rowan_status check_together(const struct rw_serve_settings *settings, rowan_error *error) {
    if (settings->access_log_file && !settings->access_log)
        return needs("ROWAN_ACCESS_LOG_FILE", settings->access_log_file, "ROWAN_ACCESS_LOG=json",
                     error);
    if (settings->api_keys_required && !settings->api_keys)
        return needs("API_KEYS_REQUIRED", "1", "API_KEYS", error);
    if (settings->tls_certificate && !settings->tls_key)
        return needs("TLS_CERTIFICATE", settings->tls_certificate, "TLS_KEY", error);
    if (settings->tls_key && !settings->tls_certificate)
        return needs("TLS_KEY", settings->tls_key, "TLS_CERTIFICATE", error);
    if (settings->tls_client_ca && !settings->tls_certificate)
        return needs("TLS_CLIENT_CA", settings->tls_client_ca, "TLS_CERTIFICATE", error);
    return check_challenger(settings, error);
}

static rowan_status check_directories(const struct rw_serve_settings *settings,
                                      rowan_error *error) {
    if (!settings->model_optional && !is_directory(settings->model_dir))
        return rw_fail(error, ROWAN_ARGUMENT, "MODEL_DIR", NULL, "%s: no such directory",
                       settings->model_dir);
    char template[PATH_MAX + 32];
    snprintf(template, sizeof template, "%s/conf/rowan.conf.in", settings->share_dir);
    if (access(template, R_OK) != 0)
        return rw_fail(error, ROWAN_ARGUMENT, "ROWAN_SHARE_DIR",
                       "set it to the folder that holds conf/ and pages/",
                       "%s: no conf/rowan.conf.in there", settings->share_dir);
    return ROWAN_OK;
}

/* ---- all of them ---------------------------------------------------------------------------- */

rowan_status rw_serve_settings_read(char *const *environment, struct rw_serve_settings *settings,
                                    rowan_error *error) {
    memset(settings, 0, sizeof *settings);
    rowan_status status = rw_serve_refuse_unknown(environment, error);
    for (size_t i = 0; i < RW_SERVE_N_SETTINGS && status == ROWAN_OK; i++)
        status = rw_setting_read(&rw_serve_table[i], NULL, environment, settings, error);
    if (status == ROWAN_OK)
        status = complete(settings, error);
    if (status == ROWAN_OK)
        status = check_together(settings, error);
    if (status == ROWAN_OK)
        status = check_directories(settings, error);
    if (status != ROWAN_OK)
        rw_serve_settings_free(settings);
    return status;
}

void rw_serve_settings_free(struct rw_serve_settings *settings) {
    char *const texts[] = {
        settings->api_host,      settings->model_dir,   settings->challenger_dir,
        settings->environment,   settings->api_keys,    settings->access_log_file,
        settings->instance,      settings->tls_key,     settings->tls_certificate,
        settings->tls_client_ca, settings->body_max,    settings->trusted_proxies,
        settings->body_buffer,   settings->runtime_dir, settings->metrics_dir,
        settings->share_dir,     settings->module,      settings->nginx};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    memset(settings, 0, sizeof *settings);
}
