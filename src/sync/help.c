/*
 * help.c - what rowan-sync says of itself: --help, --version, the table of docs/sync.md.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <curl/curl.h>

#include "sync/settings.h"

static const struct {
    const char *heading, *text;
} others[] = {
    {"--once", "Look once, then end: for an init container. Without a model from the registry the "
               "link stays as it is, or leads to SYNC_FALLBACK; the exit status says whether it "
               "leads to a model that is proved."},
    {"--list-settings", "Print the settings as a table in Markdown."},
    {"--env-example", "Print the settings as a file of variables, all of them comments."},
    {"--help", "Print this text."},
    {"--version", "Print the version, and libcurl's."},
};

void rw_sync_help(FILE *to) {
    fputs("NAME\n    rowan-sync - follows a model of a registry into a model directory\n"
          "\nSYNOPSIS\n    rowan-sync [--once]\n\nDESCRIPTION\n",
          to);
    rw_print_wrapped(to, 4,
                     "Asks MLflow which version of a model is to be served, downloads it, proves "
                     "it with its golden rows, and then swaps the link MODEL_DIR. Whatever the "
                     "registry does, what is served stays until something better is proved.");
    fputs("\nSETTINGS (variables of the environment)\n", to);
    rw_settings_help(to, rw_sync_table, RW_SYNC_N_SETTINGS);
    fputs("\nOPTIONS\n", to);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        fprintf(to, "    %s\n", others[i].heading);
        rw_print_wrapped(to, 8, others[i].text);
    }
    fputs(
        "\nEXIT STATUS\n    0   stopped by a signal; of --once: the link leads to a proved model\n"
        "    1   of --once: it does not\n"
        "    2   the command line or the environment is wrong\n"
        "\nEXAMPLE\n    MLFLOW_TRACKING_URI=http://localhost:5000 MLFLOW_MODEL_NAME=fraud \\\n"
        "        MODEL_DIR=/models/fraud rowan-sync\n",
        to);
}

void rw_sync_version(FILE *to) {
    fprintf(to, "rowan-sync %s, %s\n", ROWAN_VERSION, curl_version());
}

void rw_sync_list_settings(FILE *to) {
    rw_settings_list(to, rw_sync_table, RW_SYNC_N_SETTINGS);
}

void rw_sync_env_example(FILE *to) {
    rw_settings_example(to, rw_sync_table, RW_SYNC_N_SETTINGS);
}
