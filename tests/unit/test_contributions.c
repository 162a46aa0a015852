/*
 * Contributions against Shapley values by their definition, and against the sums of
 * coefficients that the quadrature stands for.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

#include "allocations.h"
#include "forest/contributions.h"

#define FEATURES    6u
#define SUBSETS     (1u << FEATURES)
#define MAX_OUT     (FIXTURE_MAX_GROUPS * 256u)
#define CHAIN_DEPTH 127u

static double covers[FIXTURE_MAX_TREES][FIXTURE_MAX_NODES];

static void sum_covers(struct fixture_forest *fixture, uint32_t index) {
    const struct fixture_tree *nodes = &fixture->nodes[index];
    for (uint32_t node = fixture->trees[index].n_nodes; node-- > 0;)
        if (nodes->left[node] != FIXTURE_LEAF_ID)
            covers[index][node] =
                covers[index][nodes->left[node]] + covers[index][nodes->right[node]];
    fixture->trees[index].cover = covers[index];
}

/* Some leaves that no row ever reached, but no split. */
static void random_covers(struct fixture_forest *fixture, uint64_t *random) {
    for (uint32_t i = 0; i < fixture->forest.n_trees; i++) {
        for (uint32_t node = 0; node < fixture->trees[i].n_nodes; node++) {
            covers[i][node] = 0.5 + random_below(random, 500);
            if (node % 2 == 1 && random_below(random, 8) == 0) /* a left child */
                covers[i][node] = 0.0;
        }
        sum_covers(fixture, i);
    }
}

/* ---- by definition ---------------------------------------------------------------- */

static bool goes_right(const struct fixture_forest *fixture, const struct fixture_tree *nodes,
                       uint32_t node, const double *row) {
    double x = row[nodes->feature[node]];
    if (!rw_arithmetic_rows64(fixture->forest.arithmetic))
        x = (double)(float)x;
    return rw_goes_right(nodes->flags[node], nodes->value[node],
                         fixture->categories + nodes->begin[node], nodes->words[node], x);
}

/* Mean of the leaves under `node`, where the features of `known` are the row's. */
static double mean_of(const struct fixture_forest *fixture, uint32_t index, uint32_t node,
                      uint32_t known, const double *row) {
    const struct fixture_tree *nodes = &fixture->nodes[index];
    if (nodes->left[node] == FIXTURE_LEAF_ID)
        return rw_leaf_value(&fixture->forest, &fixture->trees[index], node);
    const uint32_t left = (uint32_t)nodes->left[node], right = (uint32_t)nodes->right[node];
    if (known >> nodes->feature[node] & 1u)
        return mean_of(fixture, index, goes_right(fixture, nodes, node, row) ? right : left, known,
                       row);
    const double *cover = covers[index];
    return (cover[left] * mean_of(fixture, index, left, known, row) +
            cover[right] * mean_of(fixture, index, right, known, row)) /
           cover[node];
}

static double factorial(uint32_t n) {
    return n < 2 ? 1.0 : n * factorial(n - 1);
}

static void add_shapley(const double *worth, double *out) {
    for (uint32_t known = 0; known < SUBSETS; known++) {
        const uint32_t size = (uint32_t)__builtin_popcount(known);
        for (uint32_t f = 0; f < FEATURES; f++)
            if (!(known >> f & 1u))
                out[f] += factorial(size) * factorial(FEATURES - size - 1) / factorial(FEATURES) *
                          (worth[known | 1u << f] - worth[known]);
    }
}

static void expect_shapley(const struct fixture_forest *fixture, const double *row, double *out) {
    const struct rw_forest *forest = &fixture->forest;
    const double divisor = forest->divisor != 0.0 ? forest->divisor : 1.0;
    for (uint32_t group = 0; group < forest->n_groups; group++, out += FEATURES + 1) {
        double worth[SUBSETS] = {0};
        for (uint32_t known = 0; known < SUBSETS; known++)
            for (uint32_t i = 0; i < forest->n_trees; i++)
                if (fixture->trees[i].group == group)
                    worth[known] += mean_of(fixture, i, 0, known, row) / divisor;
        memset(out, 0, FEATURES * sizeof *out);
        add_shapley(worth, out);
        out[FEATURES] = worth[0] + forest->base[group] / divisor +
                        (forest->offset ? forest->offset[group] : 0.0);
    }
}

