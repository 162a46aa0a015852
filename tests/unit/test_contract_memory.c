/*
 * Answering a request takes no memory but what is lent, and survives its end.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "contract_fixture.h"

/* ---- counting: by the sanitizer's hooks, else in malloc's place -------------------- */

static volatile size_t n_allocations;

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#ifdef HAS_ASAN
/* <sanitizer/allocator_interface.h>, which not every compiler package installs */
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
                                              void (*)(const volatile void *));

static void count_malloc(const volatile void *block, size_t size) {
    (void)block, (void)size;
    n_allocations++;
}

static void count_nothing(const volatile void *block) {
    (void)block;
}

static int start_counting(void **state) {
    (void)state;
    return __sanitizer_install_malloc_and_free_hooks(count_malloc, count_nothing) > 0 ? 0 : -1;
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);

#define VISIBLE __attribute__((visibility("default")))

VISIBLE void *malloc(size_t size) {
    n_allocations++;
    return __libc_malloc(size);
}

VISIBLE void *calloc(size_t count, size_t size) {
    n_allocations++;
    return __libc_calloc(count, size);
}

VISIBLE void *realloc(void *block, size_t size) {
    n_allocations++;
    return __libc_realloc(block, size);
}

static int start_counting(void **state) {
    (void)state;
    return 0;
}
#endif

/* ---- memory that is lent from a static block ----------------------------------------- */

static _Alignas(16) char lent[8 << 20];
static size_t n_lent, n_blocks;

static void *lend(void *context, size_t size) {
    size_t limit = *(size_t *)context;
    size = (size + 15) & ~(size_t)15;
    if (n_blocks == limit || size > sizeof lent - n_lent)
        return NULL;
    n_blocks++;
    n_lent += size;
    return lent + n_lent - size;
}

static struct rw_buffer reply;
static struct rw_outcome outcome;

static unsigned ask(const struct rw_contract *contract, const rowan_model *model, const char *body,
                    size_t size, size_t limit) {
    struct rw_memory memory = {lend, &limit};
    n_lent = n_blocks = 0;
    reply = (struct rw_buffer){.memory = &memory};
    return rw_contract_predict(contract, model, body, size, NULL, &memory, &reply, &outcome);
}

static struct rw_contract *contract;
static rowan_model *model;
static char batch[64 * 1024];

static int set_up(void **state) {
    contract = fixture_contract();
    model = fixture_model("binary:logistic", FIXTURE_NAMES, FIXTURE_N_FEATURES, 1);
    size_t used = 0;
    for (int i = 0; i < 1000; i++)
        used += (size_t)sprintf(batch + used, "%c{\"id\":\"tx-%d\",\"amount\":%d,\"time\":%d}",
                                i ? ',' : '[', i, i + 1, i);
    strcpy(batch + used, "]");
    return rw_contract_bind(contract, model, NULL) == ROWAN_OK ? start_counting(state) : -1;
}

static int tear_down(void **state) {
    (void)state;
    rw_contract_free(contract);
    rowan_model_free(model);
    return 0;
}

static void the_counter_counts(void **state) {
    (void)state;
    size_t before = n_allocations;
    void *volatile block = malloc(1);
    free(block);
    assert_true(n_allocations > before);
}

static void no_request_allocates(void **state) {
    (void)state;
    static const struct {
        const char *body;
        unsigned status;
    } cases[] = {
        {"{\"id\":\"a\",\"amount\":1,\"time\":0}", 200},
        {"{\"id\":\"a\\n\",\"amount\":1.5e2,\"time\":12345678901234567890123}", 200},
        {"{\"id\":\"a\",\"amount\":1e999,\"time\":-1,\"days\":\"\"}", 422},
        {"{\"id\":", 422},
        {"[[[[[[", 422},
        {batch, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i].body), before = n_allocations;
        unsigned status = ask(contract, model, cases[i].body, size, SIZE_MAX);
        size_t after = n_allocations;
        assert_int_equal(status, cases[i].status);
        assert_int_equal(after, before);
    }
}

static void one_transaction_needs_one_lent_block(void **state) {
    (void)state;
    static const char body[] = "{\"id\":\"a\",\"amount\":1,\"time\":0}";
    assert_int_equal(ask(contract, model, body, strlen(body), SIZE_MAX), 200);
    assert_int_equal(n_blocks, 1); /* the reply's */
}

static void without_memory_there_is_an_error_and_never_half_a_reply(void **state) {
    (void)state;
    assert_int_equal(ask(contract, model, batch, strlen(batch), SIZE_MAX), 200);
    size_t needed = n_blocks;
    assert_true(needed > 3);
    for (size_t limit = 0; limit < needed; limit++) {
        assert_int_equal(ask(contract, model, batch, strlen(batch), limit), 500);
        assert_int_equal(outcome.status, 500);
        assert_int_equal(outcome.n_rows, 0);
        assert_int_equal(reply.length, 0);
    }
}

static void a_reply_that_does_not_fit_is_taken_back(void **state) {
    (void)state;
    static const char body[] = "{\"id\":\"a\",\"amount\":1,\"time\":0}";
    size_t limit = SIZE_MAX;
    struct rw_memory memory = {lend, &limit};
    struct rw_outcome seen;
    for (size_t capacity = 1; capacity < 260; capacity++) {
        char text[260] = "x";
        struct rw_buffer fixed = {.data = text, .length = 1, .capacity = capacity};
        n_lent = n_blocks = 0;
        unsigned status =
            rw_contract_predict(contract, model, body, strlen(body), NULL, &memory, &fixed, &seen);
        assert_true(status == 500 ? fixed.length == 1 : status == 200);
        assert_int_equal(text[0], 'x');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(no_request_allocates),
        cmocka_unit_test(one_transaction_needs_one_lent_block),
        cmocka_unit_test(without_memory_there_is_an_error_and_never_half_a_reply),
        cmocka_unit_test(a_reply_that_does_not_fit_is_taken_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
