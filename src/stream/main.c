/*
 * main.c - rowan-stream: the threads, and the signals that end them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stream/lag.h"
#include "daemon/log.h"
#include "stream/probe.h"
#include "stream/session.h"
#include "stream/worker.h"

enum { EXIT_STOPPED = 0, EXIT_GAVE_UP = 1, EXIT_WRONG = 2 };

static atomic_bool stopping;
static pid_t own_pid;

/* Also the signal of a thread that has given up: the others stop with it. */
static void stop_all(void) {
    atomic_store(&stopping, true);
    kill(own_pid, SIGTERM);
}

static void say(const rowan_error *error) {
    char text[ROWAN_ERROR_WHERE + 2 * ROWAN_ERROR_TEXT];
    fprintf(stderr, "rowan-stream: %s\n", rowan_error_text(error, text, sizeof text));
}

/* ---- running ------------------------------------------------------------------------------- */

struct service {
    const struct rw_stream_settings *settings;
    struct rw_models *models;
    struct rw_lag *lag;
    struct rw_worker workers[RW_STREAM_THREADS_MAX];
    uint32_t n_started;
};

static rowan_status start(struct service *service, rowan_error *error) {
    const struct rw_stream_settings *settings = service->settings;
    rowan_status status = rw_models_start(settings->model_dir, settings->model_optional,
                                          settings->metrics_dir, &service->models, error);
    if (status == ROWAN_OK)
        status = rw_lag_start(settings, &service->lag, error);
    for (uint32_t i = 0; i < settings->threads && status == ROWAN_OK; i++) {
        service->workers[i] = (struct rw_worker){.settings = settings,
                                                 .models = service->models,
                                                 .index = i,
                                                 .stopping = &stopping,
                                                 .ended = stop_all};
        status = rw_worker_start(&service->workers[i], error);
        service->n_started += status == ROWAN_OK;
    }
    return status;
}

/* True if no thread had to give up. */
static bool stop(struct service *service) {
    bool well = true;
    atomic_store(&stopping, true);
    for (uint32_t i = 0; i < service->n_started; i++) {
        rw_worker_join(&service->workers[i]);
        well &= !service->workers[i].failed;
    }
    if (service->lag)
        rw_lag_stop(service->lag);
    if (service->models)
        rw_models_stop(service->models);
    return well;
}

/* Signals are blocked in every thread, and taken here one by one. */
static void block_signals(sigset_t *ends) {
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGHUP);
    sigaddset(ends, SIGQUIT);
    pthread_sigmask(SIG_BLOCK, ends, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run(const struct rw_stream_settings *settings) {
    static struct service service;
    rowan_error error;
    sigset_t ends;
    service.settings = settings;
    own_pid = getpid();
    block_signals(&ends);
    rw_clock_init();
    rw_log(RW_LOG_NOTICE, "rowan-stream " ROWAN_VERSION ": %s to %s, group %s, %s", settings->input,
           settings->output, settings->group,
           settings->delivery == RW_EXACTLY_ONCE ? "exactly once" : "at least once");
    rw_stream_conf_remark(settings);
    const bool started = start(&service, &error) == ROWAN_OK;
    int signal_number = 0;
    if (!started)
        say(&error);
    else
        while (sigwait(&ends, &signal_number) != 0)
            ;
    /* SIGQUIT is what the image tells every container to stop with, for nginx's sake. */
    const bool is_asked = signal_number == SIGTERM || signal_number == SIGQUIT;
    rw_log(RW_LOG_NOTICE, "stops%s", is_asked ? "" : " (interrupted)");
    const int status = !stop(&service) || !started ? EXIT_GAVE_UP : EXIT_STOPPED;
    if (rw_session_left_behind())
        _exit(status);
    return status;
}

static int probe(const struct rw_stream_settings *settings) {
    rowan_error error;
    if (rw_stream_probe(settings, &error))
        return EXIT_STOPPED;
    say(&error);
    return EXIT_GAVE_UP;
}

int main(int argc, char **argv) {
    struct rw_stream_settings settings;
    rowan_error error;
    if (rw_stream_settings_read(argc, argv, environ, &settings, &error) != ROWAN_OK) {
        say(&error);
        return EXIT_WRONG;
    }
    rw_log_level(settings.log_level);
    int status = EXIT_STOPPED;
    if (settings.action == RW_STREAM_RUN)
        status = run(&settings);
    else if (settings.action != RW_STREAM_TOLD)
        status = probe(&settings);
    rw_stream_settings_free(&settings);
    return status;
}
