/*
 * A model directory: read once, proved, published, mapped; and noticed when it changes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modeldir/modeldir.h"

/* meson starts the tests in the root of the checkout */
#define SHIPPED "models/fraud"
#define PATH    256

static const char *const files[] = {"contract.json", "golden.jsonl", "model.ubj"};
static char folder[] = "/tmp/rowan-modeldir-XXXXXX";

static const char *in_folder(const char *name, char path[PATH]) {
    snprintf(path, PATH, "%s/%s", folder, name);
    return path;
}

static void copy_file(const char *name) {
    char from[PATH], to[PATH], *bytes;
    size_t size;
    snprintf(from, sizeof from, "%s/%s", SHIPPED, name);
    assert_int_equal(rw_file_read(AT_FDCWD, from, SIZE_MAX, &bytes, &size, NULL), ROWAN_OK);
    assert_int_equal(rw_file_replace(in_folder(name, to), bytes, size, NULL), ROWAN_OK);
    free(bytes);
}

static int copy_shipped(void **state) {
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        copy_file(files[i]);
    return 0;
}

static int remove_copy(void **state) {
    (void)state;
    char path[PATH];
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        unlink(in_folder(files[i], path));
    return rmdir(folder);
}

/* Replaces the first `old` in a file of the copy. */
static void edit(const char *name, const char *old, const char *new) {
    char path[PATH], *bytes;
    size_t size;
    in_folder(name, path);
    assert_int_equal(rw_file_read(AT_FDCWD, path, SIZE_MAX, &bytes, &size, NULL), ROWAN_OK);
    char *at = strstr(bytes, old);
    assert_non_null(at);
    size_t before = (size_t)(at - bytes), rest = size - before - strlen(old);
    char *edited = malloc(size + strlen(new) + 1);
    assert_non_null(edited);
    memcpy(edited, bytes, before);
    memcpy(edited + before, new, strlen(new));
    memcpy(edited + before + strlen(new), at + strlen(old), rest);
    size = before + strlen(new) + rest;
    assert_int_equal(rw_file_replace(path, edited, size, NULL), ROWAN_OK);
    free(edited);
    free(bytes);
}

static void assert_refused(rowan_status expected, const char *file, const char *reason) {
    struct rw_modeldir_image image;
    rowan_error error;
    char path[PATH];
    assert_int_equal(rw_modeldir_load(folder, &image, &error), expected);
    assert_null(image.bytes);
    assert_says(&error, in_folder(file, path));
    assert_says(&error, reason);
}

/* ---- loading ------------------------------------------------------------------------- */

static void the_shipped_directory_is_proved_by_all_its_golden_rows(void **state) {
    (void)state;
    struct rw_served *served;
    rowan_error error;
    size_t n_golden = 0;
    assert_int_equal(rw_served_load(SHIPPED, &served, &n_golden, &error), ROWAN_OK);
    assert_int_equal(n_golden, 1000);
    assert_string_equal(served->settings->model, "fraud");
    assert_non_null(strstr(served->openapi, "\"openapi\""));
    rw_served_free(served);
}

static void a_published_image_maps_to_the_same_model(void **state) {
    (void)state;
    struct rw_modeldir_image image;
    struct rw_served *loaded, *mapped;
    rowan_model_info a, b;
    char path[PATH];
    assert_int_equal(rw_modeldir_load(folder, &image, NULL), ROWAN_OK);
    assert_int_equal(rw_served_publish(&image, in_folder("image", path), NULL), ROWAN_OK);
    rw_modeldir_image_free(&image);
    assert_int_equal(rw_served_map(path, &mapped, NULL), ROWAN_OK);
    unlink(path);
    assert_int_equal(rw_served_load(folder, &loaded, NULL, NULL), ROWAN_OK);
    rowan_model_describe(loaded->model, &a);
    rowan_model_describe(mapped->model, &b);
    assert_int_equal(a.fingerprint, b.fingerprint);
    assert_string_equal(loaded->settings->version, mapped->settings->version);
    rw_served_free(mapped);
    rw_served_free(loaded);
    rw_served_free(NULL);
}

static void an_image_without_a_contract_is_not_served(void **state) {
    (void)state;
    rowan_model *model;
    struct rw_served *served;
    rowan_error error;
    char path[PATH];
    assert_int_equal(rowan_model_load(SHIPPED "/model.ubj", NULL, &model, NULL), ROWAN_OK);
    assert_int_equal(rowan_model_save_image(model, in_folder("image", path), NULL), ROWAN_OK);
    assert_int_not_equal(rw_served_map(path, &served, &error), ROWAN_OK);
    unlink(path);
    rowan_model_free(model);
}

/* ---- refusals: the file, and why ------------------------------------------------------ */

static void a_missing_directory_is_refused(void **state) {
    (void)state;
    struct rw_modeldir_image image;
    rowan_error error;
    assert_int_equal(rw_modeldir_load("/no/such/model", &image, &error), ROWAN_IO);
    assert_says(&error, "/no/such/model: cannot open the directory: No such file");
}

