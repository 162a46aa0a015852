/*
 * The clock goes on with CLOCK_MONOTONIC, and never back: not over a tick, not from one
 * thread to another, not in a child.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "metrics/metrics.h"
#include "unit.h"

#define READERS 2
#define READS   2000000u

static uint64_t kernel_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void it_starts_as_the_clock_of_the_kernel(void **state) {
    (void)state;
    uint64_t before = rw_clock_ns(), kernel = kernel_ns(), after = rw_clock_ns();
    assert_true(before <= kernel && kernel <= after);
}

/* Compared only within what one reading may be wrong by: a thousandth of the span. */
static void a_span_is_as_long_as_the_kernel_says(void **state) {
    (void)state;
    rw_clock_init();
    for (int i = 0; i < 5; i++) {
        uint64_t outer = kernel_ns(), start = rw_clock_ns(), inner = kernel_ns();
        sleep_ms(120);
        uint64_t inner_end = kernel_ns(), end = rw_clock_ns(), outer_end = kernel_ns();
        double shortest = (double)(inner_end - inner) * 0.999;
        double longest = (double)(outer_end - outer) * 1.001;
        assert_true((double)(end - start) >= shortest && (double)(end - start) <= longest);
        rw_clock_tick();
    }
}

/* A CPU may read its counter before an earlier load of memory has its value. */
static void wait_for_loads(void) {
#if defined(__x86_64__)
    __builtin_ia32_lfence();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static uint64_t latest; /* seen by any thread */

static void *read_clock(void *context) {
    uint64_t *backwards = context;
    for (unsigned i = 0; i < READS; i++) {
        uint64_t seen = __atomic_load_n(&latest, __ATOMIC_ACQUIRE);
        wait_for_loads();
        uint64_t now = rw_clock_ns();
        *backwards += now < seen;
        while (seen < now && !__atomic_compare_exchange_n(&latest, &seen, now, true,
                                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            ;
    }
    return NULL;
}

static void it_never_goes_back_while_another_thread_ticks(void **state) {
    (void)state;
    pthread_t threads[READERS];
    uint64_t backwards[READERS] = {0};
    rw_clock_init();
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_clock, &backwards[i]), 0);
    for (int i = 0; i < 2000; i++)
        rw_clock_tick();
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(backwards[i], 0);
    }
}

static void a_child_goes_on_where_its_parent_was(void **state) {
    (void)state;
    rw_clock_init();
    uint64_t parent = rw_clock_ns();
    pid_t child = fork();
    if (child == 0) {
        uint64_t before = rw_clock_ns();
        rw_clock_init();
        rw_clock_tick();
        _exit(before >= parent && rw_clock_ns() >= before ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_as_the_clock_of_the_kernel),
        cmocka_unit_test(a_span_is_as_long_as_the_kernel_says),
        cmocka_unit_test(it_never_goes_back_while_another_thread_ticks),
        cmocka_unit_test(a_child_goes_on_where_its_parent_was),
    };
    return cmocka_run_group_tests_name("metrics clock", tests, NULL, NULL);
}
