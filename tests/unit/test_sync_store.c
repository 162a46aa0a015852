/*
 * Versions on disk: nothing is in its place before it is whole, the link is swapped and never
 * gone, old ones go and the served one stays.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/follow.h"
#include "sync/store.h"

static char folder[64], link_path[128];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/rowan-store-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(link_path, sizeof link_path, "%s/model", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct rw_store open_store(void) {
    struct rw_store store;
    rowan_error error;
    if (rw_store_open(link_path, &store, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return store;
}

static void write_file(int at, const char *name, const char *text) {
    int fd = openat(at, name, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void add_version(struct rw_store *store, const char *version) {
    char path[RW_STORE_PATH_MAX];
    int fd;
    struct rw_trouble trouble;
    assert_true(rw_store_begin(store, version, &fd, path, &trouble));
    write_file(fd, "file", version);
    assert_false(rw_store_has(store, version, path));
    assert_true(rw_store_finish(store, version, fd, &trouble));
    assert_true(rw_store_has(store, version, path));
    close(fd);
    usleep(20000); /* another time of change: the file system's clock has steps of 10 ms */
}

static void a_link_is_swapped(void **state) {
    (void)state;
    struct rw_store store = open_store();
    struct rw_trouble trouble;
    char served[RW_DIRECTORY_MAX], target[256] = "";
    rw_store_served(&store, served);
    assert_string_equal(served, "");
    assert_false(rw_store_serves(&store));
    add_version(&store, "1-aa");
    add_version(&store, "2-bb");
    assert_true(rw_store_swap(&store, "1-aa", &trouble) && rw_store_serves(&store));
    assert_true(rw_store_swap(&store, "2-bb", &trouble));
    rw_store_served(&store, served);
    assert_string_equal(served, "2-bb");
    assert_true(readlink(link_path, target, sizeof target - 1) > 0);
    assert_string_equal(target, "model.versions/2-bb");
    assert_true(rw_store_serves_file(&store, "file"));
    assert_true(rw_store_swap_to(&store, "/tmp", &trouble));
    rw_store_served(&store, served);
    assert_string_equal(served, "");
    rw_store_close(&store);
}

static void what_was_not_finished_is_swept(void **state) {
    (void)state;
    struct rw_store store = open_store();
    struct rw_trouble trouble;
    char path[RW_STORE_PATH_MAX];
    int fd;
    assert_true(rw_store_begin(&store, "3-cc", &fd, path, &trouble));
    write_file(fd, "half", "x");
    close(fd);
    assert_int_equal(access(path, F_OK), 0);
    rw_store_close(&store);
    store = open_store();
    assert_int_not_equal(access(path, F_OK), 0);
    rw_store_close(&store);
}

static void old_versions_go_and_the_served_one_stays(void **state) {
    (void)state;
    struct rw_store store = open_store();
    struct rw_trouble trouble;
    char path[RW_STORE_PATH_MAX];
    static const char *const versions[] = {"1-a", "2-a", "3-a", "4-a"};
    add_version(&store, versions[0]);
    assert_true(rw_store_swap(&store, versions[0], &trouble));
    for (size_t i = 1; i < ARRAY_LENGTH(versions); i++)
        add_version(&store, versions[i]);
    rw_store_keep(&store, 2);
    assert_true(rw_store_has(&store, "1-a", path) && rw_store_has(&store, "4-a", path) &&
                rw_store_has(&store, "3-a", path));
    assert_false(rw_store_has(&store, "2-a", path));
    rw_store_close(&store);
}

static void a_second_store_of_the_same_link_is_refused(void **state) {
    (void)state;
    struct rw_store store = open_store(), second;
    rowan_error error;
    assert_int_equal(rw_store_open(link_path, &second, &error), ROWAN_ARGUMENT);
    assert_says(&error, "another rowan-sync");
    rw_store_close(&store);
    store = open_store();
    rw_store_close(&store);
}

static void a_directory_is_no_link(void **state) {
    (void)state;
    struct rw_store store;
    rowan_error error;
    assert_int_equal(mkdir(link_path, 0755), 0);
    assert_int_equal(rw_store_open(link_path, &store, &error), ROWAN_ARGUMENT);
    assert_says(&error, "is no link");
}

/* The name of a directory tells one content of a version from another. */
static void a_directory_is_named_by_what_the_registry_says(void **state) {
    (void)state;
    static struct rw_named named = {.version = "3", .source = "models:/m-1", .created = 7};
    char one[RW_DIRECTORY_MAX], other[RW_DIRECTORY_MAX];
    rw_directory_name(&named, "", one);
    assert_int_equal(strlen(one), 2 + 8);
    assert_int_equal(strncmp(one, "3-", 2), 0);
    rw_directory_name(&named, "{}", other);
    assert_string_not_equal(one, other);
    named.created = 8;
    rw_directory_name(&named, "", other);
    assert_string_not_equal(one, other);
    named.created = 7;
    strcpy(named.sha256, "{}");
    rw_directory_name(&named, "", other);
    assert_string_not_equal(one, other);
    named.sha256[0] = '\0';
    rw_directory_name(&named, "", other);
    assert_string_equal(one, other);
}

int main(void) {
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_link_is_swapped),
        IN_A_FOLDER(what_was_not_finished_is_swept),
        IN_A_FOLDER(old_versions_go_and_the_served_one_stays),
        IN_A_FOLDER(a_second_store_of_the_same_link_is_refused),
        IN_A_FOLDER(a_directory_is_no_link),
        cmocka_unit_test(a_directory_is_named_by_what_the_registry_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