static void each_missing_file_is_named(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        char path[PATH];
        unlink(in_folder(files[i], path));
        assert_refused(ROWAN_IO, files[i], "No such file");
        copy_file(files[i]);
    }
}

static void a_golden_row_that_differs_is_named(void **state) {
    (void)state;
    edit("golden.jsonl", "\"fraud_probability\":0.", "\"fraud_probability\":0.9");
    assert_refused(ROWAN_MISMATCH, "golden.jsonl", "line 1: expected fraud_probability 0.9");
}

static void a_contract_cannot_reach_out_of_its_directory(void **state) {
    (void)state;
    edit("contract.json", "\"model.ubj\"", "\"../model.ubj\"");
    assert_refused(ROWAN_MALFORMED, "contract.json", "model_file");
}

static void a_contract_for_another_model_is_refused(void **state) {
    (void)state;
    edit("contract.json", "\"name\": \"TX_AMOUNT\"", "\"name\": \"TX_SOMETHING\"");
    assert_refused(ROWAN_MISMATCH, "contract.json", "TX_SOMETHING");
}

static void a_truncated_model_is_refused_with_its_position(void **state) {
    (void)state;
    char path[PATH];
    assert_int_equal(truncate(in_folder("model.ubj", path), 5000), 0);
    assert_refused(ROWAN_MALFORMED, "model.ubj", "byte");
}

/* ---- stamps ------------------------------------------------------------------------------ */

static void a_stamp_stays_while_nothing_changes(void **state) {
    (void)state;
    assert_int_equal(rw_modeldir_stamp(folder).digest, rw_modeldir_stamp(folder).digest);
    assert_int_not_equal(rw_modeldir_stamp(folder).digest, 0);
    assert_int_equal(rw_modeldir_stamp("/no/such/model").digest, 0);
}

static void a_stamp_notices_a_replaced_and_a_written_file(void **state) {
    (void)state;
    uint64_t first = rw_modeldir_stamp(folder).digest;
    copy_file("model.ubj"); /* the same bytes in another file */
    uint64_t second = rw_modeldir_stamp(folder).digest;
    assert_int_not_equal(first, second);
    char path[PATH];
    FILE *file = fopen(in_folder("golden.jsonl", path), "a");
    assert_non_null(file);
    fputs("\n", file);
    fclose(file);
    assert_int_not_equal(rw_modeldir_stamp(folder).digest, second);
}

static void a_stamp_notices_a_swapped_link(void **state) {
    (void)state;
    char link[PATH], *shipped = realpath(SHIPPED, NULL);
    in_folder("link", link);
    assert_non_null(shipped);
    assert_int_equal(symlink(shipped, link), 0);
    uint64_t first = rw_modeldir_stamp(link).digest;
    assert_int_equal(first, rw_modeldir_stamp(SHIPPED).digest);
    unlink(link);
    assert_int_equal(symlink(folder, link), 0);
    assert_int_not_equal(rw_modeldir_stamp(link).digest, first);
    unlink(link);
    free(shipped);
}

static void a_load_tells_the_stamp_of_what_it_read(void **state) {
    (void)state;
    struct rw_modeldir_image image;
    char path[PATH];
    uint64_t good = rw_modeldir_stamp(folder).digest;
    assert_int_equal(rw_modeldir_load(folder, &image, NULL), ROWAN_OK);
    assert_int_equal(image.stamp.digest, good);
    rw_modeldir_image_free(&image);

    assert_int_equal(unlink(in_folder("model.ubj", path)), 0);
    uint64_t bad = rw_modeldir_stamp(folder).digest;
    assert_int_equal(rw_modeldir_load(folder, &image, NULL), ROWAN_IO);
    assert_int_equal(image.stamp.digest, bad);
    assert_int_not_equal(bad, good);

    assert_int_equal(rw_modeldir_load("/no/such/model", &image, NULL), ROWAN_IO);
    assert_int_equal(image.stamp.digest, 0);
}

#define IN_A_COPY(test) cmocka_unit_test_setup_teardown(test, copy_shipped, remove_copy)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_directory_is_proved_by_all_its_golden_rows),
        IN_A_COPY(a_published_image_maps_to_the_same_model),
        IN_A_COPY(an_image_without_a_contract_is_not_served),
        cmocka_unit_test(a_missing_directory_is_refused),
        IN_A_COPY(each_missing_file_is_named),
        IN_A_COPY(a_golden_row_that_differs_is_named),
        IN_A_COPY(a_contract_cannot_reach_out_of_its_directory),
        IN_A_COPY(a_contract_for_another_model_is_refused),
        IN_A_COPY(a_truncated_model_is_refused_with_its_position),
        IN_A_COPY(a_stamp_stays_while_nothing_changes),
        IN_A_COPY(a_stamp_notices_a_replaced_and_a_written_file),
        IN_A_COPY(a_stamp_notices_a_swapped_link),
        IN_A_COPY(a_load_tells_the_stamp_of_what_it_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
