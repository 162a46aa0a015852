/*
 * Parsers of what servers say: names that reach out, sizes, bounds, nonsense.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "sync/http.h"
#include "sync/listing.h"

static rowan_status artifacts(const char *json, struct rw_listing *listing, rowan_error *error) {
    *listing = (struct rw_listing){0};
    return rw_artifacts_parse(json, strlen(json), listing, error);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void a_plain_name_stays_in_its_folder(void **state) {
    (void)state;
    static const char *const good[] = {"model.ubj", "MLmodel", "a b", "\xc3\xa9.txt"};
    static const char *const bad[] = {"",   ".",    "..",   ".hidden", "a/b",
                                      "/a", "a\\b", "a\nb", "a\x7f"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_true(rw_name_is_plain(good[i], strlen(good[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(rw_name_is_plain(bad[i], strlen(bad[i])));
    char name[RW_FILE_NAME_MAX + 1];
    memset(name, 'a', sizeof name);
    assert_true(rw_name_is_plain(name, RW_FILE_NAME_MAX));
    assert_false(rw_name_is_plain(name, RW_FILE_NAME_MAX + 1));
    assert_false(rw_name_is_plain("a\0b", 3));
}

static void an_address_escapes_what_is_not_unreserved(void **state) {
    (void)state;
    char text[64];
    struct rw_buffer url = {.data = text, .capacity = sizeof text};
    rw_url_add(&url, "a b/\xc3\xa9&?", false);
    rw_url_add(&url, "/x/", true);
    assert_true(rw_url_end(&url));
    assert_string_equal(text, "a%20b%2F%C3%A9%26%3F/x/");
    struct rw_buffer small = {.data = text, .capacity = 4};
    rw_url_add(&small, "abcdef", false);
    assert_false(rw_url_end(&small));
}

/* ---- MLflow ---------------------------------------------------------------------------------- */

static void files_have_sizes_and_folders_count(void **state) {
    (void)state;
    struct rw_listing listing;
    rowan_error error;
    assert_int_equal(
        artifacts("{\"files\": [{\"path\": \"model.ubj\", \"is_dir\": false, \"file_size\": 12},"
                  "{\"path\": \"MLmodel\", \"file_size\": \"7\"}, {\"path\": \"x\"},"
                  "{\"path\": \".DS_Store\", \"file_size\": 1},"
                  "{\"path\": \"plots\", \"is_dir\": true}]}",
                  &listing, &error),
        ROWAN_OK);
    assert_int_equal(listing.n, 3);
    assert_int_equal(listing.n_seen, 5);
    assert_int_equal(rw_listing_find(&listing, "model.ubj")->size, 12);
    assert_int_equal(rw_listing_find(&listing, "MLmodel")->size, 7);
    assert_int_equal(rw_listing_find(&listing, "x")->size, RW_SIZE_UNKNOWN);
    assert_null(rw_listing_find(&listing, ".DS_Store"));
    rw_listing_free(&listing);
    assert_int_equal(artifacts("{}", &listing, &error), ROWAN_OK);
    assert_int_equal(listing.n, 0);
}

static void a_listing_that_reaches_out_is_a_mismatch(void **state) {
    (void)state;
    static const char *const bad[] = {"../x", "/etc/passwd", "a/b", "..", ""};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char json[128];
        struct rw_listing listing;
        rowan_error error;
        snprintf(json, sizeof json, "{\"files\": [{\"path\": \"%s\"}]}", bad[i]);
        assert_int_equal(artifacts(json, &listing, &error), ROWAN_MISMATCH);
        assert_says(&error, "no name of a file in the artifact's folder");
        rw_listing_free(&listing);
    }
}

