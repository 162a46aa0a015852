/*
 * options.c - the command line of kafka-load-test: one table, its parser, its help.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/simulate.h"

#define DEFAULT_MAX_SECONDS 10.0
/* Words for rowan-stream's reader: its name, the settings and the properties. */
#define PASSED_MAX (1 + 2 * (8 + RW_STREAM_PROPERTIES_MAX))

/* What several options together make the schedule of. */
struct pattern {
    const char *phases;
    bool attack;
    bool unpaced;
    double rate;     /* 0: not given, as the next three */
    double duration; /* seconds */
    uint64_t burst;
    uint64_t count;
};

struct reading {
    struct rw_load_options *options;
    struct pattern pattern;
    char **next, **end;
    bool help, version;
    char *passed[PASSED_MAX]; /* to rowan-stream's reader */
    uint32_t n_passed;
};

/* ---- the table --------------------------------------------------------------------------- */

enum kind { HEADING, FLAG, TEXT, COUNT, REAL, PASSED };

struct row {
    const char *name;     /* without the dashes */
    const char *argument; /* what stands for its value in the help */
    const char *text;
    const char *passed; /* what rowan-stream calls it */
    size_t place;       /* in struct reading, or in struct rw_load_options */
    double least, most; /* of numbers */
    enum kind kind;
    bool in_options;
};

#define HEAD(text)                                                                                 \
    { NULL, NULL, text, NULL, 0, 0, 0, HEADING, false }
#define IN(kind, member, least, most)                                                              \
    NULL, offsetof(struct reading, member), least, most, kind, false
#define SET(kind, member, least, most)                                                             \
    NULL, offsetof(struct rw_load_options, member), least, most, kind, true
#define STREAM(option) option, 0, 0, 0, PASSED, false

