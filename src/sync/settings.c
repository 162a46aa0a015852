/*
 * settings.c - the table of settings, and how they are read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "sync/settings.h"

#define FIELD(name) offsetof(struct rw_sync_settings, name)

/* A new setting is a row here and a field in settings.h. */
const struct rw_setting rw_sync_table[RW_SYNC_N_SETTINGS] = {
    {"MLFLOW_TRACKING_URI", NULL, "URL", .initial_text = "none: it must be set",
     .heading = "The model registry",
     .text = "Address of the MLflow server, such as https://mlflow.example.com.",
     .field = FIELD(tracking_uri), .take = rw_take_address},
    {"MLFLOW_MODEL_NAME", NULL, "NAME", "fraud", .text = "Name of the registered model.",
     .field = FIELD(name), .take = rw_take_word},
    {"MLFLOW_MODEL_ALIAS", NULL, "ALIAS",
     .initial_text = "champion, where none of the three below is set",
     .text = "Follow the version that has this alias.", .field = FIELD(alias),
     .take = rw_take_word},
    {"MLFLOW_MODEL_STAGE", NULL, "STAGE", .initial_text = "none",
     .text = "Follow the latest version of this stage, such as Production, of an older registry.",
     .field = FIELD(stage), .take = rw_take_word},
    {"MLFLOW_MODEL_VERSION", NULL, "N", .initial_text = "none",
     .text = "Stay with this version of the registry.", .field = FIELD(version),
     .take = rw_take_version},
    {"MLFLOW_RUN_ID", NULL, "ID", .initial_text = "none",
     .text = "Stay with the model that this run has logged under the name model.",
     .field = FIELD(run), .take = rw_take_word},
    {"MLFLOW_TRACKING_USERNAME", NULL, "NAME", .initial_text = "none: nobody asks",
     .text = "Name for basic authentication.", .field = FIELD(username), .take = rw_take_secret},
    {"MLFLOW_TRACKING_PASSWORD", NULL, "PASSWORD", .initial_text = "none",
     .text = "Password that goes with it.", .field = FIELD(password), .take = rw_take_secret},
    {"MLFLOW_TRACKING_TOKEN", NULL, "TOKEN", .initial_text = "none",
     .text = "Bearer token; a name and a password beat it, as in MLflow's own client.",
     .field = FIELD(token), .take = rw_take_secret},
    {"MLFLOW_TRACKING_SERVER_CERT_PATH", NULL, "FILE", .initial_text = "the system's",
     .text = "Certificate authorities (PEM) that the registry and S3 are checked with.",
     .field = FIELD(ca_file), .take = rw_take_text},
    {"MLFLOW_S3_ENDPOINT_URL", NULL, "URL", .initial_text = "AWS's own, of the region",
     .heading = "Artifacts in S3, where the registry does not hand them out itself",
     .text = "Address of the S3 server.", .field = FIELD(s3_endpoint), .take = rw_take_address},
    {"AWS_ACCESS_KEY_ID", NULL, "ID", .initial_text = "none", .text = "Name of the key for S3.",
     .field = FIELD(s3_key), .take = rw_take_secret},
    {"AWS_SECRET_ACCESS_KEY", NULL, "SECRET", .initial_text = "none",
     .text = "The key's secret; requests are signed with it (version 4).",
     .field = FIELD(s3_secret), .take = rw_take_secret},
    {"AWS_SESSION_TOKEN", NULL, "TOKEN", .initial_text = "none",
     .text = "Token of a key that lives for a while.", .field = FIELD(s3_session),
     .take = rw_take_secret},
    {"AWS_DEFAULT_REGION", NULL, "REGION", "us-east-1", .text = "Region of the bucket.",
     .field = FIELD(s3_region), .take = rw_take_word},
    {"MODEL_DIR", NULL, "LINK", "models/fraud", .heading = "The model directory",
     .text = "The link that is swapped; versions lie beside it, in MODEL_DIR.versions.",
     .field = FIELD(model_dir), .take = rw_take_link},
    {"SYNC_KEEP", NULL, "N", "3",
     .text = "Versions that stay on disk, the served one among them: a way back without a "
             "download.",
     .low = 1, .high = RW_SYNC_KEEP_MAX, .field = FIELD(keep), .take = rw_take_number},
    {"SYNC_INTERVAL", NULL, "SECONDS", "30",
     .text = "Seconds between two looks at the registry, a fifth more or less; more while it "
             "fails.",
     .low = 1, .high = RW_SYNC_INTERVAL_MAX, .field = FIELD(interval), .take = rw_take_number},
    {"SYNC_TIMEOUT", NULL, "SECONDS", "30",
     .text = "Seconds after which an answer that does not come, or a download without progress, "
             "is given up.",
     .low = 1, .high = RW_SYNC_TIMEOUT_MAX, .field = FIELD(timeout), .take = rw_take_number},
    {"SYNC_DEADLINE", NULL, "SECONDS", .initial_text = "300, and 60 with --once",
     .text = "Seconds after which a whole look, all its answers and downloads, is given up.",
     .low = 1, .high = RW_SYNC_DEADLINE_MAX, .field = FIELD(deadline), .take = rw_take_number},
    {"SYNC_MAX_BYTES", NULL, "BYTES", "268435456",
     .text = "Bytes that a model's file and its golden rows may have together; a larger version is "
             "refused.",
     .low = 1, .high = RW_SYNC_BYTES_MAX, .field = FIELD(max_bytes), .take = rw_take_number},
    {"SYNC_FALLBACK", NULL, "DIR", .initial_text = "none",
     .text = "Model directory that the link leads to as long as there is no link, and the registry "
             "gives no model.",
     .field = FIELD(fallback), .take = rw_take_text},
    {"SYNC_WITHDRAW", NULL, "0|1", "0",
     .text = "1: when the registry says that it names no version any more, the link goes back to "
             "SYNC_FALLBACK. 0: what is served stays.",
     .choices = rw_switch, .field = FIELD(withdraw), .take = rw_take_switch},
    {"SYNC_CONTRACT", NULL, "FILE", .initial_text = "none: such models are refused",
     .text = "contract.json for models that MLflow's own flavours xgboost, lightgbm or onnx have "
             "logged without one.",
     .field = FIELD(contract), .take = rw_take_text},
    {"METRICS_DIR", NULL, "DIR", .initial_text = "none: no metrics", .heading = "Watching it",
     .text = "Directory in which metrics are counted; share it with rowan serve, whose /metrics "
             "then shows them.",
     .field = FIELD(metrics_dir), .take = rw_take_text},
    {"REPLICA_ID", NULL, "NAME", .initial_text = "the host's name",
     .text = "Name of this instance, for the log.", .field = FIELD(instance),
     .take = rw_take_instance},
    {"LOG_LEVEL", NULL, "LEVEL", "info", .text = "Lines of the log below this level are left out.",
     .choices = rw_log_levels, .field = FIELD(log_level), .take = rw_take_choice},
};

