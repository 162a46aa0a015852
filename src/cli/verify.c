/*
 * verify.c - `rowan verify`: would a server take this directory?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "cli/command.h"
#include "modeldir/modeldir.h"

static enum rw_exit verify(const char *const *operands) {
    rowan_error error;
    struct rw_served *served;
    size_t n_golden = 0;
    if (rw_served_load(operands[0], &served, &n_golden, &error) != ROWAN_OK) {
        rw_say_error(&error);
        return RW_EXIT_REFUSED;
    }
    rw_print_text(operands[0]);
    printf(": ok, ");
    rw_print_text(served->settings->model);
    printf(" ");
    rw_print_text(served->settings->version);
    printf(", %zu golden rows ", n_golden);
    rw_print_equality(served->settings->golden_ulps);
    printf("\n");
    rw_served_free(served);
    return RW_EXIT_OK;
}

static const struct rw_option options[] = {{0}};

const struct rw_command rw_command_verify = {
    .name = "verify",
    .summary = "proves a model directory as a server does before it serves it",
    .operands = "DIR",
    .n_operands = 1,
    .description = "Reads the model file, contract.json and golden.jsonl of the directory DIR,\n"
                   "checks that the contract feeds exactly this model, and scores every golden\n"
                   "row.  Each must give the number that stands beside it, bit for bit in the\n"
                   "precision of the training library, or within x-rowan.golden_ulps units in the\n"
                   "last place.  The first thing that is wrong is printed on standard error, with\n"
                   "file, place and reason.",
    .options = options,
    .exit_status = "0   the directory can be served\n"
                   "1   it is refused\n"
                   "2   the command line was wrong",
    .examples = "rowan verify models/fraud\n"
                "rowan verify /srv/models/next && ln -sfn next /srv/models/tmp &&\n"
                "    mv -T /srv/models/tmp /srv/models/current",
    .run = verify,
};