static const struct row rows[] = {
    HEAD("WHERE"),
    {"brokers", "HOST:PORT,...", "First brokers to ask.  Default: KAFKA_BOOTSTRAP_SERVERS.",
     STREAM("--brokers")},
    {"topic", "NAME", "Messages go here.  Default: KAFKA_INPUT_TOPIC, else transactions-input.",
     STREAM("--input")},
    {"compression", "CODEC", "none, lz4, zstd, gzip or snappy.  Default: lz4.",
     SET(TEXT, compression, 0, 0)},
    {"X", "NAME=VALUE",
     "Any property of librdkafka (-X linger.ms=20); producer.NAME and consumer.NAME reach\n"
     "that client only.  May be repeated.  KAFKA_SASL_USERNAME=... in the environment\n"
     "does the same, as for rowan-stream.",
     STREAM("-X")},
    {"F", "NAME=FILE", "The same, with the value in a file, for secrets.", STREAM("-F")},

    HEAD("HOW MUCH, AND WHEN"),
    {"phases", "RATExSECONDS,...",
     "Messages a second, for so many seconds, one phase after the other.\n"
     "Fractions are allowed in both.  Rates hold whatever the broker does.",
     IN(TEXT, pattern.phases, 0, 0)},
    {"attack", NULL, "The phases " RW_LOAD_ATTACK ": 2.01 million messages, 11 minutes.",
     IN(FLAG, pattern.attack, 0, 0)},
    {"rate", "R", "One phase of R messages a second, for --duration or --count.",
     IN(REAL, pattern.rate, 0.001, RW_LOAD_RATE_MAX)},
    {"burst", "N",
     "N messages at once at the begin of each second, beside the rate or phases\n"
     "if there are any.",
     IN(COUNT, pattern.burst, 1, RW_LOAD_RATE_MAX)},
    {"max", NULL,
     "As fast as it goes: librdkafka's queue is kept full, the broker sets the rate.\n"
     "Ends with --duration (default 10) or --count.",
     IN(FLAG, pattern.unpaced, 0, 0)},
    {"duration", "S", "Seconds that --rate, --burst or --max last.",
     IN(REAL, pattern.duration, 0.001, RW_LOAD_SECONDS_MAX)},
    {"count", "N", "End after N messages.", IN(COUNT, pattern.count, 1, RW_LOAD_COUNT_MAX)},

    HEAD("WHAT"),
    {"seed", "N", "Of the simulation: the same seed gives the same transactions.  Default: 0.",
     SET(COUNT, seed, 0, 9007199254740992.0)},
    {"customers", "N", "Default: 5000.", SET(COUNT, customers, 1, RW_SIMULATE_CUSTOMERS_MAX)},
    {"terminals", "N", "Default: 10000.", SET(COUNT, terminals, 1, RW_SIMULATE_TERMINALS_MAX)},
    {"warm-up", "DAYS",
     "Days that are simulated and not sent, so that the window features have a past.\n"
     "Default: 30.",
     SET(COUNT, warm_up, 0, 365)},
    {"id-prefix", "TEXT",
     "Transaction ids are TEXT-RUN-NUMBER; RUN is random, so that runs do not meet.\n"
     "Default: load.",
     SET(TEXT, id_prefix, 0, 0)},
    {"envelope", NULL,
     "Nest each transaction: {\"transaction_id\", \"stream_timestamp\", \"producer_id\",\n"
     "\"data\": {...}}.",
     SET(FLAG, envelope, 0, 0)},
    {"bad", "SHARE",
     "This share of messages (0 to 1) is broken on purpose, in turn: JSON without its\n"
     "end, an amount of 0, a key without a value.  Default: 0.",
     SET(REAL, bad, 0.0, 1.0)},

    HEAD("WATCHING"),
    {"group", "NAME",
     "The consumer group whose lag is shown.  Default: KAFKA_CONSUMER_GROUP, else\n"
     "fraud-detection-group.",
     STREAM("--group")},
    {"json", "FILE", "Write the report as JSON, too.", SET(TEXT, json_file, 0, 0)},
    {"svg", "FILE", "Draw rates, latencies and lag of each second.", SET(TEXT, svg_file, 0, 0)},
    {"quiet", NULL, "No lines while it runs, only the report.", SET(FLAG, quiet, 0, 0)},

    HEAD("PROVING"),
    {"verify", NULL,
     "Read the predictions and the dead letters back (read_committed), and prove that\n"
     "each transaction of this run was answered exactly once.",
     SET(FLAG, verify, 0, 0)},
    {"verify-timeout", "S",
     "Seconds after the last acknowledgement until what is not found is missing.\n"
     "Default: 60.",
     SET(REAL, verify_timeout, 0.001, RW_LOAD_SECONDS_MAX)},
    {"output-topic", "NAME", "Default: KAFKA_OUTPUT_TOPIC, else fraud-predictions.",
     STREAM("--output")},
    {"dead-letter-topic", "NAME",
     "Default: KAFKA_DEAD_LETTER_TOPIC, else fraud-predictions-dead-letter.",
     STREAM("--dead-letter")},
    {"threshold", "P", "A prediction at or above P says fraud.  Default: 0.5.",
     SET(REAL, threshold, 0.0, 1.0)},

    HEAD("OTHER"),
    {"help", NULL, "Print this text.", IN(FLAG, help, 0, 0)},
    {"version", NULL, "Print the version.", IN(FLAG, version, 0, 0)},
};

#define N_ROWS (sizeof rows / sizeof *rows)

/* ---- help ------------------------------------------------------------------------------------ */

