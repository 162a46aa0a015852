/*
 * Rows that come one by one get the replies that /predict gives, from memory that is
 * used again, flat or in an envelope.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <time.h>

#include <yyjson.h>

#include "contract_fixture.h"
#include "unit.h"

#include "allocations.h"
#include "modeldir/modeldir.h"

#define NOW  "2018-08-08T09:30:12Z" /* fixture_ask's */
#define MANY 256u

#define TRANSACTION_BYTES 1024 /* of a random one */

static struct rw_contract *contract;
static rowan_model *model;

static int set_up(void **state) {
    (void)state;
    contract = fixture_contract();
    model = fixture_model("binary:logistic", FIXTURE_NAMES, FIXTURE_N_FEATURES, 1);
    allocations_start();
    return rw_contract_bind(contract, model, NULL) == ROWAN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    rw_contract_free(contract);
    rowan_model_free(model);
    return 0;
}

/* ---- helpers ------------------------------------------------------------------------- */

static struct rw_rows *new_rows(uint32_t capacity) {
    struct rw_rows *rows = rw_rows_new(contract, model, capacity);
    assert_non_null(rows);
    return rows;
}

/* The text is gone when this returns. */
static rowan_status add_bytes(struct rw_rows *rows, const void *bytes, size_t size,
                              rowan_error *error) {
    char *copy = exact_copy(bytes, size);
    memset(error, 0, sizeof *error);
    rowan_status status = rw_rows_add(rows, copy, size, error);
    memset(copy, '#', size);
    free(copy);
    return status;
}

static rowan_status add(struct rw_rows *rows, const char *text, rowan_error *error) {
    char json[8192];
    fixture_quotes(text, json, sizeof json);
    return add_bytes(rows, json, strlen(json), error);
}

static void assert_adds(struct rw_rows *rows, const char *text) {
    rowan_error error;
    if (add(rows, text, &error) != ROWAN_OK)
        fail_msg("%s: %s: %s", text, error.where, error.what);
}

/* Zero-terminated, until the next call. */
static const char *reply_of(const struct rw_rows *rows, uint32_t i) {
    static char text[1 << 20];
    struct rw_buffer reply = {.data = text, .capacity = sizeof text - 1};
    rw_rows_reply(rows, i, NOW, &reply);
    assert_false(reply.failed);
    text[reply.length] = '\0';
    return text;
}

static void assert_replies(const struct rw_rows *rows, uint32_t i, const struct rw_contract *asked,
                           const rowan_model *by, const char *flat) {
    struct fixture_answer answer = fixture_ask(asked, by, flat, strlen(flat), 0, SIZE_MAX);
    assert_int_equal(answer.status, 200);
    assert_string_equal(reply_of(rows, i), answer.text);
    assert_true(rw_rows_probability(rows, i) == answer.outcome.score);
    free(answer.text);
}

/* ---- the model of this repository ------------------------------------------------------- */

struct golden {
    char *request, *in_data, *id_outside; /* flat, nested, nested with the id outside */
    float probability;
};

static struct golden golden[1024];
static size_t n_golden;

static char *write_text(yyjson_mut_val *value) {
    char *text = yyjson_mut_val_write(value, 0, NULL);
    assert_non_null(text);
    return text;
}

