/*
 * graph.h - a model that is a small graph of tabular operators around forests.
 *
 * The graph is one block of bytes without pointers, the section GRAPH of an image:
 * a header, then arrays.  Operation i computes value i, a table [n_rows][width] of
 * one type, out of values before it.  Widths and types are fixed when the graph is
 * built; a block of rows is computed operation by operation in one scratch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_GRAPH_H
#define RW_GRAPH_H

#include "base/base.h"
#include "forest/image.h"

#define RW_GRAPH_MAX_OPS       65536u
#define RW_GRAPH_MAX_FORESTS   1024u
#define RW_GRAPH_BLOCK_ROWS    64u
#define RW_GRAPH_SCRATCH_BYTES (256u << 10) /* of stack: all values of a block of rows */

enum rw_graph_type {
    RW_GRAPH_F32,
    RW_GRAPH_F64,
    RW_GRAPH_I64, /* also truth values and codes of strings: -1 is no known string */
    RW_GRAPH_TYPE_COUNT
};

enum rw_graph_code {
    RW_GRAPH_INPUT,    /* columns [detail, detail + width) of the row */
    RW_GRAPH_CONSTANT, /* numbers[width] in every row */
    RW_GRAPH_CONCAT,   /* operands one behind the other */
    RW_GRAPH_SELECT,   /* elements numbers[width] of the operand */
    RW_GRAPH_CAST,
    /* of two operands; an operand of width 1 serves every element */
    RW_GRAPH_ADD,
    RW_GRAPH_SUB,
    RW_GRAPH_MUL,
    RW_GRAPH_DIV,
    RW_GRAPH_MIN,
    RW_GRAPH_MAX,
    RW_GRAPH_POW,
    RW_GRAPH_EQUAL,
    RW_GRAPH_LESS,
    RW_GRAPH_LESS_OR_EQUAL,
    RW_GRAPH_AND,
    RW_GRAPH_OR,
    RW_GRAPH_XOR,
    /* of one operand, element by element */
    RW_GRAPH_NEG,
    RW_GRAPH_ABS,
    RW_GRAPH_SQRT,
    RW_GRAPH_RECIPROCAL,
    RW_GRAPH_EXP,
    RW_GRAPH_LOG,
    RW_GRAPH_SIGMOID,
    RW_GRAPH_TANH,
    RW_GRAPH_FLOOR,
    RW_GRAPH_CEIL,
    RW_GRAPH_NOT,
    RW_GRAPH_IS_NAN,
    RW_GRAPH_WHERE, /* operands: truth, value if so, value if not */
    /* of the row of one operand */
    RW_GRAPH_SUM,
    RW_GRAPH_MEAN,
    RW_GRAPH_SUM_SQUARE,
    RW_GRAPH_LARGEST,  /* of elements i, i + width, i + 2 width ... */
    RW_GRAPH_SMALLEST, /* the same */
    RW_GRAPH_ARGMAX,
    RW_GRAPH_SOFTMAX,
    RW_GRAPH_NORMALIZE, /* detail: enum rw_graph_norm */
    /* encoders */
    RW_GRAPH_SCALE,   /* numbers: offset[width], scale[width] */
    RW_GRAPH_IMPUTE,  /* numbers: what is replaced, by[width] */
    RW_GRAPH_ONE_HOT, /* numbers[k]: the categories of each of the operand's elements */
    RW_GRAPH_LOOKUP,  /* numbers: default, keys[k], values[k]; of equal keys the first */
    RW_GRAPH_LINEAR,  /* numbers: coefficients[width][operand's width], intercepts[width] */
    RW_GRAPH_FOREST,  /* margins of forest `detail` */
    RW_GRAPH_POST,    /* detail: enum rw_graph_transform, and how a score becomes two */
    RW_GRAPH_CODE_COUNT
};

enum rw_graph_norm { RW_GRAPH_NORM_MAX, RW_GRAPH_NORM_L1, RW_GRAPH_NORM_L2 };

/* ONNX's post transforms. */
enum rw_graph_transform {
    RW_GRAPH_TRANSFORM_NONE,
    RW_GRAPH_TRANSFORM_LOGISTIC,
    RW_GRAPH_TRANSFORM_SOFTMAX,
    RW_GRAPH_TRANSFORM_SOFTMAX_ZERO,
    RW_GRAPH_TRANSFORM_PROBIT,
    RW_GRAPH_TRANSFORM_COUNT
};
#define RW_GRAPH_POST_TRANSFORM  0x0fu
#define RW_GRAPH_POST_COMPLEMENT 0x10u /* one score s in, 1 - s and s out */
#define RW_GRAPH_POST_OPPOSITE   0x20u /* one score s in, scores -s and s out */

/* Which member is meant follows from the type of the operation's operand or result. */
union rw_graph_number {
    double real; /* F32 and F64 */
    int64_t integer;
};

struct rw_graph_op {
    uint16_t code; /* enum rw_graph_code */
    uint16_t type; /* enum rw_graph_type, of the value */
    uint32_t width;
    uint32_t place; /* of the value: bytes from the scratch's start, for one row */
    uint32_t detail;
    uint32_t operands, n_operands; /* in the operands: numbers of values */
    uint32_t numbers, n_numbers;   /* in the numbers */
};

/* An ordinary image inside of the graph. */
struct rw_graph_forest {
    uint64_t offset; /* from the start of the graph, aligned to 64 */
    uint64_t size;
};

struct rw_graph_header {
    uint32_t n_ops, n_operands, n_numbers, n_forests;
    uint32_t n_features;
    uint32_t result;    /* the value that is the model's response */
    uint32_t row_bytes; /* of the scratch, for one row */
    uint32_t rows64;    /* rows are doubles; else they are rounded to float first */
    /* behind it: ops, numbers, forests, operands, and the forests' images */
};

/* Pointers into a checked graph. */
struct rw_graph {
    const struct rw_graph_header *header;
    const struct rw_graph_op *ops;
    const union rw_graph_number *numbers;
    const struct rw_graph_forest *forests;
    const uint32_t *operands;
};

static inline size_t rw_graph_type_bytes(uint32_t type) {
    return type == RW_GRAPH_F32 ? sizeof(float) : sizeof(double);
}

/* Of a value, for one row. */
static inline uint64_t rw_graph_value_bytes(uint32_t type, uint32_t width) {
    return ((uint64_t)width * rw_graph_type_bytes(type) + 7) & ~UINT64_C(7);
}

#endif
