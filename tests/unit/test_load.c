/*
 * Loading: the format is found by content, errors carry the name, and a small file
 * cannot make the reader take more than a bounded amount of memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "xgboost_fixture.h"

#include "allocations.h"

#include <unistd.h>

/* READER_BYTES_ALWAYS of load.c is 1 MiB, and chunks of an arena can be half empty. */
#define SMALL_FILE_MEMORY ((size_t)4 << 20)

static rowan_status load(const void *bytes, size_t size, rowan_error *error) {
    rowan_model *model = NULL;
    char *copy = exact_copy(bytes, size);
    allocations_reset();
    rowan_status status = rowan_model_load_memory(copy, size, "name", NULL, &model, error);
    if (status == ROWAN_OK)
        rowan_model_free(model);
    free(copy);
    return status;
}

static void other_formats_are_refused(void **state) {
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
    } others[] = {{"", 0},         {"{", 1},    {"{\0", 2}, {"trees\nversion=v4", 16},
                  {"\x08\x08", 2}, {"binf", 4}, {"[1]", 3}, {"\xef\xbb\xbf{}", 5}};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        rowan_error error = {0};
        assert_int_equal(load(others[i].bytes, others[i].size, &error), ROWAN_UNSUPPORTED);
        assert_says(&error, "name: byte 0: not a model format that Rowan reads");
    }
}

static void json_that_is_no_model_is_refused(void **state) {
    (void)state;
    const char *const others[] = {"{}", "{\"learner\":1}", "{\"learner\":{}}", "{ \"x\": [] }"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        rowan_error error = {0};
        assert_int_not_equal(load(others[i], strlen(others[i]), &error), ROWAN_OK);
        assert_says(&error, "name: /");
    }
    rowan_error error = {0};
    assert_int_equal(load("{\"a\":}", 6, &error), ROWAN_MALFORMED);
    assert_says(&error, "name: byte 5: not JSON: ");
    assert_int_equal(load("{i\x01", 3, &error), ROWAN_MALFORMED);
    assert_says(&error, "name: byte 3: not UBJSON: truncated");
}

static void files_load_by_path(void **state) {
    (void)state;
    char path[] = "/tmp/rowan-load-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    char *json = fixture_replaced(FIXTURE_MODEL, "3,0,1", "2,1,4");
    assert_int_equal(rw_file_replace(path, json, strlen(json), NULL), ROWAN_OK);
    rowan_model *model;
    rowan_model_info info;
    rowan_error error;
    assert_int_equal(rowan_model_load(path, NULL, &model, &error), ROWAN_OK);
    rowan_model_describe(model, &info);
    assert_string_equal(info.producer, "xgboost 2.1.4");
    rowan_model_free(model);
    assert_int_equal(rw_file_replace(path, json, 100, NULL), ROWAN_OK);
    assert_int_equal(rowan_model_load(path, NULL, &model, &error), ROWAN_MALFORMED);
    assert_says(&error, path);
    unlink(path);
    assert_int_equal(rowan_model_load(path, NULL, &model, &error), ROWAN_IO);
    assert_says(&error, path);
    free(json);
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    char *json = fixture_replaced(FIXTURE_MODEL, "3,0,1", "3,0,1");
    rowan_error error;
    for (size_t length = 0; length < strlen(json); length++)
        assert_int_not_equal(load(json, length, &error), ROWAN_OK);
    free(json);
}

/* A flipped bit may still be a model; it must never be more than that. */
static void every_flipped_bit_is_survived(void **state) {
    (void)state;
    char *json = fixture_replaced(FIXTURE_MODEL, "3,0,1", "3,0,1");
    size_t size = strlen(json);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        rowan_model *model;
        json[bit / 8] = (char)(json[bit / 8] ^ 1 << bit % 8);
        if (rowan_model_load_memory(json, size, NULL, NULL, &model, NULL) == ROWAN_OK) {
            static float row[ROWAN_MAX_FEATURES];
            static double out[ROWAN_MAX_OUTPUTS];
            assert_int_equal(rowan_predict_f32(model, row, 1, ROWAN_RESPONSE, out, NULL), ROWAN_OK);
            rowan_model_free(model);
        }
        json[bit / 8] = (char)(json[bit / 8] ^ 1 << bit % 8);
    }
    free(json);
}

static void assert_small(const char *bytes, size_t size) {
    rowan_error error = {0};
    assert_int_not_equal(load(bytes, size, &error), ROWAN_OK);
    if (allocations.bytes > SMALL_FILE_MEMORY)
        fail_msg("%zu bytes made it allocate %zu: %s", size, allocations.bytes, error.what);
}

static void claims_of_a_small_ubjson_cost_little(void **state) {
    (void)state;
    static const char types[] = "TFZS[{iUIlLdD";
    for (const char *type = types; *type; type++) {
        char bytes[1024] = "{$x#l\x3f\xff\xff\xff"; /* an object of 2^30 members */
        bytes[2] = *type;
        assert_small(bytes, sizeof bytes);
        char array[1024] = "{i\x01"
                           "a[$x#l\x3f\xff\xff\xff"; /* an array of 2^30 elements */
        array[6] = *type;
        assert_small(array, sizeof array);
    }
    char open[1024];
    memset(open, '[', sizeof open);
    memcpy(open,
           "{i\x01"
           "a",
           4);
    assert_small(open, sizeof open);
}

static void claims_of_a_small_json_cost_little(void **state) {
    (void)state;
    const char *const lies[][2] = {
        {"'num_feature':'2'", "'num_feature':'65536'"},
        {"'num_class':'0'", "'num_class':'4096'"},
        {"'num_target':'1'", "'num_target':'4096'"},
        {"'num_parallel_tree':'1'", "'num_parallel_tree':'1000000'"},
        {"[1,3,33]", "[1,3,16777215]"}, /* half a megabyte of bits, two times */
        {"'num_nodes':'3'", "'num_nodes':'2147483648'"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lies); i++) {
        char *json = fixture_replaced(FIXTURE_MODEL, lies[i][0], lies[i][1]);
        rowan_error error = {0};
        load(json, strlen(json), &error);
        if (allocations.bytes > SMALL_FILE_MEMORY)
            fail_msg("%s made it allocate %zu", lies[i][1], allocations.bytes);
        free(json);
    }
    char open[1024];
    memset(open, '[', sizeof open);
    memcpy(open, "{\"a\":", 5);
    assert_small(open, sizeof open);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_formats_are_refused),
        cmocka_unit_test(json_that_is_no_model_is_refused),
        cmocka_unit_test(files_load_by_path),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_survived),
        cmocka_unit_test(claims_of_a_small_ubjson_cost_little),
        cmocka_unit_test(claims_of_a_small_json_cost_little),
    };
    allocations_start();
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