static struct golden read_golden(const char *line) {
    yyjson_doc *document = yyjson_read(line, strlen(line), 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    yyjson_mut_doc *made = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *inside = yyjson_val_mut_copy(made, yyjson_obj_get(root, "request"));
    yyjson_mut_val *envelope = yyjson_mut_obj(made);
    struct golden row = {.probability =
                             (float)yyjson_get_num(yyjson_obj_get(root, "fraud_probability")),
                         .request = write_text(inside)};
    yyjson_mut_obj_add_str(made, envelope, "type", "transaction");
    yyjson_mut_obj_add_val(made, envelope, "data", inside);
    row.in_data = write_text(envelope);
    yyjson_mut_val *id = yyjson_mut_obj_remove_key(inside, "transaction_id");
    yyjson_mut_obj_add_val(made, envelope, "transaction_id", id);
    row.id_outside = write_text(envelope);
    yyjson_mut_doc_free(made);
    yyjson_doc_free(document);
    return row;
}

static struct rw_served *load_fraud(void) {
    struct rw_served *served;
    rowan_error error;
    size_t proved, size;
    char *lines;
    assert_int_equal(rw_served_load("models/fraud", &served, &proved, &error), ROWAN_OK);
    assert_int_equal(rw_file_read(AT_FDCWD, "models/fraud/golden.jsonl", RW_GOLDEN_MAX_BYTES,
                                  &lines, &size, &error),
                     ROWAN_OK);
    n_golden = 0;
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(n_golden < ARRAY_LENGTH(golden));
        golden[n_golden++] = read_golden(line);
    }
    free(lines);
    assert_int_equal(n_golden, proved);
    assert_true(n_golden >= 2 * MANY);
    return served;
}

static void free_fraud(struct rw_served *served) {
    for (; n_golden; n_golden--) {
        free(golden[n_golden - 1].request);
        free(golden[n_golden - 1].in_data);
        free(golden[n_golden - 1].id_outside);
    }
    rw_served_free(served);
}

static const char *shape_of(const struct golden *row, size_t i) {
    return i % 3 == 0 ? row->request : i % 3 == 1 ? row->in_data : row->id_outside;
}

static void golden_rows_get_their_numbers_and_the_replies_of_predict(void **state) {
    (void)state;
    struct rw_served *served = load_fraud();
    struct rw_rows *rows = rw_rows_new(served->contract, served->model, MANY);
    assert_non_null(rows);
    for (size_t shape = 0; shape < 3; shape++)
        for (size_t first = 0; first < n_golden; first += MANY) {
            rowan_error error;
            rw_rows_clear(rows);
            for (size_t i = first; i < n_golden && i < first + MANY; i++) {
                const char *text = shape_of(&golden[i], i + shape);
                assert_int_equal(add_bytes(rows, text, strlen(text), &error), ROWAN_OK);
            }
            assert_true(rw_rows_score(rows));
            for (uint32_t i = 0; i < rw_rows_count(rows); i++) {
                const struct golden *row = &golden[first + i];
                assert_true(same_bits((float)rw_rows_probability(rows, i), row->probability));
                assert_replies(rows, i, served->contract, served->model, row->request);
            }
        }
    rw_rows_free(rows);
    free_fraud(served);
}

static void fill_and_reply(struct rw_rows *rows, size_t first, struct rw_buffer *reply) {
    rw_rows_clear(rows);
    for (size_t i = first; i < first + MANY; i++) {
        const char *text = shape_of(&golden[i], i);
        assert_int_equal(rw_rows_add(rows, text, strlen(text), NULL), ROWAN_OK);
    }
    assert_true(rw_rows_score(rows));
    for (uint32_t i = 0; i < MANY; i++) {
        reply->length = 0;
        rw_rows_reply(rows, i, NULL, reply);
        assert_true(reply->length > 0);
    }
}

static void the_steady_state_does_not_allocate(void **state) {
    (void)state;
    static char text[4096];
    struct rw_buffer reply = {.data = text, .capacity = sizeof text};
    struct rw_served *served = load_fraud();
    struct rw_rows *rows = rw_rows_new(served->contract, served->model, MANY);
    allocations_reset();
    fill_and_reply(rows, 0, &reply);
    fill_and_reply(rows, MANY, &reply);
    assert_int_equal(allocations.calls, 0);
    rw_rows_free(rows);
    free_fraud(served);
}

static void a_long_text_allocates_once(void **state) {
    (void)state;
    static char text[100000];
    struct rw_rows *rows = new_rows(2);
    memset(text, ' ', sizeof text);
    static const char transaction[] = "{\"id\":\"a\",\"amount\":1,\"time\":0}";
    memcpy(text + sizeof text - strlen(transaction), transaction, strlen(transaction));
    allocations_reset();
    assert_int_equal(rw_rows_add(rows, text, sizeof text, NULL), ROWAN_OK);
    assert_int_equal(allocations.calls, 1);
    assert_int_equal(rw_rows_add(rows, text, sizeof text, NULL), ROWAN_OK);
    rw_rows_clear(rows);
    assert_int_equal(rw_rows_add(rows, text + 1, sizeof text - 1, NULL), ROWAN_OK);
    assert_int_equal(allocations.calls, 1);
    rw_rows_free(rows);
}

