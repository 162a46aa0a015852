/*
 * program.c - opens a graph and proves it, and runs it over rows.
 *
 * What is proved: every array lies inside of the graph, every operation reads values
 * before it and numbers that exist, every value has room in the scratch, every forest
 * is a proved image that takes and gives what its operation says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/program.h"

#include "graph/op.h"

#define FOREST_ALIGNMENT 64u

/* ---- open ------------------------------------------------------------------------ */

static bool array_fits(size_t *at, size_t size, uint64_t count, size_t element) {
    if (count > (size - *at) / element)
        return false;
    *at += count * element;
    return true;
}

static bool view(const void *bytes, size_t size, struct rw_graph *graph) {
    const struct rw_graph_header *header = bytes;
    size_t at = sizeof *header;
    if (size < at)
        return false;
    const char *start = bytes;
    graph->header = header;
    graph->ops = (const void *)(start + at);
    if (!array_fits(&at, size, header->n_ops, sizeof *graph->ops))
        return false;
    graph->numbers = (const void *)(start + at);
    if (!array_fits(&at, size, header->n_numbers, sizeof *graph->numbers))
        return false;
    graph->forests = (const void *)(start + at);
    if (!array_fits(&at, size, header->n_forests, sizeof *graph->forests))
        return false;
    graph->operands = (const void *)(start + at);
    return array_fits(&at, size, header->n_operands, sizeof *graph->operands);
}

static bool header_ok(const struct rw_graph *graph, const struct rw_image_header *image) {
    const struct rw_graph_header *header = graph->header;
    return header->n_ops > 0 && header->n_ops <= RW_GRAPH_MAX_OPS &&
           header->n_forests <= RW_GRAPH_MAX_FORESTS && header->result < header->n_ops &&
           header->n_features == image->n_features && header->row_bytes > 0 &&
           header->row_bytes % 8 == 0 && header->row_bytes <= RW_GRAPH_SCRATCH_BYTES &&
           graph->ops[header->result].width == image->n_groups;
}

/* An operation must not write where it reads. */
static bool overlap(const struct rw_graph_op *a, const struct rw_graph_op *b) {
    return a->place < b->place + rw_graph_value_bytes(b->type, b->width) &&
           b->place < a->place + rw_graph_value_bytes(a->type, a->width);
}

static bool op_ok(const struct rw_graph *graph, uint32_t index) {
    const struct rw_graph_header *header = graph->header;
    const struct rw_graph_op *op = &graph->ops[index];
    if (op->code >= RW_GRAPH_CODE_COUNT || op->type >= RW_GRAPH_TYPE_COUNT || op->width == 0 ||
        op->place % 8 || op->place > header->row_bytes ||
        rw_graph_value_bytes(op->type, op->width) > header->row_bytes - op->place)
        return false;
    if (op->operands > header->n_operands || op->n_operands > header->n_operands - op->operands ||
        op->numbers > header->n_numbers || op->n_numbers > header->n_numbers - op->numbers)
        return false;
    for (uint32_t i = 0; i < op->n_operands; i++)
        if (graph->operands[op->operands + i] >= index ||
            overlap(op, rw_graph_operand(graph, op, i)))
            return false;
    return rw_graph_operations[op->code].check(graph, op);
}

static rowan_status bad(rowan_error *error, const char *what) {
    return rw_fail(error, ROWAN_MALFORMED, "compiled image", "compile the model again", "%s", what);
}

/* A forest inside of a graph holds trees only. */
static rowan_status check_forest(const struct rw_graph *graph, size_t size, uint32_t index,
                                 rowan_error *error) {
    const struct rw_graph_forest *forest = &graph->forests[index];
    if (forest->offset % FOREST_ALIGNMENT || forest->offset > size ||
        forest->size > size - forest->offset)
        return bad(error, "a forest of the graph lies outside of the file");
    const void *bytes = (const char *)graph->header + forest->offset;
    struct rw_image image;
    if (rw_image_has_program(bytes, forest->size))
        return bad(error, "a graph inside of a graph");
    return rw_image_open(bytes, forest->size, &image, error);
}

static rowan_status open_graph(const struct rw_image *image, rowan_error *error) {
    struct rw_graph graph;
    const size_t size = image->program_size;
    if (!view(image->program, size, &graph) || !header_ok(&graph, image->header))
        return bad(error, "a graph lies outside of the file");
    rowan_status status = ROWAN_OK;
    for (uint32_t i = 0; i < graph.header->n_forests && status == ROWAN_OK; i++)
        status = check_forest(&graph, size, i, error);
    if (status != ROWAN_OK)
        return status;
    for (uint32_t i = 0; i < graph.header->n_ops; i++)
        if (!op_ok(&graph, i))
            return bad(error, "a graph has an operation that cannot be computed");
    return ROWAN_OK;
}

/* ---- run ------------------------------------------------------------------------- */

static void write_result(const struct rw_graph_block *block, double *out) {
    const struct rw_graph_op *op = &block->graph->ops[block->graph->header->result];
    const void *value = rw_graph_value(block, op);
    const size_t n = block->n_rows * op->width;
    for (size_t i = 0; i < n; i++) {
        if (op->type == RW_GRAPH_F32)
            out[i] = (double)((const float *)value)[i];
        else if (op->type == RW_GRAPH_F64)
            out[i] = ((const double *)value)[i];
        else
            out[i] = (double)((const int64_t *)value)[i];
    }
}

static void run_block(struct rw_graph_block *block, double *out) {
    const struct rw_graph *graph = block->graph;
    for (uint32_t i = 0; i < graph->header->n_ops; i++)
        rw_graph_operations[graph->ops[i].code].run(block, &graph->ops[i]);
    write_result(block, out);
}

static void score_graph(const struct rw_image *image, const void *rows, bool rows64, size_t n_rows,
                        double *out) {
    _Alignas(64) unsigned char scratch[RW_GRAPH_SCRATCH_BYTES];
    struct rw_graph graph;
    if (!view(image->program, image->program_size, &graph))
        return; /* never: it was opened */
    const struct rw_graph_header *header = graph.header;
    const size_t stride = header->n_features * (rows64 ? sizeof(double) : sizeof(float));
    size_t most = RW_GRAPH_SCRATCH_BYTES / header->row_bytes;
    if (most > RW_GRAPH_BLOCK_ROWS)
        most = RW_GRAPH_BLOCK_ROWS;
    while (n_rows > 0) {
        struct rw_graph_block block = {&graph, rows, rows64, n_rows < most ? n_rows : most,
                                       scratch};
        run_block(&block, out);
        rows = (const char *)rows + block.n_rows * stride;
        out += block.n_rows * image->header->n_groups;
        n_rows -= block.n_rows;
    }
}

const struct rw_program rw_program_graph = {"graph", open_graph, score_graph};
