/*
 * settings.h - what rowan-stream is told: command line, environment, files.
 *
 * One table in settings.c has every setting: environment variable, option, default,
 * bounds, help.  The parser, --help and docs/kafka.md come from it.  The command line beats the
 * environment, which beats the default.  Properties of librdkafka pass through: -X NAME=VALUE,
 * or KAFKA_NAME in the environment with dots as underscores (KAFKA_SASL_USERNAME is
 * sasl.username); a secret may stand in a file: -F NAME=FILE, or KAFKA_NAME_FILE.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_SETTINGS_H
#define RW_STREAM_SETTINGS_H

#include <librdkafka/rdkafka.h>

#include "settings/settings.h"

/* Bounds. */
#define RW_STREAM_THREADS_MAX    64u
#define RW_STREAM_PROPERTIES_MAX 256u
#define RW_STREAM_SECRET_MAX     65536u /* bytes of a file that holds a property's value */
#define RW_STREAM_LINGER_MAX     10000u /* ms */
#define RW_STREAM_TOPIC_MAX      249u   /* bytes of a topic's name: Kafka's bound */
#define RW_STREAM_GROUP_MAX      249u   /* bytes */
#define RW_STREAM_INSTANCE_MAX   RW_SETTINGS_NAME_MAX

enum rw_delivery { RW_EXACTLY_ONCE, RW_AT_LEAST_ONCE };

/* A property of librdkafka that the user set.  "consumer.NAME" and "producer.NAME"
 * reach that client only. */
struct rw_property_set {
    enum { RW_FOR_ALL, RW_FOR_CONSUMER, RW_FOR_PRODUCER } whom;
    char *name;
    char *value;  /* never logged */
    char *source; /* "-X sasl.username", "KAFKA_SASL_PASSWORD_FILE": for errors */
};

enum rw_stream_action {
    RW_STREAM_RUN,
    RW_STREAM_PROBE_LIVE,  /* exit status 0: the threads move */
    RW_STREAM_PROBE_READY, /* exit status 0: a model, a broker and a place in the group */
    RW_STREAM_TOLD         /* --help, --version or --list-settings or the like was printed */
};

/* Strings are owned by the settings; none is NULL unless it says so.  RW_STREAM_TOLD has none;
 * probes have no properties, and brokers is "" if nobody set it. */
struct rw_stream_settings {
    enum rw_stream_action action;
    char *brokers;     /* KAFKA_BOOTSTRAP_SERVERS, no default */
    char *input;       /* transactions-input */
    char *output;      /* fraud-predictions */
    char *dead_letter; /* fraud-predictions-dead-letter */
    char *group;       /* fraud-detection-group */
    char *model_dir;   /* models/fraud */
    char *metrics_dir; /* NULL: counted, but nobody sees it */
    char *instance;    /* REPLICA_ID, default the host's name: part of the transactional id */
    enum rw_delivery delivery;
    uint32_t threads;                   /* 1 */
    uint32_t linger_ms;                 /* a transaction of a consumer that has caught up; 20 */
    int log_level;                      /* syslog's 2..7 */
    bool model_optional;                /* start without the model and wait for it */
    struct rw_property_set *properties; /* [n_properties]; a later one beats those before */
    uint32_t n_properties;
};

/* Reads environment and command line.  To run, everything is proved that can be proved without
 * a broker: rw_stream_conf will not refuse the properties later.  Prints what --help and its
 * like ask for on standard output.  On an error *settings is not to be used.  Not thread-safe
 * (getopt); argv is put into another order. */
rowan_status rw_stream_settings_read(int argc, char **argv, char *const *environment,
                                     struct rw_stream_settings *settings, rowan_error *error);
void rw_stream_settings_free(struct rw_stream_settings *settings);

/* Sets one property; the error names its source, never its value.  For properties that are not
 * the user's, too: what the program sets itself is not refused. */
rowan_status rw_stream_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                const char *source, rowan_error *error);
/* A configuration for `whom` (RW_FOR_CONSUMER or RW_FOR_PRODUCER): `defaults` (rows of name and
 * value, the last one of NULL; may be NULL) where librdkafka's do not suit, brokers, client.id, log
 * callback and level, then the user's properties that such a client takes.  What Rowan's promises
 * hang on is an error with the reason (the other table there): enable.auto.commit, isolation.level,
 * enable.idempotence, group.id, transactional.id and others; the caller sets those with
 * rw_stream_conf_set. Owned by the caller until rd_kafka_new takes it; NULL with an error. */
rd_kafka_conf_t *rw_stream_conf(const struct rw_stream_settings *settings, int whom,
                                const char *const (*defaults)[2], rowan_error *error);
/* Warns in the log of what is allowed and will not do what it seems to. */
void rw_stream_conf_remark(const struct rw_stream_settings *settings);

#endif
