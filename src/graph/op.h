/*
 * op.h - one operation of a graph: how it is proved, how it is computed.
 *
 * A new operation is a code in graph.h, two functions, and one line in table.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_GRAPH_OP_H
#define RW_GRAPH_OP_H

#include "graph/graph.h"

/* One block of rows on its way through a graph. */
struct rw_graph_block {
    const struct rw_graph *graph;
    const void *rows; /* [n_rows][n_features], float or double */
    bool rows64;
    size_t n_rows;
    unsigned char *scratch;
};

struct rw_graph_operation {
    const char *name;
    /* Whether types, widths, numbers and detail fit together.  What holds for every
     * operation (operands exist, numbers exist, the value has room) is proved before. */
    bool (*check)(const struct rw_graph *graph, const struct rw_graph_op *op);
    void (*run)(const struct rw_graph_block *block, const struct rw_graph_op *op);
};

extern const struct rw_graph_operation rw_graph_operations[RW_GRAPH_CODE_COUNT];

static inline const struct rw_graph_op *rw_graph_operand(const struct rw_graph *graph,
                                                         const struct rw_graph_op *op, uint32_t i) {
    return &graph->ops[graph->operands[op->operands + i]];
}

static inline void *rw_graph_value(const struct rw_graph_block *block,
                                   const struct rw_graph_op *op) {
    return block->scratch + (size_t)op->place * block->n_rows;
}

static inline const void *rw_graph_in(const struct rw_graph_block *block,
                                      const struct rw_graph_op *op, uint32_t i) {
    return rw_graph_value(block, rw_graph_operand(block->graph, op, i));
}

static inline const union rw_graph_number *rw_graph_numbers(const struct rw_graph *graph,
                                                            const struct rw_graph_op *op) {
    return graph->numbers + op->numbers;
}

/* The pairs of functions, by family. */
#define RW_GRAPH_DECLARE(name)                                                                     \
    bool rw_graph_check_##name(const struct rw_graph *graph, const struct rw_graph_op *op);        \
    void rw_graph_run_##name(const struct rw_graph_block *block, const struct rw_graph_op *op)

RW_GRAPH_DECLARE(input);
RW_GRAPH_DECLARE(constant);
RW_GRAPH_DECLARE(concat);
RW_GRAPH_DECLARE(select);
RW_GRAPH_DECLARE(cast);
RW_GRAPH_DECLARE(arithmetic);
RW_GRAPH_DECLARE(compare);
RW_GRAPH_DECLARE(logic);
RW_GRAPH_DECLARE(unary);
RW_GRAPH_DECLARE(is_nan);
RW_GRAPH_DECLARE(where);
RW_GRAPH_DECLARE(sum);
RW_GRAPH_DECLARE(extreme);
RW_GRAPH_DECLARE(argmax);
RW_GRAPH_DECLARE(softmax);
RW_GRAPH_DECLARE(normalize);
RW_GRAPH_DECLARE(scale);
RW_GRAPH_DECLARE(impute);
RW_GRAPH_DECLARE(one_hot);
RW_GRAPH_DECLARE(lookup);
RW_GRAPH_DECLARE(linear);
RW_GRAPH_DECLARE(forest);
RW_GRAPH_DECLARE(post);

#undef RW_GRAPH_DECLARE
#endif
