/*
 * Nothing is lost and nothing counts twice: whoever dies, at whatever step.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "metrics_fixture.h"

static const char *const post[] = {"POST", "/predict", "200"};

/* ---- calls that change the directory: the process may be killed at each of them ------- */

static long calls_left = -1; /* before the kill; negative: never */

static void maybe_die(void) {
    if (calls_left >= 0 && calls_left-- == 0)
        kill(getpid(), SIGKILL);
}

int unlinkat(int dir_fd, const char *name, int flags) {
    maybe_die();
    return (int)syscall(SYS_unlinkat, dir_fd, name, flags);
}

int renameat(int old_dir, const char *old, int new_dir, const char *new) {
    maybe_die();
    return (int)syscall(SYS_renameat2, old_dir, old, new_dir, new, 0);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    maybe_die();
    return syscall(SYS_write, fd, bytes, size);
}

/* ---- processes --------------------------------------------------------------------------- */

/* A process that counts `n` in a page of its own, and has died. */
static void count_and_die(uint64_t n) {
    pid_t child = fork();
    if (child == 0) {
        calls_left = -1;
        struct rw_page *page = open_page();
        for (uint64_t i = 0; i < n; i++) {
            rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 1);
            rw_series_observe_ns(rw_page_series(page, RW_METRIC_HTTP_QUEUE_DELAY, NULL), i);
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* True if the fold came to its end before it was killed. */
static bool fold_and_die_at(long call) {
    pid_t child = fork();
    if (child == 0) {
        calls_left = call;
        rw_metrics_fold(metrics_dir, NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status);
}

static int64_t requests(void) {
    return sum_of(RW_METRIC_HTTP_REQUESTS, post);
}

/* ---- one at a time ------------------------------------------------------------------------- */

static void the_dead_become_one_page(void **state) {
    (void)state;
    struct rw_page *page = open_page();
    rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 1);
    for (uint64_t i = 0; i < 5; i++)
        count_and_die(10 * i);
    assert_int_equal(requests(), 101);
    assert_int_equal(rw_metrics_fold(metrics_dir, NULL), ROWAN_OK);
    assert_int_equal(files_ending(RW_PAGE_SUFFIX), 2); /* mine and that of the dead */
    assert_int_equal(requests(), 101);
    assert_int_equal(sum_of(RW_METRIC_METRICS_PAGES, NULL), 1);
    rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 1);
    assert_int_equal(requests(), 102); /* mine was not folded */
    rw_page_close(page);
}

static void a_fold_killed_at_any_step_loses_nothing(void **state) {
    (void)state;
    int64_t expected = 0;
    bool ended = false;
    for (long call = 0; !ended; call++) {
        for (uint64_t i = 1; i <= 3; i++) {
            count_and_die(i + 5);
            expected += (int64_t)i + 5;
        }
        ended = fold_and_die_at(call);
        assert_int_equal(requests(), expected); /* what the killed one left */
        assert_int_equal(requests(), expected);
        assert_true(call > 2 || !ended); /* there are steps to be killed at */
    }
    assert_int_equal(rw_metrics_fold(metrics_dir, NULL), ROWAN_OK);
    assert_int_equal(requests(), expected);
    assert_int_equal(files_ending(RW_NEW_SUFFIX), 0);
}

static void pages_that_find_no_room_in_that_of_the_dead_stay_and_count(void **state) {
    (void)state;
    char version[32];
    const char *values[] = {version, version};
    const unsigned generations = 24, series = 800; /* 24 * 240 KB: more than the bound */
    for (unsigned generation = 0; generation < generations; generation++) {
        pid_t child = fork();
        if (child == 0) {
            struct rw_page *page = open_page();
            for (unsigned i = 0; i < series; i++) {
                snprintf(version, sizeof version, "%u.%u", generation, i);
                rw_series_observe_ns(rw_page_series(page, RW_METRIC_PREDICTION_DURATION, values),
                                     1);
            }
            rw_series_add(rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post), 1);
            _exit(0);
        }
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    rw_metrics_fold(metrics_dir, NULL);
    assert_true(files_ending(RW_PAGE_SUFFIX) > 1);
    assert_int_equal(requests(), generations);
    strcpy(version, "23.5");
    assert_int_equal(sum_of(RW_METRIC_PREDICTION_DURATION, values), 1);
}

/* ---- all at once ----------------------------------------------------------------------------- */

#define WRITERS 120
#define READERS 2
#define FOLDERS 2

static struct {
    uint64_t counted[WRITERS];
    uint64_t finished[WRITERS];
    uint64_t scrapes[READERS];
    uint64_t stop;
} * shared;

static void pause_us(uint32_t us) {
    struct timespec time = {.tv_nsec = us * 1000L};
    nanosleep(&time, NULL);
}

static void be_a_writer(int number, uint64_t n) {
    struct rw_page *page = open_page();
    struct rw_series *series = rw_page_series(page, RW_METRIC_HTTP_REQUESTS, post);
    for (uint64_t i = 0; i < n; i++) {
        rw_series_add(series, 1);
        __atomic_store_n(&shared->counted[number], i + 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&shared->finished[number], 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

static uint64_t counted_so_far(void) {
    uint64_t sum = 0;
    for (int i = 0; i < WRITERS; i++)
        sum += __atomic_load_n(&shared->counted[i], __ATOMIC_ACQUIRE);
    return sum;
}

/* Never less than what was counted before the scrape began, nor than the scrape before. */
static void be_a_reader(int number) {
    int64_t latest = 0;
    while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
        int64_t least = (int64_t)counted_so_far();
        int64_t seen = requests();
        seen = seen < 0 ? 0 : seen;
        if (seen < latest || seen < least) {
            fprintf(stderr, "read %lld after %lld and %lld\n", (long long)seen, (long long)latest,
                    (long long)least);
            _exit(1);
        }
        latest = seen;
        __atomic_fetch_add(&shared->scrapes[number], 1, __ATOMIC_RELEASE);
    }
    _exit(0);
}

static pid_t start(void (*be)(int), int number) {
    pid_t child = fork();
    if (child == 0) {
        be(number);
        _exit(0);
    }
    assert_true(child > 0);
    return child;
}

static void be_a_folder(int number) {
    (void)number;
    for (;;)
        rw_metrics_fold(metrics_dir, NULL);
}

static void be_an_opener(int number) {
    (void)number;
    for (;;)
        rw_page_close(open_page());
}

static void end(pid_t child) {
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static uint64_t kill_writers_among_folders(uint64_t *random) {
    pid_t folders[FOLDERS], opener = start(be_an_opener, 0);
    uint64_t expected = 0;
    for (int i = 0; i < FOLDERS; i++)
        folders[i] = start(be_a_folder, i);
    for (int i = 0; i < WRITERS; i++) {
        uint64_t n = random_below(random, 2000);
        pid_t writer = fork();
        if (writer == 0)
            be_a_writer(i, n);
        while (!__atomic_load_n(&shared->finished[i], __ATOMIC_ACQUIRE))
            pause_us(100);
        end(writer);
        expected += n;
        int victim = i % FOLDERS;
        pause_us(random_below(random, 2000));
        end(folders[victim]);
        folders[victim] = start(be_a_folder, victim);
        if (i % 8 == 0) {
            end(opener);
            opener = start(be_an_opener, 0);
        }
    }
    for (int i = 0; i < FOLDERS; i++)
        end(folders[i]);
    end(opener);
    return expected;
}

static void counters_never_go_back_while_writers_and_folders_are_killed(void **state) {
    (void)state;
    uint64_t random = 42;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    pid_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        readers[i] = start(be_a_reader, i);
    uint64_t expected = kill_writers_among_folders(&random);
    __atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < READERS; i++) {
        int status;
        assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
        assert_int_equal(status, 0);
        assert_true(shared->scrapes[i] > 0);
    }
    assert_int_equal(requests(), expected);
    assert_int_equal(rw_metrics_fold(metrics_dir, NULL), ROWAN_OK);
    assert_int_equal(requests(), expected);
    assert_int_equal(files_ending(RW_PAGE_SUFFIX), 1);
    assert_int_equal(files_ending(RW_NEW_SUFFIX), 0);
    munmap(shared, sizeof *shared);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_metrics_dir, remove_metrics_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIR(the_dead_become_one_page),
        IN_DIR(a_fold_killed_at_any_step_loses_nothing),
        IN_DIR(pages_that_find_no_room_in_that_of_the_dead_stay_and_count),
        IN_DIR(counters_never_go_back_while_writers_and_folders_are_killed),
    };
    return cmocka_run_group_tests_name("metrics fold", tests, NULL, NULL);
}
