/*
 * rowan-sync's settings: what is followed, what is wrong is named, and docs/sync.md and help say
 * what the parser does.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings_fixture.h"

#include "sync/settings.h"

#define URI            "MLFLOW_TRACKING_URI=http://mlflow:5000"
#define VARIABLES(...) ((char *[]){URI, __VA_ARGS__ __VA_OPT__(, ) NULL})

static rowan_status read_settings(char *const *environment, struct rw_sync_settings *settings,
                                  rowan_error *error) {
    char *argv[] = {"rowan-sync", NULL};
    memset(error, 0, sizeof *error);
    return rw_sync_settings_read(1, argv, environment, settings, error);
}

static struct rw_sync_settings read_good(char *const *environment) {
    struct rw_sync_settings settings;
    rowan_error error;
    if (read_settings(environment, &settings, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return settings;
}

static void assert_refused(char *const *environment, const char *where, const char *says) {
    struct rw_sync_settings settings;
    rowan_error error;
    assert_int_equal(read_settings(environment, &settings, &error), ROWAN_ARGUMENT);
    assert_string_equal(error.where, where);
    assert_says(&error, says);
}

static void every_row_is_whole(void **state) {
    (void)state;
    assert_rows_are_whole(rw_sync_table, RW_SYNC_N_SETTINGS);
}

static void what_nobody_sets_has_its_default(void **state) {
    (void)state;
    struct rw_sync_settings settings = read_good(VARIABLES());
    assert_int_equal(settings.action, RW_SYNC_FOLLOW);
    assert_string_equal(settings.tracking_uri, "http://mlflow:5000");
    assert_string_equal(settings.name, "fraud");
    assert_int_equal(settings.by, RW_BY_ALIAS);
    assert_string_equal(settings.wanted, "champion");
    assert_string_equal(settings.reference, "champion");
    assert_string_equal(settings.model_dir, "models/fraud");
    assert_string_equal(settings.s3_region, "us-east-1");
    assert_int_equal(settings.keep, 3);
    assert_int_equal(settings.interval, 30);
    assert_int_equal(settings.timeout, 30);
    assert_null(settings.username);
    assert_null(settings.fallback);
    rw_sync_settings_free(&settings);
}

static void one_of_four_is_followed(void **state) {
    (void)state;
    static const struct {
        char *variable;
        enum rw_sync_by by;
        const char *wanted, *reference;
    } cases[] = {
        {"MLFLOW_MODEL_ALIAS=challenger", RW_BY_ALIAS, "challenger", "challenger"},
        {"MLFLOW_MODEL_STAGE=Production", RW_BY_STAGE, "Production", "stage:Production"},
        {"MLFLOW_MODEL_VERSION=3", RW_BY_VERSION, "3", "version:3"},
        {"MLFLOW_RUN_ID=0e03a0c6", RW_BY_RUN, "0e03a0c6", "run:0e03a0c6"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct rw_sync_settings settings = read_good(VARIABLES(cases[i].variable));
        assert_int_equal(settings.by, cases[i].by);
        assert_string_equal(settings.wanted, cases[i].wanted);
        assert_string_equal(settings.reference, cases[i].reference);
        rw_sync_settings_free(&settings);
    }
    assert_refused(VARIABLES("MLFLOW_MODEL_ALIAS=a", "MLFLOW_RUN_ID=b"), "MLFLOW_RUN_ID",
                   "MLFLOW_MODEL_ALIAS too");
}

static void a_wrong_value_is_named(void **state) {
    (void)state;
    static const struct {
        char *variable;
        const char *where, *says;
    } cases[] = {
        {"MLFLOW_S3_ENDPOINT_URL=ftp://s3", "MLFLOW_S3_ENDPOINT_URL", "no address"},
        {"MLFLOW_S3_ENDPOINT_URL=http://me:secret@s3", "MLFLOW_S3_ENDPOINT_URL",
         "variables of their own"},
        {"MLFLOW_S3_ENDPOINT_URL=http:///x", "MLFLOW_S3_ENDPOINT_URL", "no address"},
        {"MLFLOW_MODEL_NAME=a/b", "MLFLOW_MODEL_NAME", "without '/'"},
        {"MLFLOW_MODEL_VERSION=latest", "MLFLOW_MODEL_VERSION", "no version"},
        {"MLFLOW_MODEL_VERSION=0", "MLFLOW_MODEL_VERSION", "no version"},
        {"MLFLOW_TRACKING_TOKEN=a\nb", "MLFLOW_TRACKING_TOKEN", "one line"},
        {"MLFLOW_TRACKING_USERNAME=me", "MLFLOW_TRACKING_PASSWORD", "other half"},
        {"AWS_SECRET_ACCESS_KEY=x", "AWS_ACCESS_KEY_ID", "other half"},
        {"MODEL_DIR=/", "MODEL_DIR", "end with a name"},
        {"MODEL_DIR=models/..", "MODEL_DIR", "end with a name"},
        {"SYNC_KEEP=0", "SYNC_KEEP", "1 to 100"},
        {"SYNC_INTERVAL=0", "SYNC_INTERVAL", "1 to 86400"},
        {"SYNC_TIMEOUT=3601", "SYNC_TIMEOUT", "1 to 3600"},
        {"LOG_LEVEL=loud", "LOG_LEVEL", "one of"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_refused(VARIABLES(cases[i].variable), cases[i].where, cases[i].says);
    assert_refused((char *[]){NULL}, "MLFLOW_TRACKING_URI", "no registry");
}

static void a_typing_error_is_no_setting(void **state) {
    (void)state;
    assert_refused(VARIABLES("SYNC_KEPP=3"), "SYNC_KEPP", "did you mean SYNC_KEEP?");
    assert_refused(VARIABLES("SYNC_NOTHING_LIKE_IT=3"), "SYNC_NOTHING_LIKE_IT", "no such setting");
    assert_refused(VARIABLES("MLFLOW_MODEL_NAEM=x"), "MLFLOW_MODEL_NAEM",
                   "did you mean MLFLOW_MODEL_NAME?");
    struct rw_sync_settings settings = read_good(
        VARIABLES("MLFLOW_EXPERIMENT_NAME=x", "AWS_REGION=x", "SYNC_SERVICE_HOST=10.0.0.1",
                  "SYNC_PORT=tcp://10.0.0.1:80", "KAFKA_HOME=/x", "SYNC_KEPP="));
    rw_sync_settings_free(&settings);
}

static void a_slash_at_the_end_is_no_part_of_it(void **state) {
    (void)state;
    struct rw_sync_settings settings = read_good(
        (char *[]){"MLFLOW_TRACKING_URI=https://m/base//", "MODEL_DIR=/models/fraud/", NULL});
    assert_string_equal(settings.tracking_uri, "https://m/base");
    assert_string_equal(settings.model_dir, "/models/fraud");
    rw_sync_settings_free(&settings);
}

static void a_wrong_word_is_not_repeated(void **state) {
    (void)state;
    char *words[] = {"--once=hunter2", "hunter2", "-q", "--bogus"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        char *argv[] = {"rowan-sync", words[i], NULL}, text[1024];
        struct rw_sync_settings settings;
        rowan_error error;
        assert_int_equal(rw_sync_settings_read(2, argv, VARIABLES(), &settings, &error),
                         ROWAN_ARGUMENT);
        assert_null(strstr(rowan_error_text(&error, text, sizeof text), "hunter2"));
    }
}

static void once_is_an_action(void **state) {
    (void)state;
    char *argv[] = {"rowan-sync", "--once", NULL};
    struct rw_sync_settings settings;
    rowan_error error;
    assert_int_equal(rw_sync_settings_read(2, argv, VARIABLES(), &settings, &error), ROWAN_OK);
    assert_int_equal(settings.action, RW_SYNC_ONCE);
    rw_sync_settings_free(&settings);
}

/* make docs-settings writes the page anew. */
static void the_page_has_the_table(void **state) {
    (void)state;
    char *table = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&table, &size);
    rw_sync_list_settings(to);
    fclose(to);
    assert_page_has("docs/sync.md", table);
    free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(what_nobody_sets_has_its_default),
        cmocka_unit_test(one_of_four_is_followed),
        cmocka_unit_test(a_wrong_value_is_named),
        cmocka_unit_test(a_typing_error_is_no_setting),
        cmocka_unit_test(a_slash_at_the_end_is_no_part_of_it),
        cmocka_unit_test(a_wrong_word_is_not_repeated),
        cmocka_unit_test(once_is_an_action),
        cmocka_unit_test(the_page_has_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
