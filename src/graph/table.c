/*
 * table.c - the operations of a graph, by code.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "graph/op.h"

#define OPERATION(name, family)                                                                    \
    { name, rw_graph_check_##family, rw_graph_run_##family }

const struct rw_graph_operation rw_graph_operations[RW_GRAPH_CODE_COUNT] = {
    [RW_GRAPH_INPUT] = OPERATION("input", input),
    [RW_GRAPH_CONSTANT] = OPERATION("constant", constant),
    [RW_GRAPH_CONCAT] = OPERATION("concat", concat),
    [RW_GRAPH_SELECT] = OPERATION("select", select),
    [RW_GRAPH_CAST] = OPERATION("cast", cast),
    [RW_GRAPH_ADD] = OPERATION("add", arithmetic),
    [RW_GRAPH_SUB] = OPERATION("sub", arithmetic),
    [RW_GRAPH_MUL] = OPERATION("mul", arithmetic),
    [RW_GRAPH_DIV] = OPERATION("div", arithmetic),
    [RW_GRAPH_MIN] = OPERATION("min", arithmetic),
    [RW_GRAPH_MAX] = OPERATION("max", arithmetic),
    [RW_GRAPH_POW] = OPERATION("pow", arithmetic),
    [RW_GRAPH_EQUAL] = OPERATION("equal", compare),
    [RW_GRAPH_LESS] = OPERATION("less", compare),
    [RW_GRAPH_LESS_OR_EQUAL] = OPERATION("less or equal", compare),
    [RW_GRAPH_AND] = OPERATION("and", logic),
    [RW_GRAPH_OR] = OPERATION("or", logic),
    [RW_GRAPH_XOR] = OPERATION("xor", logic),
    [RW_GRAPH_NEG] = OPERATION("neg", unary),
    [RW_GRAPH_ABS] = OPERATION("abs", unary),
    [RW_GRAPH_SQRT] = OPERATION("sqrt", unary),
    [RW_GRAPH_RECIPROCAL] = OPERATION("reciprocal", unary),
    [RW_GRAPH_EXP] = OPERATION("exp", unary),
    [RW_GRAPH_LOG] = OPERATION("log", unary),
    [RW_GRAPH_SIGMOID] = OPERATION("sigmoid", unary),
    [RW_GRAPH_TANH] = OPERATION("tanh", unary),
    [RW_GRAPH_FLOOR] = OPERATION("floor", unary),
    [RW_GRAPH_CEIL] = OPERATION("ceil", unary),
    [RW_GRAPH_NOT] = OPERATION("not", unary),
    [RW_GRAPH_IS_NAN] = OPERATION("is nan", is_nan),
    [RW_GRAPH_WHERE] = OPERATION("where", where),
    [RW_GRAPH_SUM] = OPERATION("sum", sum),
    [RW_GRAPH_MEAN] = OPERATION("mean", sum),
    [RW_GRAPH_SUM_SQUARE] = OPERATION("sum of squares", sum),
    [RW_GRAPH_LARGEST] = OPERATION("largest", extreme),
    [RW_GRAPH_SMALLEST] = OPERATION("smallest", extreme),
    [RW_GRAPH_ARGMAX] = OPERATION("argmax", argmax),
    [RW_GRAPH_SOFTMAX] = OPERATION("softmax", softmax),
    [RW_GRAPH_NORMALIZE] = OPERATION("normalize", normalize),
    [RW_GRAPH_SCALE] = OPERATION("scale", scale),
    [RW_GRAPH_IMPUTE] = OPERATION("impute", impute),
    [RW_GRAPH_ONE_HOT] = OPERATION("one hot", one_hot),
    [RW_GRAPH_LOOKUP] = OPERATION("lookup", lookup),
    [RW_GRAPH_LINEAR] = OPERATION("linear", linear),
    [RW_GRAPH_FOREST] = OPERATION("forest", forest),
    [RW_GRAPH_POST] = OPERATION("post transform", post),
};
