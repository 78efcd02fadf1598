/* All small worlds: every order of events for one and two servers, one and two jobs, up to the
 * depth that the time allows; the promises hold in all of them. Prints what was searched.
 *
 *   small [--seconds N] [--size SERVERSxJOBS] [--root NAME] [--depth N] [--stop]
 *   small --replay 'SERVERSxJOBS ROOT EVENT... [heal]'     one way, told aloud
 *
 * Ends with 0 where every promise held. May not: know what an event does. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/core/state.h"
#include "tests/simulation/small/roots.h"

#define SECONDS_STANDARD 20.0
#define BYTES_MOST       ((size_t)3 << 30)
#define STATES_MOST      UINT64_C(400000000)

struct wish {
    double seconds;
    unsigned servers, jobs; /* 0: every size */
    const char *root;       /* NULL: all */
    const char *replay;
    struct limits limits;
};

static const struct size {
    unsigned servers, jobs;
} sizes[] = {{1, 1}, {1, 2}, {2, 1}, {2, 2}};

#define SIZES (sizeof sizes / sizeof sizes[0])

static bool parse(int count, char *const words[], struct wish *wish)
{
    *wish = (struct wish){.seconds = SECONDS_STANDARD,
                          .limits = {.states = STATES_MOST, .bytes = BYTES_MOST}};
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? words[i + 1] : "";
        bool takes = true;
        if (strcmp(words[i], "--seconds") == 0)
            wish->seconds = strtod(value, NULL);
        else if (strcmp(words[i], "--root") == 0)
            wish->root = value;
        else if (strcmp(words[i], "--replay") == 0)
            wish->replay = value;
        else if (strcmp(words[i], "--depth") == 0)
            wish->limits.depth = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(words[i], "--size") == 0 && strlen(value) == 3) {
            wish->servers = (unsigned)(value[0] - '0');
            wish->jobs = (unsigned)(value[2] - '0');
        } else if (strcmp(words[i], "--stop") == 0) {
            wish->limits.stop_broken = true;
            takes = false;
        } else {
            return false;
        }
        i += takes;
    }
    return wish->seconds > 0 && wish->servers <= 2 && wish->jobs <= 2;
}

/* ------------------------------------------------------------------------------------- replay */

static bool find_root(struct sim *sim, const char *name, unsigned servers, unsigned jobs,
                      struct root *root)
{
    for (unsigned k = 0; k < root_count; k++)
        if (strcmp(root_name((enum root_kind)k), name) == 0)
            return root_make(sim, (enum root_kind)k, servers, jobs, root);
    return false;
}

static int replay_line(struct sim *sim, const char *line)
{
    static struct root root;
    static char copy[8192];
    tiny_event path[HEAL_EVENTS_MAX];
    unsigned count = 0;
    char *rest = NULL, *word;
    bool healed = false, good = snprintf(copy, sizeof copy, "%s", line) < (int)sizeof copy;
    const char *size = strtok_r(copy, " ", &rest), *name = strtok_r(NULL, " ", &rest);
    good = good && size != NULL && strlen(size) == 3 && name != NULL &&
           find_root(sim, name, (unsigned)(size[0] - '0'), (unsigned)(size[2] - '0'), &root);
    while (good && count < HEAL_EVENTS_MAX && (word = strtok_r(NULL, " ", &rest)) != NULL) {
        healed = strcmp(word, "heal") == 0;
        good = healed || event_parse(word, &path[count]);
        count += !healed;
    }
    if (!good) {
        fprintf(stderr, "'%s' is not SERVERSxJOBS ROOT EVENT... [heal]\n", line);
        return 2;
    }
    memset(&sim->book, 0, sizeof sim->book);
    sim->story = stdout;
    good = replay(sim, &root, path, count);
    if (good && healed)
        heal(sim);
    for (uint32_t i = 0; i < sim->book.kept; i++)
        printf("broken: %s: %s\n", promise_name(sim->book.first[i].promise),
               promise_sentence(sim->book.first[i].promise));
    return good && sim->book.broken_total == 0 ? 0 : 1;
}

/* ------------------------------------------------------------------------------------- reports */

static void print_found(const struct root *root, const struct found *found)
{
    printf("%ux%u %-12s %9" PRIu64 " %11" PRIu64 " %5u %s %9" PRIu64 " %7" PRIu64 " %6" PRIu64
           " %6" PRIu64 " %6.1f\n",
           root->servers, root->jobs, root->name, found->states, found->transitions, found->depth,
           found->whole ? "all" : "   ", found->next, found->heals, found->twins, found->pruned,
           found->seconds);
    fflush(stdout);
}