static void a_version_is_what_the_answer_names(void **state) {
    (void)state;
    struct rw_registered registered;
    rowan_error error;
    static const char one[] =
        "{\"model_version\": {\"version\": \"2\", \"creation_timestamp\": 17, \"run_id\": \"r\","
        "\"source\": \"models:/m\", \"status\": \"READY\","
        "\"tags\": [{\"key\": \"a\", \"value\": \"b\"},"
        "{\"key\": \"rowan.sha256\", \"value\": \"{}\"}]}}";
    assert_int_equal(rw_registered_parse(one, strlen(one), &registered, &error), ROWAN_OK);
    assert_string_equal(registered.version, "2");
    assert_string_equal(registered.sha256, "{}");
    assert_string_equal(registered.source, "models:/m");
    assert_int_equal(registered.created, 17);
    assert_true(registered.is_ready);
    static const char many[] = "{\"model_versions\": [{\"version\": 3, "
                               "\"status\": \"PENDING_REGISTRATION\"}]}";
    assert_int_equal(rw_registered_parse(many, strlen(many), &registered, &error), ROWAN_OK);
    assert_string_equal(registered.version, "3");
    assert_false(registered.is_ready);
    assert_int_equal(rw_registered_parse("{}", 2, &registered, &error), ROWAN_OK);
    assert_string_equal(registered.version, "");
}

static void what_mlflow_would_not_say_is_malformed(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "<html>",
                                      "[]",
                                      "{\"x\": 1}",
                                      "{\"model_version\": 3}",
                                      "{\"model_version\": {}}",
                                      "{\"model_version\": {\"version\": \"../2\"}}",
                                      "{\"model_version\": {\"version\": [1]}}"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct rw_registered registered;
        rowan_error error;
        char *exact = exact_copy(bad[i], strlen(bad[i]));
        assert_int_equal(rw_registered_parse(exact, strlen(bad[i]), &registered, &error),
                         ROWAN_MALFORMED);
        assert_says(&error, "MLFLOW_TRACKING_URI");
        free(exact);
    }
}

static void digests_are_64_hexadecimal_digits(void **state) {
    (void)state;
    struct rw_digests digests;
    rowan_error error;
    char json[256], hex[RW_SHA256_HEX + 1];
    memset(hex, 'a', RW_SHA256_HEX);
    hex[RW_SHA256_HEX] = '\0';
    snprintf(json, sizeof json, "{\"model.ubj\": \"%s\"}", hex);
    assert_int_equal(rw_digests_parse(json, strlen(json), &digests, &error), ROWAN_OK);
    assert_int_equal(digests.n, 1);
    assert_int_equal(digests.digests[0].sha256[31], 0xaa);
    hex[3] = 'g';
    snprintf(json, sizeof json, "{\"model.ubj\": \"%s\"}", hex);
    assert_int_equal(rw_digests_parse(json, strlen(json), &digests, &error), ROWAN_MALFORMED);
    snprintf(json, sizeof json, "{\"../model.ubj\": \"%s\"}", hex);
    assert_int_equal(rw_digests_parse(json, strlen(json), &digests, &error), ROWAN_MALFORMED);
}

/* ---- S3 ---------------------------------------------------------------------------------------
 */

static rowan_status s3(const char *inside, struct rw_listing *listing, char *next,
                       rowan_error *error) {
    char xml[4096];
    snprintf(xml, sizeof xml, "<?xml version=\"1.0\"?><ListBucketResult>%s</ListBucketResult>",
             inside);
    *listing = (struct rw_listing){0};
    return rw_s3_listing_parse(xml, strlen(xml), "a/b/", listing, next, error);
}

static void s3_names_objects_behind_the_prefix(void **state) {
    (void)state;
    struct rw_listing listing;
    char next[RW_CONTINUE_MAX + 1];
    rowan_error error;
    assert_int_equal(s3("<NextContinuationToken>t&amp;=</NextContinuationToken>"
                        "<Contents><Key>a/b/</Key><Size>0</Size></Contents>"
                        "<Contents><Key>a/b/model.ubj</Key><Size>12</Size></Contents>"
                        "<CommonPrefixes><Prefix>a/b/plots/</Prefix></CommonPrefixes>",
                        &listing, next, &error),
                     ROWAN_OK);
    assert_int_equal(listing.n, 1);
    assert_int_equal(listing.n_seen, 2);
    assert_int_equal(rw_listing_find(&listing, "model.ubj")->size, 12);
    assert_string_equal(next, "t&=");
    rw_listing_free(&listing);
}