/* ---- what belongs together ----------------------------------------------------------------- */

/* Exactly one of the four is followed. */
static rowan_status choose(struct rw_sync_settings *settings, rowan_error *error) {
    const struct {
        const char *variable, *value, *prefix;
    } ways[] = {[RW_BY_ALIAS] = {"MLFLOW_MODEL_ALIAS", settings->alias, ""},
                [RW_BY_STAGE] = {"MLFLOW_MODEL_STAGE", settings->stage, "stage:"},
                [RW_BY_VERSION] = {"MLFLOW_MODEL_VERSION", settings->version, "version:"},
                [RW_BY_RUN] = {"MLFLOW_RUN_ID", settings->run, "run:"}};
    const char *chosen = NULL;
    settings->by = RW_BY_ALIAS;
    settings->wanted = "champion";
    for (int i = RW_BY_ALIAS; i <= RW_BY_RUN; i++) {
        if (!ways[i].value)
            continue;
        if (chosen)
            return rw_fail(error, ROWAN_ARGUMENT, ways[i].variable, "set one of them",
                           "is set, and %s too: which one is to be followed?", chosen);
        chosen = ways[i].variable;
        settings->by = (enum rw_sync_by)i;
        settings->wanted = ways[i].value;
    }
    snprintf(settings->reference, sizeof settings->reference, "%s%s", ways[settings->by].prefix,
             settings->wanted);
    return ROWAN_OK;
}