/* ---- any transaction, as /predict sees it -------------------------------------------------- */

static const char *pick(uint64_t *random, const char *const *from, uint32_t n) {
    return from[random_below(random, n)];
}

/* Members in any order, right and wrong values, some missing, some twice. */
static void random_transaction(uint64_t *random, char *json, bool with_id) {
    static const char *const members[][8] = {
        {"'id':'a'", "'id':''", "'id':'\\n\\\\\\u20ac'", "'id':'123456789-123456789-123456789'",
         "'id':'ä\\ud83d\\ude00'", "'id':'\\u0000'", "'id':null", "'id':7"},
        {"'amount':1", "'amount':99.999999999", "'amount':100", "'amount':1e2", "'amount':250000",
         "'amount':0.1", "'amount':0", "'amount':123456789012345678901234567890"},
        {"'time':0", "'time':1533720612", "'time':18446744073709551616", "'time':1e9",
         "'time':345600", "'time':1.0", "'time':-1", "'time':'0'"},
        {"'days':null", "'days':1", "'days':99", "'days':100", "'days':-5", "'days':0", "'x':[{}]",
         "'\\u0064ays':3"},
        {"'country':'DE'", "'country':'AT'", "'country':null", "'country':'ZZ'", "'online':true",
         "'online':false", "'note':'abc'", "'data':[]"}};
    uint32_t first = random_below(random, 5);
    char text[TRANSACTION_BYTES] = "{";
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t member = (first + i) % 5;
        uint32_t tame = random_below(random, 4) ? 6 : 8; /* the last two are mostly wrong */
        if ((member == 0 && !with_id) || random_below(random, 25) == 0)
            continue;
        sprintf(text + strlen(text), "%s%s", text[1] ? "," : "",
                pick(random, members[member], tame));
    }
    strcat(text, "}");
    fixture_quotes(text, json, TRANSACTION_BYTES);
}

/* The name of the first field that the 422 document lists. */
static void first_field(const char *reply, char *field, size_t size) {
    static const char start[] = "\"loc\":[\"body\",\"";
    const char *at = strstr(reply, start);
    assert_non_null(at);
    at += strlen(start);
    snprintf(field, size, "%.*s", (int)strcspn(at, "\""), at);
}

static void assert_refused_alike(const char *reply, rowan_status status, const rowan_error *error) {
    char field[64];
    first_field(reply, field, sizeof field);
    assert_int_equal(status, ROWAN_MISMATCH);
    assert_int_equal(error->status, ROWAN_MISMATCH);
    assert_string_equal(error->where, field);
    assert_non_null(strstr(reply, error->what));
}

static void any_transaction_is_taken_or_refused_as_by_predict(void **state) {
    (void)state;
    uint64_t random = 5;
    size_t n_taken = 0, n_refused = 0;
    static char flat[MANY][TRANSACTION_BYTES], nested[TRANSACTION_BYTES + 64];
    struct rw_rows *rows = new_rows(MANY);
    for (int round = 0; round < 100; round++) {
        rw_rows_clear(rows);
        while (rw_rows_count(rows) < MANY) {
            uint32_t count = rw_rows_count(rows);
            char *text = flat[count];
            random_transaction(&random, text, true);
            snprintf(nested, sizeof nested, "{\"id\":\"outer\",\"data\":%s}", text);
            /* the envelope's id must not stand for one that is there */
            const char *sent = strstr(text, "\"id\"") && random_below(&random, 2) ? nested : text;
            rowan_error error;
            rowan_status status = add_bytes(rows, sent, strlen(sent), &error);
            if (status == ROWAN_OK) {
                n_taken++;
                continue;
            }
            struct fixture_answer answer =
                fixture_ask(contract, model, text, strlen(text), 0, SIZE_MAX);
            assert_int_equal(answer.status, 422);
            assert_refused_alike(answer.text, status, &error);
            assert_int_equal(rw_rows_count(rows), count);
            free(answer.text);
            n_refused++;
        }
        assert_true(rw_rows_score(rows));
        for (uint32_t i = 0; i < MANY; i++)
            assert_replies(rows, i, contract, model, flat[i]);
    }
    assert_true(n_taken > 10000 && n_refused > 10000);
    rw_rows_free(rows);
}

