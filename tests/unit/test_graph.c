/*
 * A graph computes what its operations say, and one that would not stay inside of its
 * scratch is refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "forest/forest.h"
#include "forest/image_private.h"
#include "forest/model.h"
#include "graph/build.h"

#define WIDTH 3u

struct fixture {
    struct rw_forest forest;
    struct rw_graph_builder builder;
    uint32_t row; /* the three features as floats */
};

static uint32_t add(struct fixture *fixture, enum rw_graph_code code, enum rw_graph_type type,
                    uint32_t width, uint32_t detail, const uint32_t *operands, uint32_t n_operands,
                    const union rw_graph_number *numbers, uint32_t n_numbers) {
    return rw_graph_add(&fixture->builder,
                        &(struct rw_graph_new){code, type, width, detail, n_operands, n_numbers,
                                               operands, numbers});
}

static struct fixture *start(void) {
    static const struct rw_forest_feature features[WIDTH] = {
        {.name = "a"}, {.name = "b"}, {.name = "c"}};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->forest = (struct rw_forest){.format = "test",
                                         .producer = "test",
                                         .objective = "none",
                                         .booster = "graph",
                                         .arithmetic = RW_ARITHMETIC_ONNX64,
                                         .n_features = WIDTH,
                                         .features = features,
                                         .best_iteration = -1};
    rw_arena_init(&fixture->forest.arena, 8u << 20);
    fixture->builder =
        (struct rw_graph_builder){.arena = &fixture->forest.arena, .n_features = WIDTH};
    fixture->row = add(fixture, RW_GRAPH_INPUT, RW_GRAPH_F32, WIDTH, 0, NULL, 0, NULL, 0);
    return fixture;
}

