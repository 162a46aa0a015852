/*
 * Pages: one a process, found by nobody before it is whole, trusted by nobody.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sys/resource.h>

#include "metrics_fixture.h"

static const char *const post[] = {"POST", "/predict", "200"};
static const char *const get[] = {"GET", "/health", "200"};

static void equal_labels_are_one_series_and_others_are_not(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    struct rw_series *series = rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post);
    char method[] = "POST"; /* equal bytes elsewhere */
    const char *again[] = {method, "/predict", "200"};
    assert_ptr_equal(series, rw_page_series(page, RW_METRIC_HTTP_REQUESTS, again));
    assert_ptr_not_equal(series, rw_page_series(page, RW_METRIC_HTTP_REQUESTS, get));
    rw_page_close(page);
}

static void living_pages_add_up(void **state) {
    (void)state;
    struct rw_page *pages[3];
    for (size_t i = 0; i < 3; i++) {
        pages[i] = open_page();
        rw_series_add(rw_page_series(pages[i], RW_METRIC_HTTP_REQUESTS, post), 10 + i);
        rw_series_set(rw_page_series(pages[i], RW_METRIC_MODEL_MEMORY, NULL), 100 * i);
    }
    assert_int_equal(sum_of(RW_METRIC_HTTP_REQUESTS, post), 33);
    assert_int_equal(sum_of(RW_METRIC_HTTP_REQUESTS, get), -1);
    assert_int_equal(sum_of(RW_METRIC_MODEL_MEMORY, NULL), 200); /* the largest */
    assert_int_equal(sum_of(RW_METRIC_METRICS_PAGES, NULL), 3);
    for (size_t i = 0; i < 3; i++)
        rw_page_close(pages[i]);
}

static void observations_fall_into_the_bucket_of_their_bound(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    struct rw_series *seconds = rw_page_series(page, RW_METRIC_HTTP_QUEUE_DELAY, NULL);
    const struct rw_metric_def *def = &rw_metric_defs[RW_METRIC_HTTP_QUEUE_DELAY];
    for (uint32_t i = 0; i < def->n_bounds; i++) {
        uint64_t bound = (uint64_t)llround(def->bounds[i] * 1e9);
        rw_series_observe_ns(seconds, bound);     /* less or equal: inside */
        rw_series_observe_ns(seconds, bound + 1); /* the next one */
    }
    assert_int_equal(seconds->cells[0], 1);
    for (uint32_t i = 1; i < def->n_bounds; i++)
        assert_int_equal(seconds->cells[i], 2);
    assert_int_equal(seconds->cells[def->n_bounds], 1);
    rw_page_close(page);
}

static void real_observations_compare_as_the_doubles_that_they_are(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    const char *model[] = {"fraud", "1"};
    struct rw_series *series = rw_page_series(page, RW_METRIC_FRAUD_PROBABILITY, model);
    const struct rw_metric_def *def = &rw_metric_defs[RW_METRIC_FRAUD_PROBABILITY];
    uint64_t expected[RW_METRIC_BOUNDS_MAX + 1] = {0}, random = 7;
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        double p = (double)(random_bits(&random) >> 11) * 0x1p-53;
        p = i % 3 ? p * p * p : i % 7 ? def->bounds[(unsigned)i % def->n_bounds] : 0;
        uint32_t bucket = 0;
        while (bucket < def->n_bounds && !(p <= def->bounds[bucket]))
            bucket++;
        expected[bucket]++;
        sum += p;
        rw_series_observe(series, p);
    }
    assert_memory_equal(series->cells, expected, (def->n_bounds + 1) * sizeof *expected);
    assert_true(rw_cell_real(&series->cells[def->n_bounds + 1]) == sum);
    rw_page_close(page);
}