static void assert_near(const double *seen, const double *wanted, size_t n, double tolerance) {
    double largest = 1e-30;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(wanted[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(seen[i] - wanted[i]) <= tolerance * largest))
            fail_msg("value %zu is %.17g, not %.17g", i, seen[i], wanted[i]);
}

static void try_row(const struct fixture_forest *fixture, rowan_model *model, const double *row) {
    const size_t n = fixture->forest.n_groups * (FEATURES + 1);
    double first[MAX_OUT], out[MAX_OUT], wanted[MAX_OUT], margins[FIXTURE_MAX_GROUPS];
    for (size_t i = 0; rw_contribution_walker_at(i); i++) {
        model->walker = rw_contribution_walker_at(i);
        if (!model->walker->fits())
            continue;
        assert_int_equal(rowan_contributions_f64(model, row, 1, out, NULL), ROWAN_OK);
        if (i == 0)
            memcpy(first, out, n * sizeof *out);
        assert_memory_equal(out, first, n * sizeof *out); /* every CPU: the same bits */
    }
    expect_shapley(fixture, row, wanted);
    for (uint32_t group = 0; group < fixture->forest.n_groups; group++)
        assert_near(out + group * (FEATURES + 1), wanted + group * (FEATURES + 1), FEATURES + 1,
                    1e-9);
    naive_margins(fixture, row, margins);
    for (uint32_t group = 0; group < fixture->forest.n_groups; group++) {
        double sum = 0.0, size = 1e-30;
        for (uint32_t f = 0; f <= FEATURES; f++) {
            sum += out[group * (FEATURES + 1) + f];
            size += fabs(out[group * (FEATURES + 1) + f]);
        }
        bool wide = rw_arithmetic_sums64(fixture->forest.arithmetic);
        if (!(fabs(sum - margins[group]) <= (wide ? 1e-9 : 1e-5) * size))
            fail_msg("sums to %.17g, not %.17g", sum, margins[group]);
    }
}

/* Larger than one run of splits (build_contributions.c). */
static void grow(struct fixture_forest *fixture, uint64_t *random) {
    for (uint32_t i = 0; i < fixture->forest.n_trees; i++)
        for (int more = 0; more < 12 && fixture->trees[i].n_nodes < 176; more++)
            fixture_random_tree(fixture, i, more % 4 == 0, random);
}

static void test_definition(void **state) {
    (void)state;
    uint64_t random = 11;
    for (int round = 0; round < 400; round++) {
        struct fixture_forest *fixture = fixture_random_forest(FEATURES, &random);
        if (round % 8 == 0)
            grow(fixture, &random);
        random_covers(fixture, &random);
        rowan_model *model = fixture_compile(fixture);
        for (int i = 0; i < 4; i++) {
            double row[FEATURES];
            for (uint32_t f = 0; f < FEATURES; f++)
                row[f] = (double)fixture_random_input(&random);
            try_row(fixture, model, row);
        }
        rowan_model_free(model);
        fixture_forest_free(fixture);
    }
}

/* ---- long paths --------------------------------------------------------------------- */

/* A chain whose split at depth d has feature d % n_features; right is a leaf. */
static struct fixture_forest *chain(uint32_t depth, uint32_t n_features, double share) {
    struct fixture_forest *fixture = fixture_forest_new(n_features, 1, 1);
    struct fixture_tree *nodes = &fixture->nodes[0];
    fixture->forest.arithmetic = RW_ARITHMETIC_LIGHTGBM;
    uint32_t node = 0;
    covers[0][0] = 1e6;
    for (uint32_t d = 0; d < depth; d++) {
        const uint32_t left = fixture_split(fixture, 0, node, d % n_features, 0.5);
        covers[0][left] = covers[0][node] * share;
        covers[0][left + 1] = covers[0][node] * (1.0 - share);
        nodes->value[left + 1] = d % 7 - 2.5;
        node = left;
    }
    nodes->value[node] = 3.0;
    fixture->trees[0].cover = covers[0];
    return fixture;
}

