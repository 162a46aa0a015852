/*
 * A description is only compiled once it is proven to be a forest.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

static rowan_status compile(const struct fixture_forest *fixture, rowan_error *error) {
    void *bytes;
    size_t size;
    rowan_status status = rw_image_compile(&fixture->forest, NULL, 0, &bytes, &size, error);
    if (status == ROWAN_OK)
        free(bytes);
    return status;
}

static void assert_refused(struct fixture_forest *fixture, rowan_status status, const char *why) {
    rowan_error error = {0};
    assert_int_equal(compile(fixture, &error), status);
    assert_says(&error, why);
    fixture_forest_free(fixture);
}

static void a_stump_is_a_forest(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    rowan_error error;
    assert_int_equal(compile(fixture, &error), ROWAN_OK);
    uint32_t order[3], depths[3];
    struct rw_tree_shape shape;
    assert_int_equal(rw_tree_check(&fixture->forest, 0, order, depths, &shape, &error), ROWAN_OK);
    assert_int_equal(shape.n_nodes, 3);
    assert_int_equal(shape.n_leaves, 2);
    assert_int_equal(shape.depth, 1);
    assert_false(shape.has_sets || shape.has_linear || shape.has_cover);
    fixture_forest_free(fixture);
}

static void nodes_that_no_one_reaches_do_not_count(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    uint32_t child = fixture_split(fixture, 0, 1, 0, 0.25f);
    fixture->nodes[0].left[1] = fixture->nodes[0].right[1] = FIXTURE_LEAF_ID; /* pruned */
    fixture->nodes[0].value[child] = NAN;
    uint32_t order[5], depths[5];
    struct rw_tree_shape shape;
    rowan_error error;
    assert_int_equal(rw_tree_check(&fixture->forest, 0, order, depths, &shape, &error), ROWAN_OK);
    assert_int_equal(shape.n_nodes, 3);
    fixture_forest_free(fixture);
}

static void siblings_stand_next_to_each_other(void **state) {
    (void)state;
    uint64_t random = 3;
    for (int round = 0; round < 50; round++) {
        struct fixture_forest *fixture = fixture_forest_new(4, 1, 1);
        fixture_random_tree(fixture, 0, false, &random);
        uint32_t order[FIXTURE_MAX_NODES], depths[FIXTURE_MAX_NODES], next = 1;
        struct rw_tree_shape shape;
        assert_int_equal(rw_tree_check(&fixture->forest, 0, order, depths, &shape, NULL), ROWAN_OK);
        for (uint32_t i = 0; i < shape.n_nodes; i++) {
            int32_t left = fixture->nodes[0].left[order[i]];
            if (left == FIXTURE_LEAF_ID)
                continue;
            assert_int_equal(order[next], left);
            assert_int_equal(order[next + 1], fixture->nodes[0].right[order[i]]);
            next += 2;
        }
        assert_int_equal(next, shape.n_nodes);
        fixture_forest_free(fixture);
    }
}

static void a_cycle_is_refused(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    fixture_split(fixture, 0, 1, 0, 0.25f);
    fixture->nodes[0].left[1] = 0;
    assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 1: child is reached twice");
    fixture = fixture_stump();
    fixture->nodes[0].right[0] = 0;
    assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 0: child is reached twice");
}

static void a_shared_child_is_refused(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    fixture->nodes[0].right[0] = 1;
    assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 0: child is reached twice");
    fixture = fixture_stump();
    fixture_split(fixture, 0, 1, 0, 0.25f);
    fixture->nodes[0].right[1] = 2; /* its uncle */
    assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 1: child is reached twice");
}

static void ids_out_of_range_are_refused(void **state) {
    (void)state;
    const int32_t ids[] = {3, -2, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < ARRAY_LENGTH(ids); i++) {
        struct fixture_forest *fixture = fixture_stump();
        fixture->nodes[0].left[0] = ids[i];
        assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 0: child id is out of range");
        fixture = fixture_stump();
        fixture->nodes[0].right[0] = ids[i];
        assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 0: child id is out of range");
    }
    struct fixture_forest *fixture = fixture_stump();
    fixture->nodes[0].right[0] = -1; /* half a leaf */
    assert_refused(fixture, ROWAN_MALFORMED, "child id is out of range");
    fixture = fixture_stump();
    fixture->nodes[0].feature[0] = 2;
    assert_refused(fixture, ROWAN_MALFORMED, "feature that the model does not have");
    fixture = fixture_stump();
    fixture->trees[0].group = 1;
    assert_refused(fixture, ROWAN_MALFORMED, "output that the model does not have");
    fixture = fixture_stump();
    fixture->trees[0].n_nodes = 0;
    assert_refused(fixture, ROWAN_MALFORMED, "tree has no nodes");
}

static void numbers_that_cannot_be_computed_with_are_refused(void **state) {
    (void)state;
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct fixture_forest *fixture = fixture_stump();
        fixture->nodes[0].value[2] = bad[i];
        assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 2: leaf value is not a finite");
        fixture = fixture_stump();
        fixture->trees[0].weight = bad[i];
        assert_refused(fixture, ROWAN_MALFORMED, "weight is not a finite number");
        fixture = fixture_stump();
        fixture->base[0] = bad[i];
        assert_refused(fixture, ROWAN_MALFORMED, "base score 0 is not a finite number");
    }
    struct fixture_forest *fixture = fixture_stump();
    fixture->nodes[0].value[0] = NAN;
    assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 0: threshold is NaN");
    fixture = fixture_stump();
    fixture->nodes[0].value[1] = 3e38;
    fixture->trees[0].weight = 2.0f; /* overflows together */
    assert_refused(fixture, ROWAN_MALFORMED, "tree 0, node 1: leaf value is not a finite");
}

