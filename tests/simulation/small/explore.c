/* Breadth first over events. A state is known by its number; of each, only the one before it and
 * the event are kept, and a packed image until it has been gone on from. */
#include "tests/simulation/small/explore.h"

#include <stdlib.h>
#include <string.h>

#include "tests/simulation/small/arena.h"

#define PATH_MAX_EVENTS 64
#define HEAL_SHARE      0.3 /* of the time, once the shallow levels are healed whole */
#define HEAL_ALL_STATES 300
#define SAME_EVERY      512 /* of the transitions, one in so many is made twice */
#define TWINS_EVERY     256 /* of the ways to a known state, one in so many is compared */

static const unsigned most[tiny_event_count] = {
#define EVENT(name, most, fair, sentence) [EVENT_##name] = (most),
#include "tests/simulation/small/events.def"
#undef EVENT
};

struct state {
    uint32_t before;
    tiny_event event;
};

struct search {
    struct sim *sim;
    const struct root *root;
    const struct limits *limits;
    struct found *found;
    struct seen seen;
    struct state *state;
    uint32_t states, room;
    struct images *now, *next; /* to be gone on from; the level after it */
    struct image_buffer *buffer, *other;
    double began, healing;
    unsigned level;
    uint64_t known; /* ways that led to a state that was known */
    bool stop;
};

static bool told[promise_count]; /* a story of its breaking was told */

static void *grown(void *memory, size_t count, size_t size)
{
    void *more = realloc(memory, count * size);
    if (more == NULL)
        abort();
    return more;
}

/* ------------------------------------------------------------------------------------- stories */

static unsigned path_to(const struct search *search, uint32_t state, tiny_event path[])
{
    unsigned count = 0;
    for (uint32_t at = state; at != 0 && count < PATH_MAX_EVENTS; at = search->state[at].before)
        path[count++] = search->state[at].event;
    for (unsigned i = 0; i < count / 2; i++) {
        tiny_event other = path[i];
        path[i] = path[count - 1 - i];
        path[count - 1 - i] = other;
    }
    return count;
}

static void print_line(const struct search *search, const tiny_event path[], unsigned count,
                       bool healed)
{
    char word[32];
    printf("  again: --replay '%ux%u %s", search->root->servers, search->root->jobs,
           search->root->name);
    for (unsigned i = 0; i < count; i++) {
        event_format(path[i], word);
        printf(" %s", word);
    }
    printf("%s'\n", healed ? " heal" : "");
}

/* Goes the way once more, aloud. */
static void tell(struct search *search, uint32_t state, const tiny_event *last, bool healed)
{
    struct book before = search->sim->book;
    tiny_event path[PATH_MAX_EVENTS + 1];
    unsigned count = path_to(search, state, path);
    if (last != NULL)
        path[count++] = *last;
    memset(&search->sim->book, 0, sizeof search->sim->book);
    printf("\nA promise is broken, %u events after the root %s of %u servers, %u jobs%s:\n", count,
           search->root->name, search->root->servers, search->root->jobs,
           healed ? ", once the world was healed" : "");
    print_line(search, path, count, healed);
    search->sim->story = stdout;
    if (replay(search->sim, search->root, path, count) && healed)
        heal(search->sim);
    search->sim->story = NULL;
    for (uint32_t i = 0; i < search->sim->book.kept; i++)
        printf("  %s: %s\n    %s\n", promise_name(search->sim->book.first[i].promise),
               promise_sentence(search->sim->book.first[i].promise),
               search->sim->book.first[i].text);
    if (search->sim->book.kept == 0)
        printf("  and nothing is broken when it happens again: what was put aside is not whole\n");
    search->sim->book = before;
}

static void count_broken(struct search *search)
{
    if (search->found->broken++ != 0)
        return;
    search->found->first_seconds = seconds_now() - search->began;
    search->found->first_depth = search->level + 1;
}

/* Tells the first story of each promise; forgets what the book kept. */
static void on_broken(struct search *search, uint32_t state, const tiny_event *last, bool healed)
{
    struct book *book = &search->sim->book;
    bool fresh = false;
    for (uint32_t i = 0; i < book->kept; i++) {
        fresh = fresh || !told[book->first[i].promise];
        told[book->first[i].promise] = true;
    }
    count_broken(search);
    book->kept = 0;
    if (fresh)
        tell(search, state, last, healed);
    search->stop = search->stop || search->limits->stop_broken;
}

/* -------------------------------------------------------------------------------------- checks */

/* What a world says to one event, by its own clocks. */
static uint64_t answer_to(const struct image_buffer *from, struct sim *sim, tiny_event event)
{
    image_restore(from, sim);
    if (!sim_can(sim, event))
        return 0;
    sim->said = 1;
    sim_do(sim, event);
    return sim_digest(sim) ^ sim->said;
}

static bool compare_twins(struct search *search, tiny_event *at)
{
    for (unsigned k = 0; k < tiny_event_count; k++)
        for (unsigned a = 0; a < most[k]; a++) {
            tiny_event event = TINY_EVENT(k, a);
            uint64_t one = answer_to(search->buffer, search->sim, event);
            if (one != answer_to(search->other, search->sim, event)) {
                *at = event;
                return false;
            }
        }
    return true;
}

/* Two ways led to one number. The first one is gone again from its root; then both must answer
 * everything that can happen alike, or the number forgets something that decides. */
