/*
 * help.c - what rowan-stream says of itself: --help, --version, the table of docs/kafka.md.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "stream/settings_table.h"

static const struct {
    const char *heading, *text;
} others[] = {
    {"-X NAME=VALUE",
     "Set a property of librdkafka, in both clients if both have it; consumer.NAME and "
     "producer.NAME reach one of them. The environment does the same: KAFKA_SASL_USERNAME is "
     "sasl.username. Other users of the machine can read a command line: give passwords by -F."},
    {"-F NAME=FILE",
     "The same with the value from a file, without one newline at its end; in the environment "
     "KAFKA_SASL_PASSWORD_FILE."},
    {"--list-settings", "Print the settings as a table in Markdown."},
    {"--env-example", "Print the settings as a file of variables, all of them comments."},
    {"--help", "Print this text."},
    {"--version", "Print the version, and librdkafka's."},
};

void rw_stream_help(FILE *to) {
    fputs("NAME\n    rowan-stream - scores transactions from Kafka to Kafka, exactly once\n"
          "\nSYNOPSIS\n    rowan-stream [OPTION]...\n    rowan-stream live|ready [OPTION]...\n"
          "\nDESCRIPTION\n",
          to);
    rw_print_wrapped(to, 4,
                     "Reads transactions from a topic, scores them, and writes the predictions to "
                     "another one. What cannot be scored goes to the topic of dead letters.");
    fputs("\nACTIONS\n"
          "    (none)  run until SIGTERM, SIGQUIT or SIGINT\n"
          "    live    a probe: do the threads of the process in METRICS_DIR move?\n"
          "    ready   a probe: does it have a model and a place in the group?\n",
          to);
    fputs("\nSETTINGS\n", to);
    rw_print_wrapped(to, 4, "The command line beats the environment.");
    rw_settings_help(to, rw_stream_table, RW_STREAM_N_SETTINGS);
    fputs("\nOPTIONS\n", to);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        fprintf(to, "    %s\n", others[i].heading);
        rw_print_wrapped(to, 8, others[i].text);
    }
    fputs("\nEXIT STATUS\n    0   success; of a probe: yes\n"
          "    1   a fault while running; of a probe: no\n"
          "    2   the command line or the environment is wrong\n"
          "\nEXAMPLES\n    rowan-stream --brokers localhost:9092 --model models/fraud\n"
          "    rowan-stream --brokers kafka:9093 -X security.protocol=sasl_ssl \\\n"
          "        -X sasl.mechanism=SCRAM-SHA-512 -X sasl.username=rowan \\\n"
          "        -F sasl.password=/run/secrets/kafka\n",
          to);
}

void rw_stream_version(FILE *to) {
    fprintf(to, "rowan-stream %s, librdkafka %s\n", ROWAN_VERSION, rd_kafka_version_str());
}

void rw_stream_list_settings(FILE *to) {
    rw_settings_list(to, rw_stream_table, RW_STREAM_N_SETTINGS);
}

void rw_stream_env_example(FILE *to) {
    rw_settings_example(to, rw_stream_table, RW_STREAM_N_SETTINGS);
}
