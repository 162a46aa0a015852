/*
 * The format follows the Accept header; Prometheus' own headers are among the cases.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "metrics/metrics.h"
#include "unit.h"

static enum rw_metrics_format asked(const char *accept) {
    size_t length = strlen(accept);
    char *copy = exact_copy(accept, length); /* not terminated: as nginx gives it */
    enum rw_metrics_format format = rw_metrics_negotiate(copy, length);
    free(copy);
    return format;
}

static void prometheus_gets_openmetrics(void **state) {
    (void)state;
    /* 2.42 */
    assert_int_equal(asked("application/openmetrics-text;version=1.0.0,application/"
                           "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
                           "*/*;q=0.1"),
                     RW_OPENMETRICS);
    /* 3 */
    assert_int_equal(
        asked("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
              "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version="
              "1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"),
        RW_OPENMETRICS);
    /* with scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0] */
    assert_int_equal(asked("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;"
                           "version=1.0.0;q=0.4,*/*;q=0.1"),
                     RW_PROMETHEUS_TEXT);
}

static void curl_browsers_and_nobody_get_text(void **state) {
    (void)state;
    assert_int_equal(rw_metrics_negotiate(NULL, 0), RW_PROMETHEUS_TEXT);
    assert_int_equal(asked("*/*"), RW_PROMETHEUS_TEXT);
    assert_int_equal(asked("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                     RW_PROMETHEUS_TEXT);
    assert_int_equal(asked("text/plain;version=0.0.4"), RW_PROMETHEUS_TEXT);
}

static void weights_decide(void **state) {
    (void)state;
    assert_int_equal(asked("application/openmetrics-text"), RW_OPENMETRICS);
    assert_int_equal(asked("application/openmetrics-text; q=0"), RW_PROMETHEUS_TEXT);
    assert_int_equal(asked("application/openmetrics-text;q=0.001"), RW_OPENMETRICS);
    assert_int_equal(asked("application/openmetrics-text;q=0.3, text/plain;q=0.31"),
                     RW_PROMETHEUS_TEXT);
    assert_int_equal(asked("application/openmetrics-text;q=0.31, text/plain;q=0.3"),
                     RW_OPENMETRICS);
    assert_int_equal(asked("application/openmetrics-text, text/plain"), RW_PROMETHEUS_TEXT);
    assert_int_equal(asked("application/openmetrics-text, */*"), RW_OPENMETRICS);
    /* the more specific range counts, however it is weighed */
    assert_int_equal(asked("application/openmetrics-text;q=0.2, */*;q=0.9, text/plain;q=0.1"),
                     RW_OPENMETRICS);
}

static void letters_blanks_and_quotes_do_not_matter(void **state) {
    (void)state;
    assert_int_equal(
        asked("  Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.5 , text/*;q=.1"),
        RW_OPENMETRICS);
    assert_int_equal(asked("text/plain;x=\",application/openmetrics-text\""), RW_PROMETHEUS_TEXT);
}

static void versions_that_rowan_does_not_write_are_not_chosen(void **state) {
    (void)state;
    assert_int_equal(asked("application/openmetrics-text;version=2.0.0"), RW_PROMETHEUS_TEXT);
    assert_int_equal(asked("application/openmetrics-text;version=2.0.0,text/plain;q=0.1"),
                     RW_PROMETHEUS_TEXT);
}

static void garbage_gets_text(void **state) {
    (void)state;
    const char *const garbage[] = {",",
                                   ";",
                                   "=;=,",
                                   "\"",
                                   "q=1",
                                   ";q=",
                                   "application/openmetrics-text;q=2",
                                   "application/openmetrics-text;q=0.5x",
                                   "\\\"\\",
                                   "text/plain;q",
                                   "application/openmetrics-text;q=0.0001"};
    for (size_t i = 0; i < ARRAY_LENGTH(garbage); i++)
        assert_int_equal(asked(garbage[i]), RW_PROMETHEUS_TEXT);
}

static void media_types_name_version_and_charset(void **state) {
    (void)state;
    assert_string_equal(rw_metrics_media_type(RW_PROMETHEUS_TEXT),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(rw_metrics_media_type(RW_OPENMETRICS),
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_gets_openmetrics),
        cmocka_unit_test(curl_browsers_and_nobody_get_text),
        cmocka_unit_test(weights_decide),
        cmocka_unit_test(letters_blanks_and_quotes_do_not_matter),
        cmocka_unit_test(versions_that_rowan_does_not_write_are_not_chosen),
        cmocka_unit_test(garbage_gets_text),
        cmocka_unit_test(media_types_name_version_and_charset),
    };
    return cmocka_run_group_tests_name("metrics negotiate", tests, NULL, NULL);
}
