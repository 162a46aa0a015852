/*
 * A request gets its reply, or every field that it breaks.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "contract_fixture.h"

static struct rw_contract *contract;
static rowan_model *model;

static int set_up(void **state) {
    (void)state;
    rowan_error error;
    contract = fixture_contract();
    model = fixture_model("binary:logistic", FIXTURE_NAMES, FIXTURE_N_FEATURES, 1);
    return rw_contract_bind(contract, model, &error) == ROWAN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    rw_contract_free(contract);
    rowan_model_free(model);
    return 0;
}

static struct fixture_answer ask(const char *text) {
    char body[8192];
    fixture_quotes(text, body, sizeof body);
    return fixture_ask(contract, model, body, strlen(body), 0, SIZE_MAX);
}

static void expect(const char *text, unsigned status, const char *reply) {
    char expected[8192];
    fixture_quotes(reply, expected, sizeof expected);
    struct fixture_answer answer = ask(text);
    assert_string_equal(answer.text, expected);
    assert_int_equal(answer.status, status);
    free(answer.text);
}

/* `detail` is the inside of the reply's list, without messages. */
static void expect_broken(const char *text, const char *detail) {
    struct fixture_answer answer = ask(text);
    char seen[8192] = "", *to = seen;
    const char *from = answer.text;
    assert_int_equal(answer.status, 422);
    for (const char *message; (message = strstr(from, ",\"msg\":\"")); from = message) {
        to += sprintf(to, "%.*s}", (int)(message - from), from);
        message = strstr(message, "\"}");
        assert_non_null(message);
        message += strlen("\"}");
    }
    to += sprintf(to, "%s", from);
    char expected[8192], wrapped[8192];
    snprintf(wrapped, sizeof wrapped, "{'detail':[%s]}", detail);
    fixture_quotes(wrapped, expected, sizeof expected);
    assert_string_equal(seen, expected);
    assert_true(isnan(answer.outcome.score) && isnan(answer.outcome.max_score));
    assert_int_equal(answer.outcome.n_rows, 0);
    free(answer.text);
}

#define V(type, place) "{'type':'" type "','loc':['body'," place "]}"

/* What Booster.predict of XGBoost 3.2.0 gave for the fixture's model: float32 bits
 * 3df420a9 (amount 1) and 3f73dbe6 (amount 100). */
#define CHEAP_TEXT                                                                                 \
    "'fraud_probability':0.11920292,'risk_level':'low','model_version':'1.2.3',"                   \
    "'model_type':'XGBoost','prediction_time':'2018-08-08T09:30:12Z',"                             \
    "'confidence_score':0.8807971}"
#define DEAR_TEXT                                                                                  \
    "'fraud_probability':0.95257413,'risk_level':'high','model_version':'1.2.3',"                  \
    "'model_type':'XGBoost','prediction_time':'2018-08-08T09:30:12Z',"                             \
    "'confidence_score':0.95257413}"

/* ---- replies ------------------------------------------------------------------------ */

static void one_transaction_gets_one_object(void **state) {
    (void)state;
    expect("{'id':'a','amount':1,'time':0}", 200, "{'id':'a'," CHEAP_TEXT);
    expect(" {\n'time':0 ,\t'amount':1e2,'id':'b'}\r\n", 200, "{'id':'b'," DEAR_TEXT);
}

static void an_array_gets_an_array_in_its_order(void **state) {
    (void)state;
    expect("[]", 200, "[]");
    expect("[{'id':'a','amount':1,'time':0}]", 200, "[{'id':'a'," CHEAP_TEXT "]");
    expect("[{'id':'a','amount':100,'time':0},{'id':'b','amount':99.9,'time':0}]", 200,
           "[{'id':'a'," DEAR_TEXT ",{'id':'b'," CHEAP_TEXT "]");
}