static void print_indented(const char *text, const char *indent) {
    for (const char *line = text; *line;) {
        const int length = (int)strcspn(line, "\n");
        printf("%s%.*s\n", indent, length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_row(const struct row *row) {
    if (row->kind == HEADING) {
        printf("\n%s\n", row->text);
        return;
    }
    printf("    %s%s%s%s\n", row->name[1] ? "--" : "-", row->name, row->argument ? " " : "",
           row->argument ? row->argument : "");
    print_indented(row->text, "        ");
}

static void print_help(void) {
    printf("NAME\n    kafka-load-test - sends card transactions into Kafka at a given rate\n"
           "\nSYNOPSIS\n    kafka-load-test [OPTION]...\n"
           "\nDESCRIPTION\n"
           "    Simulates customers, terminals and fraud, sends the transactions on a timetable\n"
           "    that no slow broker can stretch (latencies count from the time that the\n"
           "    timetable gave a message), and reports what was reached.  With --verify it reads\n"
           "    back what rowan-stream made of them.  Ctrl-C ends a run early, with its report.\n"
           "    Messages are acknowledged by all replicas in sync (acks=all, idempotent) unless\n"
           "    -X says otherwise.\n");
    for (size_t i = 0; i < N_ROWS; i++)
        print_row(&rows[i]);
    printf("\nEXIT STATUS\n"
           "    0   every message was sent and acknowledged, and with --verify answered once\n"
           "    1   not so, or the run was ended early\n"
           "    2   the command line was wrong\n"
           "\nEXAMPLES\n"
           "    kafka-load-test --brokers localhost:9092 --rate 1000 --duration 60\n"
           "    kafka-load-test --brokers localhost:9092 --attack --json run.json --svg run.svg\n"
           "    kafka-load-test --brokers localhost:9092 --rate 500 --duration 30 --bad 0.01 "
           "--verify\n"
           "    kafka-load-test --brokers localhost:9092 --max --count 1000000\n");
}

/* ---- parsing --------------------------------------------------------------------------------- */

static void *place_of(struct reading *reading, const struct row *row) {
    return (row->in_options ? (char *)reading->options : (char *)reading) + row->place;
}

static rowan_status refuse_number(const struct row *row, const char *value, rowan_error *error) {
    char option[64];
    snprintf(option, sizeof option, "--%s", row->name);
    return rw_fail(error, ROWAN_ARGUMENT, option, NULL,
                   "takes a %snumber from %.10g to %.10g, not \"%.60s\"",
                   row->kind == COUNT ? "whole " : "", row->least, row->most, value);
}

static rowan_status set_number(struct reading *reading, const struct row *row, const char *value,
                               rowan_error *error) {
    char *end;
    const double number = strtod(value, &end);
    const bool is_number = strspn(value, "0123456789.eE+-") == strlen(value) && *value && !*end;
    const bool is_whole = row->kind == REAL || number == floor(number);
    if (!is_number || !is_whole || number < row->least || number > row->most)
        return refuse_number(row, value, error);
    if (row->kind == COUNT)
        *(uint64_t *)place_of(reading, row) = (uint64_t)number;
    else
        *(double *)place_of(reading, row) = number;
    return ROWAN_OK;
}

static rowan_status pass(struct reading *reading, const struct row *row, char *value,
                         rowan_error *error) {
    if (reading->n_passed + 2 > PASSED_MAX)
        return rw_fail(error, ROWAN_LIMIT, row->name, NULL,
                       "more than %u properties (RW_STREAM_PROPERTIES_MAX)",
                       RW_STREAM_PROPERTIES_MAX);
    reading->passed[reading->n_passed++] = (char *)row->passed;
    reading->passed[reading->n_passed++] = value;
    return ROWAN_OK;
}

static rowan_status set(struct reading *reading, const struct row *row, char *value,
                        rowan_error *error) {
    switch (row->kind) {
    case FLAG:
        *(bool *)place_of(reading, row) = true;
        return ROWAN_OK;
    case TEXT:
        *(const char **)place_of(reading, row) = value;
        return ROWAN_OK;
    case PASSED:
        return pass(reading, row, value, error);
    default:
        return set_number(reading, row, value, error);
    }
}

static const struct row *find(const char *name, size_t length) {
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].name && strlen(rows[i].name) == length &&
            memcmp(rows[i].name, name, length) == 0)
            return &rows[i];
    return NULL;
}

/* No error shows a value: it may be a password that met a wrong option. */
static rowan_status refuse(const char *text, const char *what, rowan_error *error) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    return rw_fail(error, ROWAN_ARGUMENT, name, "see kafka-load-test --help", "%s", what);
}

