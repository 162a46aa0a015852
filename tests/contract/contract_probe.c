/*
 * contract_probe.c - what the contract answers to bodies, for tests in Python.
 *
 * contract_probe CONTRACT MODEL < bodies > replies
 *
 * A body is a length in 4 bytes (little-endian) and its bytes; so is a reply, after
 * its HTTP status in 4 bytes.  The clock stands still: replies can be compared.
 *
 * contract_probe --openapi CONTRACT MODEL   prints the OpenAPI document
 * contract_probe --time N CONTRACT MODEL    reads one body; answers it N times and
 *                                           prints the nanoseconds of each part
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contract/contract.h"

#define MAX_BODY ((uint32_t)64 << 20)

static struct rw_contract *contract;
static rowan_model *model;

static void die(const rowan_error *error) {
    char text[1024];
    fprintf(stderr, "contract_probe: %s\n", rowan_error_text(error, text, sizeof text));
    exit(2);
}

static void load(const char *contract_path, const char *model_path) {
    rowan_error error;
    char *json;
    size_t size;
    if (rw_file_read(AT_FDCWD, contract_path, RW_CONTRACT_MAX_BYTES, &json, &size, &error) ||
        rw_contract_parse(json, size, &contract, &error) ||
        rowan_model_load(model_path, NULL, &model, &error) ||
        rw_contract_bind(contract, model, &error))
        die(&error);
    free(json);
}

static void *arena_lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static unsigned answer(const char *body, size_t size, struct rw_arena *arena,
                       struct rw_buffer *reply, struct rw_memory *memory) {
    static const struct rw_predict_options options = {.now = "2018-08-08T09:30:12Z"};
    *memory = (struct rw_memory){arena_lend, arena};
    *reply = (struct rw_buffer){.memory = memory};
    struct rw_outcome outcome;
    return rw_contract_predict(contract, model, body, size, &options, memory, reply, &outcome);
}

static bool read_body(char **body, uint32_t *size) {
    if (fread(size, sizeof *size, 1, stdin) != 1 || *size > MAX_BODY)
        return false;
    *body = malloc(*size ? *size : 1); /* exact, so that ASan sees a read beyond */
    return *body && fread(*body, 1, *size, stdin) == *size;
}

static int answer_all(void) {
    char *body;
    uint32_t size;
    while (read_body(&body, &size)) {
        struct rw_arena arena;
        struct rw_memory memory;
        struct rw_buffer reply;
        rw_arena_init(&arena, SIZE_MAX);
        uint32_t status = answer(body, size, &arena, &reply, &memory);
        uint32_t length = (uint32_t)reply.length;
        fwrite(&status, sizeof status, 1, stdout);
        fwrite(&length, sizeof length, 1, stdout);
        fwrite(reply.data, 1, length, stdout);
        rw_arena_free(&arena);
        free(body);
    }
    return fflush(stdout) == 0 ? 0 : 2;
}

static int print_openapi(void) {
    struct rw_arena arena;
    rw_arena_init(&arena, SIZE_MAX);
    struct rw_memory memory = {arena_lend, &arena};
    struct rw_buffer text = {.memory = &memory};
    rw_contract_openapi(contract, &text);
    fwrite(text.data, 1, text.length, stdout);
    rw_arena_free(&arena);
    return text.failed ? 2 : 0;
}

/* ---- time ---------------------------------------------------------------------- */

static char lent[1 << 20];
static size_t n_lent;

static void *lend_again(void *context, size_t size) {
    (void)context;
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof lent - n_lent)
        return NULL;
    n_lent += size;
    return lent + n_lent - size;
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int measure(long n) {
    static char body[1 << 16], text[4096];
    size_t size = fread(body, 1, sizeof body, stdin);
    struct rw_memory memory = {lend_again, NULL};
    static const struct rw_predict_options options = {.now = "2018-08-08T09:30:12Z"};
    struct rw_outcome outcome = {0};
    double *features = calloc(rw_contract_n_features(contract), sizeof *features), out[64];
    if (!features)
        return 2;

    double start = now_ns();
    for (long i = 0; i < n; i++) {
        n_lent = 0;
        struct rw_buffer reply = {.data = text, .capacity = sizeof text};
        rw_contract_predict(contract, model, body, size, &options, &memory, &reply, &outcome);
    }
    double whole = (now_ns() - start) / (double)n;
    rw_contract_decode(contract, body, size, &memory, features, NULL);
    start = now_ns();
    for (long i = 0; i < n; i++)
        rowan_predict_f64(model, features, 1, ROWAN_RESPONSE, out, NULL);
    double scoring = (now_ns() - start) / (double)n;
    start = now_ns();
    for (long i = 0; i < n; i++) {
        n_lent = 0;
        rw_contract_decode(contract, body, size, &memory, features, NULL);
    }
    double decoding = (now_ns() - start) / (double)n;
    printf("status %u, %zu bytes: whole %.0f ns, model %.0f ns, parse and decode %.0f ns, "
           "all but the model %.0f ns\n",
           outcome.status, size, whole, scoring, decoding, whole - scoring);
    free(features);
    return 0;
}

int main(int argc, char **argv) {
    bool openapi = argc == 4 && strcmp(argv[1], "--openapi") == 0;
    bool timing = argc == 5 && strcmp(argv[1], "--time") == 0;
    if (argc != 3 && !openapi && !timing) {
        fprintf(stderr, "usage: contract_probe [--openapi | --time N] CONTRACT MODEL\n");
        return 2;
    }
    load(argv[argc - 2], argv[argc - 1]);
    int status = openapi ? print_openapi() : timing ? measure(atol(argv[2])) : answer_all();
    rw_contract_free(contract);
    rowan_model_free(model);
    return status;
}
