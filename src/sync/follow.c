/*
 * follow.c - one look at the registry: ask, download, prove, swap.
 *
 * What is served stays until something else is whole, proved and durable.  A look that ends early,
 * for whatever reason, leaves the link as it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "daemon/log.h"
#include "sync/assemble.h"
#include "sync/follow.h"

#define TEXT_BYTES 1024

/* ---- names ----------------------------------------------------------------------------------- */

/* The operator's contract counts: with another one the same version is another directory. */
void rw_directory_name(const struct rw_named *named, const char *contract,
                       char name[RW_DIRECTORY_MAX]) {
    uint64_t print = XXH64(named->source, strlen(named->source) + 1, named->created);
    print = XXH64(named->model_id, strlen(named->model_id) + 1, print);
    print = XXH64(named->sha256, strlen(named->sha256) + 1, print);
    print = XXH64(contract, strlen(contract) + 1, print);
    snprintf(name, RW_DIRECTORY_MAX, "%s-%08x", named->version, (unsigned)(print >> 32));
}

static void name_directory(const struct rw_follower *follower, const struct rw_named *named,
                           char name[RW_DIRECTORY_MAX]) {
    char *bytes = NULL;
    size_t size;
    const char *path = follower->settings->contract;
    if (path &&
        rw_file_read(AT_FDCWD, path, RW_CONTRACT_MAX_BYTES, &bytes, &size, NULL) != ROWAN_OK)
        bytes = NULL; /* said where it is needed */
    rw_directory_name(named, bytes ? bytes : "", name);
    free(bytes);
}

/* ---- the proof --------------------------------------------------------------------------- */

static enum rw_reason reason_of(const rowan_error *error) {
    if (error->status == ROWAN_NO_MEMORY || error->status == ROWAN_IO)
        return RW_FAILED;
    if (strstr(error->where, RW_GOLDEN_NAME))
        return RW_REFUSED_GOLDEN;
    return strstr(error->where, RW_CONTRACT_NAME) ? RW_REFUSED_CONTRACT : RW_REFUSED_FORMAT;
}

/* As rowan serve will do it: compiles the model, and compares every golden row. */
static bool prove(const char *path, char version[RW_LABEL_VALUE_MAX + 1], size_t *n_golden,
                  struct rw_trouble *trouble) {
    struct rw_served *served;
    rowan_status status = rw_served_load(path, &served, n_golden, &trouble->error);
    if (status != ROWAN_OK) {
        trouble->reason = reason_of(&trouble->error);
        trouble->names_nothing = false;
        return false;
    }
    snprintf(version, RW_LABEL_VALUE_MAX + 1, "%s", served->settings->version);
    rw_served_free(served);
    return true;
}

/* ---- the link ---------------------------------------------------------------------------- */

/* The registry's version of a directory's name: what stands before its last dash. */
static void show_served(struct rw_follower *follower, const char *directory,
                        const char *model_version) {
    char version[RW_DIRECTORY_MAX];
    snprintf(version, sizeof version, "%s", directory);
    char *dash = strrchr(version, '-');
    if (dash)
        *dash = '\0';
    follower->serves_proved = true;
    rw_sync_count_served(follower->counters, version, model_version,
                         rw_store_serves_file(&follower->store, RW_UNPROVED_NAME));
}

static bool swap_to(struct rw_follower *follower, const char *directory, const char *model_version,
                    struct rw_trouble *trouble) {
    if (!rw_store_swap(&follower->store, directory, trouble))
        return false;
    rw_sync_count_swap(follower->counters);
    show_served(follower, directory, model_version);
    rw_log(RW_LOG_NOTICE, "%s of %s is served now: version %s, in %s",
           follower->settings->reference, follower->settings->name, model_version, directory);
    rw_store_keep(&follower->store, follower->settings->keep);
    return true;
}

/* While there is nothing at all, what the operator has laid ready is better; and after a
 * withdrawal, if the operator wants it so. */
static void fall_back(struct rw_follower *follower, bool is_withdrawn) {
    const char *path = follower->settings->fallback;
    char version[RW_LABEL_VALUE_MAX + 1], text[TEXT_BYTES];
    size_t n_golden;
    struct rw_trouble trouble = {0};
    if (!path || (rw_store_serves(&follower->store) &&
                  (!is_withdrawn || rw_store_leads_to(&follower->store, path))))
        return;
    if (!prove(path, version, &n_golden, &trouble) ||
        !rw_store_swap_to(&follower->store, path, &trouble)) {
        rw_log(RW_LOG_ERROR, "SYNC_FALLBACK cannot be served: %s",
               rowan_error_text(&trouble.error, text, sizeof text));
        return;
    }
    rw_sync_count_swap(follower->counters);
    show_served(follower, "", version);
    rw_log(RW_LOG_WARNING, "serves the fallback, version %s, from %s", version, path);
}

