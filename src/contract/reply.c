/*
 * reply.c - a score to the JSON that the caller gets.
 *
 * What never changes is rendered when the contract is bound; a row then is a few
 * copies, two numbers and the caller's own id.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "contract/request.h"

#define NUMBER_BYTES 48 /* yyjson writes at most 40, and asks for two more */

/* ---- rendering ----------------------------------------------------------------------- */

static void *arena_lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static void add_member(struct rw_buffer *buffer, const char *key, const char *value) {
    rw_buffer_printf(buffer, ",\"%s\":\"", key);
    rw_buffer_json_escaped(buffer, value, strlen(value));
    rw_buffer_text(buffer, "\"");
}

static void add_model_members(struct rw_buffer *buffer, const struct rw_contract *contract) {
    add_member(buffer, "model_version", contract->settings.version);
    add_member(buffer, "model_type", contract->settings.type);
    rw_buffer_text(buffer, ",\"prediction_time\":\"");
}

static struct rw_text take(struct rw_buffer *buffer) {
    struct rw_text text = {buffer->data, buffer->length};
    *buffer = (struct rw_buffer){.memory = buffer->memory, .failed = buffer->failed};
    return text;
}

static void render_opening(struct rw_contract *contract, struct rw_buffer *buffer) {
    const char *score = contract->is_probability ? "\"fraud_probability\":" : "\"score\":";
    rw_buffer_text(buffer, "{");
    if (contract->id == RW_NO_PROPERTY) {
        rw_buffer_text(buffer, score);
        contract->rendered.opening = take(buffer);
        contract->rendered.before_score = (struct rw_text){"", 0};
        return;
    }
    const struct rw_property *id = &contract->properties[contract->id];
    rw_buffer_text(buffer, "\"");
    rw_buffer_json_escaped(buffer, id->name, id->length);
    rw_buffer_text(buffer, "\":");
    contract->rendered.opening = take(buffer);
    rw_buffer_printf(buffer, ",%s", score);
    contract->rendered.before_score = take(buffer);
}

static size_t count_constant_bytes(const struct rw_rendered *rendered) {
    size_t longest = rendered->after_score.length;
    for (int i = 0; i < 3; i++)
        if (rendered->risk[i].length > longest)
            longest = rendered->risk[i].length;
    return rendered->opening.length + rendered->before_score.length + longest +
           rendered->before_confidence.length + rendered->closing.length;
}

bool rw_reply_render(struct rw_contract *contract) {
    static const char *const levels[] = {"low", "medium", "high"};
    struct rw_rendered *rendered = &contract->rendered;
    struct rw_memory memory = {arena_lend, &contract->arena};
    struct rw_buffer buffer = {.memory = &memory};
    render_opening(contract, &buffer);
    for (int i = 0; i < 3; i++) {
        add_member(&buffer, "risk_level", levels[i]);
        add_model_members(&buffer, contract);
        rendered->risk[i] = take(&buffer);
    }
    add_model_members(&buffer, contract);
    rendered->after_score = take(&buffer);
    rw_buffer_text(&buffer, "\",\"confidence_score\":");
    rendered->before_confidence = take(&buffer);
    rendered->closing =
        contract->is_probability ? (struct rw_text){"}", 1} : (struct rw_text){"\"}", 2};
    rendered->constant_bytes = count_constant_bytes(rendered);
    return !buffer.failed;
}

/* ---- numbers ---------------------------------------------------------------------------- */

static void *lend_block(void *context, size_t size) {
    return size <= NUMBER_BYTES ? context : NULL;
}

static void *lend_no_more(void *context, void *block, size_t old_size, size_t size) {
    (void)context, (void)block, (void)old_size, (void)size;
    return NULL;
}

static void take_nothing(void *context, void *block) {
    (void)context, (void)block;
}

/* The shortest decimal that reads back as the same number in the model's precision.
 * JSON has no infinity: a score beyond all numbers is null.  Writes up to
 * NUMBER_BYTES, returns the end. */
