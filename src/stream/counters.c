/*
 * counters.c - what one scoring thread counts.
 *
 * A transaction may hold a hundred thousand messages, and its thread reads nothing while it
 * counts them.  Hence the series are resolved once, and a commit adds up in memory of its
 * own, without a branch that depends on a score; the page takes a few stores at the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>

#include "stream/counters.h"
#include "daemon/log.h"
#include "daemon/now.h"
#include "daemon/own_page.h"

#define MS_PER_SECOND 1000.0

/* Versions that one transaction can tell apart.  Models are swapped once a second at most. */
#define VERSIONS_MAX 64u

/* A histogram's bounds, filled up with infinity: a search of fixed length. */
struct bounds {
    double at[RW_METRIC_BOUNDS_MAX];
};

/* What will be added to a histogram. */
struct tally {
    uint64_t counts[RW_METRIC_BOUNDS_MAX + 1];
    double sum;
};

/* A model as it is counted: of two loads of the same version the series are the same. */
struct version {
    struct rw_series *fraud, *legitimate, *probability, *confidence, *duration;
    double decision;
    /* of the open transaction */
    uint64_t n_fraud, n_legitimate, n_batches;
    struct tally probabilities, confidences;
    uint64_t durations[RW_METRIC_BOUNDS_MAX + 2]; /* cells as those of a series */
};

struct rw_counters {
    struct rw_page *page;
    struct bounds probability, confidence, latency; /* latency: milliseconds */
    struct rw_series *consumed, *produced, *dead_produced, *dead[RW_DEAD_REASONS];
    struct rw_series *end_to_end, *committed, *aborted, *unknown, *duration;
    struct rw_series *rebalances[RW_REBALANCES], *partitions, *ready, *heartbeat;
    struct version versions[VERSIONS_MAX];
    uint32_t n_versions, next_version;
    uint32_t served; /* index of the version that scores now */
};

/* What a transaction holds, beside predictions. */
struct sums {
    uint64_t dead[RW_DEAD_REASONS];
    uint64_t n_dead;
    struct tally latencies; /* milliseconds */
};

static const char *const reasons[RW_DEAD_REASONS] = {
    [RW_DEAD_INVALID_JSON] = "invalid_json",
    [RW_DEAD_CONTRACT] = "contract_violation",
    [RW_DEAD_TOO_LARGE] = "too_large",
    [RW_DEAD_TOMBSTONE] = "tombstone",
    [RW_DEAD_OUTPUT_TOO_LARGE] = "output_too_large",
};

static const char *const events[RW_REBALANCES] = {
    [RW_ASSIGNED] = "assigned", [RW_REVOKED] = "revoked", [RW_LOST] = "lost"};

const char *rw_dead_reason_name(enum rw_dead_reason reason) {
    return reasons[reason];
}

/* ---- open -------------------------------------------------------------------------------- */

static struct bounds bounds_of(enum rw_metric metric) {
    const struct rw_metric_def *def = &rw_metric_defs[metric];
    struct bounds bounds;
    for (uint32_t i = 0; i < RW_METRIC_BOUNDS_MAX; i++)
        bounds.at[i] = i < def->n_bounds ? def->bounds[i] : INFINITY;
    return bounds;
}

/* Whole milliseconds and bounds in them: 0.15 s is not what 150 * 0.001 gives.  The bounds
 * are given to a tenth of a millisecond. */
static struct bounds in_ms(struct bounds bounds) {
    for (uint32_t i = 0; i < RW_METRIC_BOUNDS_MAX; i++)
        bounds.at[i] = round(bounds.at[i] * MS_PER_SECOND * 10) / 10;
    return bounds;
}

static struct rw_series *series_of(struct rw_counters *counters, enum rw_metric metric,
                                   const char *first, const char *second) {
    const char *labels[] = {first, second};
    return rw_page_series(counters->page, metric, labels);
}