/* ---- a version --------------------------------------------------------------------------- */

/* No memory, a disk that does not read: it says nothing about the files.  That one of them is
 * missing does. */
static bool is_own_failure(const rowan_error *error) {
    return error->status == ROWAN_NO_MEMORY ||
           (error->status == ROWAN_IO && !strstr(error->what, strerror(ENOENT)));
}

enum reuse { NOT_THERE, REUSED, CANNOT_BE_REUSED };

/* One that is on disk already, such as the one before: a way back without a download.  What is
 * damaged stays until it is whole again: the link may lead to it. */
static enum reuse reuse(struct rw_follower *follower, const char *directory,
                        struct rw_trouble *trouble) {
    char path[RW_STORE_PATH_MAX], version[RW_LABEL_VALUE_MAX + 1];
    size_t n_golden;
    if (!rw_store_has(&follower->store, directory, path))
        return NOT_THERE;
    if (prove(path, version, &n_golden, trouble))
        return swap_to(follower, directory, version, trouble) ? REUSED : CANNOT_BE_REUSED;
    if (is_own_failure(&trouble->error))
        return CANNOT_BE_REUSED;
    rw_log(RW_LOG_WARNING, "%s on disk is damaged: it is downloaded again", directory);
    return NOT_THERE;
}

static bool download(struct rw_follower *follower, const struct rw_named *named, int fd,
                     struct rw_trouble *trouble) {
    const uint64_t begin = rw_clock_ns();
    bool well = rw_assemble(follower->http, follower->settings, named, fd, trouble);
    rw_sync_count_download(follower->counters, rw_http_downloaded(follower->http),
                           rw_clock_ns() - begin);
    return well;
}

static bool fetch(struct rw_follower *follower, const struct rw_named *named, const char *directory,
                  struct rw_trouble *trouble) {
    char path[RW_STORE_PATH_MAX], version[RW_LABEL_VALUE_MAX + 1];
    size_t n_golden = 0;
    int fd = -1;
    rw_log(RW_LOG_INFO, "%s of %s is version %s: downloads it", follower->settings->reference,
           follower->settings->name, named->version);
    bool well = rw_store_begin(&follower->store, directory, &fd, path, trouble) &&
                download(follower, named, fd, trouble) &&
                prove(path, version, &n_golden, trouble) &&
                rw_store_finish(&follower->store, directory, fd, trouble);
    if (fd >= 0)
        close(fd);
    if (!well) {
        rw_store_drop(&follower->store, directory);
        return false;
    }
    rw_log(RW_LOG_INFO, "%s is whole, and %zu golden rows agree", directory, n_golden);
    return swap_to(follower, directory, version, trouble);
}

/* ---- refusals ---------------------------------------------------------------------------- */

static struct rw_refusal *find_refusal(struct rw_follower *follower, const char *directory) {
    for (size_t i = 0; i < RW_REFUSALS_MAX; i++)
        if (strcmp(follower->refusals[i].directory, directory) == 0)
            return &follower->refusals[i];
    return NULL;
}

/* What may pass is never final, and other bytes may have come by a fault of the network: they are
 * asked for once more. */
static enum rw_sync_outcome refuse(struct rw_follower *follower, const char *directory,
                                   const struct rw_trouble *trouble) {
    struct rw_refusal *refusal = find_refusal(follower, directory);
    const bool is_first = !refusal;
    if (!refusal)
        refusal = &follower->refusals[follower->n_refusals++ % RW_REFUSALS_MAX];
    snprintf(refusal->directory, sizeof refusal->directory, "%s", directory);
    refusal->trouble = *trouble;
    refusal->is_final = !trouble->may_pass && trouble->reason != RW_REFUSED_INCOMPLETE &&
                        !(trouble->reason == RW_REFUSED_CHECKSUM && is_first);
    follower->may_pass = !refusal->is_final;
    rw_sync_count_refused(follower->counters, trouble->reason);
    return RW_REFUSED;
}

/* A trouble is told once, and not at every look: by its reason and place, as texts of the network
 * tell of milliseconds. */
