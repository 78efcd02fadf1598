/* What the judge remembers of each name: who showed it and when, what a checkpoint says of it, in
 * which state it was. May not: use what the core believes where the world knows better. */
#include <string.h>

#include "sim.h"

#define JUMP_SLACK_MS SIM_MINUTES(2)

/* The slot of that name, or the empty one where it would be. */
static uint32_t *tried_slot(struct sim *sim, uint64_t name)
{
    uint32_t slot = (uint32_t)name % TRIED_SLOTS;
    while (sim->tried_slot[slot] != 0 && sim->tried[sim->tried_slot[slot] - 1].name != name)
        slot = (slot + 1) % TRIED_SLOTS;
    return &sim->tried_slot[slot];
}

static struct tried *tried_find(struct sim *sim, uint64_t name)
{
    uint32_t place = *tried_slot(sim, name);
    return place != 0 ? &sim->tried[place - 1] : NULL;
}

/* A place for another one: a new one, or that of one that is no node any more. */
static uint32_t tried_place(struct sim *sim)
{
    uint32_t place = sim->tried_count;
    if (place < TRIED_MAX) {
        sim->tried_count++;
        return place;
    }
    do
        place = sim->tried_oldest++ % TRIED_MAX;
    while (sim->tried[place].is_node);
    memset(sim->tried_slot, 0, sizeof sim->tried_slot);
    for (uint32_t i = 0; i < TRIED_MAX; i++)
        if (i != place)
            *tried_slot(sim, sim->tried[i].name) = i + 1;
    return place;
}

static struct tried *tried_hash(struct sim *sim, uint64_t name)
{
    struct tried *tried = tried_find(sim, name);
    if (tried != NULL)
        return tried;
    uint32_t place = tried_place(sim);
    tried = &sim->tried[place];
    *tried = (struct tried){.name = name};
    *tried_slot(sim, name) = place + 1;
    return tried;
}

struct tried *tried_of(struct sim *sim, const char *name)
{
    return tried_hash(sim, name_hash(name));
}

static void note_seen(struct sim *sim, struct tried *tried, unsigned source)
{
    if (tried->seen_ms[source] == 0)
        tried->seen_ms[source] = sim->now_ms + 1; /* 0 is never */
}

/* By a clock that was set since nobody can say how long ago what is missing went: it is no part of
 * what was there. */
static void forget_missing(struct tried *tried)
{
    for (unsigned k = 0; k < source_count; k++)
        if (tried->missing_ms[k] != 0)
            tried->seen_ms[k] = 0;
}

/* A new reconciler knows of no action in flight, and of what was seen what its checkpoint says. */
void judge_read(struct sim *sim, unsigned which)
{
    memset(sim->held, 0, sizeof sim->held);
    sim->creates_failed = 0;
    for (uint32_t i = 0; i < sim->tried_count; i++) {
        struct tried *tried = &sim->tried[i];
        tried->in_flight = 0;
        tried->answered = true;
        tried->failures = 0;
        tried->unknown_mono_ms = 0;
        tried->restored = which < 2 ? tried->written[which] : (struct written){0};
        memcpy(tried->seen_ms, tried->restored.seen_ms, sizeof tried->seen_ms);
        memcpy(tried->missing_ms, tried->restored.missing_ms, sizeof tried->missing_ms);
        if (clock_is_off(sim, sim->wall_skew_ms - tried->restored.skew_ms))
            forget_missing(tried);
    }
}

static void note_written(const struct sim *sim, struct tried *tried)
{
    tried->written[1] = tried->written[0];
    tried->written[0] = (struct written){.skew_ms = sim->wall_skew_ms};
    if (!tried->kept)
        return; /* a checkpoint knows of its nodes only */
    memcpy(tried->written[0].seen_ms, tried->seen_ms, sizeof tried->seen_ms);
    memcpy(tried->written[0].missing_ms, tried->missing_ms, sizeof tried->missing_ms);
    tried->written[0].missing_ms[SOURCE_HETZNER] = 0; /* a server's absence is looked for anew */
}

/* Notes what was just written down: who was seen, who is missing, since when each node rests. */
void judge_written(struct sim *sim)
{
    const struct status *status = sim->output->status;
    for (uint32_t i = 0; i < sim->tried_count; i++)
        sim->tried[i].kept = false;
    for (uint32_t i = 0; i < status->nodes_count; i++) {
        struct tried *tried = tried_of(sim, status->nodes[i].name);
        tried->kept = true;
        if (status->nodes[i].runners[0] != '\0')
            note_seen(sim, tried, SOURCE_GITEA);
    }
    for (uint32_t i = 0; i < sim->tried_count; i++)
        note_written(sim, &sim->tried[i]);
    for (uint32_t i = 0; i < status->nodes_count; i++)
        if (status->nodes[i].state == NODE_IDLE) {
            struct written *written = &tried_of(sim, status->nodes[i].name)->written[0];
            written->rest_since_wall_ms = sim_wall_ms(sim) - status->nodes[i].idle_ms;
            written->rest_since_ms = sim->now_ms - status->nodes[i].idle_ms;
        }
}

