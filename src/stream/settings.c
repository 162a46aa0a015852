/*
 * settings.c - the table of settings, and how they are read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "stream/settings_table.h"

#define FIELD(name) offsetof(struct rw_stream_settings, name)

const struct rw_choice rw_deliveries[] = {
    {"exactly-once", RW_EXACTLY_ONCE}, {"at-least-once", RW_AT_LEAST_ONCE}, {NULL, 0}};

_Static_assert(sizeof(enum rw_delivery) == sizeof(int), "rw_take_choice stores an int");

/* A new setting is a row here and a field in settings.h. */
const struct rw_setting rw_stream_table[RW_STREAM_N_SETTINGS] = {
    {"KAFKA_BOOTSTRAP_SERVERS", "brokers", "HOST:PORT,...", .initial_text = "none: it must be set",
     .heading = "Brokers and topics",
     .text = "Brokers to begin with; the others of the cluster are found through them.",
     .is_name = true, .field = FIELD(brokers), .take = rw_take_brokers},
    {"KAFKA_INPUT_TOPIC", "input", "TOPIC", "transactions-input",
     .text = "Topic of the transactions.", .is_name = true, .field = FIELD(input),
     .take = rw_take_topic},
    {"KAFKA_OUTPUT_TOPIC", "output", "TOPIC", "fraud-predictions",
     .text = "Topic of the predictions.", .is_name = true, .field = FIELD(output),
     .take = rw_take_topic},
    {"KAFKA_DEAD_LETTER_TOPIC", "dead-letter", "TOPIC", "fraud-predictions-dead-letter",
     .text = "Topic of the messages that cannot be scored, as they came, with the reason in their "
             "headers.",
     .is_name = true, .field = FIELD(dead_letter), .take = rw_take_topic},
    {"KAFKA_CONSUMER_GROUP", "group", "GROUP", "fraud-detection-group",
     .text = "Consumer group: its members share the partitions of the input topic.",
     .is_name = true, .field = FIELD(group), .take = rw_take_group},
    {"MODEL_DIR", "model", "DIR", "models/fraud",
     .text = "Model directory, or a link to one; replace the link and the new model serves.",
     .field = FIELD(model_dir), .take = rw_take_text},
    {"MODEL_OPTIONAL", NULL, "0|1", "0",
     .text = "1: start without a model and wait until MODEL_DIR has one.", .choices = rw_switch,
     .field = FIELD(model_optional), .take = rw_take_switch},
    {"METRICS_DIR", "metrics-dir", "DIR", .initial_text = "none: no metrics",
     .text = "Directory in which metrics are counted, best on a tmpfs; the probes look there, too.",
     .field = FIELD(metrics_dir), .take = rw_take_text},
    {"REPLICA_ID", NULL, "NAME", .initial_text = "the host's name",
     .text =
         "Name of this instance, part of its transactional ids: no two that run at the same time "
         "may have the same.",
     .field = FIELD(instance), .take = rw_take_instance},
    {"KAFKA_DELIVERY", "delivery", "exactly-once|at-least-once", "exactly-once",
     .heading = "How messages are scored",
     .text = "exactly-once: predictions and offsets commit in one transaction. at-least-once: "
             "without transactions; after a failure predictions may come twice.",
     .choices = rw_deliveries, .field = FIELD(delivery), .take = rw_take_choice},
    {"KAFKA_THREADS", "threads", "N", "1", .text = "Scoring threads, each a member of the group.",
     .low = 1, .high = RW_STREAM_THREADS_MAX, .field = FIELD(threads), .take = rw_take_number},
    {"KAFKA_LINGER_MS", "linger", "MS", "20",
     .text = "Milliseconds that a transaction stays open for more messages once the consumer has "
             "caught up.",
     .high = RW_STREAM_LINGER_MAX, .field = FIELD(linger_ms), .take = rw_take_number},
    {"LOG_LEVEL", NULL, "LEVEL", "info", .text = "Lines of the log below this level are left out.",
     .choices = rw_log_levels, .field = FIELD(log_level), .take = rw_take_choice},
};

/* ---- all of them -------------------------------------------------------------------- */

