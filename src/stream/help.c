/*
 * help.c - the table of settings as text: --help and docs/kafka.md.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "stream/settings_table.h"

#define WIDTH       80
#define VALUES_TEXT 160

/* ---- paragraphs --------------------------------------------------------------------- */

/* Words in lines of at most WIDTH, each behind `indent` blanks. */
static void print_wrapped(FILE *to, int indent, const char *text) {
    int column = 0;
    for (const char *word = text + strspn(text, " "); *word;) {
        const int length = (int)strcspn(word, " ");
        const bool is_first = column == 0;
        if (!is_first && column + 1 + length > WIDTH) {
            fputc('\n', to);
            column = 0;
        }
        column += fprintf(to, "%*s%.*s", column == 0 ? indent : 1, "", length, word);
        word += length;
        word += strspn(word, " ");
    }
    fputc('\n', to);
}

/* What a value may be beyond the name of its argument; empty: nothing to say. */
static void describe_values(const struct rw_setting *setting, char text[VALUES_TEXT]) {
    size_t length = 0;
    text[0] = '\0';
    if (setting->high)
        snprintf(text, VALUES_TEXT, "%u to %u", setting->low, setting->high);
    for (const struct rw_choice *one = setting->choices; one && one->name && length < VALUES_TEXT;
         one++)
        length += (size_t)snprintf(text + length, VALUES_TEXT - length, "%s%s",
                                   one == setting->choices ? "" : ", ", one->name);
}

/* ---- --help ---------------------------------------------------------------------------------- */

static void print_setting(FILE *to, const struct rw_setting *setting) {
    char values[VALUES_TEXT], line[2 * VALUES_TEXT];
    describe_values(setting, values);
    if (setting->option)
        fprintf(to, "    --%s %s\n", setting->option, setting->argument);
    fprintf(to, "    %s%s=%s\n", setting->option ? "    " : "", setting->variable,
            setting->argument);
    print_wrapped(to, 12, setting->text);
    snprintf(line, sizeof line, "Default: %s.%s%s%s",
             setting->initial ? setting->initial : setting->initial_text,
             *values ? " Values: " : "", values, *values ? "." : "");
    print_wrapped(to, 12, line);
}

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
    {"--help", "Print this text."},
    {"--version", "Print the version, and librdkafka's."},
};

void rw_stream_help(FILE *to) {
    fputs("NAME\n    rowan-stream - scores transactions from Kafka to Kafka, exactly once\n"
          "\nSYNOPSIS\n    rowan-stream [OPTION]...\n    rowan-stream live|ready [OPTION]...\n"
          "\nDESCRIPTION\n",
          to);
    print_wrapped(to, 4,
                  "Reads transactions from a topic, scores them, and writes the predictions to "
                  "another one. What cannot be scored goes to the topic of dead letters.");
    fputs("\nACTIONS\n"
          "    (none)  run until SIGTERM or SIGINT\n"
          "    live    a probe: do the threads of the process in METRICS_DIR move?\n"
          "    ready   a probe: does it have a model and a place in the group?\n",
          to);
    fputs("\nSETTINGS\n", to);
    print_wrapped(to, 4, "The command line beats the environment.");
    for (size_t i = 0; i < RW_STREAM_N_SETTINGS; i++)
        print_setting(to, &rw_stream_table[i]);
    fputs("\nOPTIONS\n", to);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        fprintf(to, "    %s\n", others[i].heading);
        print_wrapped(to, 8, others[i].text);
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

/* ---- Markdown -------------------------------------------------------------------------------- */

/* A bar would end the cell. */
static void print_cell(FILE *to, const char *text) {
    for (; *text; text++)
        fprintf(to, *text == '|' ? "\\|" : "%c", *text);
}

void rw_stream_list_settings(FILE *to) {
    fputs("| environment | option | default | values | meaning |\n|---|---|---|---|---|\n", to);
    for (size_t i = 0; i < RW_STREAM_N_SETTINGS; i++) {
        const struct rw_setting *setting = &rw_stream_table[i];
        char values[VALUES_TEXT];
        describe_values(setting, values);
        fprintf(to, "| `%s` | ", setting->variable);
        if (setting->option)
            fprintf(to, "`--%s`", setting->option);
        fputs(setting->initial ? " | `" : " | ", to);
        print_cell(to, setting->initial ? setting->initial : setting->initial_text);
        fputs(setting->initial ? "` | " : " | ", to);
        print_cell(to, *values ? values : setting->argument);
        fputs(" | ", to);
        print_cell(to, setting->text);
        fputs(" |\n", to);
    }
}
