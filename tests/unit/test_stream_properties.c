/*
 * Properties of librdkafka: they reach the clients that they are for, Rowan's promises cannot be
 * set away, misspelt names are errors, and no value is ever shown.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include <unistd.h>

#include "stream/settings_table.h"

#define WORDS_MAX 600
#define BROKERS   "KAFKA_BOOTSTRAP_SERVERS=localhost:1"
#define SECRET    "hunter2"

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

static void assert_hides(const rowan_error *error, const char *secret) {
    char text[1024];
    if (strstr(rowan_error_text(error, text, sizeof text), secret))
        fail_msg("\"%s\" shows a value", text);
}

static void assert_refused(char *const *words, char *const *environment, const char *where,
                           const char *says) {
    struct rw_stream_settings settings;
    rowan_error error;
    assert_int_not_equal(read_settings(words, environment, &settings, &error), ROWAN_OK);
    assert_string_equal(error.where, where);
    assert_says(&error, says);
    assert_hides(&error, SECRET);
}

#define WORDS(...)     ((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define VARIABLES(...) ((char *[]){BROKERS, __VA_ARGS__ __VA_OPT__(, ) NULL})

static const char *const defaults[][2] = {
    {"auto.offset.reset", "earliest"}, {"queued.min.messages", "1000000"}, {NULL, NULL}};

/* The value that one of the two clients has. */
static char *value_of(const struct rw_stream_settings *settings, int whom, const char *name) {
    static char value[RW_STREAM_SECRET_MAX + 1];
    rowan_error error;
    size_t size = sizeof value;
    rd_kafka_conf_t *conf = rw_stream_conf(settings, whom, defaults, &error);
    if (!conf)
        fail_msg("%s: %s", error.where, error.what);
    if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
        strcpy(value, "(none)");
    rd_kafka_conf_destroy(conf);
    return value;
}

static void assert_value(char *const *words, char *const *environment, int whom, const char *name,
                         const char *expected) {
    struct rw_stream_settings settings = read_good(words, environment);
    assert_string_equal(value_of(&settings, whom, name), expected);
    rw_stream_settings_free(&settings);
}

/* A file with these bytes; the caller removes it. */
static void write_file(char path[], const void *bytes, size_t size) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* ---- where they come from ----------------------------------------------------------- */

static void both_clients_have_what_they_need(void **state) {
    (void)state;
    for (int whom = RW_FOR_CONSUMER; whom <= RW_FOR_PRODUCER; whom++) {
        assert_value(WORDS(), VARIABLES(), whom, "bootstrap.servers", "localhost:1");
        assert_value(WORDS(), VARIABLES("REPLICA_ID=pod-7"), whom, "client.id",
                     "rowan-stream-pod-7");
        assert_value(WORDS(), VARIABLES("LOG_LEVEL=error"), whom, "log_level", "3");
    }
    assert_value(WORDS(), VARIABLES(), RW_FOR_CONSUMER, "auto.offset.reset", "smallest");
    assert_value(WORDS(), VARIABLES(), RW_FOR_CONSUMER, "queued.min.messages", "1000000");
}

static void the_user_beats_rowans_defaults(void **state) {
    (void)state;
    assert_value(WORDS("-X", "auto.offset.reset=latest"), VARIABLES(), RW_FOR_CONSUMER,
                 "auto.offset.reset", "largest");
    assert_value(WORDS(), VARIABLES("KAFKA_QUEUED_MIN_MESSAGES=7"), RW_FOR_CONSUMER,
                 "queued.min.messages", "7");
    assert_value(WORDS("-Xclient.id=mine"), VARIABLES(), RW_FOR_PRODUCER, "client.id", "mine");
}

static void a_variable_is_a_property(void **state) {
    (void)state;
    char *const *environment =
        VARIABLES("KAFKA_SASL_USERNAME=rowan", "KAFKA_SSL_KEY_PASSWORD=a=b c", "OTHER_KAFKA_X=1");
    for (int whom = RW_FOR_CONSUMER; whom <= RW_FOR_PRODUCER; whom++) {
        assert_value(WORDS(), environment, whom, "sasl.username", "rowan");
        assert_value(WORDS(), environment, whom, "ssl.key.password", "a=b c");
    }
}

static void the_last_word_counts(void **state) {
    (void)state;
    assert_value(WORDS("-X", "linger.ms=2", "-X", "linger.ms=3"), VARIABLES("KAFKA_LINGER_MS=9"),
                 RW_FOR_PRODUCER, "linger.ms", "3");
    assert_value(WORDS("-X", "sasl.username=b"), VARIABLES("KAFKA_SASL_USERNAME=a"),
                 RW_FOR_CONSUMER, "sasl.username", "b");
}

