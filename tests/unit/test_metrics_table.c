/*
 * The list of metrics keeps its own rules and those of Prometheus' names.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <regex.h>

#include "metrics/page.h"
#include "unit.h"

static bool ends_with(const char *text, const char *tail) {
    size_t length = strlen(text), tail_length = strlen(tail);
    return length >= tail_length && strcmp(text + length - tail_length, tail) == 0;
}

static void assert_matches(const char *pattern, const char *text) {
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("%s does not match %s", text, pattern);
    regfree(&regex);
}

static void names_and_labels_are_those_that_prometheus_takes(void **state) {
    (void)state;
    for (size_t i = 0; i < RW_METRICS; i++) {
        const struct rw_metric_def *def = &rw_metric_defs[i];
        assert_matches("^(ml_model|http|kafka|process|rowan)_[a-z_]+$", def->name);
        assert_matches("^([a-z_]+(,[a-z_]+)*)?$", def->labels);
        assert_matches("^[^\\\"]{10,200}\\.$", def->help); /* nothing to escape */
        assert_null(strchr(def->help, '\n'));
        assert_null(strstr(def->labels, "le,"));
    }
}

static void no_name_is_used_twice(void **state) {
    (void)state;
    for (size_t i = 0; i < RW_METRICS; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(rw_metric_defs[i].name, rw_metric_defs[k].name);
}

static void only_counters_end_with_total_and_infos_with_info(void **state) {
    (void)state;
    for (size_t i = 0; i < RW_METRICS; i++) {
        const struct rw_metric_def *def = &rw_metric_defs[i];
        assert_int_equal(ends_with(def->name, "_total"), def->type == RW_COUNTER);
        assert_int_equal(ends_with(def->name, "_info"), def->type == RW_INFO);
        assert_int_equal(def->merge == RW_SUM || def->type == RW_GAUGE || def->type == RW_INFO, 1);
    }
}

static void a_unit_ends_the_name(void **state) {
    (void)state;
    for (size_t i = 0; i < RW_METRICS; i++) {
        const struct rw_metric_def *def = &rw_metric_defs[i];
        char tail[64];
        snprintf(tail, sizeof tail, "_%s%s", def->unit, def->type == RW_COUNTER ? "_total" : "");
        assert_true(!*def->unit || ends_with(def->name, tail));
        assert_true(def->value != RW_SECONDS || strcmp(def->unit, "seconds") == 0);
    }
}

static void label_sets_stay_within_their_bound(void **state) {
    (void)state;
    for (size_t i = 0; i < RW_METRICS; i++) {
        const char *labels = rw_metric_defs[i].labels;
        size_t n = *labels != '\0';
        for (const char *c = labels; *c; c++)
            n += *c == ',';
        assert_true(n <= RW_METRIC_LABELS_MAX);
        /* every byte escaped, quotes, equals sign and comma */
        assert_true(strlen(labels) + n * (2 * RW_LABEL_VALUE_MAX + 4) <= RW_LABEL_TEXT_MAX);
    }
}

static void bounds_rise_and_only_histograms_have_them(void **state) {
    (void)state;
    for (size_t i = 0; i < RW_METRICS; i++) {
        const struct rw_metric_def *def = &rw_metric_defs[i];
        assert_int_equal(def->n_bounds > 0, def->type == RW_HISTOGRAM);
        assert_true(def->n_bounds <= RW_METRIC_BOUNDS_MAX);
        assert_true(def->n_bounds == 0 || def->bounds[0] > 0);
        for (uint32_t k = 1; k < def->n_bounds; k++)
            assert_true(def->bounds[k - 1] < def->bounds[k]);
    }
}

static bool has_bound(enum rw_metric metric, double bound) {
    for (uint32_t i = 0; i < rw_metric_defs[metric].n_bounds; i++)
        if (rw_metric_defs[metric].bounds[i] == bound)
            return true;
    return false;
}

static void the_risk_levels_and_the_objective_are_bounds(void **state) {
    (void)state;
    assert_true(has_bound(RW_METRIC_FRAUD_PROBABILITY, 0.3));
    assert_true(has_bound(RW_METRIC_FRAUD_PROBABILITY, 0.7));
    assert_true(has_bound(RW_METRIC_HTTP_DURATION, 2));
    assert_true(has_bound(RW_METRIC_PREDICTION_DURATION, 1e-6));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_labels_are_those_that_prometheus_takes),
        cmocka_unit_test(no_name_is_used_twice),
        cmocka_unit_test(only_counters_end_with_total_and_infos_with_info),
        cmocka_unit_test(a_unit_ends_the_name),
        cmocka_unit_test(label_sets_stay_within_their_bound),
        cmocka_unit_test(bounds_rise_and_only_histograms_have_them),
        cmocka_unit_test(the_risk_levels_and_the_objective_are_bounds),
    };
    return cmocka_run_group_tests_name("metrics table", tests, NULL, NULL);
}
