/*
 * table.c - the settings of `rowan serve`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "serve/parts.h"

#define FIELD(name) offsetof(struct rw_serve_settings, name)

static const struct rw_choice access_logs[] = {{"off", 0}, {"json", 1}, {NULL, 0}};
static const struct rw_choice verifications[] = {{"on", 0}, {"optional", 1}, {NULL, 0}};

const struct rw_setting rw_serve_table[RW_SERVE_N_SETTINGS] = {
    {"API_HOST", NULL, "ADDRESS", "127.0.0.1", .heading = "Where it listens",
     .text = "IPv4 address, IPv6 address or host name to listen on; 0.0.0.0 is every IPv4 address.",
     .field = FIELD(api_host), .take = rw_take_host},
    {"API_PORT", NULL, "PORT", "8000", .text = "Port.", .low = 1, .high = 65535,
     .field = FIELD(api_port), .take = rw_take_port},

    {"MODEL_DIR", NULL, "DIR", "models/fraud", .heading = "What it serves",
     .text = "Model directory, or a link to one; replace the link by rename(2) and the new model "
             "is served, with no restart.",
     .field = FIELD(model_dir), .take = rw_take_path},
    {"MODEL_OPTIONAL", NULL, "0|1", "0",
     .text = "1: start without the model, and serve it once it is there.", .choices = rw_switch,
     .field = FIELD(model_optional), .take = rw_take_switch},
    {"CHALLENGER_DIR", NULL, "DIR", .initial_text = "none",
     .text =
         "A second model directory, or a link to one, that is served beside the model; while it "
         "is missing or refused, MODEL_DIR answers everything.",
     .field = FIELD(challenger_dir), .take = rw_take_path},
    {"CHALLENGER_SHARE", NULL, "0 to 100", "0",
     .text = "Percent of the requests for a prediction that the challenger answers, with at most 2 "
             "decimals; needs CHALLENGER_DIR.",
     .field = FIELD(challenger_share), .take = rw_take_percent},
    {"CHALLENGER_SHADOW", NULL, "0|1", "0",
     .text = "1: the challenger scores every prediction again; the metrics count it, and the "
             "answer is thrown away. Needs CHALLENGER_DIR.",
     .choices = rw_switch, .field = FIELD(challenger_shadow), .take = rw_take_switch},
    {"ENVIRONMENT", NULL, "NAME", "development",
     .text = "Told by GET /health: 1 to 64 letters, digits, '_', '.' or '-'.",
     .field = FIELD(environment), .take = rw_take_environment},

    {"LOG_LEVEL", NULL, "LEVEL", "info", .heading = "What it writes",
     .text = "Lines of the log, on standard error, below this level are left out.",
     .choices = rw_log_levels, .field = FIELD(log_level), .take = rw_take_choice},
    {"ROWAN_ACCESS_LOG", NULL, "off|json", "off", .text = "json: one line of JSON a request.",
     .choices = access_logs, .field = FIELD(access_log), .take = rw_take_choice},
    {"ROWAN_ACCESS_LOG_FILE", NULL, "FILE", .initial_text = "/dev/stdout",
     .text = "Where the lines go; needs ROWAN_ACCESS_LOG=json.", .field = FIELD(access_log_file),
     .take = rw_take_path},
    {"ROWAN_ACCESS_LOG_SAMPLE", NULL, "0 to 1", "1",
     .text = "Fraction of the lines that is kept, with at most 4 decimals; of errors, all are.",
     .field = FIELD(access_log_sample), .take = rw_take_fraction},
    {"REPLICA_ID", NULL, "NAME", .initial_text = "the host's name",
     .text = "Name of this instance, in the lines, in GET /health and with GET /metrics: 1 to 253 "
             "letters, digits, '_', '.' or '-'.",
     .field = FIELD(instance), .take = rw_take_instance},

    {"API_KEYS", NULL, "FILE", .initial_text = "none", .heading = "Who may ask",
     .text = "File of API keys, a line each as `rowan key` prints it.", .field = FIELD(api_keys),
     .take = rw_take_file},
    {"API_KEYS_REQUIRED", NULL, "0|1", "0",
     .text = "1: no prediction without a key; needs API_KEYS.", .choices = rw_switch,
     .field = FIELD(api_keys_required), .take = rw_take_switch},
    {"TLS_CERTIFICATE", NULL, "FILE", .initial_text = "none",
     .text = "PEM file: HTTPS with HTTP/2 instead of HTTP; needs TLS_KEY.",
     .field = FIELD(tls_certificate), .take = rw_take_file},
    {"TLS_KEY", NULL, "FILE", .initial_text = "none",
     .text = "PEM file: the certificate's private key.", .field = FIELD(tls_key),
     .take = rw_take_file},
    {"TLS_CLIENT_CA", NULL, "FILE", .initial_text = "none",
     .text = "PEM file: clients need a certificate that it signed; needs TLS_CERTIFICATE.",
     .field = FIELD(tls_client_ca), .take = rw_take_file},
    {"TLS_CLIENT_VERIFY", NULL, "on|optional", "on",
     .text = "optional: a client's certificate is checked if there is one.",
     .choices = verifications, .field = FIELD(tls_client_verify), .take = rw_take_choice},

    {"RATE_LIMIT", NULL, "N", "2000", .heading = "Limits",
     .text = "Requests a second of one client; more get 429.", .word = "off", .low = 1,
     .high = 1000000, .field = FIELD(rate_limit), .take = rw_take_number},
    {"RATE_BURST", NULL, "N", "1000", .text = "Requests of one client at once beyond RATE_LIMIT.",
     .high = 1000000, .field = FIELD(rate_burst), .take = rw_take_number},
    {"CLIENT_CONNECTIONS", NULL, "N", "256", .text = "Requests of one client at the same time.",
     .word = "off", .low = 1, .high = 65535, .field = FIELD(client_connections),
     .take = rw_take_number},
    {"SHED_TARGET", NULL, "MS", "5",
     .text = "Milliseconds that requests may wait in the event loop before some are refused with "
             "503.",
     .word = "off", .low = 1, .high = 50, .field = FIELD(shed_target), .take = rw_take_number},
    {"TRUSTED_PROXIES", NULL, "ADDRESS,...", .initial_text = "none",
     .text = "Addresses and networks whose X-Forwarded-For says who a client is.",
     .field = FIELD(trusted_proxies), .take = rw_take_proxies},
    {"CLIENT_TIMEOUT", NULL, "SECONDS", "10",
     .text = "Seconds for a header, a body, the reading of a reply.", .low = 1, .high = 3600,
     .field = FIELD(client_timeout), .take = rw_take_number},
    {"BODY_MAX", NULL, "SIZE", "8m",
     .text = "Largest request body: bytes, kilobytes (512k) or megabytes (8m).",
     .field = FIELD(body_max), .take = rw_take_size},
    {"BODY_BUFFER", NULL, "SIZE", .initial_text = "as BODY_MAX",
     .text = "Larger bodies go through a temporary file.", .field = FIELD(body_buffer),
     .take = rw_take_size},
    {"CONNECTIONS", NULL, "N", "4096", .text = "Connections of each process.", .low = 64,
     .high = 65535, .field = FIELD(connections), .take = rw_take_number},
    {"WORKERS", NULL, "N", "auto",
     .text = "Processes; auto: as many as CPUs may be used, by affinity and cgroup quota, rounded "
             "up.",
     .word = "auto", .low = 1, .high = RW_SERVE_WORKERS_MAX, .field = FIELD(workers),
     .take = rw_take_number},

    {"RUNTIME_DIR", NULL, "DIR", "/run/rowan", .heading = "Where things lie",
     .text = "Folder of this server alone, for nginx.conf, temporary files and compiled models; "
             "best on a tmpfs.",
     .field = FIELD(runtime_dir), .take = rw_take_path},
    {"METRICS_DIR", NULL, "DIR", .initial_text = "RUNTIME_DIR/metrics",
     .text = "Folder in which processes count; with the same one in rowan-stream, GET /metrics "
             "tells of both. It is not emptied.",
     .field = FIELD(metrics_dir), .take = rw_take_path},
    {"ROWAN_SHARE_DIR", NULL, "DIR", .initial_text = "share/rowan beside the program's bin",
     .text = "Folder with conf/ and pages/, as installed.", .field = FIELD(share_dir),
     .take = rw_take_path},
    {"ROWAN_MODULE", NULL, "FILE", .initial_text = "none: it is part of nginx",
     .text = "The module ngx_http_rowan_module.so.", .field = FIELD(module), .take = rw_take_file},
    {"NGINX", NULL, "PROGRAM", "nginx", .text = "The program, or its name in PATH and /usr/sbin.",
     .field = FIELD(nginx), .take = rw_take_text},
};

void rw_serve_help(FILE *to) {
    rw_settings_help(to, rw_serve_table, RW_SERVE_N_SETTINGS);
}

void rw_serve_list_settings(FILE *to) {
    rw_settings_list(to, rw_serve_table, RW_SERVE_N_SETTINGS);
}

void rw_serve_env_example(FILE *to) {
    rw_settings_example(to, rw_serve_table, RW_SERVE_N_SETTINGS);
}