static void outcomes_tell_the_last_and_the_highest_score(void **state) {
    (void)state;
    struct fixture_answer answer =
        ask("[{'id':'a','amount':100,'time':0},{'id':'b','amount':9,'time':0}]");
    assert_int_equal(answer.outcome.n_rows, 2);
    assert_true(answer.outcome.score == (double)0.11920292f);
    assert_true(answer.outcome.max_score == (double)0.95257413f);
    assert_false(answer.outcome.fraud);
    free(answer.text);
    answer = ask("{'id':'a','amount':100,'time':0}");
    assert_true(answer.outcome.fraud);
    assert_int_equal(answer.outcome.n_rows, 1);
    free(answer.text);
    answer = ask("[]");
    assert_true(isnan(answer.outcome.score) && !answer.outcome.fraud);
    free(answer.text);
}

/* ---- observers ------------------------------------------------------------------------ */

struct seen {
    size_t calls, n_rows;
    double scores[4];
    char id[16]; /* "-": none */
};

static void see(void *context, const struct rw_scored *scored) {
    struct seen *seen = context;
    seen->calls++;
    seen->n_rows = scored->n_rows;
    for (size_t i = 0; i < scored->n_rows; i++)
        seen->scores[i] = scored->scores[i * scored->stride];
    if (scored->id)
        snprintf(seen->id, sizeof seen->id, "%.*s", (int)scored->id_length, scored->id);
    else
        strcpy(seen->id, "-");
}

/* What an observer saw of a request; memory may end after `limit` blocks. */
static struct seen observe(const char *text, unsigned status, size_t limit) {
    char body[8192];
    fixture_quotes(text, body, sizeof body);
    struct seen seen = {0};
    struct fixture_lender lender = {.limit = limit};
    rw_arena_init(&lender.arena, SIZE_MAX);
    struct rw_memory memory = {fixture_lend, &lender};
    struct rw_buffer reply = {.memory = &memory};
    struct rw_predict_options options = {.observe = see, .observe_context = &seen};
    struct rw_outcome outcome;
    assert_int_equal(rw_contract_predict(contract, model, body, strlen(body), &options, &memory,
                                         &reply, &outcome),
                     status);
    rw_arena_free(&lender.arena);
    return seen;
}

static void an_observer_sees_every_row_of_an_answer_once(void **state) {
    (void)state;
    struct seen seen = observe("{'id':'a','amount':1,'time':0}", 200, SIZE_MAX);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.n_rows, 1);
    assert_true(seen.scores[0] == (double)0.11920292f);
    assert_string_equal(seen.id, "a");
    seen = observe("[{'id':'first','amount':100,'time':0},{'id':'b','amount':1,'time':0},"
                   "{'id':'c','amount':100,'time':0}]",
                   200, SIZE_MAX);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.n_rows, 3);
    assert_true(seen.scores[0] == (double)0.95257413f && seen.scores[1] == (double)0.11920292f &&
                seen.scores[2] == (double)0.95257413f);
    assert_string_equal(seen.id, "first");
}

static void an_observer_sees_an_empty_array_without_rows(void **state) {
    (void)state;
    struct seen seen = observe("[]", 200, SIZE_MAX);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.n_rows, 0);
    assert_string_equal(seen.id, "-");
}

static void an_observer_sees_nothing_of_a_refusal(void **state) {
    (void)state;
    static const char *const refused[] = {"", "{", "5", "{'id':'a'}",
                                          "[{'id':'a','amount':1,'time':0},{'id':'b'}]"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(observe(refused[i], 422, SIZE_MAX).calls, 0);
    assert_int_equal(observe("{'id':'a','amount':1,'time':0}", 500, 0).calls, 0);
}

static void an_outcome_tells_a_text_that_is_no_json_from_one_that_breaks_the_contract(
    void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool no_json;
    } bodies[] = {{"", true}, {"{'id':", true}, {"{'id':'a'}", false}, {"5", false}, {"[]", false}};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct fixture_answer answer = ask(bodies[i].text);
        assert_int_equal(answer.outcome.no_json, bodies[i].no_json);
        free(answer.text);
    }
}

static void ids_are_escaped_again(void **state) {
    (void)state;
    static const char body[] = "{\"id\":\"a\\\"\\\\\\n\\u0001\\u00e9\\ud83d\\ude00\\u007f/"
                               "\\u0000z\",\"amount\":1,\"time\":0}";
    struct fixture_answer answer = fixture_ask(contract, model, body, strlen(body), 0, SIZE_MAX);
    static const char start[] =
        "{\"id\":\"a\\\"\\\\\\n\\u0001\xC3\xA9\xF0\x9F\x98\x80\x7F/\\u0000z\",\"fraud";
    assert_memory_equal(answer.text, start, strlen(start));
    free(answer.text);
}

