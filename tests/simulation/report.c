/* The page of many runs. May not: run anything. */
#include "report.h"

#include "common/words.h"
#include "reconciler/core/state.h"

static const char *const occasion_words[sim_fault_count] = {
#define FAULT(name, occasion, hinders, word, doc) [FAULT_##name] = #occasion,
#include "tests/simulation/faults.def"
#undef FAULT
};

void counts_add(struct sim_counts *to, const struct sim_counts *from)
{
    to->runs += from->runs;
    to->steps += from->steps;
    to->actions += from->actions;
    to->pictures += from->pictures;
    to->requests += from->requests;
    to->events += from->events;
    to->server_days += from->server_days;
    to->world_days += from->world_days;
    to->jobs += from->jobs;
    to->jobs_done += from->jobs_done;
    to->jobs_failed += from->jobs_failed;
    to->jobs_cancelled += from->jobs_cancelled;
    to->servers += from->servers;
    to->hours_paid += from->hours_paid;
    to->edges_seen |= from->edges_seen;
    for (unsigned i = 0; i < edge_count; i++)
        to->edge_runs[i] += from->edge_runs[i] + (from->runs == 1 && (from->edges_seen >> i & 1));
    for (unsigned i = 0; i < sim_condition_count; i++)
        to->condition[i] += from->condition[i];
    for (unsigned i = 0; i < sim_fault_count; i++) {
        to->struck[i] += from->struck[i];
        for (unsigned k = 0; k < STATES_SEEN; k++)
            to->covered[k][i] += from->covered[k][i];
    }
}

static void print_faults(const struct sim_counts *counts, FILE *out)
{
    fprintf(out, "\nfaults, how often each struck, and nodes by state when it did:\n%-44s %10s", "",
            "struck");
    for (unsigned k = 0; k < STATES_SEEN; k++)
        fprintf(out, " %9.9s", node_state_words[k]);
    fprintf(out, "\n");
    for (unsigned i = 0; i < sim_fault_count; i++) {
        fprintf(out, "%-34s %-9s %10llu", sim_fault_word((enum sim_fault)i), occasion_words[i],
                (unsigned long long)counts->struck[i]);
        for (unsigned k = 0; k < STATES_SEEN; k++)
            fprintf(out, " %9llu", (unsigned long long)counts->covered[k][i]);
        fprintf(out, "\n");
    }
}

static void print_conditions(const struct sim_counts *counts, FILE *out)
{
    static const char *const words[] = {
#define CONDITION(name, word, doc) [CONDITION_##name] = (word),
#include "tests/simulation/conditions.def"
#undef CONDITION
    };
    fprintf(out, "\nwhat came of itself or of a fault, and how often it was shown:\n");
    for (unsigned i = 0; i < sim_condition_count; i++)
        fprintf(out, "%-50s %10llu\n", words[i], (unsigned long long)counts->condition[i]);
}

static void print_edges(const struct sim_counts *counts, FILE *out)
{
    fprintf(out, "\nedges of the life, and in how many runs each was taken:\n");
    for (unsigned i = 0; i < edge_count; i++)
        fprintf(out, "%-34s %10llu  %s\n", edge_path((enum edge)i),
                (unsigned long long)counts->edge_runs[i], edge_why((enum edge)i));
}

static void print_promises(const struct book *book, FILE *out)
{
    fprintf(out, "\npromises: how often judged, something at stake, excused by their own words, "
                 "broken:\n");
    for (unsigned i = 0; i < promise_count; i++)
        fprintf(out, "%-24s %-7s %12llu %12llu %12llu %8llu\n", promise_name((enum promise)i),
                promise_scene((enum promise)i), (unsigned long long)book->judged[i],
                (unsigned long long)book->decided[i], (unsigned long long)book->excused[i],
                (unsigned long long)book->broken[i]);
    fprintf(out,
            "races that no fence could have prevented: %llu, the longest %lld ms\n"
            "paid hours that began unused because something hindered the teardown: %llu\n",
            (unsigned long long)book->races, (long long)book->race_most_ms,
            (unsigned long long)book->hours_hindered);
}

void report_print(const struct sim_counts *counts, const struct book *book, double seconds,
                  FILE *out)
{
    print_faults(counts, out);
    print_conditions(counts, out);
    print_edges(counts, out);
    print_promises(book, out);
    fprintf(out,
            "\n%llu runs: %.1f server-days, %.1f days, %llu servers, %llu paid hours, %llu jobs "
            "(%llu over, %llu failed, %llu cancelled)\n",
            (unsigned long long)counts->runs, counts->server_days, counts->world_days,
            (unsigned long long)counts->servers, (unsigned long long)counts->hours_paid,
            (unsigned long long)counts->jobs, (unsigned long long)counts->jobs_done,
            (unsigned long long)counts->jobs_failed, (unsigned long long)counts->jobs_cancelled);
    fprintf(out, "%llu events, %llu core steps, %llu snapshots, %llu requests, %llu actions\n",
            (unsigned long long)counts->events, (unsigned long long)counts->steps,
            (unsigned long long)counts->pictures, (unsigned long long)counts->requests,
            (unsigned long long)counts->actions);
    fprintf(out, "%.1f s: %.1f server-days a second, %.1f days a second, %.0f steps a second\n",
            seconds, counts->server_days / seconds, counts->world_days / seconds,
            (double)counts->steps / seconds);
}