/* Whatever the order of the environment, and of the words. */
static void a_prefix_reaches_one_client(void **state) {
    (void)state;
    char *const *orders[] = {VARIABLES("KAFKA_CONSUMER_SASL_USERNAME=c", "KAFKA_SASL_USERNAME=a"),
                             VARIABLES("KAFKA_SASL_USERNAME=a", "KAFKA_CONSUMER_SASL_USERNAME=c")};
    for (size_t i = 0; i < ARRAY_LENGTH(orders); i++) {
        assert_value(WORDS(), orders[i], RW_FOR_CONSUMER, "sasl.username", "c");
        assert_value(WORDS(), orders[i], RW_FOR_PRODUCER, "sasl.username", "a");
    }
    assert_value(WORDS("-X", "producer.debug=msg"), VARIABLES(), RW_FOR_PRODUCER, "debug", "msg");
    assert_value(WORDS("-X", "producer.debug=msg"), VARIABLES(), RW_FOR_CONSUMER, "debug", "");
}

static void a_file_holds_a_value(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *value;
    } cases[] = {
        {"pass\n", "pass"}, {"pass", "pass"}, {"pa\nss\n\n", "pa\nss\n"}, {"pass \r\n", "pass \r"}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char path[] = "/tmp/rowan-secret-XXXXXX", word[100], variable[100];
        write_file(path, cases[i].bytes, strlen(cases[i].bytes));
        snprintf(word, sizeof word, "sasl.password=%s", path);
        snprintf(variable, sizeof variable, "KAFKA_SASL_PASSWORD_FILE=%s", path);
        assert_value(WORDS("-F", word), VARIABLES(), RW_FOR_CONSUMER, "sasl.password",
                     cases[i].value);
        assert_value(WORDS(), VARIABLES(variable), RW_FOR_PRODUCER, "sasl.password",
                     cases[i].value);
        remove(path);
    }
}

