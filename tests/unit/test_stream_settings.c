/*
 * rowan-stream's settings: the command line beats the environment beats the default, what is wrong
 * is named, and help and docs/kafka.md say what the parser does.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings_fixture.h"

#include <unistd.h>

#include "stream/settings_table.h"

#define WORDS_MAX 600
#define BROKERS   "KAFKA_BOOTSTRAP_SERVERS=kafka:9092"

/* Words and variables end with NULL. */
static rowan_status read_settings(char *const *words, char *const *environment,
                                  struct rw_stream_settings *settings, rowan_error *error) {
    char *argv[WORDS_MAX] = {"rowan-stream"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    memset(error, 0, sizeof *error);
    return rw_stream_settings_read(argc, argv, environment, settings, error);
}

static struct rw_stream_settings read_good(char *const *words, char *const *environment) {
    struct rw_stream_settings settings;
    rowan_error error;
    if (read_settings(words, environment, &settings, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return settings;
}

static void assert_refused(char *const *words, char *const *environment, const char *where,
                           const char *says) {
    struct rw_stream_settings settings;
    rowan_error error;
    assert_int_not_equal(read_settings(words, environment, &settings, &error), ROWAN_OK);
    assert_int_not_equal(error.status, ROWAN_OK);
    assert_string_equal(error.where, where);
    assert_says(&error, says);
}

#define WORDS(...)     ((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define VARIABLES(...) ((char *[]){BROKERS, __VA_ARGS__ __VA_OPT__(, ) NULL})

/* ---- values ------------------------------------------------------------------------- */

static void what_nobody_sets_has_its_default(void **state) {
    (void)state;
    char host[300] = "";
    gethostname(host, sizeof host - 1);
    struct rw_stream_settings settings = read_good(WORDS(), VARIABLES());
    assert_int_equal(settings.action, RW_STREAM_RUN);
    assert_string_equal(settings.brokers, "kafka:9092");
    assert_string_equal(settings.input, "transactions-input");
    assert_string_equal(settings.output, "fraud-predictions");
    assert_string_equal(settings.dead_letter, "fraud-predictions-dead-letter");
    assert_string_equal(settings.group, "fraud-detection-group");
    assert_string_equal(settings.model_dir, "models/fraud");
    assert_null(settings.metrics_dir);
    assert_string_equal(settings.instance, host);
    assert_int_equal(settings.delivery, RW_EXACTLY_ONCE);
    assert_int_equal(settings.threads, 1);
    assert_int_equal(settings.linger_ms, 20);
    assert_int_equal(settings.log_level, 6);
    assert_false(settings.model_optional);
    assert_int_equal(settings.n_properties, 0);
    rw_stream_settings_free(&settings);
}

static void the_environment_sets_everything(void **state) {
    (void)state;
    struct rw_stream_settings settings = read_good(
        WORDS(), VARIABLES("KAFKA_INPUT_TOPIC=in", "KAFKA_OUTPUT_TOPIC=out",
                           "KAFKA_DEAD_LETTER_TOPIC=dead", "KAFKA_CONSUMER_GROUP=a group",
                           "MODEL_DIR=/m", "MODEL_OPTIONAL=1", "METRICS_DIR=/dev/shm/r",
                           "REPLICA_ID=pod-7", "KAFKA_DELIVERY=at-least-once", "KAFKA_THREADS=64",
                           "KAFKA_LINGER_MS=0", "LOG_LEVEL=WARNING", "PATH=/bin", "KAFKA", "="));
    assert_string_equal(settings.input, "in");
    assert_string_equal(settings.output, "out");
    assert_string_equal(settings.dead_letter, "dead");
    assert_string_equal(settings.group, "a group");
    assert_string_equal(settings.model_dir, "/m");
    assert_string_equal(settings.metrics_dir, "/dev/shm/r");
    assert_string_equal(settings.instance, "pod-7");
    assert_int_equal(settings.delivery, RW_AT_LEAST_ONCE);
    assert_int_equal(settings.threads, 64);
    assert_int_equal(settings.linger_ms, 0);
    assert_int_equal(settings.log_level, 4);
    assert_true(settings.model_optional);
    assert_int_equal(settings.n_properties, 0);
    rw_stream_settings_free(&settings);
}

static void the_command_line_beats_the_environment(void **state) {
    (void)state;
    struct rw_stream_settings settings =
        read_good(WORDS("--brokers", "b:1", "--input=i", "--output", "o", "--dead-letter", "d",
                        "--group", "g", "--model", "m", "--metrics-dir", "s", "--delivery",
                        "exactly-once", "--threads", "2", "--threads", "3", "--linger", "10000"),
                  VARIABLES("KAFKA_INPUT_TOPIC=in", "KAFKA_OUTPUT_TOPIC=out", "MODEL_DIR=/m",
                            "KAFKA_DEAD_LETTER_TOPIC=dead", "KAFKA_CONSUMER_GROUP=group",
                            "METRICS_DIR=/dev/shm/r", "KAFKA_DELIVERY=at-least-once",
                            "KAFKA_THREADS=64", "KAFKA_LINGER_MS=nonsense"));
    assert_string_equal(settings.brokers, "b:1");
    assert_string_equal(settings.input, "i");
    assert_string_equal(settings.output, "o");
    assert_string_equal(settings.dead_letter, "d");
    assert_string_equal(settings.group, "g");
    assert_string_equal(settings.model_dir, "m");
    assert_string_equal(settings.metrics_dir, "s");
    assert_int_equal(settings.delivery, RW_EXACTLY_ONCE);
    assert_int_equal(settings.threads, 3);
    assert_int_equal(settings.linger_ms, 10000);
    rw_stream_settings_free(&settings);
}

static void an_empty_variable_is_none(void **state) {
    (void)state;
    struct rw_stream_settings settings =
        read_good(WORDS(), VARIABLES("MODEL_DIR=", "METRICS_DIR=", "REPLICA_ID=", "KAFKA_THREADS=",
                                     "LOG_LEVEL=", "KAFKA_DELIVERY=", "MODEL_OPTIONAL="));
    assert_string_equal(settings.model_dir, "models/fraud");
    assert_null(settings.metrics_dir);
    assert_int_not_equal(strlen(settings.instance), 0);
    assert_int_equal(settings.threads, 1);
    assert_int_equal(settings.log_level, 6);
    rw_stream_settings_free(&settings);
}

/* conf/log-levels is the one table; each of its rows must arrive. */
static void a_level_means_what_the_table_says(void **state) {
    (void)state;
    FILE *file = fopen("conf/log-levels", "r");
    assert_non_null(file);
    char line[256], name[32], variable[64];
    int syslog, n = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' || sscanf(line, "%31s %*s %d", name, &syslog) != 2)
            continue;
        snprintf(variable, sizeof variable, "LOG_LEVEL=%s", name);
        struct rw_stream_settings settings = read_good(WORDS(), VARIABLES(variable));
        assert_int_equal(settings.log_level, syslog);
        rw_stream_settings_free(&settings);
        n++;
    }
    fclose(file);
    assert_true(n >= 5);
}

static void brokers_are_a_list_of_host_and_port(void **state) {
    (void)state;
    char *const good[] = {"kafka",
                          "kafka:9092",
                          "a:1,b:65535",
                          "a, b:2 , c",
                          "[::1]:9092",
                          "[::1]",
                          "SASL_SSL://kafka-0.kafka.svc:9093,10.0.0.1"};
    char *const bad[] = {
        "",      ",",      "a,",  "a:0",        "a:65536", "a:",      ":9092", "a:b",     "a b",
        "a:1:2", "[::1]x", "a/b", "a:9092;b:1", "a\n",     "a:-9092", "://",   "SSL://:1"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        struct rw_stream_settings settings = read_good(WORDS("--brokers", good[i]), WORDS());
        assert_string_equal(settings.brokers, good[i]);
        rw_stream_settings_free(&settings);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_refused(WORDS("--brokers", bad[i]), WORDS(), "--brokers", "no HOST:PORT");
    assert_refused(WORDS("--brokers", "a:1,b:x"), WORDS(), "--brokers", "broker 2");
}

/* ---- refusals ----------------------------------------------------------------------- */

static void without_brokers_there_is_nothing_to_do(void **state) {
    (void)state;
    assert_refused(WORDS(), WORDS(), "KAFKA_BOOTSTRAP_SERVERS", "--brokers HOST:PORT");
    assert_refused(WORDS(), WORDS("KAFKA_BOOTSTRAP_SERVERS="), "KAFKA_BOOTSTRAP_SERVERS", "HOST");
}

static void a_topic_is_one_that_kafka_takes(void **state) {
    (void)state;
    char name[260];
    memset(name, 'a', sizeof name);
    name[RW_STREAM_TOPIC_MAX] = '\0';
    struct rw_stream_settings settings = read_good(WORDS("--input", name), VARIABLES());
    rw_stream_settings_free(&settings);
    name[RW_STREAM_TOPIC_MAX] = 'a';
    name[RW_STREAM_TOPIC_MAX + 1] = '\0';
    assert_refused(WORDS("--input", name), VARIABLES(), "--input", "1 to 249");
    char *const bad[] = {"", ".", "..", "a b", "a/b", "t\xc3\xb6pic", "a,b", "a\n"};
    char *const options[] = {"--input", "--output", "--dead-letter"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        for (size_t j = 0; j < ARRAY_LENGTH(options); j++)
            assert_refused(WORDS(options[j], bad[i]), VARIABLES(), options[j], "1 to 249 letters");
    assert_refused(WORDS(), VARIABLES("KAFKA_INPUT_TOPIC="), "KAFKA_INPUT_TOPIC", "empty");
    assert_refused(WORDS(), VARIABLES("KAFKA_OUTPUT_TOPIC="), "KAFKA_OUTPUT_TOPIC", "empty");
    assert_refused(WORDS("--input", "ab/"), VARIABLES(), "--input", "byte 3");
}

static void what_is_read_is_not_written(void **state) {
    (void)state;
    assert_refused(WORDS("--input", "t", "--output", "t"), VARIABLES(), "KAFKA_OUTPUT_TOPIC",
                   "t is the input topic");
    assert_refused(WORDS("--dead-letter=transactions-input"), VARIABLES(),
                   "KAFKA_DEAD_LETTER_TOPIC", "without end");
    assert_refused(WORDS("--dead-letter", "t", "--output", "t"), VARIABLES(),
                   "KAFKA_DEAD_LETTER_TOPIC", "t is the output topic");
}

static void a_wrong_value_is_named(void **state) {
    (void)state;
    static const struct {
        char *variable, *where, *says;
    } cases[] = {
        {"KAFKA_THREADS=0", "KAFKA_THREADS", "number from 1 to 64"},
        {"KAFKA_THREADS=65", "KAFKA_THREADS", "'65'"},
        {"KAFKA_THREADS=2x", "KAFKA_THREADS", "number"},
        {"KAFKA_THREADS=-1", "KAFKA_THREADS", "number"},
        {"KAFKA_THREADS= 1", "KAFKA_THREADS", "number"},
        {"KAFKA_THREADS=4294967297", "KAFKA_THREADS", "number"},
        {"KAFKA_LINGER_MS=10001", "KAFKA_LINGER_MS", "number from 0 to 10000"},
        {"KAFKA_DELIVERY=at-most-once", "KAFKA_DELIVERY", "one of: exactly-once, at-least-once"},
        {"LOG_LEVEL=loud", "LOG_LEVEL", "one of: debug, info"},
        {"MODEL_OPTIONAL=yes", "MODEL_OPTIONAL", "one of: 0, 1"},
        {"REPLICA_ID=a b", "REPLICA_ID", "1 to 253 letters"},
        {"KAFKA_CONSUMER_GROUP=", "KAFKA_CONSUMER_GROUP", "1 to 249 bytes"},
        {"KAFKA_CONSUMER_GROUP=a\nb", "KAFKA_CONSUMER_GROUP", "control characters"},
        {"KAFKA_CONSUMER_GROUP=\xff", "KAFKA_CONSUMER_GROUP", "UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_refused(WORDS(), VARIABLES(cases[i].variable), cases[i].where, cases[i].says);
    assert_refused(WORDS("--model", ""), VARIABLES(), "--model", "the DIR is empty");
    assert_refused(WORDS("--threads", ""), VARIABLES(), "--threads", "number");
}

static void names_have_bounds(void **state) {
    (void)state;
    char group[400] = "KAFKA_CONSUMER_GROUP=", replica[400] = "REPLICA_ID=";
    memset(group + strlen(group), 'g', RW_STREAM_GROUP_MAX);
    memset(replica + strlen(replica), 'r', RW_STREAM_INSTANCE_MAX);
    struct rw_stream_settings settings = read_good(WORDS(), VARIABLES(group, replica));
    assert_int_equal(strlen(settings.group), RW_STREAM_GROUP_MAX);
    rw_stream_settings_free(&settings);
    strcat(group, "g");
    strcat(replica, "r");
    assert_refused(WORDS(), VARIABLES(group), "KAFKA_CONSUMER_GROUP", "1 to 249");
    assert_refused(WORDS(), VARIABLES(replica), "REPLICA_ID", "1 to 253");
}

static void a_wrong_word_is_named_without_its_value(void **state) {
    (void)state;
    static const struct {
        char *words[4];
        const char *says;
    } cases[] = {
        {{"--bogus=hunter2"}, "there is no option --bogus (see rowan-stream --help)"},
        {{"--bogus", "hunter2"}, "there is no option --bogus "},
        {{"-q"}, "there is no option -q"},
        {{"--input"}, "the option --input needs a value"},
        {{"-X"}, "the option -X needs a value"},
        {{"--help=hunter2"}, "the option --help takes no value"},
        {{"--model-optional"}, "there is no option --model-optional"},
        {{"hunter2"}, "must be live or ready"},
        {{"live", "hunter2"}, "something follows live"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct rw_stream_settings settings;
        rowan_error error;
        char text[1024];
        assert_int_equal(read_settings(cases[i].words, VARIABLES(), &settings, &error),
                         ROWAN_ARGUMENT);
        assert_says(&error, cases[i].says);
        assert_null(strstr(rowan_error_text(&error, text, sizeof text), "hunter2"));
    }
}

/* ---- actions and help ------------------------------------------------------------------------ */

static void probes_need_no_broker_and_read_no_property(void **state) {
    (void)state;
    struct rw_stream_settings settings =
        read_good(WORDS("live", "--metrics-dir", "/m"), WORDS("KAFKA_NO_SUCH_THING=1"));
    assert_int_equal(settings.action, RW_STREAM_PROBE_LIVE);
    assert_string_equal(settings.metrics_dir, "/m");
    assert_string_equal(settings.brokers, "");
    rw_stream_settings_free(&settings);
    settings = read_good(WORDS("--metrics-dir", "/m", "ready"), VARIABLES());
    assert_int_equal(settings.action, RW_STREAM_PROBE_READY);
    assert_string_equal(settings.brokers, "kafka:9092");
    rw_stream_settings_free(&settings);
}

/* What the call prints on standard output. */
static char *told(char *const *words, char *const *environment) {
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    FILE *file = tmpfile();
    assert_true(kept >= 0 && file);
    dup2(fileno(file), STDOUT_FILENO);
    struct rw_stream_settings settings;
    rowan_error error;
    rowan_status status = read_settings(words, environment, &settings, &error);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_int_equal(status, ROWAN_OK);
    assert_int_equal(settings.action, RW_STREAM_TOLD);
    rw_stream_settings_free(&settings);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

static void help_is_told_whatever_else_is_wrong(void **state) {
    (void)state;
    char *text = told(WORDS("--threads", "x", "--help"), WORDS("KAFKA_THREADS=x"));
    for (size_t i = 0; i < RW_STREAM_N_SETTINGS; i++) {
        char option[80];
        snprintf(option, sizeof option, "    --%s %s\n",
                 rw_stream_table[i].option ? rw_stream_table[i].option : "",
                 rw_stream_table[i].argument);
        assert_non_null(strstr(text, rw_stream_table[i].variable));
        assert_true(!rw_stream_table[i].option || strstr(text, option));
    }
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 84); /* options are not wrapped */
    assert_non_null(strstr(text, "-X NAME=VALUE"));
    assert_non_null(strstr(text, "1 to 64"));
    free(text);
}

static void the_version_is_told_with_that_of_librdkafka(void **state) {
    (void)state;
    char *text = told(WORDS("--version"), WORDS());
    assert_non_null(strstr(text, "rowan-stream " ROWAN_VERSION));
    assert_non_null(strstr(text, rd_kafka_version_str()));
    free(text);
}

static void docs_have_the_table(void **state) {
    (void)state;
    char *table = told(WORDS("--list-settings"), WORDS());
    assert_page_has("docs/kafka.md", table);
    free(table);
}

static void every_row_of_the_table_is_whole(void **state) {
    (void)state;
    assert_rows_are_whole(rw_stream_table, RW_STREAM_N_SETTINGS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_sets_has_its_default),
        cmocka_unit_test(the_environment_sets_everything),
        cmocka_unit_test(the_command_line_beats_the_environment),
        cmocka_unit_test(an_empty_variable_is_none),
        cmocka_unit_test(a_level_means_what_the_table_says),
        cmocka_unit_test(brokers_are_a_list_of_host_and_port),
        cmocka_unit_test(without_brokers_there_is_nothing_to_do),
        cmocka_unit_test(a_topic_is_one_that_kafka_takes),
        cmocka_unit_test(what_is_read_is_not_written),
        cmocka_unit_test(a_wrong_value_is_named),
        cmocka_unit_test(names_have_bounds),
        cmocka_unit_test(a_wrong_word_is_named_without_its_value),
        cmocka_unit_test(probes_need_no_broker_and_read_no_property),
        cmocka_unit_test(help_is_told_whatever_else_is_wrong),
        cmocka_unit_test(the_version_is_told_with_that_of_librdkafka),
        cmocka_unit_test(docs_have_the_table),
        cmocka_unit_test(every_row_of_the_table_is_whole),
    };
    return cmocka_run_group_tests_name("stream settings", tests, NULL, NULL);
}
