/*
 * The model that threads score with: leased, swapped while it is used, refused when it is bad.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "metrics_fixture.h"

#include <pthread.h>
#include <time.h>

#include "daemon/log.h"
#include "stream/models.h"

/* meson starts the tests in the root of the checkout */
#define SHIPPED  "models/fraud"
#define PATH     512
#define PATIENCE 120 /* seconds until what must come counts as absent */

static const char *const files[] = {"contract.json", "golden.jsonl", "model.ubj"};
static char root[] = "/tmp/rowan-models-XXXXXX";
static char folder[PATH]; /* a link in root to one of the folders 0, 1, 2 ... beside it */
static int n_folders;

static const char *path_of(int number, const char *name, char path[PATH]) {
    snprintf(path, PATH, "%s/%d/%s", root, number, name);
    return path;
}

/* Of the shipped directory, with the first `old` replaced. */
static void copy_file(int number, const char *name, const char *old, const char *new) {
    char from[PATH], to[PATH], *bytes;
    size_t size;
    snprintf(from, sizeof from, "%s/%s", SHIPPED, name);
    assert_int_equal(rw_file_read(AT_FDCWD, from, SIZE_MAX, &bytes, &size, NULL), ROWAN_OK);
    if (old) {
        char *at = strstr(bytes, old);
        assert_non_null(at);
        assert_int_equal(strlen(old), strlen(new));
        memcpy(at, new, strlen(new));
    }
    assert_int_equal(rw_file_replace(path_of(number, name, to), bytes, size, NULL), ROWAN_OK);
    free(bytes);
}

static int link_new_folder(void) {
    char path[PATH], next[PATH];
    snprintf(next, sizeof next, "%s/next", root);
    return symlink(path_of(n_folders, "", path), next) == 0 && rename(next, folder) == 0 ? 0 : -1;
}

static int make_new_folder(void) {
    char path[PATH];
    return mkdir(path_of(++n_folders, "", path), 0700);
}

/* The shipped directory with `old` replaced in one file, swapped in whole: a look between two
 * steps of a change in place would find a directory that nobody meant. */
