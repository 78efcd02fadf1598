/* Ends and repeats: a world in which only fair things happen comes to its end; a way is gone again.
 * May not: search. */
#include <string.h>
#include <time.h>

#include "tests/simulation/small/explore.h"

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Nothing of ours is left, and the core knows it. */
static bool is_over(const struct tiny *tiny)
{
    for (unsigned j = 0; j < TINY_JOBS; j++)
        if (tiny->land.job[j].state != JOB_NONE)
            return false;
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        if (tiny->land.slot[s].name != 0)
            return false;
    return true;
}

/* What hindered so far is forgiven: servers count as used until now. */
static void forgive(struct tiny *tiny)
{
    tiny->hindered_ms = tiny->mono_ms;
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        tiny->track[s].worked_ms = tiny->mono_ms;
        tiny->track[s].hours = 0;
    }
}

unsigned heal(struct sim *sim)
{
    struct tiny *tiny = &sim->tiny;
    int64_t began_ms = tiny->mono_ms;
    unsigned count = 0;
    forgive(tiny);
    story_line(sim, "          from here on only what is fair happens");
    while (!is_over(tiny) && tiny->mono_ms - began_ms < HEAL_BOUND_MS && count < HEAL_EVENTS_MAX &&
           !tiny->full) {
        sim_do(sim, sim_fair(sim));
        count++;
    }
    if (!tiny->full)
        scene_end(sim, HEAL_BOUND_MS, HEAL_BOUND_MS);
    return count;
}

bool replay(struct sim *sim, const struct root *root, const tiny_event *path, unsigned count)
{
    sim_reset(sim, root->servers, root->jobs);
    for (unsigned i = 0; i < root->count + count; i++) {
        tiny_event event = i < root->count ? root->event[i] : path[i - root->count];
        char word[32];
        if (i == root->count && root->count > 0)
            story_line(sim, "          so far the root %s; now:", root->name);
        if (!sim_can(sim, event)) {
            event_format(event, word);
            story_line(sim, "%s cannot happen here", word);
            return false;
        }
        sim_do(sim, event);
    }
    return true;
}