/* ---- envelopes ---------------------------------------------------------------------------- */

static void expect_id(const char *text, const char *id) {
    char start[256], quoted[256];
    struct rw_rows *rows = new_rows(1);
    assert_adds(rows, text);
    assert_true(rw_rows_score(rows));
    snprintf(quoted, sizeof quoted, "{'id':'%s','fraud_probability':", id);
    fixture_quotes(quoted, start, sizeof start);
    const char *reply = reply_of(rows, 0);
    if (strncmp(reply, start, strlen(start)) != 0)
        fail_msg("%s: %s", text, reply);
    rw_rows_free(rows);
}

static void an_envelope_gives_its_id_for_a_missing_one_only(void **state) {
    (void)state;
    expect_id("{'data':{'id':'in','amount':1,'time':0}}", "in");
    expect_id("{'data':{'amount':1,'time':0},'id':'out'}", "out");
    expect_id("{'id':'out','data':{'amount':1,'time':0}}", "out");
    expect_id("{'id':'out','data':{'id':'in','amount':1,'time':0}}", "in");
    expect_id("{'id':'out','data':{'amount':1,'id':'','time':0}}", "");
    expect_id("{'id':'out','amount':-1,'\\u0064ata':{'amount':1,'time':0}}", "out");
    /* of two equal keys the last wins, in the envelope too */
    expect_id("{'id':1,'data':{'amount':1,'time':0},'id':'second'}", "second");
    expect_id("{'data':{'id':'one'},'data':{'id':'two','amount':1,'time':0}}", "two");
    /* what is no object is a member like another */
    expect_id("{'id':'flat','amount':1,'time':0,'data':[]}", "flat");
    expect_id("{'id':'flat','data':null,'amount':1,'time':0}", "flat");
    /* only one envelope is opened */
    expect_id("{'id':'out','data':{'data':{'id':'in'},'amount':1,'time':0}}", "out");
}

/* `what` NULL: the words are the parser's own. */
static void expect_refused(const char *text, rowan_status expected, const char *where,
                           const char *what) {
    struct rw_rows *rows = new_rows(2);
    rowan_error error;
    assert_adds(rows, "{'id':'before','amount':1,'time':0}");
    rowan_status status = add(rows, text, &error);
    if (status != expected || strcmp(error.where, where) != 0 ||
        (what ? strcmp(error.what, what) != 0 : !error.what[0]))
        fail_msg("%s: status %d, where \"%s\", what \"%s\"", text, (int)status, error.where,
                 error.what);
    assert_int_equal(error.status, expected);
    assert_int_equal(rw_rows_count(rows), 1);
    assert_adds(rows, "{'id':'after','amount':1000,'time':0}");
    assert_true(rw_rows_score(rows));
    assert_replies(rows, 0, contract, model, "{\"id\":\"before\",\"amount\":1,\"time\":0}");
    assert_replies(rows, 1, contract, model, "{\"id\":\"after\",\"amount\":1000,\"time\":0}");
    rw_rows_free(rows);
}

#define NO_OBJECT "Input should be a valid dictionary or object to extract fields from"

