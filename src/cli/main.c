/*
 * main.c - `rowan`: the table of subcommands.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static const struct rw_command *const commands[] = {
    &rw_command_inspect, &rw_command_verify,   &rw_command_score,
    &rw_command_explain, &rw_command_bench,    &rw_command_key,
    &rw_command_metrics, &rw_command_simulate, &rw_command_serve,
};

#define N_COMMANDS (sizeof commands / sizeof *commands)

static void print_help(void) {
    printf("NAME\n    rowan - scores transactions with tree models\n"
           "\nSYNOPSIS\n    rowan COMMAND [OPTION]... ARGUMENT...\n"
           "    rowan COMMAND --help\n    rowan --help\n    rowan --version\n"
           "\nDESCRIPTION\n"
           "    Looks at, proves and applies the models that XGBoost and LightGBM save, and\n"
           "    ONNX files, with the very numbers of the library that made them (for ONNX:\n"
           "    of ONNX Runtime; docs/formats.md says where a last bit may differ).  A model\n"
           "    directory holds the model file, contract.json (the JSON Schema of a request\n"
           "    and how it becomes the model's inputs) and golden.jsonl (requests with the\n"
           "    probabilities that the training library gave for them).  Serves them over\n"
           "    HTTP, shows what running processes have counted, and simulates transactions to\n"
           "    try it all on.\n"
           "\nCOMMANDS\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("    %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nOPTIONS\n    --help\n        Print this text.\n"
           "    --version\n        Print the version.\n"
           "\nEXIT STATUS\n    0   success\n    1   the model or the data was refused\n"
           "    2   the command line was wrong\n"
           "\nEXAMPLES\n    rowan inspect models/fraud\n"
           "    rowan verify models/fraud\n"
           "    rowan score models/fraud transactions.csv >scores.csv\n"
           "    rowan explain --top 3 models/fraud transactions.csv >reasons.csv\n"
           "    rowan bench models/fraud\n"
           "    rowan key payments --class high >>keys\n"
           "    rowan metrics /dev/shm/rowan\n"
           "    rowan serve --check\n"
           "    rowan simulate --days 30 >transactions.csv\n");
}

static const struct rw_command *find(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int main(int argc, char **argv) {
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        print_help();
        return rw_finish_output();
    }
    if (strcmp(first, "--version") == 0) {
        printf("rowan %s\n", ROWAN_VERSION);
        return rw_finish_output();
    }
    const struct rw_command *command = find(first);
    if (command)
        return rw_command_run(command, argc - 2, argv + 2);
    if (*first)
        rw_say("there is no command %s (see rowan --help)", first);
    else
        rw_say("name a command: inspect, verify, score, explain, bench, key, metrics, "
               "simulate or serve (see rowan --help)");
    return RW_EXIT_USAGE;
}
