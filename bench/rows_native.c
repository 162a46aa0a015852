/*
 * rows_native.c - what a transaction costs that comes in a message: rows_native MODEL_DIR
 *
 * The messages are the requests of the directory's golden.jsonl: the short ones, the long
 * ones, and the long ones in an envelope.  In batches, of which each step is timed apart:
 * decoding, scoring, writing replies.  Prints medians of ns a transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <yyjson.h>

#include "cli/stopwatch.h"
#include "modeldir/modeldir.h"

#define BATCH        256u
#define BATCHES      4001u
#define WARM         50u /* batches before the first that counts */
#define MAX_MESSAGES 4096u
#define LONG_BYTES   250u /* and more: a request with the optional fields */
#define REPLIES      (BATCH * 1024u)

struct messages {
    char *texts[MAX_MESSAGES];
    size_t sizes[MAX_MESSAGES];
    size_t count, bytes;
};

enum step { ADD, SCORE, REPLY, STEPS };

static double times[STEPS][BATCHES];
static char replies[REPLIES];

static void die(const rowan_error *error) {
    char text[1024];
    fprintf(stderr, "rows_native: %s\n", rowan_error_text(error, text, sizeof text));
    exit(1);
}

/* ---- messages ------------------------------------------------------------------------ */

static void keep_message(struct messages *messages, char *text, size_t size) {
    if (messages->count == MAX_MESSAGES) {
        free(text);
        return;
    }
    messages->texts[messages->count] = text;
    messages->sizes[messages->count++] = size;
    messages->bytes += size;
}

/* Takes `text`, and puts a copy in an envelope. */
static void keep_request(struct messages sets[3], char *text, size_t size) {
    if (size < LONG_BYTES) {
        keep_message(&sets[0], text, size);
        return;
    }
    char *nested = NULL;
    int length = asprintf(&nested, "{\"type\":\"transaction\",\"version\":1,\"data\":%s}", text);
    if (length < 0)
        exit(1);
    keep_message(&sets[1], text, size);
    keep_message(&sets[2], nested, (size_t)length);
}

static void read_messages(const char *dir, struct messages sets[3]) {
    char *lines, path[4096];
    size_t size;
    rowan_error error;
    snprintf(path, sizeof path, "%s/golden.jsonl", dir);
    if (rw_file_read(AT_FDCWD, path, RW_GOLDEN_MAX_BYTES, &lines, &size, &error) != ROWAN_OK)
        die(&error);
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
        yyjson_doc *document = yyjson_read(line, strlen(line), 0);
        size_t length = 0;
        char *text =
            yyjson_val_write(yyjson_obj_get(yyjson_doc_get_root(document), "request"), 0, &length);
        if (text)
            keep_request(sets, text, length);
        yyjson_doc_free(document);
    }
    free(lines);
}

static void free_messages(struct messages *messages) {
    while (messages->count)
        free(messages->texts[--messages->count]);
}

/* ---- batches --------------------------------------------------------------------------- */

static void add_all(struct rw_rows *rows, const struct messages *messages, size_t first) {
    rowan_error error;
    for (size_t i = 0; i < BATCH; i++) {
        size_t message = (first + i) % messages->count;
        if (rw_rows_add(rows, messages->texts[message], messages->sizes[message], &error) !=
            ROWAN_OK)
            die(&error);
    }
}

static void reply_all(const struct rw_rows *rows) {
    char now[32];
    rw_contract_now(now);
    struct rw_buffer reply = {.data = replies, .capacity = sizeof replies};
    for (uint32_t i = 0; i < BATCH; i++)
        rw_rows_reply(rows, i, now, &reply);
    if (reply.failed)
        exit(1);
}

static void time_batch(struct rw_rows *rows, const struct messages *messages, size_t batch,
                       double passed[STEPS]) {
    rw_rows_clear(rows);
    double start = rw_now_ns();
    add_all(rows, messages, batch * BATCH);
    double added = rw_now_ns();
    if (!rw_rows_score(rows))
        exit(1);
    double scored = rw_now_ns();
    reply_all(rows);
    passed[REPLY] = (rw_now_ns() - scored) / BATCH;
    passed[SCORE] = (scored - added) / BATCH;
    passed[ADD] = (added - start) / BATCH;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, BATCHES, sizeof *values, compare);
    return values[BATCHES / 2];
}

static void measure(const struct rw_served *served, const char *name,
                    const struct messages *messages) {
    if (messages->count == 0)
        return;
    struct rw_rows *rows = rw_rows_new(served->contract, served->model, BATCH);
    if (!rows)
        exit(1);
    double passed[STEPS];
    for (size_t batch = 0; batch < WARM; batch++)
        time_batch(rows, messages, batch, passed);
    for (size_t batch = 0; batch < BATCHES; batch++) {
        time_batch(rows, messages, batch, passed);
        for (int step = 0; step < STEPS; step++)
            times[step][batch] = passed[step];
    }
    rw_rows_free(rows);
    double add = median(times[ADD]), score = median(times[SCORE]), reply = median(times[REPLY]);
    printf("%-14s %9.0f %8.0f %8.0f %8.0f %8.0f\n", name,
           (double)messages->bytes / (double)messages->count, add, score, reply,
           add + score + reply);
}

int main(int argc, char **argv) {
    static struct messages sets[3];
    static const char *const names[] = {"short", "long", "long, nested"};
    if (argc != 2) {
        fprintf(stderr, "usage: rows_native MODEL_DIR\n");
        return 2;
    }
    struct rw_served *served;
    size_t n_golden;
    rowan_error error;
    if (rw_served_load(argv[1], &served, &n_golden, &error) != ROWAN_OK)
        die(&error);
    read_messages(argv[1], sets);
    printf("ns a message, batches of %u\n%-14s %9s %8s %8s %8s %8s\n", BATCH, "", "bytes", "add",
           "score", "reply", "in all");
    for (int i = 0; i < 3; i++) {
        measure(served, names[i], &sets[i]);
        free_messages(&sets[i]);
    }
    rw_served_free(served);
    return 0;
}