/* Shapley value of player `own` where a set of the others is worth the product of what
 * its members follow and the shares of the rest: sum over sizes of sets, in long double. */
static long double of_leaf(const long double *share, const bool *hot, uint32_t n, uint32_t own) {
    static long double worth[FIXTURE_MAX_NODES]; /* of all sets of a size together */
    uint32_t size = 0;
    worth[0] = 1.0L;
    for (uint32_t j = 0; j < n; j++) {
        if (j == own)
            continue;
        worth[++size] = 0.0L;
        for (uint32_t k = size + 1; k-- > 0;)
            worth[k] = worth[k] * share[j] + (k > 0 && hot[j] ? worth[k - 1] : 0.0L);
    }
    long double sum = 0.0L, choose = 1.0L; /* (n - 1) over k */
    for (uint32_t k = 0; k < n; k++) {
        sum += worth[k] / ((long double)n * choose);
        choose = choose * (long double)(n - 1 - k) / (long double)(k + 1);
    }
    return sum * ((long double)hot[own] - share[own]);
}

static void expect_chain(const struct fixture_forest *fixture, uint32_t depth, uint32_t n_features,
                         double share, const double *row, double *out) {
    long double shares[FIXTURE_MAX_NODES], sums[FIXTURE_MAX_NODES] = {0};
    bool hot[FIXTURE_MAX_NODES];
    uint32_t node = 0;
    for (uint32_t f = 0; f < n_features; f++) {
        shares[f] = 1.0L;
        hot[f] = true;
    }
    for (uint32_t d = 0; d <= depth; d++) {
        const uint32_t n = d < n_features ? d + 1 : n_features, f = d % n_features;
        const uint32_t left = (uint32_t)fixture->nodes[0].left[node];
        const long double kept = shares[f];
        const bool was_hot = hot[f], right = row[f] >= 0.5;
        const uint32_t leaf = d < depth ? left + 1 : node;
        const uint32_t players = d < depth ? n : (depth < n_features ? depth : n_features);
        if (d < depth) {
            shares[f] = kept * (long double)(1.0 - share);
            hot[f] = was_hot && right;
        }
        for (uint32_t i = 0; i < players; i++)
            sums[i] +=
                (long double)fixture->nodes[0].value[leaf] * of_leaf(shares, hot, players, i);
        shares[f] = kept * (long double)share;
        hot[f] = was_hot && !right;
        node = left;
    }
    for (uint32_t f = 0; f < n_features; f++)
        out[f] = (double)sums[f];
}

static void try_chain(uint32_t depth, uint32_t n_features, double share, uint64_t *random) {
    struct fixture_forest *fixture = chain(depth, n_features, share);
    rowan_model *model = fixture_compile(fixture);
    double row[FIXTURE_MAX_NODES], out[FIXTURE_MAX_NODES], wanted[FIXTURE_MAX_NODES];
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t f = 0; f < n_features; f++) /* all left, some, and few right */
            row[f] = round && random_below(random, round == 1 ? 2 : 40) == 0 ? 1.0 : 0.0;
        expect_chain(fixture, depth, n_features, share, row, wanted);
        assert_int_equal(rowan_contributions_f64(model, row, 1, out, NULL), ROWAN_OK);
        assert_near(out, wanted, n_features, 1e-10);
    }
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

/* Each number of nodes at the length of path where it ends, and beyond 64 features,
 * where 32 nodes are no longer exact. */
static void test_long_paths(void **state) {
    (void)state;
    static const uint32_t depths[] = {1, 8, 9, 16, 17, 32, 33, 64, 65, 100, CHAIN_DEPTH};
    uint64_t random = 5;
    for (size_t i = 0; i < ARRAY_LENGTH(depths); i++)
        for (double share = 0.1; share < 1.0; share += 0.2) {
            try_chain(depths[i], depths[i], share, &random);
            try_chain(depths[i], 1 + depths[i] / 3, share, &random); /* features come again */
        }
}

/* ---- nodes ---------------------------------------------------------------------------- */