static void s3_that_lies_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *inside;
        rowan_status status;
    } cases[] = {
        {"<Contents><Key>other/x</Key></Contents>", ROWAN_MALFORMED},
        {"<Contents><Key>a/b/../x</Key></Contents>", ROWAN_MISMATCH},
        {"<Contents><Key>a/b/c/d</Key></Contents>", ROWAN_MISMATCH},
        {"<Contents>", ROWAN_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct rw_listing listing;
        char next[RW_CONTINUE_MAX + 1];
        rowan_error error;
        assert_int_equal(s3(cases[i].inside, &listing, next, &error), cases[i].status);
        assert_int_not_equal(error.what[0], '\0');
        rw_listing_free(&listing);
    }
    struct rw_listing listing = {0};
    char next[RW_CONTINUE_MAX + 1];
    rowan_error error;
    static const char bomb[] = "<!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult/>";
    assert_int_equal(rw_s3_listing_parse(bomb, strlen(bomb), "", &listing, next, &error),
                     ROWAN_MALFORMED);
    assert_says(&error, "document type");
    static const char other[] = "<Error><Code>NoSuchBucket</Code></Error>";
    assert_int_equal(rw_s3_listing_parse(other, strlen(other), "", &listing, next, &error),
                     ROWAN_MALFORMED);
    assert_says(&error, "no ListBucketResult");
}

/* ---- MLmodel ------------------------------------------------------------------------------------
 */

static rowan_status mlmodel(const char *yaml, struct rw_mlmodel *to, rowan_error *error) {
    return rw_mlmodel_parse(yaml, strlen(yaml), to, error);
}

static void an_mlmodel_names_flavours_and_their_files(void **state) {
    (void)state;
    struct rw_mlmodel found;
    rowan_error error;
    assert_int_equal(mlmodel("flavors:\n  python_function:\n    data: other\n  xgboost:\n"
                             "    code: null\n    data: model.ubj\n    list: [a, {data: no}]\n"
                             "  sklearn:\n    data: {data: deep}\n"
                             "xgboost: {data: ../../x}\n",
                             &found, &error),
                     ROWAN_OK);
    assert_true(found.has[RW_FLAVOUR_XGBOOST]);
    assert_false(found.has[RW_FLAVOUR_ONNX]);
    assert_string_equal(found.data[RW_FLAVOUR_XGBOOST], "model.ubj");
    assert_string_equal(found.others, "sklearn");
    assert_int_equal(mlmodel("flavors: {onnx: {}, lightgbm: {data: model.lgb}}", &found, &error),
                     ROWAN_OK);
    assert_true(found.has[RW_FLAVOUR_ONNX] && found.has[RW_FLAVOUR_LIGHTGBM]);
    assert_string_equal(found.data[RW_FLAVOUR_ONNX], "");
    assert_string_equal(found.data[RW_FLAVOUR_LIGHTGBM], "model.lgb");
}

static void an_mlmodel_that_reaches_out_or_is_none_is_refused(void **state) {
    (void)state;
    struct rw_mlmodel found;
    rowan_error error;
    assert_int_equal(mlmodel("flavors: {xgboost: {data: ../x}}", &found, &error), ROWAN_MISMATCH);
    assert_int_equal(mlmodel("flavors: {xgboost: {data: /etc/x}}", &found, &error), ROWAN_MISMATCH);
    assert_int_equal(mlmodel("a: [b\n", &found, &error), ROWAN_MALFORMED);
    char deep[512];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(mlmodel(deep, &found, &error), ROWAN_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_name_stays_in_its_folder),
        cmocka_unit_test(an_address_escapes_what_is_not_unreserved),
        cmocka_unit_test(files_have_sizes_and_folders_count),
        cmocka_unit_test(a_listing_that_reaches_out_is_a_mismatch),
        cmocka_unit_test(a_version_is_what_the_answer_names),
        cmocka_unit_test(what_mlflow_would_not_say_is_malformed),
        cmocka_unit_test(digests_are_64_hexadecimal_digits),
        cmocka_unit_test(s3_names_objects_behind_the_prefix),
        cmocka_unit_test(s3_that_lies_is_refused),
        cmocka_unit_test(an_mlmodel_names_flavours_and_their_files),
        cmocka_unit_test(an_mlmodel_that_reaches_out_or_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