/* Judged where the wall clock has not jumped since the rest began: what is written down is its. */
void judge_restored(struct sim *sim)
{
    const struct status *status = sim->output->status;
    char text[BOOK_TEXT_BYTES];
    for (uint32_t i = 0; i < status->nodes_count; i++) {
        const struct written *restored = &tried_of(sim, status->nodes[i].name)->restored;
        int64_t since = restored->rest_since_wall_ms;
        struct scene scene = {.kind = SCENE_node};
        bool by_one_clock = restored->rest_since_ms > sim->jumped_ms + JUMP_SLACK_MS;
        if (since == 0 || status->nodes[i].state != NODE_IDLE || !by_one_clock)
            continue;
        scene.u.node.failures_loud = FAILURES_LOUD;
        scene.u.node.rest_ms = status->nodes[i].idle_ms;
        scene.u.node.rest_least_ms = sim_wall_ms(sim) - since;
        snprintf(text, sizeof text, "%s: rests for %lld ms after a restart, was written down: %lld",
                 status->nodes[i].name, (long long)scene.u.node.rest_ms,
                 (long long)scene.u.node.rest_least_ms);
        (void)book_judge(&sim->book, &scene, SIM_START_MS + sim->now_ms, text);
    }
}

/* Whether the last picture of a source shows it. Without Kubernetes' pods nobody can say whose
 * runners Gitea's lacks: that waits for them. */
static void note_missing(const struct sim *sim, struct tried *tried, enum source source)
{
    const struct held *held = &sim->held[source];
    bool tells = source != SOURCE_GITEA || sim->held[SOURCE_KUBE].known;
    if (tried->shown[source] == held->number)
        tried->missing_ms[source] = 0;
    else if (tells && tried->missing_ms[source] == 0)
        tried->missing_ms[source] = held->at_ms + 1;
}

void judge_picture(struct sim *sim, const struct picture *picture)
{
    const struct snapshot_head *head = picture->source == SOURCE_GITEA ? &picture->u.gitea.head
                                       : picture->source == SOURCE_HETZNER
                                           ? &picture->u.hetzner.head
                                           : &picture->u.kube.head;
    struct held *held = &sim->held[picture->source];
    if (held->known && head->ended_mono_ms < held->ended_mono_ms)
        return; /* what comes late shows nothing new */
    bool first = !held->known;
    *held = (struct held){.known = true,
                          .number = ++sim->shown,
                          .at_ms = sim->now_ms,
                          .began_mono_ms = head->began_mono_ms,
                          .ended_mono_ms = head->ended_mono_ms,
                          .skew_ms = head->wall_ms - head->api_ms};
    for (uint32_t i = 0; picture->source == SOURCE_HETZNER && i < picture->u.hetzner.servers_count;
         i++)
        witness_shown(sim->witness, picture->u.hetzner.servers[i].id);
    for (uint32_t i = 0; i < picture->present_count; i++) {
        struct tried *tried = tried_hash(sim, picture->present[i]);
        tried->shown[picture->source] = held->number;
        if (picture->source != SOURCE_GITEA) /* whose runners they are: judge_before_step */
            note_seen(sim, tried, picture->source);
    }
    for (uint32_t i = 0; i < sim->tried_count; i++)
        note_missing(sim, &sim->tried[i], picture->source);
    for (uint32_t i = 0; picture->source == SOURCE_KUBE && first && i < sim->tried_count; i++)
        if (sim->held[SOURCE_GITEA].known && sim->tried[i].seen_ms[SOURCE_GITEA] != 0)
            note_missing(sim, &sim->tried[i], SOURCE_GITEA);
}

bool works_or_rests(enum node_state state)
{
    return state == NODE_BUSY || state == NODE_IDLE;
}

bool tried_begins_afresh(const struct tried *tried, enum node_state now)
{
    return tried->state != now && !(works_or_rests(tried->state) && works_or_rests(now));
}

/* The fleet as it was before the step that is to come. */
void judge_before_step(struct sim *sim)
{
    const struct status *status = sim->output->status;
    if (sim->wall_skew_ms != sim->skew_seen_ms)
        sim->jumped_ms = sim->now_ms;
    sim->skew_seen_ms = sim->wall_skew_ms;
    for (uint32_t i = 0; i < sim->tried_count; i++)
        sim->tried[i].is_node = false;
    for (uint32_t i = 0; status != NULL && i < status->nodes_count; i++) {
        struct tried *tried = tried_of(sim, status->nodes[i].name);
        tried->is_node = true;
        if (tried_begins_afresh(tried, status->nodes[i].state))
            tried->failures = 0;
        tried->state = status->nodes[i].state;
        tried->state_since_ms = sim->stepped_ms - status->nodes[i].state_ms + 1;
        if (status->nodes[i].runners[0] != '\0') /* the core knows that they are this node's */
            note_seen(sim, tried, SOURCE_GITEA);
    }
}
