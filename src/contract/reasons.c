/*
 * reasons.c - ?explain=N: the N features that moved a score most.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "contract/request.h"

/* ---- how many ----------------------------------------------------------------------- */

static void refuse(struct rw_buffer *reply, const char *type, const char *message) {
    rw_buffer_printf(
        reply, "{\"detail\":[{\"type\":\"%s\",\"loc\":[\"query\",\"explain\"],\"msg\":\"", type);
    rw_buffer_json_escaped(reply, message, strlen(message));
    rw_buffer_text(reply, "\"}]}");
}

static bool is_integer(const char *text, size_t length) {
    size_t digits = length && *text == '-' ? 1 : 0;
    for (size_t i = digits; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return length > digits;
}

/* Of digits alone; stops counting beyond `most`. */
static uint32_t parse(const char *text, size_t length, uint32_t most) {
    uint32_t number = 0;
    for (size_t i = 0; i < length && number <= most; i++)
        number = number * 10 + (uint32_t)(text[i] - '0');
    return number;
}

uint32_t rw_reasons_count(const struct rw_contract *contract, const rowan_model *model,
                          const char *text, size_t length, struct rw_buffer *reply) {
    rowan_error error;
    const uint32_t most = contract->n_features;
    char message[ROWAN_ERROR_TEXT];
    if (rowan_contributions_f64(model, NULL, 0, NULL, &error) != ROWAN_OK) {
        refuse(reply, "explanation_unavailable", error.what);
        return 0;
    }
    if (!is_integer(text, length)) {
        refuse(reply, "int_parsing",
               "Input should be a valid integer, unable to parse string as an integer");
        return 0;
    }
    const uint32_t number = *text == '-' ? 0 : parse(text, length, most);
    if (number >= 1 && number <= most)
        return number;
    struct rw_buffer said = {.data = message, .capacity = sizeof message};
    rw_buffer_printf(&said, "Input should be %s than or equal to %u", number ? "less" : "greater",
                     number ? most : 1);
    message[said.length] = '\0';
    refuse(reply, number ? "less_than_equal" : "greater_than_equal", message);
    return 0;
}

bool rw_reasons_fit(const struct rw_reasons *reasons, size_t n_rows, struct rw_buffer *reply) {
    if (reasons->count == 0 || n_rows <= RW_REASONS_MAX / reasons->count)
        return true;
    char message[ROWAN_ERROR_TEXT];
    snprintf(message, sizeof message,
             "Input should be less than or equal to %zu for %zu transactions: a reply has at most "
             "%u reasons",
             RW_REASONS_MAX / n_rows, n_rows, RW_REASONS_MAX);
    refuse(reply, "less_than_equal", message);
    return false;
}

/* ---- which --------------------------------------------------------------------------- */

/* Whether feature a comes before feature b. */
static bool is_before(const double *contributions, uint32_t a, uint32_t b) {
    const double x = fabs(contributions[a]), y = fabs(contributions[b]);
    return x > y || (!(x < y) && a < b);
}

/* `heap` has its last feature on top; what is at `at` may have to move down. */
static void sift_down(const double *contributions, uint32_t *heap, uint32_t count, uint32_t at) {
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(contributions, heap[child], heap[child + 1]))
            child++;
        if (is_before(contributions, heap[child], heap[at]))
            return;
        const uint32_t moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

void rw_largest_contributions(const double *contributions, uint32_t n_features, uint32_t *largest,
                              uint32_t count) {
    for (uint32_t f = 0; f < count; f++)
        largest[f] = f;
    for (uint32_t at = count / 2; at-- > 0;)
        sift_down(contributions, largest, count, at);
    for (uint32_t f = count; f < n_features; f++)
        if (is_before(contributions, f, largest[0])) {
            largest[0] = f;
            sift_down(contributions, largest, count, 0);
        }
    for (uint32_t left = count; left > 1; left--) {
        const uint32_t last = largest[0];
        largest[0] = largest[left - 1];
        largest[left - 1] = last;
        sift_down(contributions, largest, left - 1, 0);
    }
}

bool rw_reasons_init(struct rw_reasons *reasons, const rowan_model *model,
                     struct rw_scratch *scratch, uint32_t count) {
    rowan_model_info info;
    rowan_model_describe(model, &info);
    const size_t width = (size_t)info.n_features + 1;
    reasons->count = count;
    reasons->contributions =
        rw_scratch_alloc(scratch, info.n_groups * width, sizeof *reasons->contributions);
    reasons->largest = rw_scratch_alloc(scratch, count, sizeof *reasons->largest);
    return reasons->contributions && reasons->largest;
}

const double *rw_contract_contributions(const struct rw_contract *contract, double *all,
                                        uint32_t n_features) {
    double *of_output = all + contract->margin * ((size_t)n_features + 1);
    for (uint32_t i = 0; contract->is_opposite && i <= n_features; i++)
        of_output[i] = 0.0 - of_output[i]; /* never -0.0 */
    return of_output;
}

/* ---- reply ----------------------------------------------------------------------------- */

static void add_reason(const struct rw_contract *contract, uint32_t feature, double value,
                       double contribution, struct rw_buffer *reply) {
    const char *name = contract->features[feature].name;
    rw_buffer_text(reply, "{\"feature\":\"");
    rw_buffer_json_escaped(reply, name, strlen(name));
    rw_buffer_text(reply, "\",\"value\":");
    rw_reply_add_number(reply, value, false);
    rw_buffer_text(reply, ",\"contribution\":");
    rw_reply_add_number(reply, contribution, false);
    rw_buffer_text(reply, "}");
}

bool rw_reasons_add(const struct rw_contract *contract, const rowan_model *model,
                    struct rw_reasons *reasons, const double *features, struct rw_buffer *reply) {
    if (rowan_contributions_f64(model, features, 1, reasons->contributions, NULL) != ROWAN_OK)
        return false;
    const uint32_t n_features = contract->n_features;
    const double *contributions =
        rw_contract_contributions(contract, reasons->contributions, n_features);
    rw_largest_contributions(contributions, n_features, reasons->largest, reasons->count);
    if (reply->length)
        reply->length--; /* the row's closing brace */
    rw_buffer_text(reply, ",\"reasons\":[");
    for (uint32_t i = 0; i < reasons->count; i++) {
        const uint32_t feature = reasons->largest[i];
        if (i)
            rw_buffer_text(reply, ",");
        add_reason(contract, feature, features[feature], contributions[feature], reply);
    }
    rw_buffer_text(reply, "]}");
    return true;
}