/* What is known from the start is shown from the start, as zero. */
static void resolve(struct rw_counters *counters, const struct rw_stream_settings *to) {
    const char *input = to->input;
    counters->consumed = series_of(counters, RW_METRIC_KAFKA_CONSUMED, input, NULL);
    counters->produced = series_of(counters, RW_METRIC_KAFKA_PRODUCED, to->output, NULL);
    counters->dead_produced = series_of(counters, RW_METRIC_KAFKA_PRODUCED, to->dead_letter, NULL);
    for (int i = 0; i < RW_DEAD_REASONS; i++)
        counters->dead[i] = series_of(counters, RW_METRIC_KAFKA_DEAD_LETTERS, input, reasons[i]);
    counters->end_to_end = series_of(counters, RW_METRIC_KAFKA_LATENCY, input, NULL);
    counters->committed = series_of(counters, RW_METRIC_KAFKA_TRANSACTIONS, "committed", NULL);
    counters->aborted = series_of(counters, RW_METRIC_KAFKA_TRANSACTIONS, "aborted", NULL);
    counters->unknown = series_of(counters, RW_METRIC_KAFKA_TRANSACTIONS, "unknown", NULL);
    counters->duration = series_of(counters, RW_METRIC_KAFKA_TRANSACTION_DURATION, NULL, NULL);
    for (int i = 0; i < RW_REBALANCES; i++)
        counters->rebalances[i] =
            series_of(counters, RW_METRIC_KAFKA_REBALANCES, to->group, events[i]);
    counters->partitions = series_of(counters, RW_METRIC_KAFKA_PARTITIONS, input, NULL);
    counters->ready = series_of(counters, RW_METRIC_STREAM_READY, NULL, NULL);
    counters->heartbeat = series_of(counters, RW_METRIC_STREAM_HEARTBEAT, NULL, NULL);
}

/* A process that has no 300 KB when it starts would not score either. */
static void *or_exit(void *memory) {
    if (!memory) {
        rw_log(RW_LOG_CRITICAL, "no memory for the counters of a thread");
        exit(EXIT_FAILURE);
    }
    return memory;
}

struct rw_counters *rw_counters_open(const struct rw_stream_settings *settings) {
    struct rw_counters *counters = or_exit(calloc(1, sizeof *counters));
    counters->page = or_exit(rw_own_page(settings->metrics_dir, "this thread is"));
    counters->probability = bounds_of(RW_METRIC_FRAUD_PROBABILITY);
    counters->confidence = bounds_of(RW_METRIC_CONFIDENCE);
    counters->latency = in_ms(bounds_of(RW_METRIC_KAFKA_LATENCY));
    resolve(counters, settings);
    rw_counters_alive(counters, false); /* it has begun to live: no probe sees a zero */
    return counters;
}

void rw_counters_close(struct rw_counters *counters) {
    if (!counters)
        return;
    rw_page_close(counters->page);
    free(counters);
}

/* ---- models ------------------------------------------------------------------------------ */

static struct version version_of(struct rw_counters *counters, const struct rw_served *served) {
    const struct rw_contract_settings *settings = served->settings;
    const char *fraud[] = {settings->model, settings->version, "fraud"};
    const char *legitimate[] = {settings->model, settings->version, "legitimate"};
    struct rw_page *page = counters->page;
    return (struct version){
        .fraud = rw_page_series(page, RW_METRIC_PREDICTIONS, fraud),
        .legitimate = rw_page_series(page, RW_METRIC_PREDICTIONS, legitimate),
        .probability = rw_page_series(page, RW_METRIC_FRAUD_PROBABILITY, fraud),
        .confidence = rw_page_series(page, RW_METRIC_CONFIDENCE, fraud),
        .duration = rw_page_series(page, RW_METRIC_PREDICTION_DURATION, fraud),
        .decision = settings->decision,
    };
}

/* Equal labels have one series; so has what found no room in the page. */
static bool counts_as(const struct version *a, const struct version *b) {
    return a->fraud == b->fraud && a->legitimate == b->legitimate && a->decision == b->decision &&
           a->probability == b->probability;
}

uint32_t rw_counters_served(struct rw_counters *counters, const struct rw_served *served) {
    struct version version = version_of(counters, served);
    for (uint32_t i = 0; i < counters->n_versions; i++)
        if (counts_as(&counters->versions[i], &version))
            return counters->served = i;
    uint32_t i = counters->next_version;
    counters->versions[i] = version;
    counters->next_version = (i + 1) % VERSIONS_MAX;
    if (counters->n_versions < VERSIONS_MAX)
        counters->n_versions++;
    return counters->served = i;
}

void rw_counters_scored(struct rw_counters *counters, uint64_t ns) {
    if (counters->n_versions == 0)
        return;
    struct version *version = &counters->versions[counters->served];
    struct rw_series pending = *version->duration;
    pending.cells = version->durations;
    rw_series_observe_ns(&pending, ns);
    version->n_batches++;
}

/* ---- a transaction ------------------------------------------------------------------------ */

static inline void tally_add(struct tally *tally, const struct bounds *bounds, double value) {
    uint32_t above = 0;
    for (uint32_t i = 0; i < RW_METRIC_BOUNDS_MAX; i++)
        above += value > bounds->at[i];
    tally->counts[above]++;
    tally->sum += value;
}

static inline void add_prediction(const struct rw_counters *counters, struct version *version,
                                  double p) {
    uint64_t is_fraud = p >= version->decision;
    version->n_fraud += is_fraud;
    version->n_legitimate += 1 - is_fraud;
    /* one value that is no number would spoil the sums for ever */
    if (p >= 0 && p <= 1) {
        tally_add(&version->probabilities, &counters->probability, p);
        tally_add(&version->confidences, &counters->confidence, p > 0.5 ? p : 1 - p);
    }
}