static void the_clock_is_read_when_nobody_gives_the_time(void **state) {
    (void)state;
    struct fixture_lender lender = {.limit = SIZE_MAX};
    rw_arena_init(&lender.arena, SIZE_MAX);
    struct rw_memory memory = {fixture_lend, &lender};
    struct rw_buffer reply = {.memory = &memory};
    struct rw_outcome outcome;
    static const char body[] = "{\"id\":\"a\",\"amount\":1,\"time\":0}";
    time_t before = time(NULL);
    rw_contract_predict(contract, model, body, strlen(body), NULL, &memory, &reply, &outcome);
    time_t after = time(NULL);
    rw_buffer_add(&reply, "", 1);
    const char *text = strstr(reply.data, "\"prediction_time\":\"");
    assert_non_null(text);
    struct tm tm = {0};
    const char *rest = strptime(text + strlen("\"prediction_time\":\""), "%Y-%m-%dT%H:%M:%S.", &tm);
    assert_non_null(rest);
    assert_int_equal(strspn(rest, "0123456789"), 3);
    assert_memory_equal(rest + 3, "Z\"", 2);
    time_t stated = timegm(&tm);
    assert_true(before <= stated && stated <= after);
    rw_arena_free(&lender.arena);
}

/* ---- violations ----------------------------------------------------------------------- */

static void messages_are_those_of_pydantic(void **state) {
    (void)state;
    expect("{'id':'a','amount':0,'time':0}", 422,
           "{'detail':[{'type':'greater_than','loc':['body','amount'],"
           "'msg':'Input should be greater than 0'}]}");
    expect("{'id':'a','amount':1,'time':5.5}", 422,
           "{'detail':[{'type':'int_from_float','loc':['body','time'],'msg':"
           "'Input should be a valid integer, got a number with a fractional part'}]}");
    expect("{'id':'a','amount':1,'time':0,'note':'x','level':3}", 422,
           "{'detail':[{'type':'literal_error','loc':['body','level'],"
           "'msg':'Input should be 1, 2 or 4'},"
           "{'type':'string_too_short','loc':['body','note'],"
           "'msg':'String should have at least 2 characters'}]}");
}

static void every_violated_field_is_listed_in_the_order_of_the_contract(void **state) {
    (void)state;
    expect_broken("{'nothing':0,'note':5,'level':'1','country':1,'online':1,'days':'1',"
                  "'time':true,'amount':'1','id':1}",
                  "{'type':'string_type','loc':['body','id']},"
                  "{'type':'float_type','loc':['body','amount']},"
                  "{'type':'int_type','loc':['body','time']},"
                  "{'type':'int_type','loc':['body','days']},"
                  "{'type':'bool_type','loc':['body','online']},"
                  "{'type':'string_type','loc':['body','country']},"
                  "{'type':'int_type','loc':['body','level']},"
                  "{'type':'string_type','loc':['body','note']},"
                  "{'type':'none_required','loc':['body','nothing']}");
    expect_broken("{}", "{'type':'missing','loc':['body','id']},"
                        "{'type':'missing','loc':['body','amount']},"
                        "{'type':'missing','loc':['body','time']}");
    expect_broken("{'id':null,'amount':null,'time':null}",
                  "{'type':'string_type','loc':['body','id']},"
                  "{'type':'float_type','loc':['body','amount']},"
                  "{'type':'int_type','loc':['body','time']}");
}

static void bounds_are_checked_at_their_edges(void **state) {
    (void)state;
    expect_broken("{'id':'a','amount':-0.0,'time':-1,'days':100}",
                  V("greater_than", "'amount'") "," V("greater_than_equal",
                                                      "'time'") "," V("less_than", "'days'"));
    expect_broken("{'id':'a','amount':1000000.5,'time':0}", V("less_than_equal", "'amount'"));
    expect("{'id':'a','amount':1000000,'time':-0,'days':99}", 200, "{'id':'a'," DEAR_TEXT);
}

