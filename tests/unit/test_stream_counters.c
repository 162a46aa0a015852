/*
 * What one scoring thread counts: by version, when its transaction has committed, never before.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "metrics_fixture.h"

#include <time.h>

#include "stream/counters.h"
#include "daemon/log.h"

#define NOW_MS 1800000000000 /* Unix time of the commits */

static struct rw_stream_settings settings = {
    .input = (char *)"in",
    .output = (char *)"out",
    .group = (char *)"group",
    .dead_letter = (char *)"dead",
    .metrics_dir = metrics_dir,
};

static struct rw_served served_of(const struct rw_contract_settings *model) {
    return (struct rw_served){.settings = model};
}

static const struct rw_contract_settings v1 = {.model = "fraud", .version = "1", .decision = 0.5};
static const struct rw_contract_settings v2 = {.model = "fraud", .version = "2", .decision = 0.2};

static uint32_t serve(struct rw_counters *counters, const struct rw_contract_settings *model) {
    struct rw_served served = served_of(model);
    return rw_counters_served(counters, &served);
}

static struct rw_done predicted(uint32_t served, double score) {
    return (struct rw_done){.timestamp_ms = NOW_MS, .score = score, .dead = -1, .served = served};
}

static void commit(struct rw_counters *counters, const struct rw_done *done, size_t n) {
    rw_counters_committed(counters, done, n, NOW_MS, 5000000);
}

static void assert_shown(const char *line) {
    char *text = exposed(RW_PROMETHEUS_TEXT), wanted[512];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr(text, wanted))
        fail_msg("\"%s\" is not in\n%s", line, text);
    free(text);
}

static int64_t predictions(const char *version, const char *result) {
    const char *labels[] = {"fraud", version, result};
    return sum_of(RW_METRIC_PREDICTIONS, labels);
}

/* ---- the start ---------------------------------------------------------------------------- */

static void what_is_known_is_shown_as_zero_from_the_start(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    assert_shown("kafka_messages_consumed_total{topic=\"in\"} 0");
    assert_shown("kafka_messages_produced_total{topic=\"out\"} 0");
    assert_shown("kafka_messages_produced_total{topic=\"dead\"} 0");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"invalid_json\"} 0");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"contract_violation\"} 0");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"too_large\"} 0");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"tombstone\"} 0");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"output_too_large\"} 0");
    assert_shown("kafka_end_to_end_latency_seconds_count{topic=\"in\"} 0");
    assert_shown("kafka_transactions_total{outcome=\"committed\"} 0");
    assert_shown("kafka_transactions_total{outcome=\"aborted\"} 0");
    assert_shown("kafka_transactions_total{outcome=\"unknown\"} 0");
    assert_shown("kafka_rebalances_total{consumer_group=\"group\",event=\"lost\"} 0");
    assert_shown("kafka_assigned_partitions{topic=\"in\"} 0");
    serve(counters, &v1);
    assert_shown("ml_model_predictions_total{model=\"fraud\",model_version=\"1\","
                 "prediction_result=\"fraud\"} 0");
    rw_counters_close(counters);
}

static void a_thread_that_begins_is_alive_and_not_ready(void **state) {
    (void)state;
    time_t before = time(NULL);
    struct rw_counters *counters = rw_counters_open(&settings);
    uint64_t bits = (uint64_t)sum_of(RW_METRIC_STREAM_HEARTBEAT, NULL);
    double heartbeat;
    memcpy(&heartbeat, &bits, sizeof heartbeat);
    assert_true(heartbeat >= (double)before && heartbeat < (double)time(NULL) + 1);
    assert_int_equal(sum_of(RW_METRIC_STREAM_READY, NULL), 0);
    rw_counters_alive(counters, true);
    assert_int_equal(sum_of(RW_METRIC_STREAM_READY, NULL), 1);
    rw_counters_close(counters);
}

static void without_a_usable_directory_it_counts_in_private(void **state) {
    (void)state;
    rw_log_level(RW_LOG_CRITICAL);
    struct rw_stream_settings none = settings, broken = settings;
    none.metrics_dir = NULL;
    broken.metrics_dir = (char *)"/no/such/directory";
    struct rw_counters *a = rw_counters_open(&none), *b = rw_counters_open(&broken);
    struct rw_done done = predicted(serve(a, &v1), 0.7);
    serve(b, &v1);
    commit(a, &done, 1);
    commit(b, &done, 1);
    rw_counters_close(a);
    rw_counters_close(b);
    assert_int_equal(files_ending(RW_PAGE_SUFFIX), 0);
    rw_log_level(RW_LOG_INFO);
}