static void a_file_has_a_bound(void **state) {
    (void)state;
    char path[] = "/tmp/rowan-secret-XXXXXX", word[100];
    char *bytes = malloc(RW_STREAM_SECRET_MAX + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', RW_STREAM_SECRET_MAX + 1);
    write_file(path, bytes, RW_STREAM_SECRET_MAX);
    snprintf(word, sizeof word, "sasl.password=%s", path);
    struct rw_stream_settings settings = read_good(WORDS("-F", word), VARIABLES());
    assert_int_equal(strlen(value_of(&settings, RW_FOR_CONSUMER, "sasl.password")),
                     RW_STREAM_SECRET_MAX);
    rw_stream_settings_free(&settings);
    FILE *file = fopen(path, "a");
    fputc('x', file);
    fclose(file);
    assert_refused(WORDS("-F", word), VARIABLES(), "-F sasl.password", "at most 65536");
    remove(path);
    free(bytes);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void a_file_that_is_none_is_named_by_its_setting(void **state) {
    (void)state;
    char path[] = "/tmp/rowan-secret-XXXXXX", empty[] = "/tmp/rowan-secret-XXXXXX", word[100];
    write_file(path, "a" SECRET "\0b", 10);
    write_file(empty, "\n", 1);
    assert_refused(WORDS("-F", "sasl.password=" SECRET), VARIABLES(), "-F sasl.password",
                   "No such file");
    assert_refused(WORDS(), VARIABLES("KAFKA_SASL_PASSWORD_FILE=/" SECRET),
                   "KAFKA_SASL_PASSWORD_FILE", "No such file");
    assert_refused(WORDS("-F", "sasl.password=/tmp"), VARIABLES(), "-F sasl.password",
                   "not a regular file");
    snprintf(word, sizeof word, "sasl.password=%s", path);
    assert_refused(WORDS("-F", word), VARIABLES(), "-F sasl.password", "zero byte");
    snprintf(word, sizeof word, "sasl.password=%s", empty);
    assert_refused(WORDS("-F", word), VARIABLES(), "-F sasl.password", "empty");
    remove(path);
    remove(empty);
}

static void a_misspelt_name_is_an_error(void **state) {
    (void)state;
    static const char *const names[] = {"KAFKA_SASL_PASWORD", "KAFKA_SECURITY_PROTOKOLL",
                                        "KAFKA_INPUT_TOPICS", "KAFKA_CONSUMER_SASL_PASWORD",
                                        "KAFKA_PRODUCER_",    "KAFKA_",
                                        "KAFKA__FILE",        "KAFKA_CONSUMER_GROUP_FILE",
                                        "KAFKA_HOMES",        "KAFKA_PORTS",
                                        "KAFKA_SASL_SUPPORT"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char variable[100];
        bool is_file = strstr(names[i], "_FILE");
        snprintf(variable, sizeof variable, "%s=%s", names[i], is_file ? "/etc/hostname" : SECRET);
        assert_refused(WORDS(), VARIABLES(variable), names[i], "");
    }
    assert_refused(WORDS("-X", "sasl.pasword=" SECRET), VARIABLES(), "-X sasl.pasword",
                   "has no property sasl.pasword");
    assert_refused(WORDS("-X", "topic.bogus=" SECRET), VARIABLES(), "-X topic.bogus",
                   "no property");
    assert_refused(WORDS(), VARIABLES("KAFKA_SASL_JAAS_CONFIG=" SECRET), "KAFKA_SASL_JAAS_CONFIG",
                   "use sasl.mechanism");
    assert_refused(WORDS("-X", "ssl.truststore.location=" SECRET), VARIABLES(),
                   "-X ssl.truststore.location", "use ssl.ca.location");
}

static void what_is_there_for_others_is_left_alone(void **state) {
    (void)state;
    struct rw_stream_settings settings = read_good(
        WORDS(),
        VARIABLES("KAFKA_PORT=tcp://10.0.0.1:9092", "KAFKA_PORT_9092_TCP=tcp://10.0.0.1:9092",
                  "KAFKA_PORT_9092_TCP_ADDR=10.0.0.1", "KAFKA_SERVICE_HOST=10.0.0.1",
                  "KAFKA_SERVICE_PORT=9092", "KAFKA_SERVICE_PORT_CLIENT=9092", "KAFKA_HOME=/opt",
                  "KAFKA_OPTS=-D", "KAFKA_HEAP_OPTS=-Xmx1g", "KAFKA_LOG4J_OPTS=-D",
                  "KAFKA_JMX_PORT=9", "KAFKA_JMX_OPTS=-D", "KAFKA_UI_PORT=tcp://10.0.0.2:80",
                  "KAFKA_UI_PORT_80_TCP_PROTO=tcp", "KAFKA_UI_SERVICE_HOST=10.0.0.2",
                  "KAFKA_UI_SERVICE_PORT=80", "KAFKA_UI_SERVICE_PORT_HTTP=80", "KAFKA_VERSION=4"));
    assert_int_equal(settings.n_properties, 0);
    rw_stream_settings_free(&settings);
}

static void promises_cannot_be_set_away(void **state) {
    (void)state;
    static const struct {
        const char *name, *value, *says;
    } cases[] = {
        {"enable.auto.commit", "true", "committed with the predictions"},
        {"enable.auto.commit", "false", "committed with the predictions"},
        {"topic.enable.auto.commit", "true", "committed with the predictions"},
        {"auto.commit.enable", "true", "committed with the predictions"},
        {"enable.auto.offset.store", "true", "committed with the predictions"},
        {"isolation.level", "read_uncommitted", "aborted transactions"},
        {"consumer.isolation.level", "read_uncommitted", "aborted transactions"},
        {"enable.idempotence", "false", "stand twice"},
        {"producer.enable.idempotence", "false", "stand twice"},
        {"group.id", "g", "--group"},
        {"transactional.id", "t", "REPLICA_ID"},
        {"bootstrap.servers", "b", "--brokers"},
        {"metadata.broker.list", "b", "--brokers"},
        {"log_level", "7", "LOG_LEVEL"},
        {"log.queue", "true", "nobody reads"},
        {"enabled_events", "255", "nobody reads"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char word[100], where[100];
        snprintf(word, sizeof word, "%s=%s", cases[i].name, cases[i].value);
        snprintf(where, sizeof where, "-X %s", cases[i].name);
        assert_refused(WORDS("-X", word), VARIABLES(), where, cases[i].says);
    }
    assert_refused(WORDS(), VARIABLES("KAFKA_ISOLATION_LEVEL=read_committed"),
                   "KAFKA_ISOLATION_LEVEL", "cannot be set");
}

static void threads_share_no_static_id(void **state) {
    (void)state;
    assert_value(WORDS("-X", "group.instance.id=i"), VARIABLES(), RW_FOR_CONSUMER,
                 "group.instance.id", "i");
    assert_refused(WORDS("-X", "group.instance.id=i", "--threads", "2"), VARIABLES(),
                   "-X group.instance.id", "fence each other");
}

static void a_property_is_named_whole_and_once(void **state) {
    (void)state;
    assert_refused(WORDS("-X", SECRET), VARIABLES(), "-X", "has no '='");
    assert_refused(WORDS("-F", SECRET), VARIABLES(), "-F", "write -F NAME=FILE");
    assert_refused(WORDS("-X", "=" SECRET), VARIABLES(), "-X ", "no name");
    assert_refused(WORDS("-X", "consumer.=" SECRET), VARIABLES(), "-X consumer.", "no name");
    assert_refused(WORDS("-X", "sasl.password="), VARIABLES(), "-X sasl.password", "empty");
    assert_refused(WORDS(), VARIABLES("KAFKA_SASL_PASSWORD="), "KAFKA_SASL_PASSWORD", "empty");
    assert_refused(WORDS("-X", "producer.fetch.min.bytes=1"), VARIABLES(),
                   "-X producer.fetch.min.bytes", "of consumers only");
    assert_refused(WORDS(), VARIABLES("KAFKA_CONSUMER_ACKS=all"), "KAFKA_CONSUMER_ACKS",
                   "of producers only");
    char path[] = "/tmp/rowan-secret-XXXXXX", variable[100];
    write_file(path, SECRET, strlen(SECRET));
    snprintf(variable, sizeof variable, "KAFKA_SASL_PASSWORD_FILE=%s", path);
    struct rw_stream_settings settings;
    rowan_error error;
    assert_int_equal(read_settings(WORDS(), VARIABLES(variable, "KAFKA_SASL_PASSWORD=" SECRET),
                                   &settings, &error),
                     ROWAN_ARGUMENT);
    assert_says(&error, "sets the same property as KAFKA_SASL_PASSWORD");
    assert_hides(&error, SECRET);
    remove(path);
}

static void there_is_a_bound_of_properties(void **state) {
    (void)state;
    char *words[2 * RW_STREAM_PROPERTIES_MAX + 3] = {NULL};
    for (size_t i = 0; i < RW_STREAM_PROPERTIES_MAX; i++) {
        words[2 * i] = "-X";
        words[2 * i + 1] = "sasl.username=u";
    }
    struct rw_stream_settings settings = read_good(words, VARIABLES());
    assert_int_equal(settings.n_properties, RW_STREAM_PROPERTIES_MAX);
    rw_stream_settings_free(&settings);
    assert_refused(words, VARIABLES("KAFKA_SASL_USERNAME=x"), "-X sasl.username", "more than 256");
    words[2 * RW_STREAM_PROPERTIES_MAX] = "-X";
    words[2 * RW_STREAM_PROPERTIES_MAX + 1] = "sasl.username=u";
    assert_refused(words, VARIABLES(), "command line", "more than 256");
}

static void a_wrong_value_is_told_by_its_range(void **state) {
    (void)state;
    assert_refused(WORDS("-X", "linger.ms=900001"), VARIABLES(), "-X linger.ms", "0 .. 900000");
    assert_refused(WORDS(), VARIABLES("KAFKA_SECURITY_PROTOCOL=" SECRET), "KAFKA_SECURITY_PROTOCOL",
                   "plaintext, ssl, sasl_plaintext, sasl_ssl");
    assert_refused(WORDS("-X", "topic.acks=" SECRET), VARIABLES(), "-X topic.acks", "-1 .. 1000");
    assert_refused(WORDS("-X", "partitioner=" SECRET), VARIABLES(), "-X partitioner",
                   "CONFIGURATION.md");
    assert_refused(WORDS("-X", "dr_cb=" SECRET), VARIABLES(), "-X dr_cb", "");
}

/* ---- over the whole catalogue ---------------------------------------------------------------- */

/* Calls `visit` with each property of this librdkafka and its default; gives their number. */
static int each_property(void (*visit)(void *context, const char *name, const char *initial),
                         void *context) {
    char *text, *rest;
    size_t size;
    int n = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    rd_kafka_conf_properties_show(file);
    fclose(file);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char name[100], whom, initial[200] = "";
        if (sscanf(line, "%99[^| ] | %c | %*[^|]| %199[^ |]", name, &whom, initial) < 2)
            continue;
        visit(context, name, initial);
        n++;
    }
    free(text);
    return n;
}

static void never_shown(void *context, const char *name, const char *initial) {
    (void)initial;
    static const char *const secrets[] = {"hunter2-of-nobody", "774411774411",  "-774411",
                                          "9e77441",           "7744, hunter2", "#hunter2"};
    for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++) {
        rowan_error error = {0};
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        if (rw_stream_conf_set(conf, name, secrets[i], "test", &error) != ROWAN_OK) {
            assert_hides(&error, "hunter2");
            assert_hides(&error, "7744");
            assert_string_equal(error.where, "test");
            ++*(int *)context;
        }
        rd_kafka_conf_destroy(conf);
    }
}

static void no_error_of_any_property_shows_a_value(void **state) {
    (void)state;
    int refused = 0;
    assert_true(each_property(never_shown, &refused) > 100);
    assert_true(refused > 100);
}

/* Adds a property with its own default, if it can be set. */
static void collect(void *context, const char *name, const char *initial) {
    struct rw_stream_settings *settings = context;
    struct rw_property_set one = {RW_FOR_ALL, strdup(name), strdup(*initial ? initial : "x"),
                                  strdup("test")};
    bool is_good = settings->n_properties < RW_STREAM_PROPERTIES_MAX && *initial;
    settings->properties[settings->n_properties++] = one;
    for (int whom = RW_FOR_CONSUMER; whom <= RW_FOR_PRODUCER && is_good; whom++) {
        rd_kafka_conf_t *conf = rw_stream_conf(settings, whom, NULL, NULL);
        is_good = conf != NULL;
        if (conf)
            rd_kafka_conf_destroy(conf);
    }
    if (is_good)
        return;
    settings->n_properties--;
    free(one.name);
    free(one.value);
    free(one.source);
}

static int n_ignored;

static void count_ignored(const rd_kafka_t *client, int level, const char *facility,
                          const char *text) {
    (void)client, (void)level, (void)facility;
    n_ignored += strstr(text, "will be ignored by this") != NULL;
}

/* Warnings of properties that are the other client's, when one is made of `conf`. */
static int count_warnings(rd_kafka_conf_t *conf, int whom) {
    char text[512];
    n_ignored = 0;
    rd_kafka_conf_set_log_cb(conf, count_ignored);
    rd_kafka_t *client = rd_kafka_new(
        whom == RW_FOR_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!client)
        fail_msg("%s", text);
    rd_kafka_destroy(client);
    return n_ignored;
}

static void no_client_warns_of_the_others_properties(void **state) {
    (void)state;
    struct rw_stream_settings settings = read_good(WORDS(), VARIABLES());
    rowan_error error;
    each_property(collect, &settings);
    assert_true(settings.n_properties > 80);
    for (int whom = RW_FOR_CONSUMER; whom <= RW_FOR_PRODUCER; whom++)
        assert_int_equal(count_warnings(rw_stream_conf(&settings, whom, NULL, &error), whom), 0);
    rw_stream_settings_free(&settings);
    settings = read_good(WORDS(), VARIABLES());
    /* and the count counts: what is set past rw_stream_conf's sorting is warned of */
    rd_kafka_conf_t *conf = rw_stream_conf(&settings, RW_FOR_PRODUCER, NULL, &error);
    assert_int_equal(rw_stream_conf_set(conf, "fetch.min.bytes", "1", "test", &error), ROWAN_OK);
    assert_int_equal(rw_stream_conf_set(conf, "auto.offset.reset", "latest", "test", &error), 0);
    assert_int_equal(count_warnings(conf, RW_FOR_PRODUCER), 2);
    rw_stream_settings_free(&settings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_clients_have_what_they_need),
        cmocka_unit_test(the_user_beats_rowans_defaults),
        cmocka_unit_test(a_variable_is_a_property),
        cmocka_unit_test(the_last_word_counts),
        cmocka_unit_test(a_prefix_reaches_one_client),
        cmocka_unit_test(a_file_holds_a_value),
        cmocka_unit_test(a_file_has_a_bound),
        cmocka_unit_test(a_file_that_is_none_is_named_by_its_setting),
        cmocka_unit_test(a_misspelt_name_is_an_error),
        cmocka_unit_test(what_is_there_for_others_is_left_alone),
        cmocka_unit_test(promises_cannot_be_set_away),
        cmocka_unit_test(threads_share_no_static_id),
        cmocka_unit_test(a_property_is_named_whole_and_once),
        cmocka_unit_test(there_is_a_bound_of_properties),
        cmocka_unit_test(a_wrong_value_is_told_by_its_range),
        cmocka_unit_test(no_error_of_any_property_shows_a_value),
        cmocka_unit_test(no_client_warns_of_the_others_properties),
    };
    return cmocka_run_group_tests_name("stream properties", tests, NULL, NULL);
}