static void tell(struct rw_follower *follower, enum rw_sync_outcome outcome,
                 const struct rw_trouble *trouble) {
    char text[TEXT_BYTES];
    if (outcome == RW_UNCHANGED || outcome == RW_SWAPPED) {
        if (follower->last.error.status != ROWAN_OK)
            rw_log(RW_LOG_NOTICE, "all is well again");
        follower->last = (struct rw_trouble){0};
        return;
    }
    const bool is_known = follower->last.error.status != ROWAN_OK &&
                          trouble->reason == follower->last.reason &&
                          trouble->names_nothing == follower->last.names_nothing &&
                          strcmp(trouble->error.where, follower->last.error.where) == 0;
    follower->last = *trouble;
    rw_log(is_known ? RW_LOG_DEBUG : RW_LOG_ERROR, "%s%s%s%s; %s",
           outcome == RW_REFUSED ? "refused (" : "", rw_reason_name(trouble->reason),
           outcome == RW_REFUSED ? "): " : "", rowan_error_text(&trouble->error, text, sizeof text),
           rw_store_serves(&follower->store) ? "what is served stays" : "nothing is served");
}

/* ---- a look ------------------------------------------------------------------------------ */

static enum rw_sync_outcome settle(struct rw_follower *follower, const struct rw_named *named,
                                   struct rw_trouble *trouble) {
    char directory[RW_DIRECTORY_MAX], served[RW_DIRECTORY_MAX];
    name_directory(follower, named, directory);
    rw_store_served(&follower->store, served);
    if (strcmp(served, directory) == 0 && follower->serves_proved &&
        rw_store_serves(&follower->store))
        return RW_UNCHANGED;
    const struct rw_refusal *refusal = find_refusal(follower, directory);
    if (refusal && refusal->is_final) {
        *trouble = refusal->trouble;
        return RW_REFUSED;
    }
    const enum reuse reused = reuse(follower, directory, trouble);
    if (reused == REUSED || (reused == NOT_THERE && fetch(follower, named, directory, trouble)))
        return RW_SWAPPED;
    if (trouble->error.status == ROWAN_NO_MEMORY)
        trouble->reason = RW_FAILED; /* whoever met it: ours, and no fault of the version */
    return trouble->reason == RW_FAILED ? RW_CHECK_FAILED : refuse(follower, directory, trouble);
}

enum rw_sync_outcome rw_follower_look(struct rw_follower *follower) {
    struct rw_named named;
    struct rw_trouble trouble = {0};
    enum rw_sync_outcome outcome = RW_CHECK_FAILED;
    rw_http_set_deadline(follower->http, follower->settings->deadline);
    follower->may_pass = false;
    const bool answers = rw_registry_ask(follower->http, follower->settings, &named, &trouble);
    const bool is_up = answers || trouble.names_nothing;
    rw_sync_count_registry(follower->counters, is_up);
    if (answers)
        outcome = settle(follower, &named, &trouble);
    else if (trouble.names_nothing)
        outcome = RW_NAMES_NONE;
    tell(follower, outcome, &trouble);
    fall_back(follower, outcome == RW_NAMES_NONE && follower->settings->withdraw);
    rw_sync_count_check(follower->counters, outcome);
    return outcome;
}

/* ---- life -------------------------------------------------------------------------------- */

/* A directory that was proved yesterday may have been damaged since. */
static void prove_served(struct rw_follower *follower) {
    char version[RW_LABEL_VALUE_MAX + 1], served[RW_DIRECTORY_MAX], text[TEXT_BYTES];
    size_t n_golden;
    struct rw_trouble trouble = {0};
    if (!rw_store_serves(&follower->store))
        return;
    if (!prove(follower->settings->model_dir, version, &n_golden, &trouble)) {
        rw_log(RW_LOG_ERROR, "what the link leads to is no good: %s",
               rowan_error_text(&trouble.error, text, sizeof text));
        return;
    }
    rw_store_served(&follower->store, served);
    show_served(follower, served, version);
    rw_log(RW_LOG_INFO, "the link leads to %s, version %s", *served ? served : "another directory",
           version);
}

rowan_status rw_follower_open(struct rw_follower *follower, const struct rw_sync_settings *settings,
                              rowan_error *error) {
    *follower = (struct rw_follower){.settings = settings};
    rowan_status status = rw_store_open(settings->model_dir, &follower->store, error);
    if (status != ROWAN_OK)
        return status;
    follower->http = rw_http_new(settings);
    follower->counters = rw_sync_counters_open(settings);
    if (!follower->http || !follower->counters) {
        rw_follower_close(follower);
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    }
    prove_served(follower);
    return ROWAN_OK;
}

void rw_follower_close(struct rw_follower *follower) {
    rw_http_free(follower->http);
    rw_sync_counters_close(follower->counters);
    rw_store_close(&follower->store);
}
