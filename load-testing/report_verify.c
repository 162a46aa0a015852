/*
 * report_verify.c - what --verify found, as text.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/report_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static double share(uint64_t part, uint64_t whole) {
    return whole ? (double)part / (double)whole : (double)NAN;
}

static void print_examples(const struct rw_load_run *run, const char *name,
                           const uint64_t numbers[RW_LOAD_EXAMPLES_MAX], uint64_t count) {
    if (count == 0)
        return;
    printf("  %-14s", name);
    for (uint64_t i = 0; i < count && i < RW_LOAD_EXAMPLES_MAX; i++)
        printf("%s%s%" PRIu64, i ? ", " : "", run->id_prefix, numbers[i]);
    printf("%s\n", count > RW_LOAD_EXAMPLES_MAX ? " ..." : "");
}

static void print_counts(const struct rw_load_run *run, const struct rw_load_reading *reading) {
    const struct rw_load_verdict *verdict = &run->verdict;
    printf("answered once   %" PRIu64 " of %" PRIu64 ": %" PRIu64 " predictions, %" PRIu64
           " dead letters\n",
           verdict->once, run->paced.sent, verdict->scored, verdict->dead);
    printf("  otherwise     missing %" PRIu64 ", doubled %" PRIu64 ", misplaced %" PRIu64
           ", unknown %" PRIu64 ", unreadable %" PRIu64 "\n",
           verdict->missing, verdict->doubled, verdict->misplaced, reading->unknown,
           reading->unreadable);
    if (verdict->lost + verdict->undead > 0)
        printf("  undelivered   %" PRIu64 " without an answer, %" PRIu64
               " answered though reported as failed\n",
               verdict->lost, verdict->undead);
    print_examples(run, "missing", verdict->missing_numbers, verdict->missing);
    print_examples(run, "doubled", verdict->doubled_numbers, verdict->doubled);
    printf("  others'       %" PRIu64 " messages of other runs in these topics\n",
           reading->foreign);
    for (uint32_t i = 0; i < reading->n_reasons; i++)
        printf("  dead letters  %" PRIu64 " %s\n", reading->reasons[i].count,
               reading->reasons[i].name[0] ? reading->reasons[i].name : "(no rowan-reason)");
    if (!reading->at_end)
        printf("  ended         before everything was found and read to the end\n");
}

static void print_times(const struct rw_load_run *run, const struct rw_load_reading *reading) {
    struct rw_load_histogram visible;
    rw_load_reading_visible(reading, &visible);
    printf("end to end      from a transaction's timestamp to\n");
    rw_load_print_histogram("  visible", &visible);
    if (reading->is_append_time)
        rw_load_print_histogram("  appended", &reading->appended);
    printf(
        "                visible: a read_committed consumer, this one, has the prediction%s\n"
        "                Timestamps are whole ms.\n",
        reading->is_append_time
            ? ";\n                appended: the broker has it, its transaction not yet committed."
            : ".");
    printf("reading ended   at %.3f s\n", (double)run->verified / RW_LOAD_SECOND_NS);
}

static void print_detection(const struct rw_load_run *run) {
    static const char *const scenarios[RW_LOAD_SCENARIOS] = {"legitimate", "1, high amount",
                                                             "2, terminal", "3, card leaked"};
    static const char *const risks[RW_LOAD_RISKS] = {"other", "low", "medium", "high"};
    const struct rw_load_verdict *verdict = &run->verdict;
    const uint64_t frauds = verdict->true_fraud + verdict->false_legitimate;
    const uint64_t flagged = verdict->true_fraud + verdict->false_fraud;
    printf("detection       at %g: fraud %" PRIu64 " found, %" PRIu64 " missed; legitimate %" PRIu64
           " passed, %" PRIu64 " flagged\n",
           run->options->threshold, verdict->true_fraud, verdict->false_legitimate,
           verdict->true_legitimate, verdict->false_fraud);
    printf("  recall %.4f  precision %.4f  AUC %.4f\n", share(verdict->true_fraud, frauds),
           share(verdict->true_fraud, flagged), verdict->auc);
    for (uint32_t i = 1; i < RW_LOAD_SCENARIOS; i++)
        printf("  scenario %-16s %" PRIu64 " of %" PRIu64 " found\n", scenarios[i],
               verdict->flagged_scenario[i], verdict->n_scenario[i]);
    for (uint32_t i = 0; i < RW_LOAD_RISKS; i++)
        if (verdict->risk[i][0] + verdict->risk[i][1] > 0)
            printf("  risk %-20s %" PRIu64 " legitimate, %" PRIu64 " fraud\n", risks[i],
                   verdict->risk[i][0], verdict->risk[i][1]);
}

void rw_load_report_verify(const struct rw_load_run *run) {
    const struct rw_load_reading *reading = rw_load_reader_reading(run->reader);
    print_counts(run, reading);
    print_times(run, reading);
    if (run->verdict.scored > 0)
        print_detection(run);
}