static rowan_status check_topics(const struct rw_stream_settings *settings, rowan_error *error) {
    static const char remedy[] = "name three topics: of transactions, predictions and dead letters";
    if (strcmp(settings->input, settings->output) == 0)
        return rw_fail(error, ROWAN_ARGUMENT, "KAFKA_OUTPUT_TOPIC", remedy,
                       "%s is the input topic: predictions would be read as transactions",
                       settings->output);
    if (strcmp(settings->input, settings->dead_letter) == 0)
        return rw_fail(error, ROWAN_ARGUMENT, "KAFKA_DEAD_LETTER_TOPIC", remedy,
                       "%s is the input topic: dead letters would be read again, without end",
                       settings->dead_letter);
    if (strcmp(settings->output, settings->dead_letter) == 0)
        return rw_fail(error, ROWAN_ARGUMENT, "KAFKA_DEAD_LETTER_TOPIC", remedy,
                       "%s is the output topic: dead letters would be read as predictions",
                       settings->dead_letter);
    return ROWAN_OK;
}

/* What it takes to run, and not to look at one that runs. */
static rowan_status prove(const struct rw_stream_settings *settings, rowan_error *error) {
    if (!*settings->brokers)
        return rw_fail(error, ROWAN_ARGUMENT, "KAFKA_BOOTSTRAP_SERVERS",
                       "set it, or give --brokers HOST:PORT,...",
                       "not set: there is no broker to read from");
    rowan_status status = check_topics(settings, error);
    for (int whom = RW_FOR_CONSUMER; status == ROWAN_OK && whom <= RW_FOR_PRODUCER; whom++) {
        rd_kafka_conf_t *conf = rw_stream_conf(settings, whom, NULL, error);
        if (!conf)
            return error ? error->status : ROWAN_ARGUMENT;
        rd_kafka_conf_destroy(conf);
    }
    return status;
}

static rowan_status read_all(const struct rw_command_line *line, char *const *environment,
                             struct rw_stream_settings *settings, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    for (int i = 0; i < RW_STREAM_N_SETTINGS && status == ROWAN_OK; i++)
        status =
            rw_setting_read(&rw_stream_table[i], line->values[i], environment, settings, error);
    if (status == ROWAN_OK && !settings->instance)
        status = rw_take_host_name(&settings->instance, error);
    if (status == ROWAN_OK && !settings->brokers && !(settings->brokers = strdup("")))
        status = rw_fail(error, ROWAN_NO_MEMORY, "settings", NULL, "no memory for them");
    if (status == ROWAN_OK && line->action == RW_STREAM_RUN)
        status = rw_properties_read(line, environment, settings, error);
    if (status == ROWAN_OK && line->action == RW_STREAM_RUN)
        status = prove(settings, error);
    return status;
}

static void tell(const struct rw_command_line *line) {
    if (line->tell == RW_TELL_HELP)
        rw_stream_help(stdout);
    else if (line->tell == RW_TELL_VERSION)
        rw_stream_version(stdout);
    else if (line->tell == RW_TELL_EXAMPLE)
        rw_stream_env_example(stdout);
    else
        rw_stream_list_settings(stdout);
}

rowan_status rw_stream_settings_read(int argc, char **argv, char *const *environment,
                                     struct rw_stream_settings *settings, rowan_error *error) {
    memset(settings, 0, sizeof *settings);
    struct rw_command_line line;
    rowan_status status = rw_command_line_read(argc, argv, &line, error);
    if (status != ROWAN_OK)
        return status;
    settings->action = line.action;
    if (line.action == RW_STREAM_TOLD) {
        tell(&line);
        return ROWAN_OK;
    }
    status = read_all(&line, environment, settings, error);
    if (status != ROWAN_OK)
        rw_stream_settings_free(settings);
    return status;
}

void rw_stream_settings_free(struct rw_stream_settings *settings) {
    char *const texts[] = {settings->brokers,     settings->input,   settings->output,
                           settings->dead_letter, settings->group,   settings->model_dir,
                           settings->metrics_dir, settings->instance};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    rw_properties_free(settings);
    memset(settings, 0, sizeof *settings);
}
