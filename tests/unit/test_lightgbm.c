/*
 * Files of LightGBM: what is read, and what is refused, with the reason.  That the numbers
 * are those of LightGBM is asserted by tests/parity against LightGBM itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <locale.h>

#include "lightgbm_fixture.h"

static void the_fixture_loads(void **state) {
    (void)state;
    rowan_model *model = lightgbm_loads("v4", "v4");
    rowan_model_info info;
    rowan_model_describe(model, &info);
    assert_string_equal(info.format, "lightgbm");
    assert_string_equal(info.producer, "lightgbm v4");
    assert_string_equal(info.objective, "regression");
    assert_string_equal(info.booster, "gbdt");
    assert_int_equal(info.rows, ROWAN_FLOAT64);
    assert_int_equal(info.results, ROWAN_FLOAT64);
    assert_int_equal(info.n_trees, 2);
    assert_int_equal(info.best_iteration, -1);
    assert_string_equal(rowan_model_feature_name(model, 2), "color");
    assert_int_equal(rowan_model_feature_kind(model, 0), ROWAN_NUMERIC);
    assert_int_equal(rowan_model_feature_kind(model, 1), ROWAN_NUMERIC);
    assert_int_equal(rowan_model_feature_kind(model, 2), ROWAN_CATEGORICAL);
    rowan_model_free(model);
}

static void every_rule_sends_its_values(void **state) {
    (void)state;
    rowan_model *model = lightgbm_loads("v4", "v4");
    /* color outside of the set: right, a constant of 2000 */
    assert_true(lightgbm_margin(model, 0.5, 1, 0) == 1 + 2000);
    assert_true(lightgbm_margin(model, nextafter(0.5, 1), 1, 0) == 10 + 2000);
    assert_true(lightgbm_margin(model, NAN, 1, 0) == 1 + 2000);
    assert_true(lightgbm_margin(model, 0, 0, 0) == 100 + 2000);
    assert_true(lightgbm_margin(model, 0, NAN, 0) == 100 + 2000);
    assert_true(lightgbm_margin(model, 0, 2, NAN) == 1 + 2000);
    /* inside: 1000 + 0.5 amount + 4 kind, or the plain 0.25 if one of them is missing */
    assert_true(lightgbm_margin(model, 0, 2, 1) == 1 + 1008);
    assert_true(lightgbm_margin(model, 2, 2, 33.9) == 10 + 1009);
    assert_true(lightgbm_margin(model, 2, NAN, 2) == 10 + 0.25);
    assert_true(lightgbm_margin(model, 2, 2, -1) == 10 + 2000);
    rowan_model_free(model);
}

static void names_of_categories_are_pandas_own(void **state) {
    (void)state;
    rowan_model *model = lightgbm_loads("v4", "v4");
    assert_int_equal(rowan_model_category_count(model, 0), 0);
    assert_int_equal(rowan_model_category_count(model, 2), 3);
    assert_string_equal(rowan_model_category_name(model, 2, 0), "r\xc3\xb6t");
    assert_string_equal(rowan_model_category_name(model, 2, 2), "7");
    rowan_model_free(model);
    model = lightgbm_loads("\"blue\"", "true");
    assert_string_equal(rowan_model_category_name(model, 2, 1), "true");
    rowan_model_free(model);
    model = lightgbm_loads("\"blue\"", "-2.50");
    assert_string_equal(rowan_model_category_name(model, 2, 1), "-2.50");
    rowan_model_free(model);
}

/* Count of the names of the last feature, with one part of the file exchanged. */
static uint32_t names_with(const char *old, const char *new) {
    rowan_model *model = lightgbm_loads(old, new);
    uint32_t count = rowan_model_category_count(model, 2);
    rowan_model_free(model);
    return count;
}

static void lists_that_are_not_surely_the_features_are_not_taken(void **state) {
    (void)state;
    assert_int_equal(names_with("[[\"", "[[\"a\"],[\""), 0); /* two lists, one feature */
    assert_int_equal(names_with("0:1:2\n", "0:1:3\n"), 0);   /* a code without a name */
    assert_int_equal(names_with("0:1:2\n", "-1:2:1:0\n"), 3);
    assert_int_equal(names_with("0:1:2\n", "none\n"), 3); /* the parameters name it */
    assert_int_equal(names_with("[categorical_feature: 2]", "[categorical_feature: ]"), 3);
    assert_int_equal(names_with("pandas_categorical:[[\"r\\u00f6t\", \"blue\", \"7\"]]",
                                "pandas_categorical:null"),
                     0);
    assert_int_equal(names_with("pandas_categorical:", "x:"), 0);
    assert_int_equal(names_with("[[\"r\\u00f6t\", \"blue\", \"7\"]]", "[]"), 0);
}