static void a_metric_with_too_many_series_drops_and_counts(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    char text[16];
    const char *values[] = {text};
    for (unsigned i = 0; i < RW_METRIC_SERIES_MAX + 5; i++) {
        snprintf(text, sizeof text, "%u", i);
        rw_series_add(rw_page_series(page, RW_METRIC_MODEL_ERRORS, values), 1);
    }
    assert_int_equal(sum_of(RW_METRIC_METRICS_DROPPED, NULL), 5);
    assert_int_equal(sum_of(RW_METRIC_MODEL_ERRORS, values), -1);
    /* another metric has room, and the series that are there go on */
    rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 1);
    assert_int_equal(sum_of(RW_METRIC_HTTP_REQUESTS, post), 1);
    assert_int_equal(sum_of(RW_METRIC_METRICS_DROPPED, NULL), 5);
    rw_page_close(page);
}

static void a_full_page_drops_and_counts(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    char version[140];
    memset(version, 'v', sizeof version);
    version[sizeof version - 1] = '\0';
    const char *values[] = {version, version, "fraud"};
    static const enum rw_metric wide[] = {RW_METRIC_PREDICTION_DURATION,
                                          RW_METRIC_FRAUD_PROBABILITY, RW_METRIC_CONFIDENCE};
    unsigned made = 0;
    for (unsigned i = 0; i < 1000; i++) {
        int length = snprintf(version, sizeof version, "%u", i);
        version[length] = 'v';
        made++;
        rw_series_observe_ns(rw_page_series(page, wide[i % 3], values), 1);
    }
    int64_t dropped = sum_of(RW_METRIC_METRICS_DROPPED, NULL);
    assert_true(dropped > 0 && dropped < made);
    assert_true(page->header->used <= RW_PAGE_BYTES);
    assert_true(page->header->used + rw_record_bytes(2 * 160, 24) > RW_PAGE_BYTES);
    rw_page_close(page);
}

static void gauges_end_with_their_process(void **state) {
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t writer = fork();
    if (writer == 0) {
        struct rw_page *page = open_page();
        rw_series_set(rw_page_series(page, RW_METRIC_ACTIVE_REQUESTS, NULL), 4);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(sum_of(RW_METRIC_ACTIVE_REQUESTS, NULL), 4);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    assert_int_equal(sum_of(RW_METRIC_ACTIVE_REQUESTS, NULL), -1); /* gauges die with it */
    close(ready[0]);
    close(ready[1]);
}

static void a_directory_that_is_not_there_is_named(void **state) {
    (void)state;
    rowan_error error;
    struct rw_page *page;
    assert_int_equal(rw_page_open("/nonexistent/metrics", &page, &error), ROWAN_IO);
    assert_says(&error, "/nonexistent/metrics: cannot open the metrics directory");
}

/* A limit of file sizes is a full disk that needs no root. */
static void a_disk_without_room_is_an_error_and_no_signal(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {RW_PAGE_BYTES / 2, RW_PAGE_BYTES / 2};
        rowan_error error;
        struct rw_page *page;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        rowan_status status = rw_page_open(metrics_dir, &page, &error);
        _exit(status == ROWAN_IO && strstr(error.what, "cannot make a page") ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(files_ending(RW_NEW_SUFFIX), 0);
}

struct skips {
    unsigned count;
    char text[1024];
};

static void note_skip(void *context, const rowan_error *error) {
    struct skips *skips = context;
    skips->count++;
    rowan_error_text(error, skips->text, sizeof skips->text);
}

static struct skips read_skips(void) {
    struct skips skips = {0};
    struct rw_merge merge;
    rowan_error error;
    size_t n_dead;
    rw_merge_init(&merge);
    assert_int_equal(rw_metrics_read(metrics_dir, &merge, &n_dead,
                                     &(struct rw_skipped){note_skip, &skips}, &error),
                     ROWAN_OK);
    rw_merge_free(&merge);
    return skips;
}

static void put_file(const char *name, const void *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", metrics_dir, name);
    assert_int_equal(rw_file_replace(path, bytes, size, NULL), ROWAN_OK);
}

static void files_that_are_no_pages_are_skipped_and_named(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 2);
    char zeros[4096] = {0};
    put_file("notes.txt", "hello", 5);
    assert_int_equal(read_skips().count, 0);
    put_file("garbage.page", zeros, sizeof zeros);
    struct skips skips = read_skips();
    assert_int_equal(skips.count, 1);
    assert_non_null(strstr(skips.text, "garbage.page"));
    put_file("empty.page", zeros, 0);
    put_file(RW_RETIRED_NAME, zeros, 10);
    assert_int_equal(read_skips().count, 3);
    assert_int_equal(sum_of(RW_METRIC_HTTP_REQUESTS, post), 2);
    rw_page_close(page);
}

static void a_page_of_another_version_is_skipped_with_the_reason(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 2);
    page->header->table++;
    struct skips skips = read_skips();
    assert_int_equal(skips.count, 1);
    assert_non_null(strstr(skips.text, "another version"));
    assert_int_equal(sum_of(RW_METRIC_HTTP_REQUESTS, post), -1);
    rw_page_close(page);
    assert_int_equal(rw_metrics_fold(metrics_dir, NULL), ROWAN_OK);
    assert_int_equal(files_ending(RW_PAGE_SUFFIX), 0); /* and goes when its process is gone */
}

