/*
 * conf.c - settings become configurations of librdkafka's clients.
 *
 * librdkafka's own texts about a value it refuses quote the value ("Invalid value "...""), which
 * may be a password in the wrong place.  They are never shown; what the value may be is told
 * from the catalogue instead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "stream/log_kafka.h"
#include "stream/log_kafka.h"
#include "stream/settings_table.h"

/* ---- what the user may not set ------------------------------------------------------ */

struct refused {
    const char *name, *reason, *remedy;
};

static const char in_transaction[] = "offsets are committed with the predictions that they led to, "
                                     "or messages would be lost or scored twice";
static const char nothing_to_set[] = "leave it out";

static const struct refused refused[] = {
    {"bootstrap.servers", "it has a setting of its own",
     "use KAFKA_BOOTSTRAP_SERVERS or --brokers"},
    {"metadata.broker.list", "it has a setting of its own",
     "use KAFKA_BOOTSTRAP_SERVERS or --brokers"},
    {"group.id", "it has a setting of its own", "use KAFKA_CONSUMER_GROUP or --group"},
    {"log_level", "it has a setting of its own", "use LOG_LEVEL"},
    {"transactional.id",
     "each scoring thread needs one of its own, made of group, REPLICA_ID and number",
     "set REPLICA_ID"},
    {"enable.auto.commit", in_transaction, nothing_to_set},
    {"auto.commit.enable", in_transaction, nothing_to_set},
    {"enable.auto.offset.store", in_transaction, nothing_to_set},
    {"isolation.level", "messages of aborted transactions are no transactions to score",
     nothing_to_set},
    {"enable.idempotence", "a message that is sent again would stand twice in its topic",
     nothing_to_set},
    {"log.queue", "nobody reads that queue: the lines would be lost", "use LOG_LEVEL"},
    {"enabled_events", "events would go where nobody reads them", nothing_to_set},
};

static const struct refused javas[] = {
    {"sasl.jaas.config", "Kafka's Java clients read it, librdkafka does not",
     "use sasl.mechanism, sasl.username and sasl.password"},
    {"ssl.truststore.location", "Kafka's Java clients read it, librdkafka does not",
     "use ssl.ca.location with a PEM file"},
};

static const struct refused *find_refused(const struct refused *table, size_t n, const char *name) {
    if (strncmp(name, "topic.", 6) == 0) /* librdkafka takes it in front of some names */
        name += 6;
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static rowan_status check_allowed(const struct rw_stream_settings *settings,
                                  const struct rw_property_set *property, rowan_error *error) {
    const struct refused *found =
        find_refused(refused, sizeof refused / sizeof *refused, property->name);
    if (found)
        return rw_fail(error, ROWAN_ARGUMENT, property->source, found->remedy,
                       "%s cannot be set: %s", found->name, found->reason);
    if (settings->threads > 1 && strcmp(property->name, "group.instance.id") == 0)
        return rw_fail(error, ROWAN_ARGUMENT, property->source, "leave it out, or KAFKA_THREADS=1",
                       "%u threads would be members of the group with one id, and fence each other",
                       settings->threads);
    return ROWAN_OK;
}

/* ---- one property -------------------------------------------------------------------- */

static rowan_status fail_unknown(const char *name, const char *source, rowan_error *error) {
    const struct refused *java = find_refused(javas, sizeof javas / sizeof *javas, name);
    if (java)
        return rw_fail(error, ROWAN_ARGUMENT, source, java->remedy, "%s: %s", name, java->reason);
    return rw_fail(error, ROWAN_ARGUMENT, source,
                   "look for the name in librdkafka's CONFIGURATION.md; Kafka's Java clients have "
                   "others",
                   "librdkafka %s has no property %s", rd_kafka_version_str(), name);
}

static rowan_status fail_value(const char *name, const char *source, rowan_error *error) {
    struct rw_catalogue catalogue;
    struct rw_catalogue_entry entry;
    rowan_status status = rw_catalogue_open(&catalogue, error);
    if (status != ROWAN_OK)
        return status;
    if (!rw_catalogue_find(&catalogue, name, &entry))
        status = fail_unknown(name, source, error);
    else if (entry.range[0])
        status = rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                         "librdkafka takes no such value of %s; it takes: %s", name, entry.range);
    else
        status = rw_fail(error, ROWAN_ARGUMENT, source,
                         "see the property in librdkafka's CONFIGURATION.md",
                         "librdkafka %s takes no such value of %s, or was built without it",
                         rd_kafka_version_str(), name);
    rw_catalogue_close(&catalogue);
    return status;
}

