/*
 * What holds for the table of settings of each program.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SETTINGS_FIXTURE_H
#define SETTINGS_FIXTURE_H

#include "unit.h"

#include <fcntl.h>

#include "settings/settings.h"

/* Every row says all that help and docs need, and has a field of its own. */
static void assert_rows_are_whole(const struct rw_setting *table, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct rw_setting *setting = &table[i];
        assert_true(setting->variable && setting->argument && setting->text && setting->take);
        assert_true(setting->initial || setting->initial_text);
        assert_int_equal(setting->text[strlen(setting->text) - 1], '.');
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(setting->field, table[j].field);
    }
}

/* The page of docs/ holds the table as --list-settings prints it. */
static void assert_page_has(const char *page_path, const char *table) {
    static const char begin[] = "<!-- settings: begin -->\n";
    char *page;
    size_t size;
    rowan_error error;
    assert_int_equal(rw_file_read(AT_FDCWD, page_path, 1 << 20, &page, &size, &error), ROWAN_OK);
    char *at = strstr(page, begin), *end = strstr(page, "<!-- settings: end -->");
    assert_true(at && end);
    *end = '\0';
    assert_string_equal(at + sizeof begin - 1, table); /* make docs-settings writes it anew */
    free(page);
}

#endif
