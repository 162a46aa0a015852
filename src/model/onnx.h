/*
 * onnx.h - reading ONNX: what the files onnx_*.c share.
 *
 * A node of the ONNX graph is lowered to operations of src/graph/ by one function, found in
 * one table (onnx_operators.c).  Values are tables whose first dimension is the batch;
 * constants are what does not depend on it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_ONNX_H
#define RW_ONNX_H

#include "graph/build.h"
#include "model/format.h"
#include "onnx.pb-c.h"

#define RW_ONNX_MAX_DEPTH    32u    /* of messages inside of messages */
#define RW_ONNX_MAX_NODES    65536u /* of the graph */
#define RW_ONNX_MAX_RANK     4u
#define RW_ONNX_MAX_WIDTH    65536u /* elements of a row of one value */
#define RW_ONNX_BYTES_A_BYTE 96u    /* memory of the unpacked message, for one of the file */
#define RW_ONNX_BYTES_ALWAYS ((size_t)1 << 20)

/* Types of elements that can be computed with (TensorProto.DataType). */
enum {
    RW_ONNX_FLOAT = 1,
    RW_ONNX_INT32 = 6,
    RW_ONNX_INT64 = 7,
    RW_ONNX_STRING = 8,
    RW_ONNX_BOOL = 9,
    RW_ONNX_DOUBLE = 11
};

/* ---- an ordered set of strings: each has a number ------------------------------------ */

struct rw_onnx_names {
    struct rw_arena *arena;
    const char **names; /* [count] */
    uint32_t *slots;    /* [n_slots]: number + 1, by hash */
    uint32_t count, n_slots;
};

#define RW_ONNX_NO_NAME UINT32_MAX

/* The number of `name`, or RW_ONNX_NO_NAME. */
uint32_t rw_onnx_names_find(const struct rw_onnx_names *names, const char *name);
/* The same, added where it is new; RW_ONNX_NO_NAME beyond the arena's bound. */
uint32_t rw_onnx_names_add(struct rw_onnx_names *names, const char *name);

/* ---- values --------------------------------------------------------------------------- */

struct rw_onnx_value {
    bool defined;
    bool constant;
    int32_t type; /* RW_ONNX_FLOAT ... */
    uint32_t rank;
    int64_t dims[RW_ONNX_MAX_RANK]; /* dims[0] of what is no constant is the batch: -1 */
    uint32_t width;                 /* elements of a row; of a constant: all */
    uint32_t op;                    /* not constant: value of the graph */
    /* constant: */
    const union rw_graph_number *numbers; /* [width] */
    const char *const *strings;           /* [width] */
    /* Strings that are no constant are codes; what they mean, for each element. */
    struct rw_onnx_names *const *codes; /* [width] */
};

struct rw_onnx_trees; /* an ensemble that was lowered: onnx_trees.h */

struct rw_onnx {
    const Onnx__ModelProto *model;
    const Onnx__GraphProto *graph;
    int64_t opset, opset_ml; /* versions of the domains "" and "ai.onnx.ml" */
    struct rw_forest *forest;
    struct rw_graph_builder builder;
    struct rw_onnx_names names; /* of values; its numbers index values */
    struct rw_onnx_value *values;
    uint32_t n_values, n_values_capacity;
    struct rw_onnx_trees *trees, **last_trees; /* in the order of their forests */
    uint32_t n_trees;
    bool is_classifier; /* a label or a ZipMap was seen among the outputs */
    rowan_error *error;
};

/* ---- errors ------------------------------------------------------------------------------ */