rowan_status rw_stream_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                const char *source, rowan_error *error) {
    switch (rd_kafka_conf_set(conf, name, value, NULL, 0)) {
    case RD_KAFKA_CONF_OK:
        return ROWAN_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return fail_unknown(name, source, error);
    default:
        return fail_value(name, source, error);
    }
}

/* ---- a configuration ----------------------------------------------------------------- */

static rowan_status set_own(rd_kafka_conf_t *conf, const struct rw_stream_settings *settings,
                            const char *const (*defaults)[2], rowan_error *error) {
    rowan_status status = ROWAN_OK;
    for (; defaults && (*defaults)[0] && status == ROWAN_OK; defaults++)
        status = rw_stream_conf_set(conf, (*defaults)[0], (*defaults)[1], "rowan-stream", error);
    char level[12], client[sizeof "rowan-stream-" + RW_STREAM_INSTANCE_MAX];
    snprintf(level, sizeof level, "%d", settings->log_level);
    snprintf(client, sizeof client, "rowan-stream-%s", settings->instance);
    if (status == ROWAN_OK)
        status = rw_stream_conf_set(conf, "bootstrap.servers", settings->brokers,
                                    "KAFKA_BOOTSTRAP_SERVERS", error);
    if (status == ROWAN_OK)
        status = rw_stream_conf_set(conf, "client.id", client, "REPLICA_ID", error);
    if (status == ROWAN_OK)
        status = rw_stream_conf_set(conf, "log_level", level, "LOG_LEVEL", error);
    rd_kafka_conf_set_log_cb(conf, rw_log_kafka);
    return status;
}

/* A property for all reaches the clients that have a use for it: librdkafka warns of others. What
 * is not in the catalogue (or does not exist) is for librdkafka to judge. */
static rowan_status set_users(rd_kafka_conf_t *conf, const struct rw_catalogue *catalogue,
                              const struct rw_property_set *property, int whom,
                              rowan_error *error) {
    if (property->whom != RW_FOR_ALL && (int)property->whom != whom)
        return ROWAN_OK;
    struct rw_catalogue_entry entry;
    bool is_used = !rw_catalogue_find(catalogue, property->name, &entry) ||
                   (whom == RW_FOR_CONSUMER ? entry.consumer : entry.producer);
    if (!is_used && property->whom == RW_FOR_ALL)
        return ROWAN_OK;
    if (!is_used)
        return rw_fail(error, ROWAN_ARGUMENT, property->source, "leave the prefix out",
                       "%s is a property of %s only", property->name,
                       whom == RW_FOR_CONSUMER ? "producers" : "consumers");
    return rw_stream_conf_set(conf, property->name, property->value, property->source, error);
}

static rowan_status fill(rd_kafka_conf_t *conf, const struct rw_stream_settings *settings, int whom,
                         const char *const (*defaults)[2], rowan_error *error) {
    struct rw_catalogue catalogue;
    rowan_status status = set_own(conf, settings, defaults, error);
    if (status == ROWAN_OK)
        status = rw_catalogue_open(&catalogue, error);
    if (status != ROWAN_OK)
        return status;
    for (uint32_t i = 0; i < settings->n_properties && status == ROWAN_OK; i++) {
        const struct rw_property_set *property = &settings->properties[i];
        status = check_allowed(settings, property, error);
        if (status == ROWAN_OK)
            status = set_users(conf, &catalogue, property, whom, error);
    }
    rw_catalogue_close(&catalogue);
    return status;
}

rd_kafka_conf_t *rw_stream_conf(const struct rw_stream_settings *settings, int whom,
                                const char *const (*defaults)[2], rowan_error *error) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (fill(conf, settings, whom, defaults, error) == ROWAN_OK)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* ---- what is allowed, and may surprise ------------------------------------------------------- */

/* From this version on the client's nonce is sent as RFC 5802 has it (its pull request
 * 4895); brokers of Kafka 4 refuse what was sent before. */
#define SCRAM_VERSION 0x020601ff

void rw_stream_conf_remark(const struct rw_stream_settings *settings) {
    for (uint32_t i = 0; i < settings->n_properties; i++) {
        const struct rw_property_set *property = &settings->properties[i];
        if (strncmp(property->name, "sasl.mechanism", strlen("sasl.mechanism")) == 0 &&
            strncmp(property->value, "SCRAM-", strlen("SCRAM-")) == 0 &&
            rd_kafka_version() < SCRAM_VERSION)
            rw_log(RW_LOG_WARNING,
                   "%s: librdkafka %s speaks a SCRAM that brokers of Kafka 4 refuse as wrong "
                   "credentials; it needs librdkafka 2.6.1 or newer, or another mechanism",
                   property->source, rd_kafka_version_str());
    }
}
