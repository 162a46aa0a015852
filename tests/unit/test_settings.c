/*
 * What tables of settings share: values, names that are near, texts made of a table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "settings/settings.h"

struct chosen {
    char *text;
    uint32_t number;
    bool is_on;
};

static const struct rw_setting rows[] = {
    {"NAME", "name", "TEXT", .initial_text = "none", .heading = "First", .text = "A name.",
     .field = offsetof(struct chosen, text), .take = rw_take_text},
    {"NUMBER", NULL, "N", "5", .text = "A number.", .word = "off", .low = 1, .high = 9,
     .field = offsetof(struct chosen, number), .take = rw_take_number},
    {"SWITCH", NULL, "0|1", "0", .text = "On | off.", .choices = rw_switch,
     .field = offsetof(struct chosen, is_on), .take = rw_take_switch},
};

#define VARIABLES(...) ((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static rowan_status read_rows(char *const *environment, const char *given, struct chosen *chosen,
                              rowan_error *error) {
    rowan_status status = ROWAN_OK;
    *chosen = (struct chosen){0};
    for (size_t i = 0; i < ARRAY_LENGTH(rows) && status == ROWAN_OK; i++)
        status = rw_setting_read(&rows[i], i == 0 ? given : NULL, environment, chosen, error);
    return status;
}

static void the_command_line_beats_the_environment_beats_the_default(void **state) {
    (void)state;
    struct chosen chosen;
    rowan_error error;
    assert_int_equal(read_rows(VARIABLES(), NULL, &chosen, &error), ROWAN_OK);
    assert_null(chosen.text);
    assert_int_equal(chosen.number, 5);
    assert_int_equal(
        read_rows(VARIABLES("NAMES=x", "NAME=a", "NUMBER=", "SWITCH=1"), NULL, &chosen, &error),
        ROWAN_OK);
    assert_string_equal(chosen.text, "a");
    assert_int_equal(chosen.number, 5);
    assert_true(chosen.is_on);
    free(chosen.text);
    assert_int_equal(read_rows(VARIABLES("NAME=a"), "b", &chosen, &error), ROWAN_OK);
    assert_string_equal(chosen.text, "b");
    free(chosen.text);
}

static void a_word_may_stand_for_no_number(void **state) {
    (void)state;
    struct chosen chosen;
    rowan_error error;
    assert_int_equal(read_rows(VARIABLES("NUMBER=off"), NULL, &chosen, &error), ROWAN_OK);
    assert_int_equal(chosen.number, 0);
    for (const char *const *bad = (const char *[]){"NUMBER=0", "NUMBER=10", "NUMBER=of", NULL};
         *bad; bad++) {
        assert_int_equal(read_rows(VARIABLES((char *)*bad), NULL, &chosen, &error), ROWAN_ARGUMENT);
        assert_string_equal(error.where, "NUMBER");
        assert_says(&error, "must be a number from 1 to 9, or off");
    }
}

static void names_are_as_far_apart_as_they_have_typing_errors(void **state) {
    (void)state;
    static const struct {
        const char *one, *other;
        size_t edits;
    } cases[] = {
        {"API_PORT", "API_PORT", 0},
        {"API_PROT", "API_PORT", 1},
        {"API_PRT", "API_PORT", 1},
        {"API_PORTS", "API_PORT", 1},
        {"API_PURT", "API_PORT", 1},
        {"RATE_LIMTI", "RATE_LIMIT", 1},
        {"APIPROT", "API_PORT", 2},
        {"", "ABC", 3},
        {"ABC", "", 3},
        {"CA", "ABC", 3}, /* no part is edited twice */
        {"KITTEN", "SITTING", 3},
        {"ABCDEFGH", "STUVWXYZ", 4},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(rw_edits(cases[i].one, cases[i].other, 3), cases[i].edits);
        assert_int_equal(rw_edits(cases[i].other, cases[i].one, 3), cases[i].edits);
    }
    char longest[200];
    memset(longest, 'A', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(rw_edits(longest, longest, 3), 4);
}

static void kubernetes_own_variables_are_known(void **state) {
    (void)state;
    const char *const links[] = {"ROWAN_PORT",         "ROWAN_PORT_80_TCP_ADDR",
                                 "ROWAN_SERVICE_HOST", "ROWAN_SERVICE_PORT_HTTP",
                                 "ROWAN_DB_PORT",      "ROWAN_DB_SERVICE_HOST"};
    const char *const others[] = {"ROWAN_ACCESS_LOG", "ROWAN_PORTS", "ROWAN", "API_PORT"};
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++)
        assert_true(rw_is_service_link(links[i], "ROWAN"));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_false(rw_is_service_link(others[i], "ROWAN"));
}

/* conf/log-levels is the one table; each of its rows must arrive. */
static void a_level_is_what_the_table_says_for_nginx(void **state) {
    (void)state;
    FILE *file = fopen("conf/log-levels", "r");
    assert_non_null(file);
    char line[256], name[32], nginx[32];
    int syslog, n = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' || sscanf(line, "%31s %31s %d", name, nginx, &syslog) != 3)
            continue;
        assert_string_equal(rw_log_level_nginx(syslog), nginx);
        assert_string_equal(rw_log_levels[n].name, name);
        assert_int_equal(rw_log_levels[n].value, syslog);
        n++;
    }
    fclose(file);
    assert_true(n >= 5);
    assert_null(rw_log_levels[n].name);
}

static char *printed(void (*print)(FILE *, const struct rw_setting *, size_t)) {
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    print(to, rows, ARRAY_LENGTH(rows));
    fclose(to);
    return text;
}

static void the_table_becomes_texts(void **state) {
    (void)state;
    char *list = printed(rw_settings_list), *help = printed(rw_settings_help);
    char *example = printed(rw_settings_example);
    assert_string_equal(list, "| environment | option | default | values | meaning |\n"
                              "|---|---|---|---|---|\n"
                              "| `NAME` | `--name` | none | TEXT | A name. |\n"
                              "| `NUMBER` |  | `5` | 1 to 9, or off | A number. |\n"
                              "| `SWITCH` |  | `0` | 0, 1 | On \\| off. |\n");
    assert_string_equal(example, "# ---- First\n\n# A name.\n# Default: none.\n#NAME=\n\n"
                                 "# A number.\n# Default: 5. Values: 1 to 9, or off.\n#NUMBER=5\n\n"
                                 "# On | off.\n# Default: 0. Values: 0, 1.\n#SWITCH=0\n");
    assert_non_null(strstr(help, "    --name TEXT\n        NAME=TEXT\n            A name.\n"));
    free(list);
    free(help);
    free(example);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_line_beats_the_environment_beats_the_default),
        cmocka_unit_test(a_word_may_stand_for_no_number),
        cmocka_unit_test(names_are_as_far_apart_as_they_have_typing_errors),
        cmocka_unit_test(kubernetes_own_variables_are_known),
        cmocka_unit_test(a_level_is_what_the_table_says_for_nginx),
        cmocka_unit_test(the_table_becomes_texts),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