static char *value_in(char *text, bool is_short) {
    if (is_short)
        return text[2] ? text + 2 : NULL;
    char *equals = strchr(text, '=');
    return equals ? equals + 1 : NULL;
}

/* "--name", "--name=value", "--name value"; "-X value", "-Xvalue". */
static rowan_status read_one(struct reading *reading, char *text, rowan_error *error) {
    const bool is_short = text[0] == '-' && text[1] != '-' && text[1] != '\0';
    if (!is_short && strncmp(text, "--", 2) != 0)
        return rw_fail(error, ROWAN_ARGUMENT, "command line", "see kafka-load-test --help",
                       "an argument is no option");
    const char *name = is_short ? text + 1 : text + 2;
    const size_t length = is_short ? 1 : strcspn(name, "=");
    const struct row *row = find(name, length);
    if (!row || is_short != (row->name[1] == '\0'))
        return refuse(text, "there is no such option", error);
    char *value = value_in(text, is_short);
    if (row->kind == FLAG)
        return value ? refuse(text, "this option takes no value", error)
                     : set(reading, row, NULL, error);
    if (!value && reading->next < reading->end)
        value = *reading->next++;
    return value ? set(reading, row, value, error)
                 : refuse(text, "this option needs a value", error);
}

/* ---- what the options mean together ---------------------------------------------------------- */

static rowan_status conflict(rowan_error *error, const char *what) {
    return rw_fail(error, ROWAN_ARGUMENT, NULL, NULL, "%s", what);
}

static rowan_status make_unpaced(struct rw_load_schedule *schedule, const struct pattern *pattern,
                                 rowan_error *error) {
    if (pattern->rate > 0.0 || pattern->burst > 0)
        return conflict(error, "--max has no rate: it goes without --rate and --burst");
    const double longest = pattern->count ? RW_LOAD_SECONDS_MAX : DEFAULT_MAX_SECONDS;
    schedule->unpaced = true;
    return rw_load_schedule_add(schedule, 0.0, 0,
                                pattern->duration > 0.0 ? pattern->duration : longest, error);
}

static rowan_status make_single(struct rw_load_schedule *schedule, const struct pattern *pattern,
                                rowan_error *error) {
    double seconds = pattern->duration;
    if (seconds == 0.0 && pattern->count > 0) /* a burst needs whole seconds */
        seconds = ceil((double)pattern->count / (pattern->rate + (double)pattern->burst));
    if (seconds == 0.0)
        return conflict(error, "--rate and --burst need --duration or --count");
    return rw_load_schedule_add(schedule, pattern->rate, pattern->burst, seconds, error);
}

static rowan_status make_schedule(const struct pattern *pattern, struct rw_load_schedule *schedule,
                                  rowan_error *error) {
    const bool is_burst = pattern->burst > 0 && !pattern->phases && !pattern->attack;
    const bool is_single = pattern->rate > 0.0 || (is_burst && !pattern->unpaced);
    if ((pattern->phases != NULL) + pattern->attack + pattern->unpaced + is_single != 1)
        return conflict(error, "name one of --phases, --attack, --rate, --burst and --max "
                               "(--burst goes with the first three, too)");
    if ((pattern->phases || pattern->attack) && pattern->duration > 0.0)
        return conflict(error, "--duration goes with --rate, --burst and --max; "
                               "phases have their own");
    rw_load_schedule_init(schedule);
    if (pattern->count > 0)
        schedule->limit = pattern->count;
    if (pattern->unpaced)
        return make_unpaced(schedule, pattern, error);
    if (is_single)
        return make_single(schedule, pattern, error);
    return rw_load_schedule_parse(schedule, pattern->attack ? RW_LOAD_ATTACK : pattern->phases,
                                  pattern->burst, error);
}