static void broken_lists_are_refused(void **state) {
    (void)state;
    lightgbm_refused("\"7\"]]", "\"7\"]", ROWAN_MALFORMED, "pandas_categorical: is not JSON");
    lightgbm_refused("[[\"r", "[{},[\"r", ROWAN_MALFORMED, "is not a list of lists");
    lightgbm_refused("\"blue\"", "null", ROWAN_MALFORMED, "no string, number or boolean");
    lightgbm_refused("\"blue\"", "\"b\\u0000\"", ROWAN_MALFORMED, "no string, number or boolean");
    lightgbm_refused("\"blue\"", "NaN", ROWAN_MALFORMED, "is not JSON");
}

static void versions_are_refused_by_name(void **state) {
    (void)state;
    rowan_model_free(lightgbm_loads("v4", "v3"));
    lightgbm_refused("version=v4", "version=v2", ROWAN_UNSUPPORTED, "version v2");
    lightgbm_refused("version=v4\n", "", ROWAN_UNSUPPORTED, "save it again");
}

static void objectives_have_their_links(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
        rowan_link link;
    } cases[] = {
        {"objective=binary sigmoid:1\n", "binary", ROWAN_LINK_LOGISTIC},
        {"objective=regression sqrt\n", "regression", ROWAN_LINK_SQUARE},
        {"objective=huber sqrt\n", "huber", ROWAN_LINK_IDENTITY},
        {"objective=rmse\n", "regression", ROWAN_LINK_IDENTITY},
        {"objective=xentropy\n", "cross_entropy", ROWAN_LINK_LOGISTIC},
        {"objective=xentlambda\n", "cross_entropy_lambda", ROWAN_LINK_LOG1P_EXP},
        {"objective=tweedie tweedie_variance_power:1.5\n", "tweedie", ROWAN_LINK_EXP},
        {"objective=lambdarank\n", "lambdarank", ROWAN_LINK_IDENTITY},
        {"objective=none\n", "custom", ROWAN_LINK_IDENTITY},
        {"", "custom", ROWAN_LINK_IDENTITY},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        rowan_model *model = lightgbm_loads("objective=regression\n", cases[i].text);
        rowan_model_info info;
        rowan_model_describe(model, &info);
        assert_string_equal(info.objective, cases[i].name);
        assert_int_equal(info.link, cases[i].link);
        rowan_model_free(model);
    }
}

static void objectives_that_are_not_known_are_refused_by_name(void **state) {
    (void)state;
    lightgbm_refused("=regression", "=my_own", ROWAN_UNSUPPORTED, "objective: my_own is an obj");
    lightgbm_refused("=regression", "=", ROWAN_UNSUPPORTED, "Rowan does not know");
    lightgbm_refused("=regression", "=binary", ROWAN_UNSUPPORTED, "lacks its parameter sigmoid");
    lightgbm_refused("=regression", "=binary sigmoid:0", ROWAN_UNSUPPORTED, "no positive number");
    lightgbm_refused("=regression", "=binary sigmoid:-1", ROWAN_UNSUPPORTED, "no positive number");
    lightgbm_refused("=regression", "=binary sigmoid:1e", ROWAN_UNSUPPORTED, "no positive number");
    lightgbm_refused("=regression", "=binary sigmoid:1x", ROWAN_UNSUPPORTED, "no positive number");
    lightgbm_refused("=regression", "=multiclass", ROWAN_UNSUPPORTED, "lacks its parameter num_cl");
    lightgbm_refused("=regression", "=multiclass num_class:3", ROWAN_MALFORMED,
                     "does not agree with num_tree_per_iteration");
}

static void what_is_no_text_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"\xff",
                                      "\x80",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe4\xbd"};
    static const char *const good[] = {"\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x8c\xb3"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        lightgbm_refused("kind", bad[i], ROWAN_MALFORMED, "feature_names: is not UTF-8");
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        rowan_model *model = lightgbm_loads("kind", good[i]);
        assert_string_equal(rowan_model_feature_name(model, 1), good[i]);
        rowan_model_free(model);
    }
    lightgbm_refused("=regression", "=\xe9", ROWAN_MALFORMED, "objective: has bytes that are no");
    lightgbm_refused("version=v4", "version=\x1b", ROWAN_MALFORMED, "version: has bytes that are");
}

