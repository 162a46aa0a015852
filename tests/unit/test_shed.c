/*
 * Shedding, against a simulated event loop: clients that ask, a worker that takes time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "shed/shed.h"

#define MS         1000000u
#define TARGET     (5u * MS)
#define INTERVAL   (100u * MS)
#define REFUSAL_US 5u

/* Clients that ask again as soon as they are answered, or on a timetable. */
struct asker {
    uint64_t id;
    enum rw_shed_priority priority;
    uint32_t cost;    /* microseconds */
    uint32_t at_once; /* requests under way together; 0: on a timetable */
    double a_second;  /* of the timetable */
    double due;       /* requests that are due, with fractions */
    uint64_t served, refused, served_us;
};

struct worker {
    struct rw_shed *shed;
    uint64_t now;
};

static struct worker make_worker(void) {
    struct worker worker = {.shed = malloc(sizeof(struct rw_shed)), .now = 1000 * MS};
    assert_non_null(worker.shed);
    rw_shed_init(worker.shed, TARGET, INTERVAL, worker.now);
    return worker;
}

static void serve_one(struct worker *worker, struct asker *asker) {
    struct rw_shed_request request = {asker->id, asker->priority, asker->cost};
    rw_shed_work(worker->shed, worker->now, 0);
    if (rw_shed_admit(worker->shed, &request)) {
        worker->now += asker->cost * 1000u;
        asker->served++;
        asker->served_us += asker->cost;
    } else {
        worker->now += REFUSAL_US * 1000u;
        asker->refused++;
    }
}

/* One turn of the event loop: all that had come before it began. */
static void turn(struct worker *worker, struct asker *askers, size_t n, uint64_t *last) {
    uint64_t began = worker->now;
    for (size_t i = 0; i < n; i++) {
        struct asker *asker = &askers[i];
        asker->due += asker->a_second * (double)(began - *last) / 1e9;
        uint32_t requests = asker->at_once ? asker->at_once : (uint32_t)asker->due;
        if (!asker->at_once)
            asker->due -= requests;
        while (requests--)
            serve_one(worker, asker);
    }
    *last = began;
    rw_shed_turn_end(worker->shed, worker->now);
    if (worker->now - began < 50000) /* nothing much to do: wait for events */
        worker->now += 50000;
}

static void run(struct worker *worker, struct asker *askers, size_t n, uint32_t ms) {
    uint64_t last = worker->now, end = worker->now + ms * (uint64_t)MS;
    for (size_t i = 0; i < n; i++)
        askers[i].served = askers[i].refused = askers[i].served_us = 0;
    while (worker->now < end)
        turn(worker, askers, n, &last);
}

static void nothing_is_refused_while_the_queue_is_short(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct asker askers[] = {
        {.id = 1, .priority = RW_SHED_LOW, .cost = 30, .a_second = 10000},
        {.id = 2, .priority = RW_SHED_NORMAL, .cost = 30, .a_second = 10000},
    };
    run(&worker, askers, 2, 2000);
    assert_int_equal(askers[0].refused + askers[1].refused, 0);
    assert_true(askers[0].served > 19000);
    free(worker.shed);
}

static void one_client_with_long_requests_waits_for_itself_alone(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct asker batch = {.id = 1, .priority = RW_SHED_LOW, .cost = 30000, .at_once = 1};
    run(&worker, &batch, 1, 3000);
    assert_int_equal(batch.refused, 0);
    free(worker.shed);
}

static void low_priority_is_refused_first_and_high_priority_never(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct asker askers[] = {
        {.id = 1, .priority = RW_SHED_HIGH, .cost = 30, .a_second = 1000},
        {.id = 2, .priority = RW_SHED_NORMAL, .cost = 30, .a_second = 1000},
        {.id = 3, .priority = RW_SHED_LOW, .cost = 1000, .at_once = 100},
    };
    run(&worker, askers, 3, 500); /* until the flood is recognized */
    run(&worker, askers, 3, 5000);
    assert_int_equal(askers[0].refused, 0);
    assert_int_equal(askers[1].refused, 0);
    assert_true(askers[0].served > 4900 && askers[1].served > 4900);
    assert_true(askers[2].refused > askers[2].served);
    free(worker.shed);
}

static void normal_priority_is_refused_when_high_priority_needs_all(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct asker askers[] = {
        {.id = 1, .priority = RW_SHED_HIGH, .cost = 1000, .at_once = 20},
        {.id = 2, .priority = RW_SHED_NORMAL, .cost = 100, .at_once = 20},
    };
    run(&worker, askers, 2, 500);
    run(&worker, askers, 2, 2000);
    assert_int_equal(askers[0].refused, 0);
    assert_true(askers[1].refused > askers[1].served);
    free(worker.shed);
}

static void clients_of_one_priority_have_fair_shares(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct asker askers[] = {
        {.id = 1, .priority = RW_SHED_NORMAL, .cost = 30, .a_second = 100},
        {.id = 2, .priority = RW_SHED_NORMAL, .cost = 30, .a_second = 1000},
        {.id = 3, .priority = RW_SHED_NORMAL, .cost = 1000, .at_once = 50},
        {.id = 4, .priority = RW_SHED_NORMAL, .cost = 100, .at_once = 500},
    };
    run(&worker, askers, 4, 1000);
    run(&worker, askers, 4, 10000);
    /* who asks for less than a share gets all of it */
    assert_int_equal(askers[0].refused, 0);
    assert_int_equal(askers[1].refused, 0);
    /* and those who ask for more get the same time, whatever the size of their requests */
    double ratio = (double)askers[2].served_us / (double)askers[3].served_us;
    assert_true(ratio > 0.6 && ratio < 1.6);
    free(worker.shed);
}