static void put(const char *changed, const char *old, const char *new) {
    assert_int_equal(make_new_folder(), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        copy_file(n_folders, files[i], strcmp(files[i], changed) == 0 ? old : NULL, new);
    assert_int_equal(link_new_folder(), 0);
}

static void put_shipped(void) {
    put("", NULL, NULL);
}

static int make_folders(void **state) {
    strcpy(root + strlen(root) - 6, "XXXXXX");
    n_folders = 0;
    if (!mkdtemp(root) || make_metrics_dir(state) != 0)
        return -1;
    snprintf(folder, sizeof folder, "%s/current", root);
    return make_new_folder() | link_new_folder(); /* an empty one */
}

static int remove_folders(void **state) {
    char path[PATH];
    for (int number = 1; number <= n_folders; number++) {
        for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
            unlink(path_of(number, files[i], path));
        rmdir(path_of(number, "", path));
    }
    unlink(folder);
    return rmdir(root) | remove_metrics_dir(state);
}

static char shipped_version[64], version_line[96], other_line[96];

static int read_version(void **state) {
    (void)state;
    struct rw_served *served;
    if (rw_served_load(SHIPPED, &served, NULL, NULL) != ROWAN_OK)
        return -1;
    snprintf(shipped_version, sizeof shipped_version, "%s", served->settings->version);
    rw_served_free(served);
    snprintf(version_line, sizeof version_line, "\"version\": \"%s\"", shipped_version);
    strcpy(other_line, version_line);
    other_line[strlen(other_line) - 2] ^= 1; /* the last character of the version */
    return 0;
}

static struct rw_models *start(bool optional) {
    struct rw_models *models;
    rowan_error error;
    if (rw_models_start(folder, optional, metrics_dir, &models, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return models;
}

static int64_t loads(const char *outcome) {
    return sum_of(RW_METRIC_MODEL_LOADS, &outcome);
}

static void pause_shortly(void) {
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static void wait_for_change(const struct rw_models *models, const struct rw_lease *lease) {
    for (time_t end = time(NULL) + PATIENCE; !rw_models_changed(models, lease); pause_shortly())
        if (time(NULL) > end)
            fail_msg("no other model came");
}

static void wait_for_loads(const char *outcome, int64_t n) {
    for (time_t end = time(NULL) + PATIENCE; loads(outcome) < n; pause_shortly())
        if (time(NULL) > end)
            fail_msg("no load was %s", outcome);
}

/* ---- starting ------------------------------------------------------------------------------ */

static void the_first_model_is_there_when_it_has_started(void **state) {
    (void)state;
    put_shipped();
    struct rw_models *models = start(false);
    struct rw_lease none = {0}, lease = rw_models_take(models);
    assert_true(rw_models_changed(models, &none));
    assert_false(rw_models_changed(models, &lease));
    assert_string_equal(lease.served->settings->version, shipped_version);
    assert_int_equal(lease.generation, 1);
    assert_int_equal(loads("loaded"), 1);
    assert_int_equal(loads("refused"), 0);
    rw_models_return(models, &lease);
    assert_null(lease.served);
    rw_models_stop(models);
}

static void a_missing_model_is_an_error(void **state) {
    (void)state;
    struct rw_models *models;
    rowan_error error;
    assert_int_equal(rw_models_start(folder, false, metrics_dir, &models, &error), ROWAN_IO);
    assert_says(&error, "contract.json");
    assert_int_equal(rw_models_start("/no/such/model", false, NULL, &models, &error), ROWAN_IO);
    assert_says(&error, "/no/such/model");
    rw_models_stop(NULL);
}

static void an_optional_model_may_come_later(void **state) {
    (void)state;
    struct rw_models *models = start(true);
    struct rw_lease lease = rw_models_take(models);
    assert_null(lease.served);
    assert_int_equal(lease.generation, 0);
    assert_false(rw_models_changed(models, &lease));
    rw_models_return(models, &lease);
    put_shipped();
    wait_for_change(models, &lease);
    lease = rw_models_take(models);
    assert_string_equal(lease.served->settings->version, shipped_version);
    rw_models_return(models, &lease);
    rw_models_stop(models);
}

static void a_full_or_missing_metrics_directory_keeps_no_model_out(void **state) {
    (void)state;
    struct rw_models *models;
    rw_log_level(RW_LOG_CRITICAL);
    assert_int_equal(rw_models_start(SHIPPED, false, "/no/such/dir", &models, NULL), ROWAN_OK);
    rw_log_level(RW_LOG_INFO);
    struct rw_lease lease = rw_models_take(models);
    assert_non_null(lease.served);
    rw_models_return(models, &lease);
    rw_models_stop(models);
}

/* ---- swaps ----------------------------------------------------------------------------------- */

static int64_t info(const char *version, const char *type) {
    return sum_of(RW_METRIC_MODEL_INFO, (const char *const[]){"fraud", version, type});
}

static void a_changed_directory_is_swapped_in_and_the_old_lease_stays_good(void **state) {
    (void)state;
    put_shipped();
    struct rw_models *models = start(false);
    struct rw_lease old = rw_models_take(models), new;
    put("contract.json", version_line, other_line);
    wait_for_change(models, &old);
    new = rw_models_take(models);
    assert_ptr_not_equal(new.served, old.served);
    assert_int_equal(new.generation, 2);
    assert_string_equal(old.served->settings->version, shipped_version);
    assert_string_not_equal(new.served->settings->version, shipped_version);
    assert_int_equal(loads("loaded"), 2);
    const char *type = new.served->settings->type;
    assert_int_equal(info(shipped_version, type), 0);
    assert_int_equal(info(new.served->settings->version, type), 1);
    assert_int_equal(sum_of(RW_METRIC_MODEL_MEMORY, NULL), new.served->image_size);
    rw_models_return(models, &old);
    rw_models_return(models, &new);
    rw_models_stop(models);
}

/* Standard error of the test, while it goes to a file. */
static char *stop_capture(int file, int before) {
    char *text = calloc(1, 65536);
    assert_non_null(text);
    assert_true(pread(file, text, 65535, 0) >= 0);
    dup2(before, STDERR_FILENO);
    close(before);
    close(file);
    return text;
}

static void a_bad_directory_is_refused_once_and_the_version_before_goes_on(void **state) {
    (void)state;
    put_shipped();
    struct rw_models *models = start(false);
    struct rw_lease lease = rw_models_take(models);
    char name[] = "/tmp/rowan-stderr-XXXXXX";
    int file = mkstemp(name), before = dup(STDERR_FILENO);
    unlink(name);
    dup2(file, STDERR_FILENO);
    put("golden.jsonl", "\"fraud_probability\":0.", "\"fraud_probability\":9.");
    wait_for_loads("refused", 1);
    sleep(3); /* some looks at the same directory, at which nothing must happen */
    bool has_changed = rw_models_changed(models, &lease);
    int64_t n_refused = loads("refused");
    char *log = stop_capture(file, before);
    char *said = strstr(log, "error model refused, the version before goes on serving: ");
    assert_non_null(said);
    assert_non_null(strstr(said, "golden.jsonl"));
    assert_null(strstr(said + strlen("error model refused"), "refused"));
    free(log);
    assert_false(has_changed);
    assert_int_equal(n_refused, 1);
    assert_int_equal(sum_of(RW_METRIC_MODEL_ERRORS, (const char *const[]){"load_refused"}), 1);
    put_shipped(); /* repaired */
    wait_for_change(models, &lease);
    rw_models_return(models, &lease);
    rw_models_stop(models);
}

struct worker {
    pthread_t thread;
    struct rw_models *models;
    uint64_t seen; /* generations */
};

/* Takes models as a scoring thread does, until it has seen the fourth. */
static void *score(void *data) {
    struct worker *worker = data;
    struct rw_lease lease = rw_models_take(worker->models);
    while (lease.generation < 4) {
        rowan_model_info described;
        rowan_model_describe(lease.served->model, &described);
        if (rw_models_changed(worker->models, &lease)) {
            rw_models_return(worker->models, &lease);
            lease = rw_models_take(worker->models);
            worker->seen++;
        }
        pause_shortly();
    }
    rw_models_return(worker->models, &lease);
    return NULL;
}

static void threads_follow_swap_after_swap(void **state) {
    (void)state;
    struct worker workers[4] = {0};
    put_shipped();
    struct rw_models *models = start(false);
    for (size_t i = 0; i < ARRAY_LENGTH(workers); i++) {
        workers[i].models = models;
        pthread_create(&workers[i].thread, NULL, score, &workers[i]);
    }
    for (int i = 0; i < 3; i++) {
        struct rw_lease lease = rw_models_take(models);
        put("contract.json", version_line, i % 2 ? version_line : other_line);
        wait_for_change(models, &lease);
        rw_models_return(models, &lease);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].seen > 0, true);
    }
    rw_models_stop(models);
}

/* How many threads of this process do not block it. */
static size_t threads_that_take(int signal_number) {
    size_t n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));) {
        char path[PATH], line[128];
        unsigned long long blocked = 0;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *status = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        while (status && fgets(line, sizeof line, status))
            sscanf(line, "SigBlk: %llx", &blocked);
        n += status && !(blocked >> (signal_number - 1) & 1);
        if (status)
            fclose(status);
    }
    closedir(tasks);
    return n;
}

static void signals_are_left_to_the_main_thread(void **state) {
    (void)state;
    put_shipped();
    struct rw_models *models = start(false);
    assert_int_equal(threads_that_take(SIGTERM), 1);
    assert_int_equal(threads_that_take(SIGHUP), 1);
    rw_models_stop(models);
}

#define IN_FOLDERS(test) cmocka_unit_test_setup_teardown(test, make_folders, remove_folders)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDERS(the_first_model_is_there_when_it_has_started),
        IN_FOLDERS(a_missing_model_is_an_error),
        IN_FOLDERS(an_optional_model_may_come_later),
        IN_FOLDERS(a_full_or_missing_metrics_directory_keeps_no_model_out),
        IN_FOLDERS(a_changed_directory_is_swapped_in_and_the_old_lease_stays_good),
        IN_FOLDERS(a_bad_directory_is_refused_once_and_the_version_before_goes_on),
        IN_FOLDERS(threads_follow_swap_after_swap),
        IN_FOLDERS(signals_are_left_to_the_main_thread),
    };
    return cmocka_run_group_tests(tests, read_version, NULL);
}