/* ---- transactions --------------------------------------------------------------------------- */

static void a_commit_counts_predictions_dead_letters_and_topics(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t model = serve(counters, &v1);
    const struct rw_done done[] = {
        predicted(model, 0.9),
        predicted(model, 0.5), /* the decision itself is fraud */
        predicted(model, 0.4999),
        {.timestamp_ms = NOW_MS, .dead = RW_DEAD_INVALID_JSON},
        {.timestamp_ms = NOW_MS, .dead = RW_DEAD_TOMBSTONE},
        {.timestamp_ms = NOW_MS, .dead = RW_DEAD_TOMBSTONE},
    };
    rw_counters_scored(counters, 20000);
    commit(counters, done, ARRAY_LENGTH(done));
    assert_int_equal(predictions("1", "fraud"), 2);
    assert_int_equal(predictions("1", "legitimate"), 1);
    assert_shown("kafka_messages_consumed_total{topic=\"in\"} 6");
    assert_shown("kafka_messages_produced_total{topic=\"out\"} 3");
    assert_shown("kafka_messages_produced_total{topic=\"dead\"} 3");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"invalid_json\"} 1");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"tombstone\"} 2");
    assert_shown("kafka_dead_letters_total{topic=\"in\",reason=\"too_large\"} 0");
    assert_shown("kafka_transactions_total{outcome=\"committed\"} 1");
    assert_shown("kafka_transaction_duration_seconds_bucket{le=\"0.0025\"} 0");
    assert_shown("kafka_transaction_duration_seconds_bucket{le=\"0.005\"} 1");
    assert_shown(
        "ml_model_prediction_duration_seconds_count{model=\"fraud\",model_version=\"1\"} 1");
    rw_counters_close(counters);
}

static void probabilities_and_confidences_fall_in_their_buckets(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t model = serve(counters, &v1);
    const struct rw_done done[] = {predicted(model, 0.25), predicted(model, 0.9),
                                   predicted(model, -0.0)};
    commit(counters, done, ARRAY_LENGTH(done));
#define MODEL "{model=\"fraud\",model_version=\"1\""
    assert_shown("ml_model_fraud_probability_bucket" MODEL ",le=\"0.001\"} 1");
    assert_shown("ml_model_fraud_probability_bucket" MODEL ",le=\"0.2\"} 1");
    assert_shown("ml_model_fraud_probability_bucket" MODEL ",le=\"0.3\"} 2");
    assert_shown("ml_model_fraud_probability_bucket" MODEL ",le=\"0.8\"} 2");
    assert_shown("ml_model_fraud_probability_bucket" MODEL ",le=\"0.9\"} 3");
    assert_shown("ml_model_fraud_probability_sum" MODEL "} 1.15");
    assert_shown("ml_model_confidence_score_bucket" MODEL ",le=\"0.7\"} 0");
    assert_shown("ml_model_confidence_score_bucket" MODEL ",le=\"0.75\"} 1");
    assert_shown("ml_model_confidence_score_bucket" MODEL ",le=\"0.9\"} 2");
    assert_shown("ml_model_confidence_score_bucket" MODEL ",le=\"+Inf\"} 3");
    assert_shown("ml_model_confidence_score_sum" MODEL "} 2.65");
    rw_counters_close(counters);
}

static void a_score_that_is_no_number_spoils_no_sum(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t model = serve(counters, &v1);
    const struct rw_done done[] = {predicted(model, NAN), predicted(model, 0.25)};
    commit(counters, done, ARRAY_LENGTH(done));
    assert_int_equal(predictions("1", "legitimate"), 2);
    assert_shown("ml_model_fraud_probability_sum" MODEL "} 0.25");
    assert_shown("ml_model_fraud_probability_count" MODEL "} 1");
    rw_counters_close(counters);
}

/* Nothing but its own count, now and later. */
static void assert_no_trace(void (*ended)(struct rw_counters *counters), const char *label) {
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t model = serve(counters, &v1);
    char *before = exposed(RW_PROMETHEUS_TEXT);
    rw_counters_scored(counters, 1000);
    ended(counters);
    char *after = exposed(RW_PROMETHEUS_TEXT);
    char *changed = strstr(after, label);
    assert_non_null(changed);
    assert_int_equal(changed[strlen(label)], '1');
    changed[strlen(label)] = '0';
    assert_string_equal(before, after);
    free(before);
    free(after);
    struct rw_done done = predicted(model, 0.1);
    commit(counters, &done, 1);
    assert_shown("ml_model_prediction_duration_seconds_count" MODEL "} 0");
    assert_int_equal(predictions("1", "legitimate"), 1);
    rw_counters_close(counters);
}