static void add(struct found *sum, const struct found *found, bool first)
{
    sum->states += found->states;
    sum->transitions += found->transitions;
    sum->heals += found->heals;
    sum->twins += found->twins;
    sum->pruned += found->pruned;
    sum->broken += found->broken;
    sum->seconds += found->seconds;
    if (first || found->depth < sum->depth)
        sum->depth = found->depth;
}

static void print_edges(const struct sim *sim)
{
    printf("\nedges of a node's life that were taken:");
    for (unsigned e = 0; e < edge_count; e++)
        printf("%s %s (%s)", e == 0 ? "" : ",", edge_path((enum edge)e),
               sim->edges & 1u << e ? "seen" : "NEVER");
    printf("\n");
}

static void print_promises(const struct sim *sim)
{
    printf("\n%-24s %-7s %12s %8s\n", "promise", "scene", "judged", "broken");
    for (unsigned p = 0; p < promise_count; p++)
        printf("%-24s %-7s %12" PRIu64 " %8" PRIu64 "\n", promise_name((enum promise)p),
               promise_scene((enum promise)p), sim->book.judged[p], sim->book.broken[p]);
    printf("paid hours that began unused because something hindered: %" PRIu64 "\n",
           sim->book.hours_hindered);
}

/* ------------------------------------------------------------------------------------- searches */

static bool wished(const struct wish *wish, const struct size *size, enum root_kind kind)
{
    return (wish->servers == 0 || (wish->servers == size->servers && wish->jobs == size->jobs)) &&
           (wish->root == NULL || strcmp(wish->root, root_name(kind)) == 0);
}

static unsigned count_wished(const struct wish *wish)
{
    unsigned count = 0;
    for (unsigned s = 0; s < SIZES; s++)
        for (unsigned k = 0; k < root_count; k++)
            count += wished(wish, &sizes[s], (enum root_kind)k);
    return count;
}

static uint64_t search_size(struct sim *sim, const struct size *size, struct wish *wish,
                            unsigned *left, double until)
{
    static struct root root;
    struct found found, sum = {0};
    bool first = true;
    for (unsigned k = 0; k < root_count; k++) {
        if (!wished(wish, size, (enum root_kind)k))
            continue;
        if (!root_make(sim, (enum root_kind)k, size->servers, size->jobs, &root)) {
            printf("%ux%u: the plain life never comes to %s\n", size->servers, size->jobs,
                   root_name((enum root_kind)k));
            sum.broken++;
            continue;
        }
        wish->limits.seconds = (until - seconds_now()) / *left;
        (*left)--;
        explore(sim, &root, &wish->limits, &found);
        print_found(&root, &found);
        if (found.broken > 0)
            printf("    first broken after %.2f s, at depth %u\n", found.first_seconds,
                   found.first_depth);
        add(&sum, &found, first);
        first = false;
    }
    if (!first)
        printf("%ux%u in all: %" PRIu64 " states, %" PRIu64
               " transitions; every order of %u events from every root; %" PRIu64
               " worlds healed; %.1f s\n",
               size->servers, size->jobs, sum.states, sum.transitions, sum.depth, sum.heals,
               sum.seconds);
    return sum.broken;
}

int main(int count, char *words[])
{
    static struct sim sim;
    struct wish wish;
    uint64_t broken = 0;
    if (!parse(count, words, &wish)) {
        fprintf(stderr, "small [--seconds N] [--size SERVERSxJOBS] [--root NAME] [--depth N] "
                        "[--stop] | --replay 'SERVERSxJOBS ROOT EVENT... [heal]'\n");
        return 2;
    }
    sim_open(&sim);
    if (wish.replay != NULL) {
        int status = replay_line(&sim, wish.replay);
        sim_close(&sim);
        return status;
    }
    double until = seconds_now() + wish.seconds;
    unsigned left = count_wished(&wish);
    printf("%-16s %9s %11s %9s %9s %7s %6s %6s %6s\n", "world and root", "states", "transitions",
           "depth", "beyond", "healed", "twins", "pruned", "s");
    for (unsigned s = 0; s < SIZES; s++)
        broken += search_size(&sim, &sizes[s], &wish, &left, until);
    print_edges(&sim);
    print_promises(&sim);
    printf("\n%s\n", broken == 0 ? "every promise held in all of them" : "A PROMISE WAS BROKEN");
    sim_close(&sim);
    return broken == 0 ? 0 : 1;
}