static void test_nodes_integrate_powers(void **state) {
    (void)state;
    for (uint32_t n = 4; n <= 32; n *= 2)
        for (uint32_t power = 0; power < 2 * n; power++) {
            double sum = 0.0;
            for (uint32_t i = 0; i < n; i++)
                sum += rw_quadrature_weights(n)[i] * pow(rw_quadrature_nodes(n)[i], power);
            assert_true(fabs(sum - 1.0 / (power + 1)) < 1e-15);
        }
}

/* ---- what has none ---------------------------------------------------------------------- */

static void assert_has_none(const struct fixture_forest *fixture) {
    rowan_model *model = fixture_compile(fixture);
    rowan_model_info info;
    rowan_error error;
    double row[FIXTURE_MAX_NODES] = {0}, out[FIXTURE_MAX_NODES];
    rowan_model_describe(model, &info);
    assert_int_equal(info.has_contributions, 0);
    assert_int_equal(rowan_contributions_f64(model, row, 1, out, &error), ROWAN_UNSUPPORTED);
    assert_non_null(strstr(error.what, "training rows"));
    assert_true(error.remedy[0] != '\0');
    rowan_model_free(model);
}

static void test_models_without(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    assert_has_none(fixture); /* no covers */
    covers[0][1] = covers[0][2] = 0.0;
    sum_covers(fixture, 0);
    assert_has_none(fixture); /* a split that no row reached */
    covers[0][1] = -1.0;
    covers[0][2] = 3.0;
    sum_covers(fixture, 0);
    assert_has_none(fixture);
    fixture_forest_free(fixture);
}

/* ---- many features, deep trees, memory -------------------------------------------------- */

static void contribute_with(struct fixture_forest *fixture, uint32_t n_features, const double *row,
                            double *out) {
    fixture->forest.n_features = n_features;
    rowan_model *model = fixture_compile(fixture);
    assert_int_equal(rowan_contributions_f64(model, row, 1, out, NULL), ROWAN_OK);
    rowan_model_free(model);
}

/* Sums that do not fit on the stack: each split goes to the result. */
static void test_many_features(void **state) {
    (void)state;
    const uint32_t many = RW_CONTRIBUTION_TOTALS + 1;
    static double row[RW_CONTRIBUTION_TOTALS + 1];
    static double few_out[MAX_OUT], many_out[FIXTURE_MAX_GROUPS * (RW_CONTRIBUTION_TOTALS + 2)];
    uint64_t random = 3;
    for (int round = 0; round < 50; round++) {
        struct fixture_forest *fixture = fixture_random_forest(many, &random);
        for (uint32_t i = 0; i < fixture->forest.n_trees; i++)
            for (uint32_t node = 0; node < FIXTURE_MAX_NODES; node++)
                fixture->nodes[i].feature[node] %= FEATURES;
        random_covers(fixture, &random);
        for (uint32_t f = 0; f < FEATURES; f++)
            row[f] = (double)fixture_random_input(&random);
        contribute_with(fixture, FEATURES, row, few_out);
        contribute_with(fixture, many, row, many_out);
        for (uint32_t group = 0; group < fixture->forest.n_groups; group++) {
            const double *a = few_out + group * (FEATURES + 1), *b = many_out + group * (many + 1);
            assert_near(b, a, FEATURES, 1e-12);
            for (uint32_t f = FEATURES; f < many; f++)
                assert_true(b[f] == 0.0);
            assert_true(b[many] == a[FEATURES]);
        }
        fixture_forest_free(fixture);
    }
}

static void test_no_allocation(void **state) {
    (void)state;
    uint64_t random = 9;
    struct fixture_forest *fixture = fixture_random_forest(FEATURES, &random);
    random_covers(fixture, &random);
    rowan_model *model = fixture_compile(fixture);
    float rows[2 * FEATURES] = {0};
    double out[2 * MAX_OUT];
    allocations_start();
    allocations_reset();
    assert_int_equal(rowan_contributions_f32(model, rows, 2, out, NULL), ROWAN_OK);
    assert_int_equal(allocations.calls, 0);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_long_paths),
        cmocka_unit_test(test_nodes_integrate_powers),
        cmocka_unit_test(test_models_without),
        cmocka_unit_test(test_many_features),
        cmocka_unit_test(test_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
