/*
 * help.c - the table of settings as text: --help, Markdown, .env.example.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "settings/settings.h"

#define WIDTH       80
#define VALUES_TEXT 160

/* ---- paragraphs --------------------------------------------------------------------- */

/* Each line begins with `begin`, and goes on behind `indent` blanks. */
static void print_lines(FILE *to, const char *begin, int indent, const char *text) {
    int column = 0;
    for (const char *word = text + strspn(text, " "); *word;) {
        const int length = (int)strcspn(word, " ");
        const bool is_first = column == 0;
        if (!is_first && column + 1 + length > WIDTH) {
            fputc('\n', to);
            column = 0;
        }
        if (column == 0)
            column += fprintf(to, "%s%*s%.*s", begin, indent, "", length, word);
        else
            column += fprintf(to, " %.*s", length, word);
        word += length;
        word += strspn(word, " ");
    }
    fputc('\n', to);
}

void rw_print_wrapped(FILE *to, int indent, const char *text) {
    print_lines(to, "", indent, text);
}

/* What a value may be beyond the name of its argument; empty: nothing to say. */
static void describe_values(const struct rw_setting *setting, char text[VALUES_TEXT]) {
    size_t length = 0;
    text[0] = '\0';
    if (setting->high)
        snprintf(text, VALUES_TEXT, "%u to %u%s%s", setting->low, setting->high,
                 setting->word ? ", or " : "", setting->word ? setting->word : "");
    for (const struct rw_choice *one = setting->choices; one && one->name && length < VALUES_TEXT;
         one++)
        length += (size_t)snprintf(text + length, VALUES_TEXT - length, "%s%s",
                                   one == setting->choices ? "" : ", ", one->name);
}

static const char *default_of(const struct rw_setting *setting) {
    return setting->initial ? setting->initial : setting->initial_text;
}

/* "Default: 1. Values: 1 to 64." */
static void describe(const struct rw_setting *setting, char line[2 * VALUES_TEXT]) {
    char values[VALUES_TEXT];
    describe_values(setting, values);
    snprintf(line, 2 * VALUES_TEXT, "Default: %s.%s%s%s", default_of(setting),
             *values ? " Values: " : "", values, *values ? "." : "");
}

/* ---- --help ---------------------------------------------------------------------------------- */

static void print_setting(FILE *to, const struct rw_setting *setting) {
    char line[2 * VALUES_TEXT];
    describe(setting, line);
    if (setting->option)
        fprintf(to, "    --%s %s\n", setting->option, setting->argument);
    fprintf(to, "    %s%s=%s\n", setting->option ? "    " : "", setting->variable,
            setting->argument);
    rw_print_wrapped(to, 12, setting->text);
    rw_print_wrapped(to, 12, line);
}

void rw_settings_help(FILE *to, const struct rw_setting *table, size_t n) {
    for (size_t i = 0; i < n; i++)
        print_setting(to, &table[i]);
}

/* ---- Markdown -------------------------------------------------------------------------------- */

/* A bar would end the cell. */
static void print_cell(FILE *to, const char *text) {
    for (; *text; text++)
        fprintf(to, *text == '|' ? "\\|" : "%c", *text);
}

static void print_row(FILE *to, const struct rw_setting *setting, bool has_options) {
    char values[VALUES_TEXT];
    describe_values(setting, values);
    fprintf(to, "| `%s` | ", setting->variable);
    if (setting->option)
        fprintf(to, "`--%s`", setting->option);
    fprintf(to, "%s%s", has_options ? " | " : "", setting->initial ? "`" : "");
    print_cell(to, default_of(setting));
    fputs(setting->initial ? "` | " : " | ", to);
    print_cell(to, *values ? values : setting->argument);
    fputs(" | ", to);
    print_cell(to, setting->text);
    fputs(" |\n", to);
}

void rw_settings_list(FILE *to, const struct rw_setting *table, size_t n) {
    bool has_options = false;
    for (size_t i = 0; i < n; i++)
        has_options |= table[i].option != NULL;
    fprintf(to, "| environment | %sdefault | values | meaning |\n|---|%s---|---|---|\n",
            has_options ? "option | " : "", has_options ? "---|" : "");
    for (size_t i = 0; i < n; i++)
        print_row(to, &table[i], has_options);
}

/* ---- .env.example ---------------------------------------------------------------------------- */

/* A variable that is set to nothing is not set: every line may lose its "#". */
void rw_settings_example(FILE *to, const struct rw_setting *table, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char line[2 * VALUES_TEXT];
        describe(&table[i], line);
        if (table[i].heading)
            fprintf(to, "%s# ---- %s\n", i ? "\n" : "", table[i].heading);
        fputc('\n', to);
        print_lines(to, "#", 1, table[i].text);
        print_lines(to, "#", 1, line);
        fprintf(to, "#%s=%s\n", table[i].variable, table[i].initial ? table[i].initial : "");
    }
}