static void an_aborted_transaction_leaves_no_other_trace(void **state) {
    (void)state;
    assert_no_trace(rw_counters_aborted, "kafka_transactions_total{outcome=\"aborted\"} ");
}

static void a_transaction_of_unknown_end_leaves_no_other_trace(void **state) {
    (void)state;
    assert_no_trace(rw_counters_unknown, "kafka_transactions_total{outcome=\"unknown\"} ");
}

/* ---- models ---------------------------------------------------------------------------------- */

static void rows_count_under_the_version_that_scored_them(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t first = serve(counters, &v1);
    rw_counters_scored(counters, 1000);
    uint32_t second = serve(counters, &v2);
    rw_counters_scored(counters, 1000);
    rw_counters_scored(counters, 1000);
    assert_int_not_equal(first, second);
    /* 0.3 is fraud for the second only */
    const struct rw_done done[] = {predicted(first, 0.3), predicted(second, 0.3),
                                   predicted(first, 0.3), predicted(second, 0.1)};
    commit(counters, done, ARRAY_LENGTH(done));
    assert_int_equal(predictions("1", "fraud"), 0);
    assert_int_equal(predictions("1", "legitimate"), 2);
    assert_int_equal(predictions("2", "fraud"), 1);
    assert_int_equal(predictions("2", "legitimate"), 1);
    assert_shown("ml_model_prediction_duration_seconds_count" MODEL "} 1");
    assert_shown(
        "ml_model_prediction_duration_seconds_count{model=\"fraud\",model_version=\"2\"} 2");
    rw_counters_close(counters);
}

static void a_version_that_comes_again_goes_on_where_it_was(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t first = serve(counters, &v1);
    serve(counters, &v2);
    assert_int_equal(serve(counters, &v1), first);
    struct rw_contract_settings stricter = v1; /* other rows are fraud now */
    stricter.decision = 0.1;
    uint32_t third = serve(counters, &stricter);
    assert_int_not_equal(third, first);
    const struct rw_done done[] = {predicted(first, 0.3), predicted(third, 0.3)};
    commit(counters, done, ARRAY_LENGTH(done));
    assert_int_equal(predictions("1", "fraud"), 1);
    assert_int_equal(predictions("1", "legitimate"), 1);
    rw_counters_close(counters);
}

static void a_life_of_many_versions_counts_each(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    char text[16];
    struct rw_contract_settings model = {.model = "fraud", .version = text, .decision = 0.5};
    for (int i = 1; i <= 200; i++) {
        snprintf(text, sizeof text, "v%d", i);
        struct rw_done done = predicted(serve(counters, &model), 0.7);
        commit(counters, &done, 1);
    }
    for (int i = 1; i <= 200; i++) {
        snprintf(text, sizeof text, "v%d", i);
        assert_int_equal(predictions(text, "fraud"), 1);
    }
    rw_counters_close(counters);
}

/* ---- latency --------------------------------------------------------------------------------- */

static void a_latency_on_a_bound_belongs_to_it(void **state) {
    (void)state;
    const struct rw_metric_def *def = &rw_metric_defs[RW_METRIC_KAFKA_LATENCY];
    for (uint32_t i = 0; i < def->n_bounds; i++) {
        struct rw_counters *counters = rw_counters_open(&settings);
        double ms = floor(def->bounds[i] * 1000 + 1e-6);
        struct rw_done done = predicted(serve(counters, &v1), 0.5);
        done.timestamp_ms -= (int64_t)ms;
        commit(counters, &done, 1);
        char *text = exposed(RW_PROMETHEUS_TEXT), *line, *end;
        line = strstr(text, "\nkafka_end_to_end_latency_seconds_bucket{topic=\"in\",le=");
        for (uint32_t k = 0; k < def->n_bounds; k++) {
            line = strchr(strstr(line, "le=\""), ' ');
            assert_int_equal(strtol(line, &end, 10), k >= i);
        }
        free(text);
        rw_counters_close(counters);
        remove_metrics_dir(NULL);
        make_metrics_dir(NULL);
    }
}

