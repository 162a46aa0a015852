/*
 * The text of both formats, line by line; tests/metrics parses it with others' parsers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "metrics_fixture.h"

static void assert_line(const char *text, const char *line) {
    size_t length = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[length] == '\n')
            return;
    fail_msg("no line \"%s\" in:\n%s", line, text ? text : "nothing");
}

static void assert_no(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text ? text : "nothing");
}

static void what_nobody_counted_is_zero_where_its_series_is_known(void **state) {
    (void)state;
    char *text = exposed(RW_PROMETHEUS_TEXT);
    assert_line(text, "http_requests_in_progress 0");
    assert_line(text, "process_cpu_seconds_total 0");
    assert_line(text, "http_queue_delay_seconds_bucket{le=\"+Inf\"} 0");
    assert_line(text, "http_queue_delay_seconds_count 0");
    assert_line(text, "rowan_metrics_pages 0");
    assert_line(text, "# TYPE http_requests_total counter"); /* with labels: no more than that */
    assert_no(text, "http_requests_total{");
    assert_no(text, "\nprocess_start_time_seconds ");
    free(text);
}

static void every_metric_has_one_header_in_the_order_of_the_table(void **state) {
    (void)state;
    char *text = exposed(RW_PROMETHEUS_TEXT);
    const char *at = text;
    for (size_t i = 0; i < RW_METRICS; i++) {
        char line[512];
        snprintf(line, sizeof line, "# HELP %s %s\n# TYPE %s ", rw_metric_defs[i].name,
                 rw_metric_defs[i].help, rw_metric_defs[i].name);
        at = strstr(at, line);
        assert_non_null(at);
        assert_null(strstr(at + 1, line));
    }
    free(text);
}

static void openmetrics_names_families_units_and_its_end(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    const char *model[] = {"fraud", "7", "xgboost"};
    rw_series_set(rw_page_series(page, RW_METRIC_MODEL_INFO, model), 1);
    char *text = exposed(RW_OPENMETRICS);
    assert_line(text, "# TYPE http_requests counter");
    assert_no(text, "# TYPE http_requests_total");
    assert_line(text, "# TYPE process_cpu_seconds counter");
    assert_line(text, "# UNIT process_cpu_seconds seconds");
    assert_line(text, "# TYPE ml_model info");
    assert_line(text,
                "ml_model_info{model=\"fraud\",model_version=\"7\",model_type=\"xgboost\"} 1");
    assert_no(text, "# UNIT http_connections");
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    free(text);
    text = exposed(RW_PROMETHEUS_TEXT);
    assert_line(text, "# TYPE ml_model_info gauge");
    assert_no(text, "# UNIT");
    assert_no(text, "# EOF");
    free(text);
    rw_page_close(page);
}

static void an_info_that_is_no_longer_true_is_left_out(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    const char *model[] = {"fraud", "7", "xgboost"};
    struct rw_series *series = rw_page_series(page, RW_METRIC_MODEL_INFO, model);
    rw_series_set(series, 1);
    rw_series_set(series, 0);
    char *text = exposed(RW_PROMETHEUS_TEXT);
    assert_no(text, "ml_model_info{");
    free(text);
    rw_page_close(page);
}

static void seconds_are_exact_to_the_nanosecond(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    struct rw_series *cpu = rw_page_series(page, RW_METRIC_PROCESS_CPU, NULL);
    const struct {
        uint64_t ns;
        const char *line;
    } cases[] = {{1, "process_cpu_seconds_total 0.000000001"},
                 {1500000000, "process_cpu_seconds_total 1.5"},
                 {12000000000, "process_cpu_seconds_total 12"},
                 {9007199254740993, "process_cpu_seconds_total 9007199.254740993"}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        rw_series_set(cpu, cases[i].ns);
        char *text = exposed(RW_PROMETHEUS_TEXT);
        assert_line(text, cases[i].line);
        free(text);
    }
    rw_page_close(page);
}

