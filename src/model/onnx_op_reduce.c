/*
 * onnx_op_reduce.c - operators on the whole row of a value.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/onnx.h"

/* Tables [N, width] along their columns are what is computed. */
static rowan_status need_table(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                               const struct rw_onnx_value **value) {
    rowan_status status = rw_onnx_need(onnx, node, 0, value);
    if (status != ROWAN_OK)
        return status;
    if ((*value)->constant || (*value)->rank != 2 || (*value)->type == RW_ONNX_STRING ||
        (*value)->type == RW_ONNX_BOOL)
        return rw_onnx_unsupported(onnx, node, "anything but a table of numbers");
    return ROWAN_OK;
}

static rowan_status one_number(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                               const struct rw_onnx_value *value, uint32_t code, int32_t type,
                               bool keep) {
    struct rw_onnx_value result;
    const struct rw_graph_new added = {.code = (enum rw_graph_code)code,
                                       .type = rw_onnx_graph_type(type),
                                       .width = 1,
                                       .n_operands = 1,
                                       .operands = &value->op};
    rowan_status status = rw_onnx_add(onnx, &added, type, &result);
    result.rank = keep ? 2 : 1;
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

rowan_status rw_onnx_lower_reduce(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    const int64_t *axes;
    size_t n_axes;
    uint32_t axis;
    rowan_status status = need_table(onnx, node, &value);
    if (status == ROWAN_OK)
        status = rw_onnx_axes(onnx, node, 1, "axes", &axes, &n_axes);
    if (status != ROWAN_OK)
        return status;
    if (n_axes != 1 || !rw_onnx_axis(value, axes[0], &axis) || axis != 1)
        return rw_onnx_unsupported(onnx, node, "anything but the columns of a row reduced");
    return one_number(onnx, node, value, rw_onnx_operator_find(onnx, node)->detail, value->type,
                      rw_onnx_int(node, "keepdims", 1) != 0);
}

rowan_status rw_onnx_lower_argmax(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    uint32_t axis;
    rowan_status status = need_table(onnx, node, &value);
    if (status != ROWAN_OK)
        return status;
    if (!rw_onnx_axis(value, rw_onnx_int(node, "axis", 0), &axis) || axis != 1 ||
        rw_onnx_int(node, "select_last_index", 0) != 0)
        return rw_onnx_unsupported(onnx, node, "anything but the first largest column of a row");
    return one_number(onnx, node, value, RW_GRAPH_ARGMAX, RW_ONNX_INT64,
                      rw_onnx_int(node, "keepdims", 1) != 0);
}

/* result = code(value), of the same width */
static rowan_status same_width(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                               const struct rw_onnx_value *value, enum rw_graph_code code,
                               int32_t type, uint32_t detail) {
    struct rw_onnx_value result;
    const struct rw_graph_new added = {.code = code,
                                       .type = rw_onnx_graph_type(type),
                                       .width = value->width,
                                       .detail = detail,
                                       .n_operands = 1,
                                       .operands = &value->op};
    rowan_status status = rw_onnx_add(onnx, &added, type, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

rowan_status rw_onnx_lower_softmax(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    uint32_t axis;
    rowan_status status = need_table(onnx, node, &value);
    if (status != ROWAN_OK)
        return status;
    const int64_t otherwise = onnx->opset >= 13 ? -1 : 1;
    if (!rw_onnx_axis(value, rw_onnx_int(node, "axis", otherwise), &axis) || axis != 1 ||
        rw_onnx_graph_type(value->type) == RW_GRAPH_I64)
        return rw_onnx_unsupported(onnx, node, "anything but the columns of a row of floats");
    return same_width(onnx, node, value, RW_GRAPH_SOFTMAX, value->type, 0);
}

rowan_status rw_onnx_lower_normalizer(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    static const char *const norms[] = {"MAX", "L1", "L2"};
    const struct rw_onnx_value *value;
    rowan_status status = need_table(onnx, node, &value);
    if (status != ROWAN_OK)
        return status;
    if (rw_onnx_graph_type(value->type) == RW_GRAPH_I64)
        return rw_onnx_unsupported(onnx, node, "anything but floats");
    for (uint32_t norm = 0; norm < 3; norm++)
        if (rw_onnx_is_text(node, "norm", norms[norm], "MAX"))
            return same_width(onnx, node, value, RW_GRAPH_NORMALIZE, RW_ONNX_FLOAT, norm);
    return rw_onnx_malformed(onnx, node, "a norm that is none of MAX, L1, L2");
}