static void lengths_count_code_points(void **state) {
    (void)state;
    expect("{'id':'a','amount':1,'time':0,'note':'\xF0\x9F\x98\x80\xC3\xA9\xE2\x82\xAC\\u20ac'}",
           200, "{'id':'a'," CHEAP_TEXT);
    expect_broken("{'id':'a','amount':1,'time':0,'note':'abcde'}", V("string_too_long", "'note'"));
    expect_broken("{'id':'a','amount':1,'time':0,'country':'XX'}", V("literal_error", "'country'"));
}

static void what_is_no_transaction_is_refused_as_such(void **state) {
    (void)state;
    static const char *const bodies[] = {"1", "'a'", "null", "true", "1e999"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        expect_broken(bodies[i], "{'type':'model_attributes_type','loc':['body']}");
    expect_broken("[{'id':'a','amount':1,'time':0},5,[],{'id':1,'amount':0,'time':0}]",
                  V("model_attributes_type", "1") "," V("model_attributes_type", "2") "," V(
                      "string_type", "3,'id'") "," V("greater_than", "3,'amount'"));
}

static void a_batch_is_refused_beyond_its_bound(void **state) {
    (void)state;
    static const char body[] = "[1,2,3]";
    struct fixture_answer answer = fixture_ask(contract, model, body, strlen(body), 2, SIZE_MAX);
    assert_string_equal(answer.text,
                        "{\"detail\":[{\"type\":\"too_long\",\"loc\":[\"body\"],\"msg\":\"List "
                        "should have at most 2 items after validation, not 3\"}]}");
    free(answer.text);
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

static void the_list_of_violations_is_bounded(void **state) {
    (void)state;
    static char body[3 * RW_BATCH_MAX_ROWS + 2];
    for (size_t n = RW_VIOLATIONS_MAX; n <= RW_BATCH_MAX_ROWS; n += 4500) {
        size_t used = 0;
        for (size_t i = 0; i < n; i++)
            used += (size_t)sprintf(body + used, "%c5", i ? ',' : '[');
        used += (size_t)sprintf(body + used, "]");
        struct fixture_answer answer = fixture_ask(contract, model, body, used, 0, SIZE_MAX);
        assert_int_equal(answer.status, 422);
        assert_int_equal(count(answer.text, "model_attributes_type"), RW_VIOLATIONS_MAX);
        assert_int_equal(count(answer.text, "too_many_errors"), n > RW_VIOLATIONS_MAX);
        assert_string_equal(answer.text + strlen(answer.text) - 3, "}]}");
        free(answer.text);
    }
}

/* ---- keys -------------------------------------------------------------------------------- */

static void the_last_of_equal_keys_wins(void **state) {
    (void)state;
    expect("{'amount':'x','id':'a','amount':100,'time':0,'id':'b'}", 200, "{'id':'b'," DEAR_TEXT);
    expect_broken("{'id':'a','amount':1,'time':0,'amount':0}", V("greater_than", "'amount'"));
}

static void unknown_keys_are_ignored(void **state) {
    (void)state;
    expect("{'x':1e999,'id':'a','Amount':0,'amount':1,'':[],'time':0,'amount ':{'amount':5}}", 200,
           "{'id':'a'," CHEAP_TEXT);
    expect("{'i\\u0064':'a','amount':1,'time':0}", 200, "{'id':'a'," CHEAP_TEXT);
}

static void unknown_keys_are_refused_where_the_contract_says_so(void **state) {
    (void)state;
    struct rw_contract *usual = contract;
    rowan_error error;
    assert_int_equal(
        fixture_parse(FIXTURE_CONTRACT("'additionalProperties':false,", FIXTURE_SETTINGS("")),
                      &contract, &error),
        ROWAN_OK);
    assert_int_equal(rw_contract_bind(contract, model, &error), ROWAN_OK);
    expect_broken("{'y':1,'id':'a','amount':0,'time':0,'x':2}",
                  V("greater_than", "'amount'") "," V("extra_forbidden",
                                                      "'y'") "," V("extra_forbidden", "'x'"));
    expect("{'id':'a','amount':1,'time':0}", 200, "{'id':'a'," CHEAP_TEXT);
    rw_contract_free(contract);
    contract = usual;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static void integers_are_what_json_schema_says(void **state) {
    (void)state;
    static const char *const integers[] = {"5.0",
                                           "1e3",
                                           "-0",
                                           "-0.0",
                                           "0e5",
                                           "9007199254740993",
                                           "18446744073709551615",
                                           "18446744073709551616",
                                           "123456789012345678901234567890",
                                           "1e300",
                                           "1.5e1"};
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        char body[128];
        snprintf(body, sizeof body, "{'id':'a','amount':1,'time':%s}", integers[i]);
        expect(body, 200, "{'id':'a'," CHEAP_TEXT);
    }
    static const char *const others[] = {"5.5", "1e-3", "4503599627370495.5"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char body[128];
        snprintf(body, sizeof body, "{'id':'a','amount':1,'time':%s}", others[i]);
        expect_broken(body, V("int_from_float", "'time'"));
    }
}

static void numbers_beyond_double_are_refused_where_they_matter(void **state) {
    (void)state;
    expect_broken("{'id':'a','amount':1e400,'time':-1e400}",
                  V("finite_number", "'amount'") "," V("finite_number", "'time'"));
    expect("{'id':'a','amount':1,'time':0,'other':1e400}", 200, "{'id':'a'," CHEAP_TEXT);
    char body[1024] = "{'id':'a','amount':1,'time':";
    size_t used = strlen(body);
    memset(body + used, '9', 400);
    strcpy(body + used + 400, "}");
    expect_broken(body, V("finite_number", "'time'"));
}

/* ---- texts that are not JSON ----------------------------------------------------------------- */

static void expect_no_json(const void *body, size_t size, size_t position) {
    struct fixture_answer answer = fixture_ask(contract, model, body, size, 0, SIZE_MAX);
    char start[128];
    snprintf(start, sizeof start,
             "{\"detail\":[{\"type\":\"json_invalid\",\"loc\":[\"body\",%zu],\"msg\":\"JSON "
             "decode error\",\"ctx\":{\"error\":\"",
             position);
    assert_int_equal(answer.status, 422);
    if (strncmp(answer.text, start, strlen(start)) != 0)
        print_error("%.*s\n  gives %s\n", (int)(size < 99 ? size : 99), (const char *)body,
                    answer.text);
    assert_memory_equal(answer.text, start, strlen(start));
    free(answer.text);
}

static void broken_json_is_refused_with_its_position(void **state) {
    (void)state;
    expect_no_json("", 0, 0);
    expect_no_json(" ", 1, 0);
    expect_no_json("{\"id\":NaN}", 10, 6);
    expect_no_json("{\"id\":Infinity}", 15, 6);
    expect_no_json("{\"id\":-Infinity}", 16, 7);
    expect_no_json("{} x", 4, 3);
    expect_no_json("{\"id\":\"\\ud800\"}", 15, 13);
    expect_no_json("\xEF\xBB\xBF", 3, 3);
    expect_no_json("\xEF\xBB\xBF{]", 5, 4);
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    static const char body[] = "{\"id\":\"\\ud83d\\ude00\xC3\xA9\",\"amount\":1.5e2,\"time\":0,"
                               "\"online\":true,\"x\":[{}]}";
    for (size_t size = 0; size < sizeof body - 1; size++) {
        struct fixture_answer answer = fixture_ask(contract, model, body, size, 0, SIZE_MAX);
        assert_int_equal(answer.status, 422);
        assert_non_null(strstr(answer.text, "json_invalid"));
        free(answer.text);
    }
}

static void bytes_that_are_not_utf8_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\xFF", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char body[64];
        int size = snprintf(body, sizeof body, "{\"x\":\"%s\"}", bad[i]);
        struct fixture_answer answer =
            fixture_ask(contract, model, body, (size_t)size, 0, SIZE_MAX);
        assert_non_null(strstr(answer.text, "json_invalid"));
        free(answer.text);
    }
}