static void what_the_contract_refuses_names_the_field(void **state) {
    (void)state;
    expect_refused("{}", ROWAN_MISMATCH, "id", "Field required");
    expect_refused("{'data':{}}", ROWAN_MISMATCH, "id", "Field required");
    expect_refused("{'id':'a','data':{}}", ROWAN_MISMATCH, "amount", "Field required");
    expect_refused("{'data':{'amount':1,'time':0},'amount':2}", ROWAN_MISMATCH, "id",
                   "Field required");
    expect_refused("{'id':5,'data':{'amount':1,'time':0}}", ROWAN_MISMATCH, "id",
                   "Input should be a valid string");
    expect_refused("{'id':'out','data':{'id':null,'amount':1,'time':0}}", ROWAN_MISMATCH, "id",
                   "Input should be a valid string");
    expect_refused("{'id':'a','amount':0,'time':0}", ROWAN_MISMATCH, "amount",
                   "Input should be greater than 0");
    expect_refused("[]", ROWAN_MISMATCH, "", NO_OBJECT);
    expect_refused("[{'id':'a','amount':1,'time':0}]", ROWAN_MISMATCH, "", NO_OBJECT);
    expect_refused("7", ROWAN_MISMATCH, "", NO_OBJECT);
    expect_refused("null", ROWAN_MISMATCH, "", NO_OBJECT);
}

static void what_is_no_json_names_the_byte(void **state) {
    (void)state;
    expect_refused("", ROWAN_MALFORMED, "byte 0", "the body is empty");
    expect_refused("{'id':'a',}", ROWAN_MALFORMED, "byte 9", NULL);
    expect_refused("{'id':'a'} x", ROWAN_MALFORMED, "byte 11", NULL);
    expect_refused("[[[[[[", ROWAN_MALFORMED, "byte 6", NULL);
}

static void a_property_called_data_is_no_envelope(void **state) {
    (void)state;
    static const char text[] =
        "{'type':'object','properties':{'data':{'type':'number'}},'x-rowan':{'model':'m',"
        "'version':'1','type':'T','model_file':'m','features':[{'name':'F','from':'data'}]}}";
    struct rw_contract *own;
    rowan_error error;
    rowan_model *one = fixture_model("binary:logistic", "'F'", 1, 1);
    assert_int_equal(fixture_parse(text, &own, &error), ROWAN_OK);
    assert_int_equal(rw_contract_bind(own, one, &error), ROWAN_OK);
    struct rw_rows *rows = rw_rows_new(own, one, 1);
    assert_int_equal(add(rows, "{'data':{'data':5}}", &error), ROWAN_MISMATCH);
    assert_string_equal(error.where, "data");
    assert_int_equal(add(rows, "{'data':5}", &error), ROWAN_OK);
    assert_true(rw_rows_score(rows));
    assert_replies(rows, 0, own, one, "{\"data\":5}"); /* a contract without an id, too */
    rw_rows_free(rows);
    rw_contract_free(own);
    rowan_model_free(one);
}

/* What lies in memory from the row before must not become a part of the next. */
static void an_envelope_gives_nothing_to_the_next_row(void **state) {
    (void)state;
    char text[4096] = "{'amount':1,'time':0}";
    size_t length = strlen(text);
    memset(text + length, ' ', sizeof text - 1 - length); /* too long for the same memory */
    struct rw_rows *rows = new_rows(2);
    rowan_error error;
    assert_adds(rows, "{'id':'out','data':{'amount':1,'time':0}}");
    assert_int_equal(add(rows, text, &error), ROWAN_MISMATCH);
    assert_string_equal(error.where, "id");
    rw_rows_free(rows);
}

#define TREE(number, cheap, dear)                                                                  \
    "Tree=" number "\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=100\n"                   \
    "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=" cheap " " dear                   \
    "\ninternal_count=9\nleaf_count=4 5\n\n"