static char *put_number(char *to, double number, bool is_float32) {
    yyjson_alc lender = {lend_block, lend_no_more, take_nothing, to};
    yyjson_val value = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = number};
    yyjson_write_flag flags = YYJSON_WRITE_INF_AND_NAN_AS_NULL;
    if (is_float32)
        flags |= YYJSON_WRITE_FP_TO_FLOAT;
    size_t length = 0;
    yyjson_val_write_opts(&value, flags, &lender, &length, NULL);
    return to + length;
}

void rw_reply_add_number(struct rw_buffer *reply, double number, bool is_float32) {
    if (rw_buffer_reserve(reply, NUMBER_BYTES))
        reply->length =
            (size_t)(put_number(reply->data + reply->length, number, is_float32) - reply->data);
}

static double confidence(const struct rw_contract *contract, double p) {
    if (!contract->is_float32)
        return p > 1.0 - p ? p : 1.0 - p;
    float yes = (float)p, no = 1.0f - yes;
    return (double)(yes > no ? yes : no);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static char *put(char *to, struct rw_text text) {
    memcpy(to, text.data, text.length);
    return to + text.length;
}

/* Ids seldom hold anything to escape: then they are one copy. */
static bool is_plain(const char *text, size_t length) {
    bool plain = true;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        plain &= c >= 0x20 && c != '"' && c != '\\';
    }
    return plain;
}

static void add_id(struct rw_buffer *reply, struct rw_text id) {
    if (!id.data) {
        rw_buffer_add(reply, "null", 4);
        return;
    }
    rw_buffer_add(reply, "\"", 1);
    if (is_plain(id.data, id.length))
        rw_buffer_add(reply, id.data, id.length);
    else
        rw_buffer_json_escaped(reply, id.data, id.length);
    rw_buffer_add(reply, "\"", 1);
}

static struct rw_text risk_text(const struct rw_contract *contract, double p) {
    return contract->rendered.risk[p >= contract->high ? 2 : p >= contract->medium ? 1 : 0];
}

void rw_reply_add_row(const struct rw_contract *contract, const struct rw_reply_row *row,
                      struct rw_buffer *reply) {
    const struct rw_rendered *rendered = &contract->rendered;
    rw_buffer_add(reply, rendered->opening.data, rendered->opening.length);
    if (contract->id != RW_NO_PROPERTY)
        add_id(reply, row->id);
    if (!rw_buffer_reserve(reply, rendered->constant_bytes + row->now.length + 2 * NUMBER_BYTES))
        return;
    char *to = reply->data + reply->length;
    to = put(to, rendered->before_score);
    to = put_number(to, row->score, contract->is_float32);
    to =
        put(to, contract->is_probability ? risk_text(contract, row->score) : rendered->after_score);
    to = put(to, row->now);
    if (contract->is_probability) {
        to = put(to, rendered->before_confidence);
        to = put_number(to, confidence(contract, row->score), contract->is_float32);
    }
    to = put(to, rendered->closing);
    reply->length = (size_t)(to - reply->data);
}

bool rw_is_fraud(const struct rw_contract *contract, double score) {
    return score >= contract->decision;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* gmtime_r takes the lock of the time zone; the calendar is short enough to do here.
 * Days to date: Howard Hinnant, "chrono-compatible low-level date algorithms". */
static void civil_date(int64_t days, int *year, int *month, int *day) {
    int64_t shifted = days + 719468; /* days since 0000-03-01 */
    int64_t era = shifted / 146097;
    int of_era = (int)(shifted - era * 146097);
    int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * of_year + 2) / 153;
    *day = of_year - (153 * month_from_march + 2) / 5 + 1;
    *month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *year = year_of_era + (int)era * 400 + (*month <= 2);
}

struct rw_text rw_now(char text[RW_NOW_BYTES]) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int year, month, day;
    civil_date(now.tv_sec / 86400, &year, &month, &day);
    int second = (int)(now.tv_sec % 86400);
    int length =
        snprintf(text, RW_NOW_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
                 second / 3600, second / 60 % 60, second % 60, (int)(now.tv_nsec / 1000000));
    return (struct rw_text){text, length < RW_NOW_BYTES ? (size_t)length : RW_NOW_BYTES - 1};
}

const char *rw_contract_now(char text[RW_NOW_BYTES]) {
    return rw_now(text).data;
}