static void a_timestamp_of_the_future_is_no_latency_and_none_is_none(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t model = serve(counters, &v1);
    struct rw_done done[] = {predicted(model, 0.5), predicted(model, 0.5), predicted(model, 0.5)};
    done[0].timestamp_ms = NOW_MS + 60000;
    done[1].timestamp_ms = -1;
    done[2].timestamp_ms = NOW_MS - 1500;
    commit(counters, done, ARRAY_LENGTH(done));
    assert_shown("kafka_end_to_end_latency_seconds_bucket{topic=\"in\",le=\"0.001\"} 1");
    assert_shown("kafka_end_to_end_latency_seconds_count{topic=\"in\"} 2");
    assert_shown("kafka_end_to_end_latency_seconds_sum{topic=\"in\"} 1.5");
    rw_counters_close(counters);
}

static void latencies_of_a_great_backlog_do_not_overflow(void **state) {
    (void)state;
    enum { ROWS = 100000 };
    struct rw_counters *counters = rw_counters_open(&settings);
    uint32_t model = serve(counters, &v1);
    struct rw_done *done = calloc(ROWS, sizeof *done);
    assert_non_null(done);
    for (size_t i = 0; i < ROWS; i++) {
        done[i] = predicted(model, 0.5);
        done[i].timestamp_ms = 0; /* 1970: nanoseconds of all of them are beyond 64 bits */
    }
    commit(counters, done, ROWS);
    assert_shown("kafka_end_to_end_latency_seconds_sum{topic=\"in\"} 180000000000000");
    free(done);
    rw_counters_close(counters);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void rebalances_and_errors_are_counted_by_name(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    rw_counters_rebalanced(counters, RW_ASSIGNED, 6);
    rw_counters_rebalanced(counters, RW_REVOKED, 2);
    rw_counters_error(counters, RD_KAFKA_RESP_ERR__TRANSPORT);
    rw_counters_error(counters, RD_KAFKA_RESP_ERR__TRANSPORT);
    assert_shown("kafka_rebalances_total{consumer_group=\"group\",event=\"assigned\"} 1");
    assert_shown("kafka_rebalances_total{consumer_group=\"group\",event=\"revoked\"} 1");
    assert_shown("kafka_assigned_partitions{topic=\"in\"} 2");
    assert_shown("kafka_client_errors_total{error=\"_TRANSPORT\"} 2");
    rw_counters_close(counters);
}

static void threads_add_up_and_the_slowest_says_how_alive_all_are(void **state) {
    (void)state;
    struct rw_counters *a = rw_counters_open(&settings), *b = rw_counters_open(&settings);
    struct rw_done done = predicted(serve(a, &v1), 0.9);
    commit(a, &done, 1);
    done = predicted(serve(b, &v1), 0.9);
    commit(b, &done, 1);
    rw_counters_alive(a, true);
    assert_int_equal(predictions("1", "fraud"), 2);
    assert_int_equal(sum_of(RW_METRIC_STREAM_READY, NULL), 0);
    rw_counters_alive(b, true);
    assert_int_equal(sum_of(RW_METRIC_STREAM_READY, NULL), 1);
    rw_counters_close(a);
    rw_counters_close(b);
}

#define IN_DIRECTORY(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, make_metrics_dir, remove_metrics_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(what_is_known_is_shown_as_zero_from_the_start),
        IN_DIRECTORY(a_thread_that_begins_is_alive_and_not_ready),
        IN_DIRECTORY(without_a_usable_directory_it_counts_in_private),
        IN_DIRECTORY(a_commit_counts_predictions_dead_letters_and_topics),
        IN_DIRECTORY(probabilities_and_confidences_fall_in_their_buckets),
        IN_DIRECTORY(a_score_that_is_no_number_spoils_no_sum),
        IN_DIRECTORY(an_aborted_transaction_leaves_no_other_trace),
        IN_DIRECTORY(a_transaction_of_unknown_end_leaves_no_other_trace),
        IN_DIRECTORY(rows_count_under_the_version_that_scored_them),
        IN_DIRECTORY(a_version_that_comes_again_goes_on_where_it_was),
        IN_DIRECTORY(a_life_of_many_versions_counts_each),
        IN_DIRECTORY(a_latency_on_a_bound_belongs_to_it),
        IN_DIRECTORY(a_timestamp_of_the_future_is_no_latency_and_none_is_none),
        IN_DIRECTORY(latencies_of_a_great_backlog_do_not_overflow),
        IN_DIRECTORY(rebalances_and_errors_are_counted_by_name),
        IN_DIRECTORY(threads_add_up_and_the_slowest_says_how_alive_all_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
