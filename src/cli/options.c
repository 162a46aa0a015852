/*
 * options.c - the command line and --help, both from a command's description.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

/* ---- help ---------------------------------------------------------------------- */

static void print_indented(const char *text, const char *indent) {
    for (const char *line = text; *line;) {
        int length = (int)strcspn(line, "\n");
        printf("%s%.*s\n", length ? indent : "", length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_section(const char *title, const char *text) {
    printf("\n%s\n", title);
    print_indented(text, "    ");
}

static void print_option(const char *name, const char *argument, const char *text) {
    printf("    --%s%s%s\n", name, argument ? " " : "", argument ? argument : "");
    print_indented(text, "        ");
}

static void print_help(const struct rw_command *command) {
    printf("NAME\n    rowan %s - %s\n", command->name, command->summary);
    printf("\nSYNOPSIS\n    rowan %s [OPTION]... %s\n", command->name, command->operands);
    print_section("DESCRIPTION", command->description);
    printf("\nOPTIONS\n");
    for (const struct rw_option *option = command->options; option->name; option++)
        print_option(option->name, option->argument, option->text);
    print_option("help", NULL, "Print this text.");
    if (command->settings) {
        printf("\nENVIRONMENT\n");
        command->settings(stdout);
    }
    print_section("EXIT STATUS", command->exit_status);
    print_section("EXAMPLES", command->examples);
}

/* ---- parsing --------------------------------------------------------------------- */

struct arguments {
    const struct rw_command *command;
    char **next, **end;
    const char *operands[RW_OPERANDS_MAX];
    int n_operands;
    bool help;
};

static bool refuse(const struct arguments *arguments, const char *what, const char *name) {
    rw_say("%s: %s%s (see rowan %s --help)", arguments->command->name, what, name,
           arguments->command->name);
    return false;
}

static const struct rw_option *find(const struct rw_command *command, const char *name,
                                    size_t length) {
    for (const struct rw_option *option = command->options; option->name; option++)
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
            return option;
    return NULL;
}

/* "--name", "--name=value", or "--name" and the next argument. */
static bool parse_option(struct arguments *arguments, const char *text) {
    const char *name = text + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const struct rw_option *option = find(arguments->command, name, length);
    if (!option)
        return refuse(arguments, "there is no option ", text);
    if (option->flag) {
        *option->flag = true;
        return !value || refuse(arguments, "this option takes no value: ", text);
    }
    if (!value && arguments->next < arguments->end)
        value = *arguments->next++;
    *option->value = value;
    return value || refuse(arguments, "this option needs a value: ", text);
}

static bool add_operand(struct arguments *arguments, const char *text) {
    if (arguments->n_operands == arguments->command->n_operands)
        return refuse(arguments, "one argument too many: ", text);
    arguments->operands[arguments->n_operands++] = text;
    return true;
}

static bool parse(struct arguments *arguments) {
    bool only_operands = false;
    while (arguments->next < arguments->end) {
        const char *text = *arguments->next++;
        bool is_option = !only_operands && text[0] == '-' && text[1] != '\0';
        if (is_option && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
            arguments->help = true;
            return true;
        }
        if (is_option && strcmp(text, "--") == 0)
            only_operands = true;
        else if (is_option && text[1] != '-')
            return refuse(arguments, "there is no option ", text);
        else if (!(is_option ? parse_option(arguments, text) : add_operand(arguments, text)))
            return false;
    }
    if (arguments->n_operands < arguments->command->n_operands - arguments->command->n_optional)
        return refuse(arguments, "expected ", arguments->command->operands);
    return true;
}

enum rw_exit rw_command_run(const struct rw_command *command, int argc, char **argv) {
    struct arguments arguments = {.command = command, .next = argv, .end = argv + argc};
    if (!parse(&arguments))
        return RW_EXIT_USAGE;
    if (arguments.help) {
        print_help(command);
        return rw_finish_output();
    }
    enum rw_exit result = command->run(arguments.operands);
    enum rw_exit written = rw_finish_output();
    return result != RW_EXIT_OK ? result : written;
}
