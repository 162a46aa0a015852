/*
 * onnx_operators.c - the table of operators: which versions are read, and by what.
 *
 * To add one: a function in the file of its family, a declaration in onnx.h, and one
 * line here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "model/onnx.h"

#define ML     "ai.onnx.ml"
#define NEWEST INT64_MAX

static const struct rw_onnx_operator operators[] = {
    {"", "Abs", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_ABS},
    {"", "Add", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_ADD},
    {"", "And", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_AND},
    {"", "ArgMax", 1, NEWEST, rw_onnx_lower_argmax, 0},
    {"", "Cast", 6, NEWEST, rw_onnx_lower_cast, 0},
    {"", "Ceil", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_CEIL},
    {"", "Clip", 6, NEWEST, rw_onnx_lower_clip, 0},
    {"", "Concat", 4, NEWEST, rw_onnx_lower_concat, 0},
    {"", "Constant", 1, NEWEST, rw_onnx_lower_constant, 0},
    {"", "Div", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_DIV},
    {"", "Equal", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_EQUAL},
    {"", "Exp", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_EXP},
    {"", "Flatten", 1, NEWEST, rw_onnx_lower_flatten, 0},
    {"", "Floor", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_FLOOR},
    {"", "Gather", 1, NEWEST, rw_onnx_lower_gather, 0},
    {"", "Gemm", 7, NEWEST, rw_onnx_lower_gemm, 0},
    {"", "Greater", 7, NEWEST, rw_onnx_lower_greater, RW_GRAPH_LESS},
    {"", "GreaterOrEqual", 12, NEWEST, rw_onnx_lower_greater, RW_GRAPH_LESS_OR_EQUAL},
    {"", "Identity", 1, NEWEST, rw_onnx_lower_identity, 0},
    {"", "IsNaN", 9, NEWEST, rw_onnx_lower_unary, RW_GRAPH_IS_NAN},
    {"", "Less", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_LESS},
    {"", "LessOrEqual", 12, NEWEST, rw_onnx_lower_binary, RW_GRAPH_LESS_OR_EQUAL},
    {"", "Log", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_LOG},
    {"", "MatMul", 1, NEWEST, rw_onnx_lower_matmul, 0},
    {"", "Max", 8, NEWEST, rw_onnx_lower_variadic, RW_GRAPH_MAX},
    {"", "Min", 8, NEWEST, rw_onnx_lower_variadic, RW_GRAPH_MIN},
    {"", "Mul", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_MUL},
    {"", "Neg", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_NEG},
    {"", "Not", 1, NEWEST, rw_onnx_lower_unary, RW_GRAPH_NOT},
    {"", "Or", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_OR},
    {"", "Pow", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_POW},
    {"", "Reciprocal", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_RECIPROCAL},
    {"", "ReduceMax", 1, NEWEST, rw_onnx_lower_reduce, RW_GRAPH_LARGEST},
    {"", "ReduceMean", 1, NEWEST, rw_onnx_lower_reduce, RW_GRAPH_MEAN},
    {"", "ReduceMin", 1, NEWEST, rw_onnx_lower_reduce, RW_GRAPH_SMALLEST},
    {"", "ReduceSum", 1, NEWEST, rw_onnx_lower_reduce, RW_GRAPH_SUM},
    {"", "ReduceSumSquare", 1, NEWEST, rw_onnx_lower_reduce, RW_GRAPH_SUM_SQUARE},
    {"", "Reshape", 5, NEWEST, rw_onnx_lower_reshape, 0},
    {"", "Sigmoid", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_SIGMOID},
    {"", "Slice", 1, NEWEST, rw_onnx_lower_slice, 0},
    {"", "Softmax", 1, NEWEST, rw_onnx_lower_softmax, 0},
    {"", "Sqrt", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_SQRT},
    {"", "Squeeze", 1, NEWEST, rw_onnx_lower_squeeze, 0},
    {"", "Sub", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_SUB},
    {"", "Sum", 8, NEWEST, rw_onnx_lower_variadic, RW_GRAPH_ADD},
    {"", "Tanh", 6, NEWEST, rw_onnx_lower_unary, RW_GRAPH_TANH},
    {"", "Unsqueeze", 1, NEWEST, rw_onnx_lower_unsqueeze, 0},
    {"", "Where", 9, NEWEST, rw_onnx_lower_where, 0},
    {"", "Xor", 7, NEWEST, rw_onnx_lower_binary, RW_GRAPH_XOR},
    {ML, "ArrayFeatureExtractor", 1, NEWEST, rw_onnx_lower_extract, 0},
    {ML, "Binarizer", 1, NEWEST, rw_onnx_lower_binarizer, 0},
    {ML, "FeatureVectorizer", 1, NEWEST, rw_onnx_lower_feature_vectorizer, 0},
    {ML, "Imputer", 1, NEWEST, rw_onnx_lower_imputer, 0},
    {ML, "LabelEncoder", 1, 1, rw_onnx_lower_label_encoder_1, 0},
    {ML, "LabelEncoder", 2, NEWEST, rw_onnx_lower_label_encoder, 0},
    {ML, "LinearClassifier", 1, NEWEST, rw_onnx_lower_linear_classifier, 0},
    {ML, "LinearRegressor", 1, NEWEST, rw_onnx_lower_linear_regressor, 0},
    {ML, "Normalizer", 1, NEWEST, rw_onnx_lower_normalizer, 0},
    {ML, "OneHotEncoder", 1, NEWEST, rw_onnx_lower_one_hot, 0},
    {ML, "Scaler", 1, NEWEST, rw_onnx_lower_scaler, 0},
    {ML, "TreeEnsemble", 5, NEWEST, rw_onnx_lower_tree_ensemble, 0},
    {ML, "TreeEnsembleClassifier", 1, NEWEST, rw_onnx_lower_tree_classifier, 0},
    {ML, "TreeEnsembleRegressor", 1, NEWEST, rw_onnx_lower_tree_regressor, 0},
    {ML, "ZipMap", 1, NEWEST, rw_onnx_lower_identity, 0},
};

/* "ai.onnx" is another name of "". */
static const char *domain_of(const Onnx__NodeProto *node) {
    const char *domain = rw_onnx_text(node->domain);
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

const struct rw_onnx_operator *rw_onnx_operator_find(const struct rw_onnx *onnx,
                                                     const Onnx__NodeProto *node) {
    const char *domain = domain_of(node);
    const int64_t version = *domain ? onnx->opset_ml : onnx->opset;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const struct rw_onnx_operator *operator= & operators[i];
        if (strcmp(operator->domain, domain) == 0 &&
            strcmp(operator->name, rw_onnx_text(node->op_type)) == 0 &&
            version >= operator->since && version <= operator->until)
            return operator;
    }
    return NULL;
}