static rowan_status check_prefix(const char *prefix, rowan_error *error) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t length = strlen(prefix);
    if (length == 0 || length > RW_LOAD_PREFIX_MAX || strspn(prefix, allowed) != length)
        return rw_fail(error, ROWAN_ARGUMENT, "--id-prefix", NULL,
                       "has 1 to %u letters, digits, dots, dashes and underscores "
                       "(RW_LOAD_PREFIX_MAX)",
                       RW_LOAD_PREFIX_MAX);
    return ROWAN_OK;
}

static rowan_status check(struct rw_load_options *options, rowan_error *error) {
    const uint64_t bound = RW_LOAD_VERIFY_COUNT_MAX;
    struct rw_load_schedule *schedule = &options->schedule;
    if (options->verify && schedule->unpaced && schedule->limit > bound)
        schedule->limit = bound; /* the duration ends it before */
    if (options->verify && rw_load_schedule_total(schedule) > bound)
        return rw_fail(error, ROWAN_LIMIT, "verify", NULL,
                       "a run that is verified has at most %u messages "
                       "(RW_LOAD_VERIFY_COUNT_MAX)",
                       RW_LOAD_VERIFY_COUNT_MAX);
    return check_prefix(options->id_prefix, error);
}

/* Brokers, topics, group and properties: rowan-stream's rules, and its environment. */
static rowan_status read_stream(struct reading *reading, char *const *environment,
                                rowan_error *error) {
    static const char *const names[][2] = {{"--input", "--topic"},
                                           {"--output", "--output-topic"},
                                           {"--dead-letter", "--dead-letter-topic"}};
    rowan_status status = rw_stream_settings_read((int)reading->n_passed, reading->passed,
                                                  environment, &reading->options->stream, error);
    for (size_t i = 0; status != ROWAN_OK && i < sizeof names / sizeof *names; i++)
        if (strcmp(error->where, names[i][0]) == 0)
            snprintf(error->where, sizeof error->where, "%s", names[i][1]);
    return status;
}

static void set_defaults(struct rw_load_options *options) {
    const struct rw_simulate_options simulation = rw_simulate_defaults();
    *options = (struct rw_load_options){
        .id_prefix = "load",
        .seed = simulation.seed,
        .customers = simulation.customers,
        .terminals = simulation.terminals,
        .warm_up = 30,
        .threshold = 0.5,
        .verify_timeout = 60.0,
    };
}

static rowan_status tell(struct rw_load_options *options, bool help) {
    options->action = RW_LOAD_TOLD;
    if (help)
        print_help();
    else
        printf("kafka-load-test %s (librdkafka %s)\n", ROWAN_VERSION, rd_kafka_version_str());
    return ROWAN_OK;
}

rowan_status rw_load_options_read(int argc, char **argv, char *const *environment,
                                  struct rw_load_options *options, rowan_error *error) {
    static char name[] = "kafka-load-test";
    struct reading reading = {
        .options = options, .next = argv + 1, .end = argv + argc, .passed = {name}, .n_passed = 1};
    rowan_status status = ROWAN_OK;
    set_defaults(options);
    while (status == ROWAN_OK && reading.next < reading.end && !reading.help && !reading.version)
        status = read_one(&reading, *reading.next++, error);
    if (status == ROWAN_OK && (reading.help || reading.version))
        return tell(options, reading.help);
    if (status == ROWAN_OK)
        status = make_schedule(&reading.pattern, &options->schedule, error);
    if (status == ROWAN_OK)
        status = check(options, error);
    if (status == ROWAN_OK)
        status = read_stream(&reading, environment, error);
    return status;
}

void rw_load_options_free(struct rw_load_options *options) {
    rw_stream_settings_free(&options->stream);
}
