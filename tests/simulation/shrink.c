/* Making a failing run short. May not: change the seed. */
#include "shrink.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOLD_MAX 100 /* strikes that are named */

struct shrink {
    struct sim *sim;
    struct sim_options options;
    struct sim_cut cut;
    struct strike *keep;
    uint8_t *dropped;
    enum promise promise;
    time_t deadline;
    unsigned runs;
};

/* Whether the run that is cut like this still breaks the promise. */
static bool still_breaks(struct shrink *shrink)
{
    struct sim_options options = shrink->options;
    options.cut = &shrink->cut;
    options.story = NULL;
    shrink->runs++;
    (void)sim_run(shrink->sim, &options);
    bool broken = shrink->sim->book.broken[shrink->promise] > 0;
    sim_end(shrink->sim);
    return broken;
}

static bool time_is_left(const struct shrink *shrink)
{
    return time(NULL) < shrink->deadline;
}

/* Tries to do without `count` strikes from `first` on. */
static bool without_strikes(struct shrink *shrink, uint32_t first, uint32_t count)
{
    struct strike *all = malloc(shrink->cut.keep_count * sizeof *all + 1);
    uint32_t before = shrink->cut.keep_count;
    if (all == NULL)
        sim_die("out of memory");
    memcpy(all, shrink->keep, before * sizeof *all);
    memmove(&shrink->keep[first], &all[first + count], (before - first - count) * sizeof *all);
    shrink->cut.keep_count = before - count;
    bool good = still_breaks(shrink);
    if (!good) {
        memcpy(shrink->keep, all, before * sizeof *all);
        shrink->cut.keep_count = before;
    }
    free(all);
    return good;
}

static void shrink_strikes(struct shrink *shrink)
{
    for (uint32_t chunk = shrink->cut.keep_count; chunk > 0; chunk /= 2)
        for (uint32_t first = 0; first < shrink->cut.keep_count && time_is_left(shrink);) {
            uint32_t count =
                shrink->cut.keep_count - first < chunk ? shrink->cut.keep_count - first : chunk;
            if (!without_strikes(shrink, first, count))
                first += count;
        }
}

static void shrink_pushes(struct shrink *shrink)
{
    for (uint64_t chunk = shrink->cut.push_count; chunk > 0; chunk /= 2)
        for (uint64_t first = 0; first < shrink->cut.push_count && time_is_left(shrink);
             first += chunk) {
            uint64_t end =
                first + chunk < shrink->cut.push_count ? first + chunk : shrink->cut.push_count;
            uint8_t *before = malloc(shrink->cut.push_count + 1);
            if (before == NULL)
                sim_die("out of memory");
            memcpy(before, shrink->dropped, shrink->cut.push_count);
            memset(shrink->dropped + first, 1, end - first);
            if (memcmp(before, shrink->dropped, shrink->cut.push_count) != 0 &&
                !still_breaks(shrink))
                memcpy(shrink->dropped, before, shrink->cut.push_count);
            free(before);
        }
}

static void tell(struct shrink *shrink, FILE *out)
{
    struct sim_options options = shrink->options;
    options.cut = &shrink->cut;
    options.story = out;
    (void)sim_run(shrink->sim, &options);
    const struct book *book = &shrink->sim->book;
    for (uint32_t i = 0; i < book->kept; i++)
        fprintf(out, "BROKEN %s: %s\n    %s\n", promise_name(book->first[i].promise),
                promise_sentence(book->first[i].promise), book->first[i].text);
    sim_end(shrink->sim);
    fprintf(out, "%u runs; %u strikes were needed:", shrink->runs, shrink->cut.keep_count);
    uint32_t told = shrink->cut.keep_count < TOLD_MAX ? shrink->cut.keep_count : TOLD_MAX;
    for (uint32_t i = 0; i < told; i++)
        fprintf(out, "%s %s (%u)", i == 0 ? "" : ",",
                sim_fault_word((enum sim_fault)shrink->keep[i].fault), shrink->keep[i].number);
    fprintf(out, "%s\n", told < shrink->cut.keep_count ? ", and more" : "");
}

void shrink_and_tell(struct sim *sim, const struct sim_options *failing, int seconds, FILE *out)
{
    struct shrink shrink = {.sim = sim, .options = *failing, .deadline = time(NULL) + seconds};
    (void)sim_run(sim, failing);
    if (sim->book.kept == 0) {
        fprintf(out, "seed %llu did not break a promise again: the run is not repeatable\n",
                (unsigned long long)failing->seed);
        sim_end(sim);
        return;
    }
    shrink.promise = sim->book.first[0].promise;
    shrink.keep = malloc(sim->strike_count * sizeof *shrink.keep + 1);
    shrink.dropped = calloc(1, sim->pushes + 1);
    if (shrink.keep == NULL || shrink.dropped == NULL)
        sim_die("out of memory");
    memcpy(shrink.keep, sim->strikes, sim->strike_count * sizeof *shrink.keep);
    strikes_sort(shrink.keep, sim->strike_count);
    shrink.cut = (struct sim_cut){.cut = true,
                                  .keep = shrink.keep,
                                  .keep_count = sim->strike_count,
                                  .push_dropped = shrink.dropped,
                                  .push_count = sim->pushes};
    sim_end(sim);
    shrink_strikes(&shrink);
    shrink_pushes(&shrink);
    shrink_strikes(&shrink);
    tell(&shrink, out);
    free(shrink.keep);
    free(shrink.dropped);
}