static void header_numbers_are_bounded(void **state) {
    (void)state;
    lightgbm_refused("num_class=1", "num_class=2", ROWAN_MALFORMED, "num_class: does not agree");
    lightgbm_refused("iteration=1", "iteration=0", ROWAN_MALFORMED, "not a number in range");
    lightgbm_refused("iteration=1", "iteration=4097", ROWAN_MALFORMED, "not a number in range");
    lightgbm_refused("idx=2", "idx=65536", ROWAN_MALFORMED, "max_feature_idx: is not a number");
    lightgbm_refused("idx=2", "idx=18446744073709551616", ROWAN_MALFORMED, "max_feature_idx");
    lightgbm_refused("idx=2", "idx=1", ROWAN_MALFORMED, "feature_names: does not agree");
    lightgbm_refused("none 0:1:2", "none", ROWAN_MALFORMED, "feature_infos: does not agree");
    lightgbm_refused("tree_sizes=1 1", "tree_sizes=1", ROWAN_MALFORMED, "number of trees");
    lightgbm_refused("end of trees", "end of tre", ROWAN_MALFORMED, "the file is cut short");
    rowan_model_free(lightgbm_loads("tree_sizes=1 1\n", ""));
}

static void children_must_exist(void **state) {
    (void)state;
    lightgbm_refused("left_child=1 -1", "left_child=2 -1", ROWAN_MALFORMED,
                     "tree 0/left_child: has a child id that is out of range");
    lightgbm_refused("left_child=1 -1", "left_child=1 -4", ROWAN_MALFORMED, "out of range");
    lightgbm_refused("left_child=1 -1", "left_child=1 -9223372036854775809", ROWAN_MALFORMED,
                     "is not a list of integers");
    lightgbm_refused("left_child=1 -1", "left_child=1", ROWAN_MALFORMED, "more or fewer numbers");
    lightgbm_refused("left_child=1 -1", "left_child=0 -1", ROWAN_MALFORMED, "reached twice");
    lightgbm_refused("right_child=-2 -3", "right_child=-1 -3", ROWAN_MALFORMED, "reached twice");
}

static void nodes_must_be_whole(void **state) {
    (void)state;
    lightgbm_refused("num_leaves=3", "num_leaves=2147483647", ROWAN_MALFORMED, "num_leaves");
    lightgbm_refused("num_leaves=3", "num_leaves=33000000", ROWAN_MALFORMED, "leaf_value");
    lightgbm_refused("num_leaves=3", "num_leaves=0", ROWAN_MALFORMED, "num_leaves");
    lightgbm_refused("split_feature=0 1", "split_feature=0 3", ROWAN_MALFORMED,
                     "splits on a feature that the model does not have");
    lightgbm_refused("split_feature=0 1", "split_feature=0 -1", ROWAN_MALFORMED, "out of range");
    lightgbm_refused("threshold=0.5 2", "threshold=0.5 nan", ROWAN_MALFORMED, "threshold is NaN");
    lightgbm_refused("threshold=0.5 2", "threshold=0,5 2", ROWAN_MALFORMED, "list of numbers");
    lightgbm_refused("threshold=0.5 2", "threshold=0x1 2", ROWAN_MALFORMED, "list of numbers");
    lightgbm_refused("leaf_value=1 10", "leaf_value=inf 10", ROWAN_MALFORMED, "not a finite");
    lightgbm_refused("decision_type=10 4", "decision_type=10 12", ROWAN_MALFORMED,
                     "kind of missing");
    lightgbm_refused("decision_type=10 4", "decision_type=10 -4", ROWAN_MALFORMED, "negative");
    lightgbm_refused("decision_type=10 4", "decision_type=10 1", ROWAN_MALFORMED, "num_cat: is 0");
    rowan_model_free(lightgbm_loads("leaf_count=3 2 1\n", ""));
    lightgbm_refused("leaf_count=3 2 1", "leaf_count=3 x 1", ROWAN_MALFORMED, "leaf_count");
}

