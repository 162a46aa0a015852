/*
 * serve.c - `rowan serve`: starts nginx as the environment says.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "serve/serve.h"

static bool only_check, only_render, list_settings, env_example;

static enum rw_exit refuse(const rowan_error *error, enum rw_exit result) {
    rw_say_error(error);
    return result;
}

static enum rw_exit check(const struct rw_serve_settings *settings) {
    char name[64], path[PATH_MAX + sizeof name];
    rowan_error error = {0};
    /* A running server keeps its own nginx.conf, and so does another check. */
    snprintf(name, sizeof name, "nginx.conf.check-%d", (int)getpid());
    if (rw_serve_write(settings, name, rw_say, &error) != ROWAN_OK)
        return refuse(&error, RW_EXIT_USAGE);
    rowan_status status = rw_serve_check(settings, name, &error);
    snprintf(path, sizeof path, "%s/%s", settings->runtime_dir, name);
    unlink(path);
    if (status == ROWAN_OK)
        return RW_EXIT_OK;
    return refuse(&error, status == ROWAN_MALFORMED ? RW_EXIT_REFUSED : RW_EXIT_USAGE);
}

static enum rw_exit serve(const struct rw_serve_settings *settings) {
    rowan_error error = {0};
    if (rw_serve_write(settings, "nginx.conf", rw_say, &error) != ROWAN_OK)
        return refuse(&error, RW_EXIT_USAGE);
    if (only_render || rw_serve_start(settings, &error) == ROWAN_OK)
        return RW_EXIT_OK;
    return refuse(&error, RW_EXIT_USAGE);
}

static enum rw_exit run(const char *const *operands) {
    (void)operands;
    struct rw_serve_settings settings;
    rowan_error error = {0};
    if (list_settings)
        rw_serve_list_settings(stdout);
    if (env_example)
        rw_serve_env_example(stdout);
    if (list_settings || env_example)
        return RW_EXIT_OK;
    if (only_check && only_render) {
        rw_say("--check and --render: give one of them");
        return RW_EXIT_USAGE;
    }
    if (rw_serve_settings_read(environ, &settings, &error) != ROWAN_OK)
        return refuse(&error, RW_EXIT_USAGE);
    enum rw_exit result = only_check ? check(&settings) : serve(&settings);
    rw_serve_settings_free(&settings);
    return result;
}

static const struct rw_option options[] = {
    {.name = "check",
     .text = "Prove the settings, the configuration and the model (nginx -t); start nothing.",
     .flag = &only_check},
    {.name = "render",
     .text = "Write RUNTIME_DIR/nginx.conf; start nothing.",
     .flag = &only_render},
    {.name = "list-settings",
     .text = "Print the settings as a table in Markdown.",
     .flag = &list_settings},
    {.name = "env-example",
     .text = "Print the settings as a file of variables, all of them comments.",
     .flag = &env_example},
    {0}};

const struct rw_command rw_command_serve = {
    .name = "serve",
    .summary = "serves a model over HTTP with nginx",
    .operands = "",
    .description =
        "Writes nginx.conf as the environment says, and becomes nginx in the foreground:\n"
        "the process id stays.  SIGQUIT lets requests finish, SIGTERM does not.  A\n"
        "variable that is set to nothing is not set.",
    .options = options,
    .settings = rw_serve_help,
    .exit_status = "0   with --check, --render and the like: success\n"
                   "1   with --check: nginx refuses the configuration or the model\n"
                   "2   a setting or the command line is wrong\n"
                   "Else it is nginx's own.",
    .examples = "RUNTIME_DIR=/run/rowan rowan serve\n"
                "API_HOST=0.0.0.0 MODEL_DIR=/models/fraud rowan serve\n"
                "rowan serve --check",
    .run = run,
};