static rowan_model *three_classes(void) {
    static const char text[] =
        "tree\nversion=v4\nnum_class=3\nnum_tree_per_iteration=3\nmax_feature_idx=0\n"
        "objective=multiclass num_class:3\nfeature_names=X\nfeature_infos=[0:9]\n\n" TREE(
            "0", "1", "-3") TREE("1", "2", "5") TREE("2", "0.5", "4") "end of trees\n";
    rowan_model *classes;
    rowan_error error;
    if (rowan_model_load_memory(text, strlen(text), "classes", NULL, &classes, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return classes;
}

static void rows_of_many_classes_and_without_id_get_their_own(void **state) {
    (void)state;
    static const char text[] =
        "{'type':'object','properties':{'name':{'type':['string','null']},'x':{'type':'number'}},"
        "'x-rowan':{'model':'m','version':'1','type':'T','model_file':'m','id':'name',"
        "'positive_class':2,'features':[{'name':'X','from':'x'}]}}";
    static const char *const flat[] = {"{\"name\":null,\"x\":5}", "{\"name\":\"\",\"x\":500}",
                                       "{\"x\":500}", "{\"name\":\"n\",\"x\":5}", "{}"};
    struct rw_contract *own;
    rowan_error error;
    rowan_model *classes = three_classes();
    assert_int_equal(fixture_parse(text, &own, &error), ROWAN_OK);
    assert_int_equal(rw_contract_bind(own, classes, &error), ROWAN_OK);
    struct rw_rows *rows = rw_rows_new(own, classes, ARRAY_LENGTH(flat));
    for (size_t i = 0; i < ARRAY_LENGTH(flat); i++)
        assert_int_equal(add_bytes(rows, flat[i], strlen(flat[i]), &error), ROWAN_OK);
    assert_true(rw_rows_score(rows));
    for (uint32_t i = 0; i < ARRAY_LENGTH(flat); i++)
        assert_replies(rows, i, own, classes, flat[i]);
    rw_rows_free(rows);
    rw_contract_free(own);
    rowan_model_free(classes);
}

static void a_refused_unknown_field_is_named_but_not_the_envelopes(void **state) {
    (void)state;
    struct rw_contract *strict;
    rowan_error error;
    assert_int_equal(
        fixture_parse(FIXTURE_CONTRACT("'additionalProperties':false,", FIXTURE_SETTINGS("")),
                      &strict, &error),
        ROWAN_OK);
    assert_int_equal(rw_contract_bind(strict, model, &error), ROWAN_OK);
    struct rw_rows *rows = rw_rows_new(strict, model, 1);
    assert_int_equal(add(rows, "{'data':{'id':'a','amount':1,'time':0,'y':1}}", &error),
                     ROWAN_MISMATCH);
    assert_string_equal(error.where, "y");
    assert_string_equal(error.what, "Extra inputs are not permitted");
    assert_int_equal(add(rows, "{'data':{'amount':1,'time':0},'id':'a','y':1}", &error), ROWAN_OK);
    rw_rows_free(rows);
    rw_contract_free(strict);
}

/* ---- bounds -------------------------------------------------------------------------------- */

static void room_is_refused_beyond_its_bound(void **state) {
    (void)state;
    assert_null(rw_rows_new(contract, model, 0));
    assert_null(rw_rows_new(contract, model, RW_ROWS_MAX + 1));
    struct rw_contract *unbound = fixture_contract();
    assert_null(rw_rows_new(unbound, model, 1));
    rw_contract_free(unbound);
    rw_rows_free(NULL);
    struct rw_rows *rows = new_rows(RW_ROWS_MAX);
    assert_true(rw_rows_score(rows)); /* none is no error */
    for (uint32_t i = 0; i < RW_ROWS_MAX; i++)
        assert_adds(rows, "{'id':'a','amount':1,'time':0}");
    rowan_error error;
    assert_int_equal(add(rows, "{'id':'a','amount':1,'time':0}", &error), ROWAN_ARGUMENT);
    assert_says(&error, "there is room for 4096 rows");
    assert_int_equal(rw_rows_count(rows), RW_ROWS_MAX);
    rw_rows_clear(rows);
    assert_int_equal(rw_rows_count(rows), 0);
    assert_adds(rows, "{'id':'a','amount':1,'time':0}");
    rw_rows_free(rows);
}

/* A transaction of `size` bytes, most of them its id. */
static char *long_transaction(size_t size) {
    char *text = malloc(size + 1);
    assert_non_null(text);
    const char *end = "\",\"amount\":1,\"time\":0}";
    memset(text, 'x', size);
    memcpy(text, "{\"id\":\"", 7);
    strcpy(text + size - strlen(end), end);
    return text;
}

static void a_text_is_refused_beyond_its_bound(void **state) {
    (void)state;
    char *text = long_transaction(RW_ROW_MAX_BYTES + 1);
    rowan_error error;
    struct rw_rows *rows = new_rows(1);
    assert_int_equal(add_bytes(rows, text, RW_ROW_MAX_BYTES + 1, &error), ROWAN_LIMIT);
    assert_says(&error, "RW_ROW_MAX_BYTES");
    assert_int_equal(rw_rows_count(rows), 0);
    rw_rows_free(rows);
    free(text);
}

/* The memory of all ids grows, moves, and is given back. */
static void ids_of_any_length_come_back(void **state) {
    (void)state;
    static const size_t sizes[] = {40, 100, 5000, 70000, 40, 900000, 300000, 33};
    struct rw_rows *rows = rw_rows_new(contract, model, ARRAY_LENGTH(sizes));
    char *texts[ARRAY_LENGTH(sizes)];
    rowan_error error;
    for (int round = 0; round < 3; round++) {
        rw_rows_clear(rows);
        for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
            texts[i] = long_transaction(sizes[i]);
            assert_int_equal(add_bytes(rows, texts[i], sizes[i], &error), ROWAN_OK);
        }
        assert_true(rw_rows_score(rows));
        for (uint32_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
            assert_replies(rows, i, contract, model, texts[i]);
            free(texts[i]);
        }
    }
    rw_rows_free(rows);
}

static void a_reply_that_does_not_fit_is_taken_back(void **state) {
    (void)state;
    struct rw_rows *rows = new_rows(1);
    assert_adds(rows, "{'id':'tx-1','amount':1,'time':0}");
    assert_true(rw_rows_score(rows));
    size_t n_failed = 0, whole = strlen(reply_of(rows, 0));
    for (size_t capacity = 1; capacity < 400; capacity++) {
        char text[400] = "x";
        struct rw_buffer fixed = {.data = text, .length = 1, .capacity = capacity};
        rw_rows_reply(rows, 0, NOW, &fixed);
        assert_int_equal(fixed.length, fixed.failed ? 1 : 1 + whole);
        assert_int_equal(text[0], 'x');
        n_failed += fixed.failed;
    }
    assert_true(n_failed >= whole && n_failed < 399);
    rw_rows_free(rows);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void now_is_the_clock_of_the_reply(void **state) {
    (void)state;
    char text[32];
    struct tm fields = {0};
    time_t before = time(NULL);
    assert_ptr_equal(rw_contract_now(text), text);
    time_t after = time(NULL);
    assert_int_equal(strlen(text), strlen("2018-08-08T09:30:12.000Z"));
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &fields);
    assert_non_null(rest);
    assert_int_equal(rest[0], '.');
    assert_int_equal(rest[4], 'Z');
    time_t seen = timegm(&fields);
    /* time() may be of the last tick, and so up to a second behind */
    assert_true(seen >= before && seen <= after + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_rows_get_their_numbers_and_the_replies_of_predict),
        cmocka_unit_test(the_steady_state_does_not_allocate),
        cmocka_unit_test(a_long_text_allocates_once),
        cmocka_unit_test(any_transaction_is_taken_or_refused_as_by_predict),
        cmocka_unit_test(an_envelope_gives_its_id_for_a_missing_one_only),
        cmocka_unit_test(what_the_contract_refuses_names_the_field),
        cmocka_unit_test(what_is_no_json_names_the_byte),
        cmocka_unit_test(a_property_called_data_is_no_envelope),
        cmocka_unit_test(an_envelope_gives_nothing_to_the_next_row),
        cmocka_unit_test(rows_of_many_classes_and_without_id_get_their_own),
        cmocka_unit_test(a_refused_unknown_field_is_named_but_not_the_envelopes),
        cmocka_unit_test(room_is_refused_beyond_its_bound),
        cmocka_unit_test(a_text_is_refused_beyond_its_bound),
        cmocka_unit_test(ids_of_any_length_come_back),
        cmocka_unit_test(a_reply_that_does_not_fit_is_taken_back),
        cmocka_unit_test(now_is_the_clock_of_the_reply),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
