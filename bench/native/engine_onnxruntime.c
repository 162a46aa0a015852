/*
 * engine_onnxruntime.c - ONNX Runtime's C API.
 *
 * Its wheel has no header.  The API is a table of functions to which new versions only
 * append, so that a function's place in it identifies it; the places are those of the
 * published onnxruntime_c_api.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine.h"

enum place {
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_SESSION_OPTIONS = 10,
    SET_INTRA_OP_THREADS = 24,
    SET_INTER_OP_THREADS = 25,
    CREATE_TENSOR_WITH_DATA = 49,
    GET_TENSOR_DATA = 51,
    CREATE_CPU_MEMORY_INFO = 69,
    RELEASE_VALUE = 96
};

enum { API_VERSION = 20, LOG_ERRORS = 3, ARENA = 1, DEFAULT_MEMORY = 0, ELEMENT_FLOAT = 1 };

/* The table, as addresses: what dlsym would give. */
struct api_base {
    void *const *(*get_api)(uint32_t version);
    const char *(*version)(void);
};

/* Most functions return NULL, or a status that has a message. */
static const char *(*get_error_message)(const void *status);
static void *(*create_env)(int log_level, const char *name, void **environment);
static void *(*create_session)(const void *environment, const char *path, const void *options,
                               void **session);
static void *(*run)(void *session, const void *options, const char *const *input_names,
                    const void *const *inputs, size_t n_inputs, const char *const *output_names,
                    size_t n_outputs, void **outputs);
static void *(*create_session_options)(void **options);
static void *(*set_intra_op_threads)(void *options, int n);
static void *(*set_inter_op_threads)(void *options, int n);
static void *(*create_tensor)(const void *memory_info, void *data, size_t bytes,
                              const int64_t *shape, size_t n_dimensions, int type, void **value);
static void *(*get_tensor_data)(void *value, void **data);
static void *(*create_memory_info)(int allocator, int kind, void **memory_info);
static void (*release_value)(void *value);

static void *session, *memory_info;
static size_t n_features;

static void check(const void *failure) {
    if (failure)
        die("ONNX Runtime: %s", get_error_message(failure));
}

static void open_onnxruntime(const struct task *task) {
    const struct api_base *(*get_base)(void) =
        find_symbol(open_library(task->library), "OrtGetApiBase", false);
    void *const *api = get_base()->get_api(API_VERSION);
    if (!api)
        die("this ONNX Runtime does not offer version %d of its API", API_VERSION);
    get_error_message = api[GET_ERROR_MESSAGE];
    create_env = api[CREATE_ENV];
    create_session = api[CREATE_SESSION];
    run = api[RUN];
    create_session_options = api[CREATE_SESSION_OPTIONS];
    set_intra_op_threads = api[SET_INTRA_OP_THREADS];
    set_inter_op_threads = api[SET_INTER_OP_THREADS];
    create_tensor = api[CREATE_TENSOR_WITH_DATA];
    get_tensor_data = api[GET_TENSOR_DATA];
    create_memory_info = api[CREATE_CPU_MEMORY_INFO];
    release_value = api[RELEASE_VALUE];
    n_features = task->n_features;
}

static void load(const struct task *task) {
    void *environment, *options;
    check(create_env(LOG_ERRORS, "bench", &environment));
    check(create_session_options(&options));
    check(set_intra_op_threads(options, 1));
    check(set_inter_op_threads(options, 1));
    check(create_session(environment, task->model, options, &session));
    check(create_memory_info(ARENA, DEFAULT_MEMORY, &memory_info));
}

/* Column 1 of [n_rows][2]: the probability of the positive class. */
static void batch(const float *rows, size_t n_rows, double *out) {
    static const char *const inputs[] = {"X"}, *const outputs[] = {"probabilities"};
    const int64_t shape[] = {(int64_t)n_rows, (int64_t)n_features};
    void *input, *output = NULL, *data;
    check(create_tensor(memory_info, (void *)(uintptr_t)rows, n_rows * n_features * sizeof *rows,
                        shape, 2, ELEMENT_FLOAT, &input));
    check(run(session, NULL, inputs, (const void *const *)&input, 1, outputs, 1, &output));
    check(get_tensor_data(output, &data));
    const float *probabilities = data;
    for (size_t i = 0; i < n_rows; i++)
        out[i] = probabilities[2 * i + 1];
    release_value(output);
    release_value(input);
}

static double one(const float *row) {
    double score;
    batch(row, 1, &score);
    return score;
}

const struct engine engine_onnxruntime = {
    .name = "onnxruntime", .open = open_onnxruntime, .load = load, .one = one, .batch = batch};
