/*
 * assignment.c - partitions given and taken, offsets begun and done.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "stream/assignment.h"

void rw_assignment_init(struct rw_assignment *assignment, const char *topic) {
    *assignment = (struct rw_assignment){.topic = topic};
}

void rw_assignment_free(struct rw_assignment *assignment) {
    free(assignment->partitions);
    *assignment = (struct rw_assignment){0};
}

static bool make_room(struct rw_assignment *assignment, uint32_t n) {
    if (n <= assignment->n_partitions)
        return true;
    struct rw_partition *grown = realloc(assignment->partitions, n * sizeof *grown);
    if (!grown)
        return false;
    for (uint32_t i = assignment->n_partitions; i < n; i++)
        grown[i] = (struct rw_partition){.first = RW_NO_OFFSET, .next = RW_NO_OFFSET};
    assignment->partitions = grown;
    assignment->n_partitions = n;
    return true;
}

bool rw_assignment_give(struct rw_assignment *assignment,
                        const rd_kafka_topic_partition_list_t *partitions) {
    for (int i = 0; i < partitions->cnt; i++)
        if (!make_room(assignment, (uint32_t)partitions->elems[i].partition + 1))
            return false;
    for (int i = 0; i < partitions->cnt; i++) {
        struct rw_partition *given = &assignment->partitions[partitions->elems[i].partition];
        assignment->n_assigned += !given->assigned;
        given->assigned = true;
        given->assignments++;
        given->first = given->next = RW_NO_OFFSET;
    }
    return true;
}

static void take(struct rw_assignment *assignment, struct rw_partition *partition) {
    assignment->n_assigned -= partition->assigned;
    partition->assigned = false;
    partition->first = partition->next = RW_NO_OFFSET;
}

void rw_assignment_take(struct rw_assignment *assignment,
                        const rd_kafka_topic_partition_list_t *partitions) {
    for (int i = 0; i < partitions->cnt; i++)
        if ((uint32_t)partitions->elems[i].partition < assignment->n_partitions)
            take(assignment, &assignment->partitions[partitions->elems[i].partition]);
}

void rw_assignment_take_all(struct rw_assignment *assignment) {
    for (uint32_t i = 0; i < assignment->n_partitions; i++)
        take(assignment, &assignment->partitions[i]);
}

static rd_kafka_topic_partition_list_t *list(const struct rw_assignment *assignment, bool done) {
    rd_kafka_topic_partition_list_t *offsets = NULL;
    for (uint32_t i = 0; i < assignment->n_partitions; i++) {
        const struct rw_partition *partition = &assignment->partitions[i];
        const int64_t offset = done ? partition->next : partition->first;
        if (!partition->assigned || offset == RW_NO_OFFSET)
            continue;
        if (!offsets)
            offsets = rd_kafka_topic_partition_list_new((int)assignment->n_assigned);
        rd_kafka_topic_partition_list_add(offsets, assignment->topic, (int32_t)i)->offset = offset;
    }
    return offsets;
}

rd_kafka_topic_partition_list_t *rw_assignment_done(const struct rw_assignment *assignment) {
    return list(assignment, true);
}

rd_kafka_topic_partition_list_t *rw_assignment_begun(const struct rw_assignment *assignment) {
    return list(assignment, false);
}

void rw_assignment_settle(struct rw_assignment *assignment) {
    for (uint32_t i = 0; i < assignment->n_partitions; i++)
        assignment->partitions[i].first = assignment->partitions[i].next = RW_NO_OFFSET;
}
