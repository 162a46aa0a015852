/*
 * Files of XGBoost: what is read, and what is refused, with the reason.  That the numbers
 * are those of XGBoost is asserted by tests/parity against XGBoost itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "xgboost_fixture.h"

static void the_fixture_loads(void **state) {
    (void)state;
    rowan_model *model = assert_loads("3,0,1", "3,0,1");
    rowan_model_info info;
    rowan_model_describe(model, &info);
    assert_string_equal(info.format, "xgboost-json");
    assert_string_equal(info.producer, "xgboost 3.0.1");
    assert_string_equal(info.objective, "reg:squarederror");
    assert_string_equal(info.booster, "gbtree");
    assert_int_equal(info.n_trees, 2);
    assert_int_equal(info.n_trees_used, 2);
    assert_int_equal(info.best_iteration, 0);
    assert_string_equal(rowan_model_feature_name(model, 0), "a");
    assert_int_equal(rowan_model_feature_kind(model, 0), ROWAN_CATEGORICAL);
    assert_int_equal(rowan_model_feature_kind(model, 1), ROWAN_NUMERIC);
    assert_true(fixture_margin(model, 0.0f, 0.0f) == 0.5 - 1.0 - 4.0);
    assert_true(fixture_margin(model, 33.0f, 0.5f) == 0.5 + 2.0 + 8.0);
    assert_true(fixture_margin(model, NAN, NAN) == 0.5 - 1.0 + 8.0);
    rowan_model_free(model);
}

static void names_are_made_up_where_the_file_has_none(void **state) {
    (void)state;
    rowan_model *model = assert_loads("['a','b']", "[]");
    assert_string_equal(rowan_model_feature_name(model, 0), "f0");
    assert_string_equal(rowan_model_feature_name(model, 1), "f1");
    rowan_model_free(model);
    assert_load_refused("['a','b']", "['a']", ROWAN_MALFORMED, "do not match num_feature");
    assert_load_refused("['c','float']", "['c']", ROWAN_MALFORMED, "do not match num_feature");
}

static void other_boosters_are_refused_by_name(void **state) {
    (void)state;
    assert_load_refused("'gbtree'", "'gblinear'", ROWAN_UNSUPPORTED, "booster gblinear");
    assert_load_refused("'gbtree'", "'x'", ROWAN_UNSUPPORTED, "train with booster gbtree or dart");
    assert_load_refused("'gbtree'", "7", ROWAN_MALFORMED, "/learner/gradient_booster/name");
    assert_load_refused("'gbtree'", "'dart'", ROWAN_MALFORMED, "is missing");
}

static void vector_leaves_are_refused_by_name(void **state) {
    (void)state;
    assert_load_refused("'size_leaf_vector':'1'", "'size_leaf_vector':'3'", ROWAN_UNSUPPORTED,
                        "tree 0 has vector leaves (size_leaf_vector 3)");
    assert_load_refused("'size_leaf_vector':'1'", "'size_leaf_vector':'x'", ROWAN_MALFORMED,
                        "tree 0/tree_param/size_leaf_vector: is not a number");
}

static void unknown_objectives_are_refused_by_name(void **state) {
    (void)state;
    assert_load_refused("reg:squarederror", "my:objective", ROWAN_UNSUPPORTED,
                        "objective my:objective is not supported");
    assert_load_refused("reg:squarederror", "reg:squarederro", ROWAN_UNSUPPORTED, "objective reg");
    assert_load_refused("'objective':{'name':'reg:squarederror'}", "'objective':{}",
                        ROWAN_MALFORMED, "/learner/objective/name: is missing");
}

/* Renames each member that a prediction needs. */
static void missing_members_are_named(void **state) {
    (void)state;
    const struct {
        const char *member, *why;
        rowan_status status;
    } needed[] = {
        {"'learner'", "/learner: is missing: not a model of XGBoost", ROWAN_UNSUPPORTED},
        {"'version'", "/version", ROWAN_MALFORMED},
        {"'gradient_booster'", "/learner/gradient_booster/name", ROWAN_MALFORMED},
        {"'model'", "/learner/gradient_booster/model: is missing", ROWAN_MALFORMED},
        {"'tree_info'", "model/tree_info", ROWAN_MALFORMED},
        {"'trees'", "model/trees", ROWAN_MALFORMED},
        {"'tree_param'", "tree 0/tree_param/num_nodes", ROWAN_MALFORMED},
        {"'num_nodes'", "tree 0/tree_param/num_nodes", ROWAN_MALFORMED},
        {"'left_children'", "tree 0/tree_param/num_nodes", ROWAN_MALFORMED},
        {"'right_children'", "tree 0/right_children", ROWAN_MALFORMED},
        {"'split_indices'", "tree 0/split_indices", ROWAN_MALFORMED},
        {"'split_conditions'", "tree 0/split_conditions", ROWAN_MALFORMED},
        {"'default_left'", "tree 0/default_left", ROWAN_MALFORMED},
        {"'learner_model_param'", "num_feature", ROWAN_MALFORMED},
        {"'base_score'", "base_score: is not a string", ROWAN_MALFORMED},
        {"'objective'", "/learner/objective/name", ROWAN_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(needed); i++)
        assert_load_refused(needed[i].member, "'other'", needed[i].status, needed[i].why);
}

static void what_older_files_lack_is_not_missed(void **state) {
    (void)state;
    const char *const optional[] = {"'attributes'",    "'iteration_indptr'", "'gbtree_model_param'",
                                    "'num_target'",    "'num_class'",        "'id'",
                                    "'feature_types'", "'size_leaf_vector'", "'split_type'"};
    for (size_t i = 0; i < ARRAY_LENGTH(optional); i++)
        rowan_model_free(assert_loads(optional[i], "'other'"));
}

static void sizes_that_lie_are_refused(void **state) {
    (void)state;
    const char *const lies[] = {"'2147483648'", "'4294967299'", "'-3'", "'2'", "'4'",
                                "'0'",          "'x'",          "''",   "3.5", "null"};
    for (size_t i = 0; i < ARRAY_LENGTH(lies); i++)
        assert_load_refused("'3'", lies[i], ROWAN_MALFORMED,
                            "tree 0/tree_param/num_nodes: does not match left_children");
    assert_load_refused("[1,-1,-1]", "[]", ROWAN_MALFORMED, "num_nodes");
    assert_load_refused("[2,-1,-1]", "[2,-1]", ROWAN_MALFORMED, "tree 0/right_children");
    assert_load_refused("[5E-1,-1E0,2E0]", "[1,2,3,4]", ROWAN_MALFORMED, "tree 0/split_conditions");
    assert_load_refused("[0,0]", "[0]", ROWAN_MALFORMED, "model/tree_info");
}

static void counts_out_of_bounds_are_refused(void **state) {
    (void)state;
    const char *const bad[] = {"'num_feature':'65537','x':'", "'num_feature':'-1','x':'",
                               "'num_feature':'2147483648','x':'",
                               "'num_feature':'99999999999999999999999','x':'"};
    const char *second = "'num_class':'0','num_feature':'";
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_load_refused(second, bad[i], ROWAN_MALFORMED, "num_feature: is not a number in");
    assert_load_refused("'num_class':'0'", "'num_class':'4097'", ROWAN_MALFORMED, "num_class");
    assert_load_refused("'num_target':'1'", "'num_target':'-1'", ROWAN_MALFORMED, "num_target");
}

static void ids_out_of_range_are_refused(void **state) {
    (void)state;
    assert_load_refused("[1,-1,-1]", "[3,-1,-1]", ROWAN_MALFORMED, "tree 0, node 0: child id");
    assert_load_refused("[1,-1,-1]", "[0,-1,-1]", ROWAN_MALFORMED, "reached twice");
    assert_load_refused("[1,-1,-1]", "[2,-1,-1]", ROWAN_MALFORMED, "reached twice");
    assert_load_refused("[1,-1,-1]", "[-2,-1,-1]", ROWAN_MALFORMED,
                        "tree 0/left_children: has a number that is out of range");
    assert_load_refused("[1,-1,-1]", "[2147483648,-1,-1]", ROWAN_MALFORMED, "out of range");
    assert_load_refused("[1,-1,-1]", "[9223372036854775808,-1,-1]", ROWAN_MALFORMED,
                        "out of range");
    assert_load_refused("[1,-1,-1]", "[1.5,-1,-1]", ROWAN_MALFORMED, "one integer for each node");
    assert_load_refused("[1,-1,-1]", "['1',-1,-1]", ROWAN_MALFORMED, "one integer for each node");
    assert_load_refused("[1,-1,-1]", "[1,'1',-1]", ROWAN_MALFORMED, "one integer for each node");
    assert_load_refused("'split_indices':[1", "'split_indices':[2", ROWAN_MALFORMED,
                        "tree 0, node 0: splits on a feature that the model does not have");
    assert_load_refused("'tree_info':[0,0]", "'tree_info':[0,1]", ROWAN_MALFORMED,
                        "names an output that does not exist");
    assert_load_refused("'tree_info':[0,0]", "'tree_info':[-1,0]", ROWAN_MALFORMED, "tree_info");
}

static void numbers_that_are_none_are_refused(void **state) {
    (void)state;
    assert_load_refused("[5E-1,", "[NaN,", ROWAN_MALFORMED, "tree 0, node 0: threshold is NaN");
    assert_load_refused("-1E0", "NaN", ROWAN_MALFORMED, "tree 0, node 1: leaf value is not");
    assert_load_refused("-1E0", "Infinity", ROWAN_MALFORMED, "tree 0, node 1: leaf value is not");
    assert_load_refused("-1E0", "1e999", ROWAN_MALFORMED, "tree 0, node 1: leaf value is not");
    assert_load_refused("-1E0", "null", ROWAN_MALFORMED, "tree 0/split_conditions");
    rowan_model_free(assert_loads("[5E-1,", "[Infinity,"));
    rowan_model_free(assert_loads("[5E-1,", "[-Infinity,"));
}

static void tree_ids_are_unique_and_in_range(void **state) {
    (void)state;
    assert_load_refused("'id':1", "'id':0", ROWAN_MALFORMED, "two trees have the same id");
    assert_load_refused("'id':1", "'id':2", ROWAN_MALFORMED, "a tree's id is out of range");
    assert_load_refused("'id':1", "'id':-1", ROWAN_MALFORMED, "a tree's id is out of range");
    assert_load_refused("'id':1", "'id':'x'", ROWAN_MALFORMED, "a tree's id is out of range");
}

static void trees_may_stand_in_any_order(void **state) {
    (void)state;
    const rowan_load_options first = {.iterations = 1};
    rowan_model *model;
    assert_int_equal(fixture_load(FIXTURE_MODEL, FIXTURE_TREE_0 "," FIXTURE_TREE_1,
                                  FIXTURE_TREE_1 "," FIXTURE_TREE_0, &first, &model, NULL),
                     ROWAN_OK);
    assert_true(fixture_margin(model, 33.0f, 0.0f) == 0.5 - 1.0); /* of tree 0 */
    rowan_model_free(model);
}

static void base_scores_are_whole_numbers_or_lists(void **state) {
    (void)state;
    const char *const malformed[] = {"'['",       "'[1,2'",    "'nan'",     "'inf'",   "''",
                                     "'[]'",      "'[5E-1'",   "'x'",       "'5E-1x'", "'[5E-1]x'",
                                     "'[5E-1,]'", "'[1,2]'",   "'1,2'",     "'1e999'", "'[nan]'",
                                     "null",      "'[5E-1]]'", "'[[5E-1]]'"};
    for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++)
        assert_load_refused("'5E-1'", malformed[i], ROWAN_MALFORMED, "base_score");
    char digits[200] = "'0.";
    memset(digits + 3, '1', 150);
    strcpy(digits + 153, "'");
    assert_load_refused("'5E-1'", digits, ROWAN_MALFORMED, "base_score");
    rowan_model *model = assert_loads("'5E-1'", "'[2.5E-1]'");
    assert_true(fixture_margin(model, 0.0f, 0.0f) == 0.25 - 5.0);
    rowan_model_free(model);
}