static inline void add_latency(const struct rw_counters *counters, struct sums *sums,
                               int64_t timestamp_ms, int64_t now_ms) {
    if (timestamp_ms < 0)
        return; /* none */
    /* a producer's clock may be ahead of this one */
    double ms = timestamp_ms < now_ms ? (double)(now_ms - timestamp_ms) : 0;
    tally_add(&sums->latencies, &counters->latency, ms);
}

static void add_done(struct rw_counters *counters, struct sums *sums, const struct rw_done *done,
                     size_t n_done, int64_t now_ms) {
    for (size_t i = 0; i < n_done; i++) {
        if (done[i].dead >= 0) {
            sums->dead[done[i].dead]++;
            sums->n_dead++;
            continue;
        }
        add_latency(counters, sums, done[i].timestamp_ms, now_ms);
        if (done[i].served < counters->n_versions)
            add_prediction(counters, &counters->versions[done[i].served], done[i].score);
    }
}

/* Adds to a histogram of RW_REAL; `unit` of the tally's values in those of the metric. */
static void show_tally(struct rw_series *series, const struct tally *tally, double unit) {
    for (uint32_t i = 0; i <= series->n_bounds; i++)
        rw_cell_store(&series->cells[i], series->cells[i] + tally->counts[i]);
    uint64_t *sum = &series->cells[series->n_bounds + 1];
    rw_cell_store_real(sum, rw_cell_real(sum) + tally->sum / unit);
}

static void show_version(const struct version *version) {
    rw_series_add(version->fraud, version->n_fraud);
    rw_series_add(version->legitimate, version->n_legitimate);
    show_tally(version->probability, &version->probabilities, 1);
    show_tally(version->confidence, &version->confidences, 1);
    for (uint32_t i = 0; i < version->duration->n_bounds + 2; i++)
        rw_cell_store(&version->duration->cells[i],
                      version->duration->cells[i] + version->durations[i]);
}

static bool took_part(const struct version *version) {
    return version->n_fraud + version->n_legitimate + version->n_batches > 0;
}

static void forget(struct version *version) {
    *version = (struct version){.fraud = version->fraud,
                                .legitimate = version->legitimate,
                                .probability = version->probability,
                                .confidence = version->confidence,
                                .duration = version->duration,
                                .decision = version->decision};
}

void rw_counters_committed(struct rw_counters *counters, const struct rw_done *done, size_t n_done,
                           int64_t now_ms, uint64_t ns) {
    struct sums sums = {0};
    add_done(counters, &sums, done, n_done, now_ms);
    for (uint32_t i = 0; i < counters->n_versions; i++)
        if (took_part(&counters->versions[i])) {
            show_version(&counters->versions[i]);
            forget(&counters->versions[i]);
        }
    for (int i = 0; i < RW_DEAD_REASONS; i++)
        rw_series_add(counters->dead[i], sums.dead[i]);
    rw_series_add(counters->consumed, n_done);
    rw_series_add(counters->dead_produced, sums.n_dead);
    rw_series_add(counters->produced, n_done - sums.n_dead);
    show_tally(counters->end_to_end, &sums.latencies, MS_PER_SECOND);
    rw_series_add(counters->committed, 1);
    rw_series_observe_ns(counters->duration, ns);
}

static void forget_all(struct rw_counters *counters) {
    for (uint32_t i = 0; i < counters->n_versions; i++)
        if (took_part(&counters->versions[i]))
            forget(&counters->versions[i]);
}

void rw_counters_aborted(struct rw_counters *counters) {
    forget_all(counters);
    rw_series_add(counters->aborted, 1);
}

void rw_counters_unknown(struct rw_counters *counters) {
    forget_all(counters);
    rw_series_add(counters->unknown, 1);
}

/* ---- events ---------------------------------------------------------------------------------- */

void rw_counters_rebalanced(struct rw_counters *counters, enum rw_rebalance event,
                            uint32_t n_assigned) {
    rw_series_add(counters->rebalances[event], 1);
    rw_series_set(counters->partitions, n_assigned);
}

void rw_counters_error(struct rw_counters *counters, rd_kafka_resp_err_t code) {
    rw_series_add(series_of(counters, RW_METRIC_KAFKA_ERRORS, rd_kafka_err2name(code), NULL), 1);
}

void rw_counters_alive(struct rw_counters *counters, bool ready) {
    rw_series_set(counters->ready, ready);
    rw_series_set_real(counters->heartbeat, rw_unix_seconds());
}
