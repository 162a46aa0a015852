/*
 * A model's life: compiled, saved, mapped, described, freed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/rowan-model-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void a_saved_image_maps_to_the_same_model(void **state) {
    (void)state;
    uint64_t random = 21;
    struct fixture_forest *fixture = fixture_random_forest(4, &random);
    rowan_model *model = fixture_compile(fixture), *mapped;
    rowan_error error;
    assert_int_equal(rowan_model_save_image(model, "image", &error), ROWAN_OK);
    assert_int_equal(rowan_model_map_image("image", &mapped, &error), ROWAN_OK);
    unlink("image"); /* the mapping lives on */
    rowan_model_info info, mapped_info;
    rowan_model_describe(model, &info);
    rowan_model_describe(mapped, &mapped_info);
    assert_int_equal(info.fingerprint, mapped_info.fingerprint);
    static float rows[50 * 4];
    static double out[50 * FIXTURE_MAX_GROUPS], mapped_out[50 * FIXTURE_MAX_GROUPS];
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        rows[i] = fixture_random_input(&random);
    rowan_predict_f32(model, rows, 50, ROWAN_RESPONSE, out, NULL);
    rowan_predict_f32(mapped, rows, 50, ROWAN_RESPONSE, mapped_out, NULL);
    assert_memory_equal(out, mapped_out, sizeof out);
    rowan_model_free(mapped);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

static void what_is_no_image_is_not_mapped(void **state) {
    (void)state;
    rowan_model *model;
    rowan_error error;
    assert_int_equal(rowan_model_map_image("absent", &model, &error), ROWAN_IO);
    assert_says(&error, "absent: cannot map the image: No such file");
    assert_int_equal(rw_file_replace("file", "", 0, NULL), ROWAN_OK);
    assert_int_equal(rowan_model_map_image("file", &model, &error), ROWAN_IO);
    assert_int_equal(rw_file_replace("file", "text", 4, NULL), ROWAN_OK);
    assert_int_equal(rowan_model_map_image("file", &model, &error), ROWAN_MALFORMED);
    assert_says(&error, "file: compiled image: not an image of Rowan");
    unlink("file");
    assert_int_equal(rowan_model_map_image(".", &model, &error), ROWAN_IO);
    assert_int_equal(mkfifo("fifo", 0644), 0);
    assert_int_equal(rowan_model_map_image("fifo", &model, &error), ROWAN_IO); /* and returns */
    unlink("fifo");
}

static void the_description_is_that_of_the_forest(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    static const char *const countries[] = {"DE", "FR"};
    fixture->features[1] = (struct rw_forest_feature){
        .name = "country", .kind = ROWAN_CATEGORICAL, .n_categories = 2, .categories = countries};
    fixture->forest.n_trees_in_file = 9;
    fixture->forest.best_iteration = 4;
    fixture->forest.link = ROWAN_LINK_EXP;
    rowan_model *model = fixture_compile(fixture);
    rowan_model_info info;
    rowan_model_describe(model, &info);
    assert_string_equal(info.format, "fixture");
    assert_string_equal(info.producer, "test");
    assert_string_equal(info.objective, "none");
    assert_string_equal(info.booster, "gbtree");
    assert_int_equal(info.link, ROWAN_LINK_EXP);
    assert_int_equal(info.n_features, 2);
    assert_int_equal(info.n_groups, 1);
    assert_int_equal(info.n_outputs, 1);
    assert_int_equal(info.n_trees, 9);
    assert_int_equal(info.n_trees_used, 1);
    assert_int_equal(info.n_nodes, 3);
    assert_int_equal(info.n_leaves, 2);
    assert_int_equal(info.max_depth, 1);
    assert_int_equal(info.best_iteration, 4);
    assert_true(strlen(info.kernel) > 0);
    assert_string_equal(rowan_model_feature_name(model, 0), "x");
    assert_string_equal(rowan_model_feature_name(model, 1), "country");
    assert_int_equal(rowan_model_feature_kind(model, 1), ROWAN_CATEGORICAL);
    assert_string_equal(rowan_model_feature_name(model, 2), "");
    assert_int_equal(rowan_model_feature_kind(model, UINT32_MAX), ROWAN_NUMERIC);
    assert_int_equal(rowan_model_category_count(model, 0), 0);
    assert_int_equal(rowan_model_category_count(model, 1), 2);
    assert_int_equal(rowan_model_category_count(model, 2), 0);
    assert_string_equal(rowan_model_category_name(model, 1, 1), "FR");
    assert_null(rowan_model_category_name(model, 1, 2));
    assert_null(rowan_model_category_name(model, 0, 0));
    rowan_model_free(model);
    rowan_model_free(NULL);
    fixture_forest_free(fixture);
}

static void other_leaves_make_another_fingerprint(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    rowan_model *model = fixture_compile(fixture);
    fixture->nodes[0].value[2] = nextafterf(2.0f, 3.0f);
    rowan_model *other = fixture_compile(fixture);
    rowan_model_info info, other_info;
    rowan_model_describe(model, &info);
    rowan_model_describe(other, &other_info);
    assert_int_not_equal(info.fingerprint, other_info.fingerprint);
    rowan_model_free(model);
    rowan_model_free(other);
    fixture_forest_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_image_maps_to_the_same_model),
        cmocka_unit_test(what_is_no_image_is_not_mapped),
        cmocka_unit_test(the_description_is_that_of_the_forest),
        cmocka_unit_test(other_leaves_make_another_fingerprint),
    };
    return cmocka_run_group_tests_name("model", tests, make_folder, remove_folder);
}
