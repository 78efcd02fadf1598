/* All small worlds: every order of events for one and two servers, one and two jobs, up to the
 * depth that the time allows; the promises hold in all of them. Prints what was searched.
 *
 *   small_worlds [--seconds N] [--size SERVERSxJOBS] [--root NAME] [--depth N] [--stop]
 *   small_worlds --replay 'SERVERSxJOBS ROOT EVENT... [heal]'     one way, told aloud
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
    bool help;
    struct limits limits;
};

static const struct size {
    unsigned servers, jobs;
} sizes[] = {{1, 1}, {1, 2}, {2, 1}, {2, 2}};

#define SIZES (sizeof sizes / sizeof sizes[0])

static const char usage[] =
    "usage: small_worlds [--seconds N] [--size SERVERSxJOBS] [--root NAME] [--depth N] [--stop]\n"
    "       small_worlds --replay 'SERVERSxJOBS ROOT EVENT... [heal]'\n"
    "\n"
    "  --seconds N  how long it searches in all (20)\n"
    "  --size       only worlds of this size: 1x1, 1x2, 2x1 or 2x2 (all four)\n"
    "  --root NAME  only from this place of a plain life (all)\n"
    "  --depth N    at most so many events from the root (as many as the time allows)\n"
    "  --stop       ends a search at the first broken promise\n"
    "  --replay     one way, told aloud; a broken promise is printed with its own such line\n"
    "\n"
    "Status: 0 every promise held, 1 one was broken (or an event cannot happen where --replay has "
    "it), 2 the words were wrong.\n";

static void print_usage(FILE *out)
{
    fprintf(out, "%s\nRoots:", usage);
    for (unsigned k = 0; k < root_count; k++)
        fprintf(out, " %s", root_name((enum root_kind)k));
    fprintf(out, ". Events stand in tests/simulation/small/events.def.\n");
}

static int wrong(const char *what, const char *word)
{
    fprintf(stderr, "small_worlds: %s%s\n\n", what, word);
    print_usage(stderr);
    return 2;
}

static bool is_root(const char *name)
{
    for (unsigned k = 0; k < root_count; k++)
        if (strcmp(root_name((enum root_kind)k), name) == 0)
            return true;
    return false;
}

static bool read_size(const char *text, unsigned *servers, unsigned *jobs)
{
    if (strlen(text) != 3 || text[0] < '1' || text[0] > '2' || text[1] != 'x' || text[2] < '1' ||
        text[2] > '2')
        return false;
    *servers = (unsigned)(text[0] - '0');
    *jobs = (unsigned)(text[2] - '0');
    return true;
}

/* Returns 0, or the exit status with a sentence. */
static int parse_one(const char *option, const char *value, struct wish *wish)
{
    char *end = NULL;
    if (strcmp(option, "--seconds") == 0) {
        wish->seconds = strtod(value, &end);
        return *end == '\0' && wish->seconds > 0 ? 0
                                                 : wrong("--seconds takes a number, not ", value);
    }
    if (strcmp(option, "--depth") == 0) {
        wish->limits.depth = (unsigned)strtoul(value, &end, 10);
        return *end == '\0' && wish->limits.depth > 0
                   ? 0
                   : wrong("--depth takes a number, not ", value);
    }
    if (strcmp(option, "--size") == 0)
        return read_size(value, &wish->servers, &wish->jobs)
                   ? 0
                   : wrong("--size takes 1x1, 1x2, 2x1 or 2x2, not ", value);
    if (strcmp(option, "--root") == 0) {
        wish->root = value;
        return is_root(value) ? 0 : wrong("there is no root ", value);
    }
    if (strcmp(option, "--replay") == 0) {
        wish->replay = value;
        return 0;
    }
    return wrong("does not know ", option);
}

static int parse(int count, char *const words[], struct wish *wish)
{
    static const char *const valued[] = {"--seconds", "--depth", "--size", "--root", "--replay"};
    int status = 0;
    *wish = (struct wish){.seconds = SECONDS_STANDARD,
                          .limits = {.states = STATES_MOST, .bytes = BYTES_MOST}};
    for (int i = 1; i < count && status == 0; i++) {
        bool takes = false;
        for (unsigned k = 0; k < sizeof valued / sizeof valued[0]; k++)
            takes = takes || strcmp(words[i], valued[k]) == 0;
        if (strcmp(words[i], "--help") == 0)
            wish->help = true;
        else if (strcmp(words[i], "--stop") == 0)
            wish->limits.stop_broken = true;
        else if (takes && i + 1 == count)
            status = wrong("nothing follows ", words[i]);
        else if (takes)
            status = parse_one(words[i], words[i + 1], wish), i++;
        else
            status = wrong("does not know ", words[i]);
    }
    return status;
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
    char *rest = NULL, *word = NULL;
    unsigned servers = 0, jobs = 0;
    bool healed = false, good = snprintf(copy, sizeof copy, "%s", line) < (int)sizeof copy;
    const char *size = strtok_r(copy, " ", &rest), *name = strtok_r(NULL, " ", &rest);
    if (!good || size == NULL || !read_size(size, &servers, &jobs))
        return wrong("--replay begins with 1x1, 1x2, 2x1 or 2x2, not ", line);
    if (name == NULL || !is_root(name))
        return wrong("--replay wants a root second, not ", name != NULL ? name : "nothing");
    if (!find_root(sim, name, servers, jobs, &root))
        return wrong("the plain life of that size never comes to ", name);
    while (good && count < HEAL_EVENTS_MAX && (word = strtok_r(NULL, " ", &rest)) != NULL) {
        healed = strcmp(word, "heal") == 0;
        good = healed || event_parse(word, &path[count]);
        count += !healed;
    }
    if (!good)
        return wrong("there is no event ", word);
    memset(&sim->book, 0, sizeof sim->book);
    sim->story = stdout;
    good = replay(sim, &root, path, count);
    if (good && healed)
        heal(sim);
    for (uint32_t i = 0; i < sim->book.kept; i++)
        printf("broken: %s: %s\n", promise_name(sim->book.first[i].promise),
               promise_sentence(sim->book.first[i].promise));
    if (good && sim->book.broken_total == 0)
        printf("every promise held\n");
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
    int wrong_words = parse(count, words, &wish);
    if (wrong_words != 0)
        return wrong_words;
    if (wish.help) {
        print_usage(stdout);
        return 0;
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