/* The image with `result` as the response; the fixture is freed. */
static void *finish(struct fixture *fixture, uint32_t result, size_t *size) {
    void *bytes;
    rowan_error error = {0};
    fixture->forest.n_groups = rw_graph_built(&fixture->builder, result)->width;
    if (rw_graph_finish(&fixture->builder, result, &fixture->forest.program,
                        &fixture->forest.program_size, &error) != ROWAN_OK ||
        rw_image_compile(&fixture->forest, NULL, 0, &bytes, size, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    rw_arena_free(&fixture->forest.arena);
    free(fixture);
    return bytes;
}

static rowan_model *compile(struct fixture *fixture, uint32_t result) {
    size_t size;
    rowan_model *model = NULL;
    rowan_error error = {0};
    void *bytes = finish(fixture, result, &size);
    if (rw_model_from_image(bytes, size, &model, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return model;
}

static void assert_gives(rowan_model *model, const double *row, const double *expected, size_t n) {
    double out[16];
    assert_int_equal(rowan_predict_f64(model, row, 1, ROWAN_RESPONSE, out, NULL), ROWAN_OK);
    for (size_t i = 0; i < n; i++)
        assert_true(same_bits((float)out[i], (float)expected[i]));
    rowan_model_free(model);
}

static void operands_of_one_element_serve_every_element(void **state) {
    (void)state;
    struct fixture *fixture = start();
    const union rw_graph_number two = {.real = 2.0};
    const uint32_t constant = add(fixture, RW_GRAPH_CONSTANT, RW_GRAPH_F32, 1, 0, NULL, 0, &two, 1);
    const uint32_t product = add(fixture, RW_GRAPH_MUL, RW_GRAPH_F32, WIDTH, 0,
                                 (const uint32_t[]){fixture->row, constant}, 2, NULL, 0);
    assert_gives(compile(fixture, product), (const double[]){1.0, -0.5, NAN},
                 (const double[]){2.0, -1.0, NAN}, WIDTH);
}

static void missing_values_are_imputed_and_scaled(void **state) {
    (void)state;
    struct fixture *fixture = start();
    const union rw_graph_number by[] = {{.real = NAN}, {.real = 7.0}, {.real = 8.0}, {.real = 9.0}};
    const union rw_graph_number scale[] = {{.real = 1.0},  {.real = 1.0}, {.real = 1.0},
                                           {.real = 10.0}, {.real = 1.0}, {.real = 0.5}};
    const uint32_t whole = add(fixture, RW_GRAPH_IMPUTE, RW_GRAPH_F32, WIDTH, 0, &fixture->row, 1,
                               by, ARRAY_LENGTH(by));
    const uint32_t scaled =
        add(fixture, RW_GRAPH_SCALE, RW_GRAPH_F32, WIDTH, 0, &whole, 1, scale, ARRAY_LENGTH(scale));
    assert_gives(compile(fixture, scaled), (const double[]){NAN, 4.0, 2.0},
                 (const double[]){60.0, 3.0, 0.5}, WIDTH);
}

static void what_is_no_category_is_no_hot_element(void **state) {
    (void)state;
    static const double rows[][3] = {{1.0, 0.0, 0.0}, {2.0, 0.0, 0.0}, {NAN, 0.0, 0.0},
                                     {1e300, 0, 0},   {-1.0, 0, 0},    {1.9, 0, 0}};
    static const double expected[] = {0.0, 1.0, -1.0, -1.0, -1.0, 0.0}; /* which is hot */
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fixture *fixture = start();
        const union rw_graph_number codes[] = {{.integer = 1}, {.integer = 2}};
        const uint32_t code = add(fixture, RW_GRAPH_INPUT, RW_GRAPH_I64, 1, 0, NULL, 0, NULL, 0);
        const uint32_t hot = add(fixture, RW_GRAPH_ONE_HOT, RW_GRAPH_F32, 2, 0, &code, 1, codes, 2);
        assert_gives(compile(fixture, hot), rows[i],
                     (const double[]){expected[i] == 0.0, expected[i] == 1.0}, 2);
    }
}

static void more_rows_than_a_block_give_the_same(void **state) {
    (void)state;
    struct fixture *fixture = start();
    const uint32_t sum = add(fixture, RW_GRAPH_SUM, RW_GRAPH_F32, 1, 0, &fixture->row, 1, NULL, 0);
    rowan_model *model = compile(fixture, sum);
    double rows[200][WIDTH], out[200];
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < WIDTH; k++)
            rows[i][k] = (double)(i * (k + 1));
    assert_int_equal(rowan_predict_f64(model, rows[0], 200, ROWAN_RESPONSE, out, NULL), ROWAN_OK);
    for (size_t i = 0; i < 200; i++)
        assert_true(out[i] == (double)(6 * i));
    rowan_model_free(model);
}

static void values_that_nothing_reads_any_more_leave_their_place(void **state) {
    (void)state;
    struct fixture *fixture = start();
    uint32_t value = fixture->row;
    for (uint32_t i = 0; i < 1000; i++)
        value = add(fixture, RW_GRAPH_ABS, RW_GRAPH_F32, WIDTH, 0, &value, 1, NULL, 0);
    rowan_model *model = compile(fixture, value);
    const struct rw_graph_header *graph = model->image.program;
    assert_int_equal(graph->n_ops, 1001);
    assert_true(graph->row_bytes <= 3 * 16); /* two values at a time */
    assert_gives(model, (const double[]){-1.0, 2.0, -3.0}, (const double[]){1.0, 2.0, 3.0}, WIDTH);
}

static void operations_that_the_response_does_not_need_are_dropped(void **state) {
    (void)state;
    struct fixture *fixture = start();
    add(fixture, RW_GRAPH_EXP, RW_GRAPH_F32, WIDTH, 0, &fixture->row, 1, NULL, 0);
    const uint32_t kept =
        add(fixture, RW_GRAPH_NEG, RW_GRAPH_F32, WIDTH, 0, &fixture->row, 1, NULL, 0);
    rowan_model *model = compile(fixture, kept);
    assert_int_equal(((const struct rw_graph_header *)model->image.program)->n_ops, 2);
    rowan_model_free(model);
}

static void a_row_that_does_not_fit_the_scratch_is_refused(void **state) {
    (void)state;
    struct fixture *fixture = start();
    const union rw_graph_number zero = {.integer = 0};
    uint32_t wide = add(fixture, RW_GRAPH_SELECT, RW_GRAPH_F32, 1, 0, &fixture->row, 1, &zero, 1);
    rowan_error error;
    for (uint32_t width = 2; width <= 2 * RW_GRAPH_SCRATCH_BYTES / sizeof(float); width *= 2)
        wide = add(fixture, RW_GRAPH_CONCAT, RW_GRAPH_F32, width, 0, (const uint32_t[]){wide, wide},
                   2, NULL, 0);
    assert_int_equal(rw_graph_finish(&fixture->builder, wide, &fixture->forest.program,
                                     &fixture->forest.program_size, &error),
                     ROWAN_LIMIT);
    assert_says(&error, "RW_GRAPH_SCRATCH_BYTES");
    rw_arena_free(&fixture->forest.arena);
    free(fixture);
}

/* ---- hostile images ------------------------------------------------------------------ */

/* One lie in a graph of row, select, sum; the image is signed again. */
static void refuse(void (*lie)(struct rw_graph_header *, struct rw_graph_op *,
                               union rw_graph_number *, uint32_t *)) {
    struct fixture *fixture = start();
    const union rw_graph_number order[] = {{.integer = 2}, {.integer = 1}, {.integer = 0}};
    const uint32_t selected =
        add(fixture, RW_GRAPH_SELECT, RW_GRAPH_F32, WIDTH, 0, &fixture->row, 1, order, WIDTH);
    const uint32_t sum = add(fixture, RW_GRAPH_SUM, RW_GRAPH_F32, 1, 0, &selected, 1, NULL, 0);
    size_t size;
    rowan_error error = {0};
    char *bytes = finish(fixture, sum, &size);
    struct rw_image_header *header = (void *)bytes;
    char *graph = bytes + header->sections[RW_SECTION_PROGRAM].offset;
    struct rw_graph_op *ops = (void *)(graph + sizeof(struct rw_graph_header));
    union rw_graph_number *numbers = (void *)(ops + 3);
    lie((void *)graph, ops, numbers, (void *)(numbers + WIDTH));
    header->checksum = rw_image_checksum(bytes, size);
    rowan_model *model = NULL;
    assert_int_equal(rw_model_from_image(bytes, size, &model, &error), ROWAN_MALFORMED);
    assert_says(&error, "graph");
}

#define LIE(name, statement)                                                                       \
    static void name(struct rw_graph_header *header, struct rw_graph_op *ops,                      \
                     union rw_graph_number *numbers, uint32_t *operands) {                         \
        (void)header, (void)ops, (void)numbers, (void)operands;                                    \
        statement;                                                                                 \
    }

LIE(too_many_ops, header->n_ops = UINT32_MAX)
LIE(too_many_numbers, header->n_numbers = UINT32_MAX)
LIE(too_many_operands, header->n_operands = UINT32_MAX)
LIE(too_many_forests, header->n_forests = RW_GRAPH_MAX_FORESTS)
LIE(no_result, header->result = 3)
LIE(result_of_another_width, header->result = 1)
LIE(scratch_too_small, header->row_bytes = 8)
LIE(scratch_too_large, header->row_bytes = RW_GRAPH_SCRATCH_BYTES + 8)
LIE(no_row, header->row_bytes = 0)
LIE(other_features, header->n_features = 4)
LIE(unknown_code, ops[2].code = RW_GRAPH_CODE_COUNT)
LIE(unknown_type, ops[2].type = RW_GRAPH_TYPE_COUNT)
LIE(no_width, ops[1].width = 0)
LIE(wider, ops[1].width = 1u << 30)
LIE(column_beyond_the_row, ops[0].detail = 1)
LIE(place_beyond_the_scratch, ops[2].place = header->row_bytes)
LIE(place_at_no_boundary, ops[2].place += 4)
LIE(place_of_its_operand, ops[1].place = ops[0].place)
LIE(operand_of_itself, operands[0] = 1)
LIE(operand_that_comes_later, operands[0] = 2)
LIE(operands_beyond_the_end, ops[1].operands = 2)
LIE(no_operands, ops[2].n_operands = 0)
LIE(numbers_beyond_the_end, ops[1].numbers = 1)
LIE(element_beyond_the_value, numbers[0].integer = 3)
LIE(negative_element, numbers[0].integer = -1)
LIE(forest_that_does_not_exist, ops[1].code = RW_GRAPH_FOREST)

static void graphs_that_would_not_stay_inside_are_refused(void **state) {
    (void)state;
    static void (*const lies[])(struct rw_graph_header *, struct rw_graph_op *,
                                union rw_graph_number *, uint32_t *) = {too_many_ops,
                                                                        too_many_numbers,
                                                                        too_many_operands,
                                                                        too_many_forests,
                                                                        no_result,
                                                                        result_of_another_width,
                                                                        scratch_too_small,
                                                                        scratch_too_large,
                                                                        no_row,
                                                                        other_features,
                                                                        unknown_code,
                                                                        unknown_type,
                                                                        no_width,
                                                                        wider,
                                                                        column_beyond_the_row,
                                                                        place_beyond_the_scratch,
                                                                        place_at_no_boundary,
                                                                        place_of_its_operand,
                                                                        operand_of_itself,
                                                                        operand_that_comes_later,
                                                                        operands_beyond_the_end,
                                                                        no_operands,
                                                                        numbers_beyond_the_end,
                                                                        element_beyond_the_value,
                                                                        negative_element,
                                                                        forest_that_does_not_exist};
    for (size_t i = 0; i < ARRAY_LENGTH(lies); i++)
        refuse(lies[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_of_one_element_serve_every_element),
        cmocka_unit_test(missing_values_are_imputed_and_scaled),
        cmocka_unit_test(what_is_no_category_is_no_hot_element),
        cmocka_unit_test(more_rows_than_a_block_give_the_same),
        cmocka_unit_test(values_that_nothing_reads_any_more_leave_their_place),
        cmocka_unit_test(operations_that_the_response_does_not_need_are_dropped),
        cmocka_unit_test(a_row_that_does_not_fit_the_scratch_is_refused),
        cmocka_unit_test(graphs_that_would_not_stay_inside_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