/* Of a node: where is its operator, domain and name. */
bool rw_onnx_node_error(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                        rowan_status status, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
/* Of anything else that has a name in the file. */
bool rw_onnx_name_error(const struct rw_onnx *onnx, rowan_status status, const char *name,
                        const char *remedy, const char *what);

/* Macros, as rw_fail is: what returns them has visibly failed. */
#define rw_onnx_malformed(onnx, node, ...)                                                         \
    rw_failed(ROWAN_MALFORMED, rw_onnx_node_error((onnx), (node), ROWAN_MALFORMED, __VA_ARGS__))
#define rw_onnx_unsupported(onnx, node, ...)                                                       \
    rw_failed(ROWAN_UNSUPPORTED, rw_onnx_node_error((onnx), (node), ROWAN_UNSUPPORTED, __VA_ARGS__))
#define rw_onnx_fail(onnx, status, name, remedy, what)                                             \
    rw_failed((status), rw_onnx_name_error((onnx), (status), (name), (remedy), (what)))
#define rw_onnx_no_memory(onnx)                                                                    \
    rw_fail((onnx)->error, ROWAN_LIMIT, NULL, NULL, "takes more memory than its size allows")

/* ---- message (onnx_message.c) ---------------------------------------------------------- */

/* Unpacks within the bounds above; free *model with rw_onnx_message_free. */
rowan_status rw_onnx_message_unpack(const char *bytes, size_t size, Onnx__ModelProto **model,
                                    rowan_error *error);
void rw_onnx_message_free(Onnx__ModelProto *model);

/* ---- attributes (onnx_attribute.c): defaults where a node has none ------------------------ */

const Onnx__AttributeProto *rw_onnx_attribute(const Onnx__NodeProto *node, const char *name);
int64_t rw_onnx_int(const Onnx__NodeProto *node, const char *name, int64_t otherwise);
float rw_onnx_float(const Onnx__NodeProto *node, const char *name, float otherwise);
bool rw_onnx_is_text(const Onnx__NodeProto *node, const char *name, const char *text,
                     const char *otherwise);
size_t rw_onnx_ints(const Onnx__NodeProto *node, const char *name, const int64_t **ints);
size_t rw_onnx_floats(const Onnx__NodeProto *node, const char *name, const float **floats);
/* Copies of them (rw_onnx_copy); *strings is NULL where one cannot be copied. */
size_t rw_onnx_strings(const struct rw_onnx *onnx, const Onnx__NodeProto *node, const char *name,
                       const char *const **strings);
const char *rw_onnx_text(const char *text); /* "" for NULL */
bool rw_onnx_is_utf8(const unsigned char *text, size_t length);
/* Terminated, in the arena; NULL beyond its bound, or where it is not UTF-8. */
const char *rw_onnx_copy(const struct rw_onnx *onnx, const ProtobufCBinaryData *text);

/* ---- values (onnx_value.c) ----------------------------------------------------------------- */

enum rw_graph_type rw_onnx_graph_type(int32_t type);

/* Input `index` of the node; NULL where it has none (an empty name too). */
const struct rw_onnx_value *rw_onnx_input(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                          size_t index);
/* The same, and an error where it has none. */
rowan_status rw_onnx_need(const struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t index,
                          const struct rw_onnx_value **value);
rowan_status rw_onnx_define(struct rw_onnx *onnx, const char *name,
                            const struct rw_onnx_value *value);
/* Defines output `index` of the node, where it has one. */
rowan_status rw_onnx_output(struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t index,
                            const struct rw_onnx_value *value);

/* Adds an operation and describes its value, a row of `width` elements: [N, width]. */
rowan_status rw_onnx_add(struct rw_onnx *onnx, const struct rw_graph_new *added, int32_t type,
                         struct rw_onnx_value *value);

/* A tensor as a constant; strings too. */
rowan_status rw_onnx_tensor(const struct rw_onnx *onnx, const Onnx__TensorProto *tensor,
                            struct rw_onnx_value *value);

/* Sets dims and width of a value that keeps the batch in front: [N, dims of the row]. */
rowan_status rw_onnx_set_row(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                             uint32_t n_dims, const int64_t *dims, struct rw_onnx_value *value);

/* The graph's value of a row; of a constant, which is one row for all, a new operation. */
rowan_status rw_onnx_row(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                         const struct rw_onnx_value *value, uint32_t *op);

/* An axis as a number of a dimension; false where there is none. */
bool rw_onnx_axis(const struct rw_onnx_value *value, int64_t axis, uint32_t *dim);

/* The integers of an input (since some opset) or, without one, of an attribute. */
rowan_status rw_onnx_axes(const struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t input,
                          const char *attribute, const int64_t **axes, size_t *n_axes);

/* ---- operators (onnx_operators.c) ------------------------------------------------------------ */

struct rw_onnx_operator {
    const char *domain, *name;
    int64_t since, until; /* versions of the domain's opset */
    rowan_status (*lower)(struct rw_onnx *onnx, const Onnx__NodeProto *node);
    uint32_t detail; /* for families: what the node becomes */
};

const struct rw_onnx_operator *rw_onnx_operator_find(const struct rw_onnx *onnx,
                                                     const Onnx__NodeProto *node);

#define RW_ONNX_DECLARE(name)                                                                      \
    rowan_status rw_onnx_lower_##name(struct rw_onnx *onnx, const Onnx__NodeProto *node)

RW_ONNX_DECLARE(identity);
RW_ONNX_DECLARE(constant);
RW_ONNX_DECLARE(cast);
RW_ONNX_DECLARE(reshape);
RW_ONNX_DECLARE(flatten);
RW_ONNX_DECLARE(squeeze);
RW_ONNX_DECLARE(unsqueeze);
RW_ONNX_DECLARE(concat);
RW_ONNX_DECLARE(gather);
RW_ONNX_DECLARE(extract);
RW_ONNX_DECLARE(slice);
RW_ONNX_DECLARE(feature_vectorizer);
RW_ONNX_DECLARE(binary);
RW_ONNX_DECLARE(greater);
RW_ONNX_DECLARE(variadic);
RW_ONNX_DECLARE(unary);
RW_ONNX_DECLARE(where);
RW_ONNX_DECLARE(clip);
RW_ONNX_DECLARE(binarizer);
RW_ONNX_DECLARE(reduce);
RW_ONNX_DECLARE(argmax);
RW_ONNX_DECLARE(softmax);
RW_ONNX_DECLARE(normalizer);
RW_ONNX_DECLARE(scaler);
RW_ONNX_DECLARE(imputer);
RW_ONNX_DECLARE(one_hot);
RW_ONNX_DECLARE(label_encoder);
RW_ONNX_DECLARE(label_encoder_1);
RW_ONNX_DECLARE(matmul);
RW_ONNX_DECLARE(gemm);
RW_ONNX_DECLARE(linear_classifier);
RW_ONNX_DECLARE(linear_regressor);
RW_ONNX_DECLARE(tree_classifier);
RW_ONNX_DECLARE(tree_regressor);
RW_ONNX_DECLARE(tree_ensemble);

#undef RW_ONNX_DECLARE
#endif