static void check_twins(struct search *search, uint32_t first, uint32_t before, tiny_event event)
{
    struct sim *sim = search->sim;
    tiny_event path[PATH_MAX_EVENTS], at = 0;
    struct book book = sim->book;
    size_t size;
    char word[32];
    unsigned count = path_to(search, first, path);
    uint64_t number = sim_digest(sim);
    (void)image_pack(search->other, sim, &size);
    bool same = replay(sim, search->root, path, count) && sim_digest(sim) == number;
    (void)image_pack(search->buffer, sim, &size);
    search->found->twins++;
    if (!same || !compare_twins(search, &at)) {
        event_format(at, word);
        printf("\nTwo ways to one state differ%s%s; the digest forgets what decides:\n",
               same ? " at " : " when they are gone again", same ? word : "");
        print_line(search, path, count, false);
        count = path_to(search, before, path);
        path[count++] = event;
        print_line(search, path, count, false);
        count_broken(search);
        search->stop = true;
    }
    sim->book = book;
}

static uint64_t told_by(struct search *search, tiny_event event)
{
    struct sim *sim = search->sim;
    image_restore(search->buffer, sim);
    sim->said = sim->told = 1;
    sim_do(sim, event);
    return sim->said ^ sim->told * 3 ^ sim_digest(sim);
}

/* The same input gives the same output. */
static void check_same(struct search *search, tiny_event event)
{
    struct sim *sim = search->sim;
    struct book book = sim->book;
    uint64_t first = told_by(search, event), second = told_by(search, event);
    sim->book = book;
    scene_twin(sim, first, second);
}

static void try_heal(struct search *search, uint32_t state)
{
    struct sim *sim = search->sim;
    double began = seconds_now();
    if (search->states > HEAL_ALL_STATES && search->healing > HEAL_SHARE * (began - search->began))
        return;
    heal(sim);
    search->found->heals++;
    search->healing += seconds_now() - began;
    if (sim->book.kept > 0)
        on_broken(search, state, NULL, true);
}

/* -------------------------------------------------------------------------------------- levels */

static uint32_t add_state(struct search *search, uint32_t before, tiny_event event)
{
    size_t size;
    if (search->states == search->room) {
        search->room = search->room == 0 ? 4096 : search->room * 2;
        search->state = grown(search->state, search->room, sizeof search->state[0]);
    }
    search->state[search->states] = (struct state){before, event};
    const void *packed = image_pack(search->other, search->sim, &size);
    images_add(search->next, search->states, packed, size);
    return search->states++;
}

static void try_event(struct search *search, uint32_t from, tiny_event event)
{
    struct sim *sim = search->sim;
    image_restore(search->buffer, sim);
    if (!sim_can(sim, event))
        return;
    if (search->found->transitions++ % SAME_EVERY == 0) {
        check_same(search, event);
        image_restore(search->buffer, sim);
    }
    sim_do(sim, event);
    if (sim->book.kept > 0) {
        on_broken(search, from, &event, false);
        return;
    }
    if (sim->tiny.full) {
        search->found->pruned++;
        return;
    }
    uint32_t *place = seen_place(&search->seen, sim_digest(sim));
    if (*place == SEEN_FRESH) {
        *place = add_state(search, from, event);
        try_heal(search, *place);
    } else if (++search->known % TWINS_EVERY == 0) {
        check_twins(search, *place, from, event);
    }
}

static bool is_over(struct search *search)
{
    const struct limits *limits = search->limits;
    search->stop = search->stop || search->states >= limits->states ||
                   search->next->bytes + search->now->bytes >= limits->bytes ||
                   seconds_now() - search->began >= limits->seconds;
    return search->stop;
}

static void go_on_from(struct search *search, const struct image *image)
{
    for (unsigned k = 0; k < tiny_event_count; k++)
        for (unsigned a = 0; a < most[k] && !search->stop; a++) {
            uint64_t twins = search->found->twins;
            try_event(search, image->state, TINY_EVENT(k, a));
            if (search->found->twins != twins) /* the buffer was used for something else */
                image_open(search->buffer, image->packed);
        }
}

/* One level whole; false where a limit came first. */
static bool go_on(struct search *search)
{
    struct images *images = search->now;
    search->now = search->next;
    search->next = images;
    images_clear(images);
    for (size_t i = 0; i < search->now->count; i++) {
        if (is_over(search))
            return false;
        image_open(search->buffer, search->now->image[i].packed);
        go_on_from(search, &search->now->image[i]);
    }
    return !search->stop;
}

static void search_levels(struct search *search)
{
    struct found *found = search->found;
    while (search->next->count > 0) {
        if (search->limits->depth != 0 && search->level >= search->limits->depth)
            return;
        if (!go_on(search)) {
            found->next = search->next->count;
            return;
        }
        found->depth = ++search->level;
    }
    found->whole = true;
}

void explore(struct sim *sim, const struct root *root, const struct limits *limits,
             struct found *found)
{
    struct search search = {.sim = sim, .root = root, .limits = limits, .found = found};
    memset(found, 0, sizeof *found);
    search.began = seconds_now();
    search.now = images_new();
    search.next = images_new();
    search.buffer = image_new();
    search.other = image_new();
    seen_open(&search.seen);
    sim->book.kept = 0;
    if (!replay(sim, root, NULL, 0))
        abort();
    *seen_place(&search.seen, sim_digest(sim)) = add_state(&search, 0, 0);
    search_levels(&search);
    found->states = search.states;
    found->seconds = seconds_now() - search.began;
    seen_close(&search.seen);
    images_free(search.now);
    images_free(search.next);
    image_free(search.buffer);
    image_free(search.other);
    free(search.state);
}