static rowan_status check_pairs(const struct rw_sync_settings *settings, rowan_error *error) {
    if (!settings->tracking_uri)
        return rw_fail(error, ROWAN_ARGUMENT, "MLFLOW_TRACKING_URI",
                       "set it to the address of the MLflow server",
                       "not set: there is no registry to follow");
    if (!settings->username != !settings->password)
        return rw_fail(error, ROWAN_ARGUMENT,
                       settings->username ? "MLFLOW_TRACKING_PASSWORD" : "MLFLOW_TRACKING_USERNAME",
                       "set both, or none", "not set, and its other half is");
    if (!settings->s3_key != !settings->s3_secret)
        return rw_fail(error, ROWAN_ARGUMENT,
                       settings->s3_key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                       "set both, or none", "not set, and its other half is");
    return ROWAN_OK;
}

static rowan_status read_all(char *const *environment, struct rw_sync_settings *settings,
                             rowan_error *error) {
    rowan_status status = rw_sync_refuse_unknown(environment, error);
    for (int i = 0; i < RW_SYNC_N_SETTINGS && status == ROWAN_OK; i++)
        status = rw_setting_read(&rw_sync_table[i], NULL, environment, settings, error);
    if (status == ROWAN_OK && !settings->instance)
        status = rw_take_host_name(&settings->instance, error);
    if (status == ROWAN_OK)
        status = choose(settings, error);
    if (status == ROWAN_OK)
        status = check_pairs(settings, error);
    if (settings->deadline == 0)
        settings->deadline =
            settings->action == RW_SYNC_ONCE ? RW_SYNC_DEADLINE_ONCE : RW_SYNC_DEADLINE;
    return status;
}

/* ---- the command line ------------------------------------------------------------------------ */

enum { OPTION_ONCE = 256, OPTION_VERSION, OPTION_LIST, OPTION_EXAMPLE };

static const struct option options[] = {{"once", no_argument, NULL, OPTION_ONCE},
                                        {"help", no_argument, NULL, 'h'},
                                        {"version", no_argument, NULL, OPTION_VERSION},
                                        {"list-settings", no_argument, NULL, OPTION_LIST},
                                        {"env-example", no_argument, NULL, OPTION_EXAMPLE},
                                        {0}};

static void tell(int option) {
    if (option == 'h')
        rw_sync_help(stdout);
    else if (option == OPTION_VERSION)
        rw_sync_version(stdout);
    else if (option == OPTION_LIST)
        rw_sync_list_settings(stdout);
    else
        rw_sync_env_example(stdout);
}

/* Names no word of the user's: it may be a password that met a wrong option. */
static rowan_status read_options(int argc, char **argv, enum rw_sync_action *action,
                                 rowan_error *error) {
    *action = RW_SYNC_FOLLOW;
    optind = 0; /* glibc: start anew */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) >= 0;) {
        if (option == '?' || option == ':')
            return rw_fail(error, ROWAN_ARGUMENT, "command line", "see rowan-sync --help",
                           "word %d is no option of rowan-sync", optind > 1 ? optind - 1 : 1);
        if (option == OPTION_ONCE) {
            *action = RW_SYNC_ONCE;
            continue;
        }
        tell(option);
        *action = RW_SYNC_TOLD;
        return ROWAN_OK;
    }
    if (optind < argc)
        return rw_fail(error, ROWAN_ARGUMENT, "command line",
                       "see rowan-sync --help: settings are variables of the environment",
                       "rowan-sync takes no argument but its options");
    return ROWAN_OK;
}

rowan_status rw_sync_settings_read(int argc, char **argv, char *const *environment,
                                   struct rw_sync_settings *settings, rowan_error *error) {
    memset(settings, 0, sizeof *settings);
    rowan_status status = read_options(argc, argv, &settings->action, error);
    if (status == ROWAN_OK && settings->action != RW_SYNC_TOLD)
        status = read_all(environment, settings, error);
    if (status != ROWAN_OK)
        rw_sync_settings_free(settings);
    return status;
}

void rw_sync_settings_free(struct rw_sync_settings *settings) {
    for (int i = 0; i < RW_SYNC_N_SETTINGS; i++) {
        const struct rw_setting *row = &rw_sync_table[i];
        if (row->take == rw_take_number || row->take == rw_take_choice ||
            row->take == rw_take_switch)
            continue;
        char *text = *(char **)((char *)settings + row->field);
        if (text) /* it may be a password: not for whoever gets the memory next */
            explicit_bzero(text, strlen(text));
        free(text);
    }
    memset(settings, 0, sizeof *settings);
}