static void base_scores_without_a_margin_are_refused(void **state) {
    (void)state;
    rowan_model *model = NULL;
    rowan_error error = {0};
    char *json = fixture_replaced(FIXTURE_MODEL, "reg:squarederror", "count:poisson");
    assert_int_equal(fixture_load(json, "\"5E-1\"", "\"-1\"", NULL, &model, &error),
                     ROWAN_MALFORMED);
    assert_says(&error, "base score 0 is not a finite number in link space");
    free(json);
}

static void versions_are_three_numbers(void **state) {
    (void)state;
    const char *const bad[] = {"3,0", "3,0,1,2", "", "'3','0','1'", "3,0,null", "3,0,1.5"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_load_refused("3,0,1", bad[i], ROWAN_MALFORMED, "/version");
    /* the longest text that three numbers can make */
    rowan_model *model =
        assert_loads("3,0,1", "-9223372036854775808,-9223372036854775808,-9223372036854775808");
    rowan_model_info info;
    rowan_model_describe(model, &info);
    assert_string_equal(info.producer, "xgboost -9223372036854775808.-9223372036854775808"
                                       ".-9223372036854775808");
    rowan_model_free(model);
}

static void category_lists_that_lie_are_refused(void **state) {
    (void)state;
    const struct {
        const char *old, *new, *why;
    } lies[] = {
        {"'categories_nodes':[0]", "'categories_nodes':[3]", "names a node that does not exist"},
        {"'categories_nodes':[0]", "'categories_nodes':[-1]", "names a node that does not exist"},
        {"'categories_nodes':[0]", "'categories_nodes':[1]", "without a set of categories"},
        {"'categories_nodes':[0]", "'categories_nodes':[]", "without a set of categories"},
        {"'categories_nodes':[0]", "'categories_nodes':[0,0]", "do not match categories_nodes"},
        {"'categories_nodes':[0]", "'categories_nodes':['0']", "categories_nodes"},
        {"'categories_segments':[0]", "'categories_segments':[1]", "points outside of categories"},
        {"'categories_segments':[0]", "'categories_segments':[-1]", "points outside"},
        {"'categories_segments':[0]", "'categories_segments':[9223372036854775807]",
         "points outside of categories"},
        {"'categories_sizes':[3]", "'categories_sizes':[4]", "points outside of categories"},
        {"'categories_sizes':[3]", "'categories_sizes':[0]", "points outside of categories"},
        {"'categories_sizes':[3]", "'categories_sizes':[-1]", "points outside of categories"},
        {"'categories_sizes':[3]", "'categories_sizes':[9223372036854775807]", "points outside"},
        {"[1,3,33]", "[1,3,-1]", "ROWAN_MAX_CATEGORY"},
        {"[1,3,33]", "[1,3,16777216]", "ROWAN_MAX_CATEGORY"},
        {"[1,3,33]", "[1,3,null]", "is not a list of integers"},
        /* overlapping segments would make the work grow with the square of the file */
        {"'categories_nodes':[0],'categories_segments':[0],'categories_sizes':[3]",
         "'categories_nodes':[0,0],'categories_segments':[0,0],'categories_sizes':[3,3]",
         "tree 1/categories_sizes: has segments that overlap"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lies); i++)
        assert_load_refused(lies[i].old, lies[i].new, ROWAN_MALFORMED, lies[i].why);
}

static void rounds_can_be_chosen(void **state) {
    (void)state;
    const struct {
        int32_t iterations;
        uint32_t n_trees;
    } choices[] = {{ROWAN_ITERATIONS_ALL, 2}, {ROWAN_ITERATIONS_BEST, 1}, {1, 1}, {2, 2}};
    const char *const indptr[] = {"'iteration_indptr'", "'other'"}; /* 2.0 and later, and older */
    for (size_t older = 0; older < 2; older++)
        for (size_t i = 0; i < ARRAY_LENGTH(choices); i++) {
            rowan_load_options options = {choices[i].iterations};
            rowan_model *model;
            rowan_model_info info;
            assert_int_equal(
                fixture_load(FIXTURE_MODEL, indptr[0], indptr[older], &options, &model, NULL),
                ROWAN_OK);
            rowan_model_describe(model, &info);
            assert_int_equal(info.n_trees_used, choices[i].n_trees);
            assert_int_equal(info.n_trees, 2);
            rowan_model_free(model);
        }
}

static void rounds_that_the_model_does_not_have_are_refused(void **state) {
    (void)state;
    const int32_t iterations[] = {3, INT32_MAX};
    const char *const starts[] = {"[0,1,2]", "[0,1,3]", "[0,9,-1]", "[]", "[0]"};
    for (size_t i = 0; i < ARRAY_LENGTH(iterations); i++)
        for (size_t k = 0; k < ARRAY_LENGTH(starts); k++) {
            rowan_load_options options = {iterations[i]};
            rowan_model *model = NULL;
            rowan_error error = {0};
            assert_int_equal(
                fixture_load(FIXTURE_MODEL, "[0,1,2]", starts[k], &options, &model, &error),
                ROWAN_MISMATCH);
            assert_says(&error, "fewer than");
        }
}

static void dart_scales_its_trees(void **state) {
    (void)state;
    const char *old = "{'name':'gbtree','model':{";
    const char *new = "{'name':'dart','weight_drop':[5E-1,2.5E-1],'gbtree':{'model':{";
    char *json = fixture_replaced(FIXTURE_MODEL, old, new);
    char *closed =
        fixture_replaced(json, "]}},\"learner_model_param\"", "]}}},\"learner_model_param\"");
    rowan_model *model = NULL;
    rowan_error error = {0};
    assert_int_equal(fixture_load(closed, "1", "1", NULL, &model, &error), ROWAN_OK);
    assert_true(fixture_margin(model, 33.0f, 0.0f) == 0.5 - 0.5 + 2.0);
    rowan_model_free(model);
    assert_int_equal(fixture_load(closed, "[5E-1,2.5E-1]", "[5E-1]", NULL, &model, &error),
                     ROWAN_MALFORMED);
    assert_says(&error, "weight_drop");
    assert_int_equal(fixture_load(closed, "[5E-1,2.5E-1]", "[5E-1,NaN]", NULL, &model, &error),
                     ROWAN_MALFORMED);
    assert_says(&error, "weight is not a finite number");
    free(json);
    free(closed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixture_loads),
        cmocka_unit_test(names_are_made_up_where_the_file_has_none),
        cmocka_unit_test(other_boosters_are_refused_by_name),
        cmocka_unit_test(vector_leaves_are_refused_by_name),
        cmocka_unit_test(unknown_objectives_are_refused_by_name),
        cmocka_unit_test(missing_members_are_named),
        cmocka_unit_test(what_older_files_lack_is_not_missed),
        cmocka_unit_test(sizes_that_lie_are_refused),
        cmocka_unit_test(counts_out_of_bounds_are_refused),
        cmocka_unit_test(ids_out_of_range_are_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(tree_ids_are_unique_and_in_range),
        cmocka_unit_test(trees_may_stand_in_any_order),
        cmocka_unit_test(base_scores_are_whole_numbers_or_lists),
        cmocka_unit_test(base_scores_without_a_margin_are_refused),
        cmocka_unit_test(versions_are_three_numbers),
        cmocka_unit_test(category_lists_that_lie_are_refused),
        cmocka_unit_test(rounds_can_be_chosen),
        cmocka_unit_test(rounds_that_the_model_does_not_have_are_refused),
        cmocka_unit_test(dart_scales_its_trees),
    };
    return cmocka_run_group_tests_name("xgboost", tests, NULL, NULL);
}