static void sets_must_exist(void **state) {
    (void)state;
    lightgbm_refused("threshold=0\n", "threshold=1\n", ROWAN_MALFORMED, "does not exist");
    lightgbm_refused("threshold=0\n", "threshold=-1\n", ROWAN_MALFORMED, "does not exist");
    lightgbm_refused("boundaries=0 2", "boundaries=0 0", ROWAN_MALFORMED, "does not grow");
    lightgbm_refused("boundaries=0 2", "boundaries=1 2", ROWAN_MALFORMED, "does not begin with 0");
    lightgbm_refused("boundaries=0 2", "boundaries=0 3", ROWAN_MALFORMED, "ends beyond");
    lightgbm_refused("cat_threshold=6 2", "cat_threshold=6 4294967296", ROWAN_MALFORMED,
                     "no word of 32 bits");
    lightgbm_refused("num_cat=1", "num_cat=2", ROWAN_MALFORMED, "num_cat: is not a number in");
}

static void linear_leaves_must_be_whole(void **state) {
    (void)state;
    lightgbm_refused("is_linear=1", "is_linear=2", ROWAN_MALFORMED, "is neither 0 nor 1");
    lightgbm_refused("num_features=2 0", "num_features=3 0", ROWAN_MALFORMED, "does not agree");
    lightgbm_refused("num_features=2 0", "num_features=1 0", ROWAN_MALFORMED, "leaf_features");
    lightgbm_refused("num_features=2 0", "num_features=-1 0", ROWAN_MALFORMED, "does not agree");
    lightgbm_refused("leaf_features=0 1", "leaf_features=0 3", ROWAN_MALFORMED, "does not have");
    lightgbm_refused("leaf_coeff=0.5 4", "leaf_coeff=0.5", ROWAN_MALFORMED, "leaf_coeff");
    lightgbm_refused("leaf_const=1000", "leaf_const=1e999", ROWAN_MALFORMED, "tree 1");
}

static void rounds_can_be_chosen(void **state) {
    (void)state;
    rowan_model *model = NULL;
    rowan_error error = {0};
    rowan_load_options options = {.iterations = 1};
    assert_int_equal(lightgbm_load(LIGHTGBM_MODEL, &options, &model, &error), ROWAN_OK);
    assert_true(lightgbm_margin(model, 0, 2, 1) == 1);
    rowan_model_free(model);
    options.iterations = 3;
    assert_int_equal(lightgbm_load(LIGHTGBM_MODEL, &options, &model, &error), ROWAN_MISMATCH);
    assert_says(&error, "fewer than 3 rounds");
}

static void averages_are_of_the_rounds_that_take_part(void **state) {
    (void)state;
    rowan_model *model = lightgbm_loads("feature_names", "average_output\nfeature_names");
    rowan_model_info info;
    rowan_model_describe(model, &info);
    assert_string_equal(info.booster, "rf");
    assert_true(lightgbm_margin(model, 0.5, 1, 0) == 2001.0 / 2);
    rowan_model_free(model);
}

/* Where a decimal point is a comma, numbers still have points. */
static void numbers_do_not_depend_on_the_locale(void **state) {
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    size_t i = 0;
    while (i < ARRAY_LENGTH(commas) && !setlocale(LC_NUMERIC, commas[i]))
        i++;
    if (i == ARRAY_LENGTH(commas))
        skip();
    rowan_model *model = lightgbm_loads("0.25 0.75", "0.25 0.75");
    assert_true(lightgbm_margin(model, 2, NAN, 2) == 10.25);
    rowan_model_free(model);
    setlocale(LC_NUMERIC, "C");
}

static void only_lightgbms_first_line_is_recognized(void **state) {
    (void)state;
    rowan_model_free(lightgbm_loads("tree\n", "tree\r\n"));
    lightgbm_refused("tree\n", "trees\n", ROWAN_UNSUPPORTED, "LightGBM's save_model");
    lightgbm_refused("tree\n", "\n", ROWAN_UNSUPPORTED, "not a model format that Rowan reads");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixture_loads),
        cmocka_unit_test(every_rule_sends_its_values),
        cmocka_unit_test(names_of_categories_are_pandas_own),
        cmocka_unit_test(lists_that_are_not_surely_the_features_are_not_taken),
        cmocka_unit_test(broken_lists_are_refused),
        cmocka_unit_test(versions_are_refused_by_name),
        cmocka_unit_test(objectives_have_their_links),
        cmocka_unit_test(objectives_that_are_not_known_are_refused_by_name),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(header_numbers_are_bounded),
        cmocka_unit_test(children_must_exist),
        cmocka_unit_test(nodes_must_be_whole),
        cmocka_unit_test(sets_must_exist),
        cmocka_unit_test(linear_leaves_must_be_whole),
        cmocka_unit_test(rounds_can_be_chosen),
        cmocka_unit_test(averages_are_of_the_rounds_that_take_part),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(only_lightgbms_first_line_is_recognized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