static void infinite_thresholds_pass(void **state) {
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct fixture_forest *fixture = fixture_stump();
        fixture->nodes[0].value[0] = (float)sign * INFINITY;
        assert_int_equal(compile(fixture, NULL), ROWAN_OK);
        fixture_forest_free(fixture);
    }
}

static void category_sets_out_of_range_are_refused(void **state) {
    (void)state;
    const uint32_t words[2] = {1, 2};
    const struct {
        uint32_t begin, words;
    } bad[] = {{0, 0}, {0, 3}, {1, 2}, {2, 1}, {3, 1}, {UINT32_MAX, 1}, {1, UINT32_MAX}};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct fixture_forest *fixture = fixture_stump();
        fixture_categorical(fixture, 0, 0, words, 2);
        fixture->nodes[0].begin[0] = bad[i].begin;
        fixture->nodes[0].words[0] = bad[i].words;
        assert_refused(fixture, ROWAN_MALFORMED,
                       "tree 0, node 0: categorical split without a set of categories");
    }
    struct fixture_forest *fixture = fixture_stump();
    fixture->nodes[0].flags[0] = RW_NODE_CATEGORICAL;
    fixture->trees[0].category_begin = fixture->trees[0].category_words = NULL;
    assert_refused(fixture, ROWAN_MALFORMED, "categorical split without a set");
}

/* A chain of `depth` splits, each with a leaf to its left. */
static rowan_status compile_chain(uint32_t depth, rowan_error *error) {
    const uint32_t n_nodes = 2 * depth + 1;
    int32_t *left = calloc(n_nodes, sizeof *left), *right = calloc(n_nodes, sizeof *right);
    uint32_t *feature = calloc(n_nodes, sizeof *feature);
    double *value = calloc(n_nodes, sizeof *value);
    uint8_t *flags = calloc(n_nodes, 1);
    for (uint32_t i = 0; i < n_nodes; i++) {
        bool split = i % 2 == 0 && i + 2 < n_nodes;
        left[i] = split ? (int32_t)i + 1 : -1;
        right[i] = split ? (int32_t)i + 2 : -1;
    }
    struct fixture_forest *fixture = fixture_stump();
    fixture->trees[0] = (struct rw_tree){.n_nodes = n_nodes,
                                         .weight = 1.0f,
                                         .left = left,
                                         .right = right,
                                         .feature = feature,
                                         .value = value,
                                         .flags = flags};
    rowan_status status = compile(fixture, error);
    fixture_forest_free(fixture);
    free(left);
    free(right);
    free(feature);
    free(value);
    free(flags);
    return status;
}

static void depth_has_a_bound(void **state) {
    (void)state;
    rowan_error error = {0};
    assert_int_equal(compile_chain(ROWAN_MAX_TREE_DEPTH, &error), ROWAN_OK);
    assert_int_equal(compile_chain(ROWAN_MAX_TREE_DEPTH + 1, &error), ROWAN_LIMIT);
    assert_says(&error, "tree 0 is deeper than ROWAN_MAX_TREE_DEPTH (4096)");
    assert_int_equal(compile_chain(1000000, &error), ROWAN_LIMIT);
}

static void counts_have_bounds(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    fixture->forest.n_features = 0;
    assert_refused(fixture, ROWAN_LIMIT, "features: 0; ROWAN_MAX_FEATURES allows 1 to");
    fixture = fixture_stump();
    fixture->forest.n_features = ROWAN_MAX_FEATURES + 1;
    assert_refused(fixture, ROWAN_LIMIT, "ROWAN_MAX_FEATURES");
    fixture = fixture_stump();
    fixture->forest.n_groups = 0;
    assert_refused(fixture, ROWAN_LIMIT, "ROWAN_MAX_OUTPUTS");
    fixture = fixture_stump();
    fixture->forest.n_groups = ROWAN_MAX_OUTPUTS + 1;
    assert_refused(fixture, ROWAN_LIMIT, "ROWAN_MAX_OUTPUTS");
    fixture = fixture_stump();
    fixture->forest.n_trees = ROWAN_MAX_TREES + 1;
    assert_refused(fixture, ROWAN_LIMIT, "ROWAN_MAX_TREES");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stump_is_a_forest),
        cmocka_unit_test(nodes_that_no_one_reaches_do_not_count),
        cmocka_unit_test(siblings_stand_next_to_each_other),
        cmocka_unit_test(a_cycle_is_refused),
        cmocka_unit_test(a_shared_child_is_refused),
        cmocka_unit_test(ids_out_of_range_are_refused),
        cmocka_unit_test(numbers_that_cannot_be_computed_with_are_refused),
        cmocka_unit_test(infinite_thresholds_pass),
        cmocka_unit_test(category_sets_out_of_range_are_refused),
        cmocka_unit_test(depth_has_a_bound),
        cmocka_unit_test(counts_have_bounds),
    };
    return cmocka_run_group_tests_name("forest", tests, NULL, NULL);
}
