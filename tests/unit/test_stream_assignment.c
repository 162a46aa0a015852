/*
 * Partitions that a consumer is given and loses, and the offsets of its open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stream/assignment.h"
#include "unit.h"

#define TOPIC "input"

static rd_kafka_topic_partition_list_t *partitions(int first, int n) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, TOPIC, first + i);
    return list;
}

static void give(struct rw_assignment *assignment, int first, int n) {
    rd_kafka_topic_partition_list_t *list = partitions(first, n);
    assert_true(rw_assignment_give(assignment, list));
    rd_kafka_topic_partition_list_destroy(list);
}

static void take(struct rw_assignment *assignment, int first, int n) {
    rd_kafka_topic_partition_list_t *list = partitions(first, n);
    rw_assignment_take(assignment, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void assert_offsets(rd_kafka_topic_partition_list_t *list, int32_t partition,
                           int64_t offset) {
    assert_non_null(list);
    const rd_kafka_topic_partition_t *seen =
        rd_kafka_topic_partition_list_find(list, TOPIC, partition);
    assert_non_null(seen);
    assert_int_equal(seen->offset, offset);
    rd_kafka_topic_partition_list_destroy(list);
}

static void a_partition_is_ours_from_given_to_taken(void **state) {
    (void)state;
    struct rw_assignment assignment;
    rw_assignment_init(&assignment, TOPIC);
    assert_null(rw_assigned(&assignment, 0));
    assert_null(rw_assigned(&assignment, -1));
    give(&assignment, 2, 3);
    assert_int_equal(assignment.n_assigned, 3);
    assert_null(rw_assigned(&assignment, 1));
    assert_non_null(rw_assigned(&assignment, 4));
    take(&assignment, 4, 1);
    take(&assignment, 4, 1); /* told twice */
    take(&assignment, 900, 1);
    assert_null(rw_assigned(&assignment, 4));
    assert_int_equal(assignment.n_assigned, 2);
    rw_assignment_take_all(&assignment);
    assert_int_equal(assignment.n_assigned, 0);
    rw_assignment_free(&assignment);
}

static void the_first_and_the_last_offset_are_kept(void **state) {
    (void)state;
    struct rw_assignment assignment;
    rw_assignment_init(&assignment, TOPIC);
    give(&assignment, 0, 2);
    assert_null(rw_assignment_done(&assignment));
    assert_null(rw_assignment_begun(&assignment));
    rw_partition_worked(rw_assigned(&assignment, 1), 10);
    rw_partition_worked(rw_assigned(&assignment, 1), 12); /* 11 was a marker of Kafka's own */
    assert_offsets(rw_assignment_done(&assignment), 1, 13);
    assert_offsets(rw_assignment_begun(&assignment), 1, 10);
    rw_assignment_settle(&assignment);
    assert_null(rw_assignment_done(&assignment));
    rw_assignment_free(&assignment);
}

static void a_rewind_goes_back_to_what_was_only_fetched(void **state) {
    (void)state;
    struct rw_assignment assignment;
    rw_assignment_init(&assignment, TOPIC);
    give(&assignment, 0, 1);
    rw_partition_skipped(rw_assigned(&assignment, 0), 7);
    rw_partition_skipped(rw_assigned(&assignment, 0), 8);
    assert_null(rw_assignment_done(&assignment));
    assert_offsets(rw_assignment_begun(&assignment), 0, 7);
    rw_assignment_free(&assignment);
}

static void offsets_of_a_partition_that_went_are_forgotten(void **state) {
    (void)state;
    struct rw_assignment assignment;
    rw_assignment_init(&assignment, TOPIC);
    give(&assignment, 0, 2);
    const uint32_t before = rw_assigned(&assignment, 1)->assignments;
    rw_partition_worked(rw_assigned(&assignment, 0), 1);
    rw_partition_worked(rw_assigned(&assignment, 1), 5);
    take(&assignment, 1, 1);
    give(&assignment, 1, 1);
    rd_kafka_topic_partition_list_t *done = rw_assignment_done(&assignment);
    assert_int_equal(done->cnt, 1);
    assert_offsets(done, 0, 2);
    assert_int_not_equal(rw_assigned(&assignment, 1)->assignments, before);
    rw_assignment_free(&assignment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_is_ours_from_given_to_taken),
        cmocka_unit_test(the_first_and_the_last_offset_are_kept),
        cmocka_unit_test(a_rewind_goes_back_to_what_was_only_fetched),
        cmocka_unit_test(offsets_of_a_partition_that_went_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