static void real_values_read_back_as_the_same_double(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    struct rw_series *percent = rw_page_series(page, RW_METRIC_MODEL_CPU, NULL);
    const double values[] = {0.1, 1.0 / 3, 1e300, -2.5, 5e-324};
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        rw_series_set_real(percent, values[i]);
        char *text = exposed(RW_PROMETHEUS_TEXT);
        const char *at = strstr(text, "\nml_model_cpu_usage_percent ");
        assert_non_null(at);
        assert_true(strtod(strchr(at, ' '), NULL) == values[i]);
        free(text);
    }
    rw_series_set_real(percent, (double)INFINITY);
    char *text = exposed(RW_PROMETHEUS_TEXT);
    assert_line(text, "ml_model_cpu_usage_percent +Inf");
    free(text);
    rw_page_close(page);
}

static void buckets_are_cumulative_and_named_alike_in_both_formats(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    struct rw_series *load = rw_page_series(page, RW_METRIC_MODEL_LOAD_DURATION, NULL);
    const uint64_t ms[] = {1, 2, 400, 900, 1000, 100000};
    for (size_t i = 0; i < ARRAY_LENGTH(ms); i++)
        rw_series_observe_ns(load, ms[i] * 1000000);
    for (int format = RW_PROMETHEUS_TEXT; format <= RW_OPENMETRICS; format++) {
        char *text = exposed(format);
        assert_line(text, "ml_model_load_duration_seconds_bucket{le=\"0.001\"} 1");
        assert_line(text, "ml_model_load_duration_seconds_bucket{le=\"0.5\"} 3");
        assert_line(text, "ml_model_load_duration_seconds_bucket{le=\"1.0\"} 5");
        assert_line(text, "ml_model_load_duration_seconds_bucket{le=\"60.0\"} 5");
        assert_line(text, "ml_model_load_duration_seconds_bucket{le=\"+Inf\"} 6");
        assert_line(text, "ml_model_load_duration_seconds_sum 102.303");
        assert_line(text, "ml_model_load_duration_seconds_count 6");
        free(text);
    }
    rw_page_close(page);
}

static void label_sets_are_sorted(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    const char *const reasons[] = {"shed", "body", "limit", "a", "body_size"};
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
        rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REFUSED, &reasons[i]), i);
    char *text = exposed(RW_PROMETHEUS_TEXT);
    assert_non_null(strstr(text, "{reason=\"a\"} 3\n"
                                 "http_requests_refused_total{reason=\"body\"} 1\n"
                                 "http_requests_refused_total{reason=\"body_size\"} 4\n"
                                 "http_requests_refused_total{reason=\"limit\"} 2\n"
                                 "http_requests_refused_total{reason=\"shed\"} 0\n"));
    free(text);
    rw_page_close(page);
}

static void a_buffer_without_room_is_an_error(void **state) {
    (void)state;
    char room[100];
    rowan_error error;
    struct rw_buffer text = {.data = room, .capacity = sizeof room};
    assert_int_equal(rw_metrics_expose(metrics_dir, RW_OPENMETRICS, &text, &error),
                     ROWAN_NO_MEMORY);
    assert_int_equal(rw_metrics_expose("/nonexistent", RW_OPENMETRICS, &text, &error), ROWAN_IO);
    assert_says(&error, "/nonexistent");
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_metrics_dir, remove_metrics_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIR(what_nobody_counted_is_zero_where_its_series_is_known),
        IN_DIR(every_metric_has_one_header_in_the_order_of_the_table),
        IN_DIR(openmetrics_names_families_units_and_its_end),
        IN_DIR(an_info_that_is_no_longer_true_is_left_out),
        IN_DIR(seconds_are_exact_to_the_nanosecond),
        IN_DIR(real_values_read_back_as_the_same_double),
        IN_DIR(buckets_are_cumulative_and_named_alike_in_both_formats),
        IN_DIR(label_sets_are_sorted),
        IN_DIR(a_buffer_without_room_is_an_error),
    };
    return cmocka_run_group_tests_name("metrics text", tests, NULL, NULL);
}