static void a_copy_of_a_page_does_not_count_twice(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 2);
    put_file("0123456789abcdef.page", page->header, RW_PAGE_BYTES);
    assert_int_equal(sum_of(RW_METRIC_HTTP_REQUESTS, post), 2);
    rw_page_close(page);
}

/* Every word of a page set to hostile values: no read beyond the block, no endless loop. */
static void damage_is_found_not_followed(void **state) {
    (void)state;
    static const uint64_t hostile[] = {0, 1, UINT32_MAX, UINT64_MAX, 1ull << 63, RW_PAGE_BYTES};
    struct rw_page *page = rw_page_private();
    rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 2);
    rw_page_series(page, RW_METRIC_HTTP_QUEUE_DELAY, NULL);
    size_t used = page->header->used;
    for (size_t at = 0; at < used; at += 4)
        for (size_t i = 0; i < ARRAY_LENGTH(hostile); i++) {
            char *bytes = exact_copy(page->header, used);
            memcpy(bytes + at, &hostile[i], at + 8 <= used ? 8 : 4);
            struct rw_merge merge;
            struct rw_page_view view;
            rw_merge_init(&merge);
            if (rw_page_view(bytes, used, &view, NULL) == ROWAN_OK)
                rw_merge_page(&merge, &view, RW_PAGE_LIVES, NULL);
            assert_true(merge.n_sums <= 4);
            rw_merge_free(&merge);
            free(bytes);
        }
    rw_page_close(page);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_metrics_dir, remove_metrics_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_labels_are_one_series_and_others_are_not),
        IN_DIR(living_pages_add_up),
        cmocka_unit_test(observations_fall_into_the_bucket_of_their_bound),
        cmocka_unit_test(real_observations_compare_as_the_doubles_that_they_are),
        IN_DIR(a_metric_with_too_many_series_drops_and_counts),
        IN_DIR(a_full_page_drops_and_counts),
        IN_DIR(gauges_end_with_their_process),
        cmocka_unit_test(a_directory_that_is_not_there_is_named),
        IN_DIR(a_disk_without_room_is_an_error_and_no_signal),
        IN_DIR(files_that_are_no_pages_are_skipped_and_named),
        IN_DIR(a_page_of_another_version_is_skipped_with_the_reason),
        IN_DIR(a_copy_of_a_page_does_not_count_twice),
        cmocka_unit_test(damage_is_found_not_followed),
    };
    return cmocka_run_group_tests_name("metrics page", tests, NULL, NULL);
}
