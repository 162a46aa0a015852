/*
 * The process series say what the kernel says.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "metrics_fixture.h"

static uint64_t cell(struct rw_page *page, enum rw_metric metric) {
    return *rw_page_series(page, metric, NULL)->cells;
}

static double real_cell(struct rw_page *page, enum rw_metric metric) {
    return rw_cell_real(rw_page_series(page, metric, NULL)->cells);
}

static uint64_t used_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static void burn(uint64_t ns) {
    for (uint64_t start = used_ns(); used_ns() - start < ns;)
        ;
}

static void cpu_time_is_that_of_getrusage_over_all_pages_of_a_process(void **state) {
    (void)state;
    struct rw_page *first = rw_page_private(), *second = rw_page_private();
    burn(20000000);
    rw_page_refresh_process(first, 0);
    burn(20000000);
    uint64_t before = used_ns();
    rw_page_refresh_process(second, 0);
    uint64_t after = used_ns();
    uint64_t sum = cell(first, RW_METRIC_PROCESS_CPU) + cell(second, RW_METRIC_PROCESS_CPU);
    assert_true(before <= sum && sum <= after);
    rw_page_close(first);
    rw_page_close(second);
}

static void a_child_counts_its_own_cpu_time_only(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    burn(50000000);
    rw_page_refresh_process(page, 0);
    pid_t child = fork();
    if (child == 0) {
        struct rw_page *own = rw_page_private();
        rw_page_refresh_process(own, 0);
        _exit(cell(own, RW_METRIC_PROCESS_CPU) <= used_ns() ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    rw_page_close(page);
}

static void memory_is_that_of_proc(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    size_t bytes = 64u << 20;
    rw_page_refresh_process(page, 0);
    uint64_t before = cell(page, RW_METRIC_PROCESS_MEMORY);
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    assert_ptr_not_equal(block, MAP_FAILED);
    rw_page_refresh_process(page, 0);
    uint64_t with_block = cell(page, RW_METRIC_PROCESS_MEMORY);
    assert_true(with_block - before > bytes * 9 / 10);
    munmap(block, bytes);
    rw_page_close(page);
}

static size_t counted_fds(void) {
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 3; /* . and .. and that of the directory */
}

static void file_descriptors_are_counted(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    struct rlimit limit;
    int more[5];
    for (size_t i = 0; i < ARRAY_LENGTH(more); i++)
        more[i] = dup(0);
    rw_page_refresh_process(page, 0);
    assert_int_equal(cell(page, RW_METRIC_PROCESS_FDS), counted_fds());
    for (size_t i = 0; i < ARRAY_LENGTH(more); i++)
        close(more[i]);
    rw_page_refresh_process(page, 0);
    assert_int_equal(cell(page, RW_METRIC_PROCESS_FDS), counted_fds());
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(cell(page, RW_METRIC_PROCESS_MAX_FDS), limit.rlim_cur);
    rw_page_close(page);
}

static void the_start_is_that_of_the_process_or_the_one_given(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    rw_page_refresh_process(page, 0);
    double start = real_cell(page, RW_METRIC_PROCESS_START);
    pid_t child = fork();
    if (child == 0) { /* younger, and not from the future */
        struct rw_page *own = rw_page_private();
        rw_page_refresh_process(own, 0);
        double younger = real_cell(own, RW_METRIC_PROCESS_START);
        _exit(younger >= start - 0.05 && younger <= (double)time(NULL) + 1 ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    rw_page_refresh_process(page, 1234.5);
    assert_true(real_cell(page, RW_METRIC_PROCESS_START) == 1234.5);
    rw_page_close(page);
}

static void cpu_percent_is_that_of_the_last_samples(void **state) {
    (void)state;
    struct rw_page *page = rw_page_private();
    rw_page_refresh_process(page, 0);
    assert_true(real_cell(page, RW_METRIC_MODEL_CPU) == 0);
    burn(200000000);
    rw_page_refresh_process(page, 0);
    double busy = real_cell(page, RW_METRIC_MODEL_CPU);
    assert_true(busy > 0 && busy <= 110); /* of one core: no second thread */
    for (unsigned i = 0; i < RW_CPU_SAMPLES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        rw_page_refresh_process(page, 0);
    }
    assert_true(real_cell(page, RW_METRIC_MODEL_CPU) < busy); /* what was long ago is forgotten */
    rw_page_close(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_time_is_that_of_getrusage_over_all_pages_of_a_process),
        cmocka_unit_test(a_child_counts_its_own_cpu_time_only),
        cmocka_unit_test(memory_is_that_of_proc),
        cmocka_unit_test(file_descriptors_are_counted),
        cmocka_unit_test(the_start_is_that_of_the_process_or_the_one_given),
        cmocka_unit_test(cpu_percent_is_that_of_the_last_samples),
    };
    return cmocka_run_group_tests_name("metrics process", tests, NULL, NULL);
}