static void after_a_flood_everything_is_served_within_two_seconds(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct asker askers[] = {
        {.id = 1, .priority = RW_SHED_LOW, .cost = 30, .a_second = 1000},
        {.id = 2, .priority = RW_SHED_LOW, .cost = 1000, .at_once = 200},
    };
    run(&worker, askers, 2, 5000);
    assert_true(askers[1].refused > 0);
    run(&worker, askers, 1, 2000); /* the flood is over */
    run(&worker, askers, 1, 2000);
    assert_int_equal(askers[0].refused, 0);
    assert_false(worker.shed->shedding);
    free(worker.shed);
}

static void more_clients_than_the_table_holds_share_one_quota(void **state) {
    (void)state;
    struct worker worker = make_worker();
    for (uint32_t i = 0; i < RW_SHED_CLIENTS_MAX + 1000; i++) {
        struct rw_shed_request request = {random_bits(&(uint64_t){i}), RW_SHED_NORMAL, 10};
        assert_true(rw_shed_admit(worker.shed, &request));
    }
    assert_int_equal(worker.shed->n_clients, RW_SHED_CLIENTS_MAX);
    assert_int_equal(worker.shed->others.demand, 10 * 1000);
    free(worker.shed);
}

static void what_was_admitted_at_once_is_refused_when_its_turn_comes(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct rw_shed_request request = {7, RW_SHED_LOW, 1000};
    uint32_t served = 0, refused = 0;
    for (int i = 0; i < 500; i++)
        assert_true(rw_shed_admit(worker.shed, &request)); /* no queue yet */
    for (int i = 0; i < 500; i++) {
        rw_shed_work(worker.shed, worker.now, 0);
        if (rw_shed_confirm(worker.shed, &request)) {
            worker.now += 1000 * 1000u;
            served++;
        } else {
            worker.now += REFUSAL_US * 1000u;
            refused++;
        }
    }
    assert_true(served >= 100 && served < 300); /* an interval's worth and its fair share */
    assert_true(refused > 200);
    free(worker.shed);
}

static void a_client_owes_what_its_request_cost_beyond_the_estimate(void **state) {
    (void)state;
    struct worker worker = make_worker();
    struct rw_shed_request request = {7, RW_SHED_LOW, 10};
    assert_true(rw_shed_admit(worker.shed, &request));
    rw_shed_charge(worker.shed, &request, 5000);
    assert_int_equal(worker.shed->admitted, 5000);
    assert_int_equal(worker.shed->clients[0].used, 5000);
    free(worker.shed);
}

static struct worker make_overloaded_worker(struct asker *flood) {
    struct worker worker = make_worker();
    *flood = (struct asker){.id = 2, .priority = RW_SHED_LOW, .cost = 1000, .at_once = 200};
    run(&worker, flood, 1, 1000);
    assert_true(worker.shed->shedding);
    return worker;
}

static void a_long_pause_is_no_overload(void **state) {
    (void)state;
    struct asker flood;
    struct worker worker = make_overloaded_worker(&flood);
    worker.now += 3600ull * 1000 * MS;
    flood.at_once = 1;
    run(&worker, &flood, 1, 100);
    assert_int_equal(flood.refused, 0);
    free(worker.shed);
}

static void a_flood_ends_without_another_request(void **state) {
    (void)state;
    struct asker flood;
    struct worker worker = make_overloaded_worker(&flood);
    for (int second = 0; second < 10; second++) {
        worker.now += 1000 * MS;
        rw_shed_look(worker.shed, worker.now);
    }
    assert_false(worker.shed->shedding);
    free(worker.shed);
}

static void a_look_ends_no_turn(void **state) {
    (void)state;
    struct worker worker = make_worker();
    rw_shed_work(worker.shed, worker.now, 0);
    uint64_t start = worker.shed->turn_start, interval = worker.shed->interval_start;
    rw_shed_look(worker.shed, worker.now + 5000 * MS);
    assert_int_equal(worker.shed->turn_start, start);
    assert_int_equal(worker.shed->interval_start, interval);
    free(worker.shed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_refused_while_the_queue_is_short),
        cmocka_unit_test(one_client_with_long_requests_waits_for_itself_alone),
        cmocka_unit_test(low_priority_is_refused_first_and_high_priority_never),
        cmocka_unit_test(normal_priority_is_refused_when_high_priority_needs_all),
        cmocka_unit_test(clients_of_one_priority_have_fair_shares),
        cmocka_unit_test(after_a_flood_everything_is_served_within_two_seconds),
        cmocka_unit_test(more_clients_than_the_table_holds_share_one_quota),
        cmocka_unit_test(what_was_admitted_at_once_is_refused_when_its_turn_comes),
        cmocka_unit_test(a_client_owes_what_its_request_cost_beyond_the_estimate),
        cmocka_unit_test(a_long_pause_is_no_overload),
        cmocka_unit_test(a_flood_ends_without_another_request),
        cmocka_unit_test(a_look_ends_no_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