static void a_byte_order_mark_is_skipped(void **state) {
    (void)state;
    expect("\xEF\xBB\xBF{'id':'a','amount':1,'time':0}", 200, "{'id':'a'," CHEAP_TEXT);
}

/* ---- nesting --------------------------------------------------------------------------------- */

static char *nested(const char *before, size_t depth, const char *after, size_t *size) {
    *size = strlen(before) + 2 * depth + strlen(after);
    char *body = malloc(*size + 1);
    assert_non_null(body);
    char *to = stpcpy(body, before);
    memset(to, '[', depth);
    memset(to + depth, ']', depth);
    strcpy(to + 2 * depth, after);
    return body;
}

static void nesting_never_recurses(void **state) {
    (void)state;
    static const size_t depths[] = {10000, 1000000};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        size_t size;
        char *body = nested("{\"id\":\"a\",\"amount\":1,\"time\":0,\"x\":", depths[i], "}", &size);
        struct fixture_answer answer = fixture_ask(contract, model, body, size, 0, SIZE_MAX);
        assert_int_equal(answer.status, 200);
        free(answer.text);
        free(body);
        body = nested("", depths[i], "", &size);
        answer = fixture_ask(contract, model, body, size, 0, SIZE_MAX);
        assert_non_null(strstr(answer.text, "model_attributes_type"));
        free(answer.text);
        free(body);
    }
}

