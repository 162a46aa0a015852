/*
 * Files are read whole under a bound, and replaced whole or not at all.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/rowan-file-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static unsigned count_entries(void) {
    unsigned count = 0;
    DIR *directory = opendir(".");
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static rowan_status read_it(const char *name, size_t limit, char **bytes, size_t *size,
                            rowan_error *error) {
    return rw_file_read(AT_FDCWD, name, limit, bytes, size, error);
}

static void a_file_is_read_whole(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    rowan_error error;
    write_file("whole", "12345");
    assert_int_equal(read_it("whole", 5, &bytes, &size, &error), ROWAN_OK);
    assert_int_equal(size, 5);
    assert_string_equal(bytes, "12345"); /* with a zero byte behind */
    free(bytes);
    write_file("whole", "");
    assert_int_equal(read_it("whole", 0, &bytes, &size, &error), ROWAN_OK);
    assert_int_equal(size, 0);
    assert_int_equal(bytes[0], '\0');
    free(bytes);
    unlink("whole");
}

static void paths_are_relative_to_the_directory(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    assert_int_equal(mkdir("inner", 0755), 0);
    write_file("inner/file", "x");
    int directory = open("inner", O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    assert_int_equal(rw_file_read(directory, "file", 10, &bytes, &size, NULL), ROWAN_OK);
    free(bytes);
    close(directory);
    unlink("inner/file");
    rmdir("inner");
}

static void the_limit_is_named(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    rowan_error error;
    write_file("long", "123456");
    assert_int_equal(read_it("long", 5, &bytes, &size, &error), ROWAN_LIMIT);
    assert_says(&error, "long: 6 bytes; at most 5 are read");
    unlink("long");
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    rowan_error error;
    assert_int_equal(read_it("absent", 9, &bytes, &size, &error), ROWAN_IO);
    assert_says(&error, "absent: cannot open: No such file");
    assert_int_equal(read_it(".", 9, &bytes, &size, &error), ROWAN_IO);
    assert_says(&error, "not a regular file");
    assert_int_equal(read_it("/dev/zero", 9, &bytes, &size, &error), ROWAN_IO);
    assert_says(&error, "not a regular file");
    assert_int_equal(mkfifo("fifo", 0644), 0);
    assert_int_equal(read_it("fifo", 9, &bytes, &size, &error), ROWAN_IO); /* and returns */
    assert_says(&error, "not a regular file");
    unlink("fifo");
}

static void replacing_leaves_one_file(void **state) {
    (void)state;
    char *bytes;
    size_t size;
    rowan_error error;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(rw_file_replace("image", round ? "second" : "first", 6, &error), ROWAN_OK);
        assert_int_equal(count_entries(), 1);
    }
    assert_int_equal(read_it("image", 100, &bytes, &size, &error), ROWAN_OK);
    assert_string_equal(bytes, "second");
    free(bytes);
    struct stat st;
    assert_int_equal(stat("image", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644); /* others may map it */
    unlink("image");
}

/* A reader that holds the old file goes on reading the old bytes. */
static void replacing_does_not_touch_the_old_bytes(void **state) {
    (void)state;
    rowan_error error;
    char text[4] = "";
    assert_int_equal(rw_file_replace("image", "old", 3, &error), ROWAN_OK);
    int fd = open("image", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(rw_file_replace("image", "new", 3, &error), ROWAN_OK);
    assert_int_equal(read(fd, text, 3), 3);
    assert_string_equal(text, "old");
    close(fd);
    unlink("image");
}

static void a_failed_replace_leaves_nothing(void **state) {
    (void)state;
    rowan_error error;
    assert_int_equal(mkdir("taken", 0755), 0);
    write_file("taken/file", "x"); /* a directory with contents cannot be replaced */
    assert_int_equal(rw_file_replace("taken", "bytes", 5, &error), ROWAN_IO);
    assert_says(&error, "taken: cannot write");
    assert_int_equal(count_entries(), 1);
    unlink("taken/file");
    rmdir("taken");
    assert_int_equal(rw_file_replace("absent/file", "bytes", 5, &error), ROWAN_IO);
    assert_says(&error, "cannot create: No such file");
}

static void paths_that_are_too_long_are_refused(void **state) {
    (void)state;
    static char path[6000];
    memset(path, 'x', sizeof path - 1);
    rowan_error error;
    assert_int_equal(rw_file_replace(path, "", 0, &error), ROWAN_ARGUMENT);
    assert_says(&error, "path is too long");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(paths_are_relative_to_the_directory),
        cmocka_unit_test(the_limit_is_named),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(replacing_leaves_one_file),
        cmocka_unit_test(replacing_does_not_touch_the_old_bytes),
        cmocka_unit_test(a_failed_replace_leaves_nothing),
        cmocka_unit_test(paths_that_are_too_long_are_refused),
    };
    return cmocka_run_group_tests_name("file", tests, make_folder, remove_folder);
}