static void ten_million_open_brackets_are_no_json(void **state) {
    (void)state;
    size_t size = 10000000;
    char *body = malloc(size);
    assert_non_null(body);
    memset(body, '[', size);
    struct fixture_answer answer = fixture_ask(contract, model, body, size, 0, SIZE_MAX);
    assert_non_null(strstr(answer.text, "json_invalid"));
    free(answer.text);
    free(body);
}

/* The densest valid texts fit into the memory that body.c reckons with. */
static void dense_texts_of_every_size_are_read(void **state) {
    (void)state;
    static char body[4096];
    for (size_t n = 1; n < 1024; n++) {
        size_t used = 0;
        for (size_t i = 0; i < n; i++)
            used += (size_t)sprintf(body + used, "%c1", i ? ',' : '[');
        body[used++] = ']';
        struct fixture_answer answer = fixture_ask(contract, model, body, used, 1, SIZE_MAX);
        assert_int_equal(answer.status, 422);
        assert_null(strstr(answer.text, "json_invalid"));
        free(answer.text);
        size_t size;
        char *deep = nested("", n, "", &size);
        answer = fixture_ask(contract, model, deep, size, 0, SIZE_MAX);
        assert_null(strstr(answer.text, "json_invalid"));
        free(answer.text);
        free(deep);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_transaction_gets_one_object),
        cmocka_unit_test(an_array_gets_an_array_in_its_order),
        cmocka_unit_test(outcomes_tell_the_last_and_the_highest_score),
        cmocka_unit_test(an_observer_sees_every_row_of_an_answer_once),
        cmocka_unit_test(an_observer_sees_an_empty_array_without_rows),
        cmocka_unit_test(an_observer_sees_nothing_of_a_refusal),
        cmocka_unit_test(an_outcome_tells_a_text_that_is_no_json_from_one_that_breaks_the_contract),
        cmocka_unit_test(ids_are_escaped_again),
        cmocka_unit_test(the_clock_is_read_when_nobody_gives_the_time),
        cmocka_unit_test(messages_are_those_of_pydantic),
        cmocka_unit_test(every_violated_field_is_listed_in_the_order_of_the_contract),
        cmocka_unit_test(bounds_are_checked_at_their_edges),
        cmocka_unit_test(lengths_count_code_points),
        cmocka_unit_test(what_is_no_transaction_is_refused_as_such),
        cmocka_unit_test(a_batch_is_refused_beyond_its_bound),
        cmocka_unit_test(the_list_of_violations_is_bounded),
        cmocka_unit_test(the_last_of_equal_keys_wins),
        cmocka_unit_test(unknown_keys_are_ignored),
        cmocka_unit_test(unknown_keys_are_refused_where_the_contract_says_so),
        cmocka_unit_test(integers_are_what_json_schema_says),
        cmocka_unit_test(numbers_beyond_double_are_refused_where_they_matter),
        cmocka_unit_test(broken_json_is_refused_with_its_position),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(nesting_never_recurses),
        cmocka_unit_test(ten_million_open_brackets_are_no_json),
        cmocka_unit_test(dense_texts_of_every_size_are_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
