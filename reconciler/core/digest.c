/* One number over everything that decides what the core will do. It decides nothing itself.
 *
 * Contract: two cores of one configuration with equal digests answer equal further events alike:
 * the same actions, polls, wake-ups (from now on), writings of the checkpoint, edges, and the same
 * alarms stand. Times count by their distance from the core's own clocks: all mono times are only
 * ever compared with one another, and so are wall times and an API's times; a deadline that is over
 * is as good as none. So a core that lived the same an hour later has the same number, and a search
 * over small worlds meets it again.
 *
 * Left out is what only people see (words, counters, sums of money, since when an alarm stands),
 * what each step makes anew from the rest (sights, pools, tables, the status, the checkpoint and
 * its hash), and what goes into an action for the audit log alone (sequences).
 * tests/unit/test_core_digest.c knows of every field of private.h on which side it stands.
 * May not: call anything but memcpy, memmove, memset, memcmp. */
#include "reconciler/core/private.h"

#define NEVER (UINT64_C(1) << 63) /* no distance */

struct digest {
    const struct core *core;
    uint64_t hash;
};

/* ------------------------------------------------------------------------------ kinds of values */

static void number(struct digest *digest, uint64_t value)
{
    uint64_t hash = (digest->hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    digest->hash = (hash + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    digest->hash ^= digest->hash >> 32;
}

static void text(struct digest *digest, const char *value)
{
    number(digest, text_hash(TEXT_HASH_START, value));
}

/* A mono time, past or to come; 0: none. */
static void mono(struct digest *digest, int64_t at_ms)
{
    number(digest, at_ms == 0 ? NEVER : (uint64_t)(at_ms - digest->core->mono_ms));
}

/* A mono time that is only ever waited for: what is over is all the same. */
static void deadline(struct digest *digest, int64_t at_ms)
{
    number(digest, at_ms > digest->core->mono_ms ? (uint64_t)(at_ms - digest->core->mono_ms) : 0);
}

/* A wall time, or an API's; 0: none. */
static void wall(struct digest *digest, int64_t at_ms)
{
    number(digest, at_ms == 0 ? NEVER : (uint64_t)(at_ms - digest->core->wall_ms));
}

static void moment(struct digest *digest, struct moment at)
{
    mono(digest, at.mono_ms);
    wall(digest, at.wall_ms);
}

static void action_id(struct digest *digest, struct action_id id)
{
    number(digest, id.epoch);
    number(digest, id.counter);
}

/* ------------------------------------------------------------------------------------- a node */

static void runner_set(struct digest *digest, const struct runner_set *set)
{
    number(digest, set != NULL ? set->count : 0);
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        number(digest, set->runner[i].id);
        text(digest, set->runner[i].name);
        mono(digest, set->runner[i].missing_mono_ms);
    }
}

static void life(struct digest *digest, const struct life *life)
{
    const struct retirement *why = life_retirement(life);
    const struct node_removing *removing = life_as_removing(life);
    const struct node_draining *draining = life_as_draining(life);
    const struct node_deregistering *deregistering = life_as_deregistering(life);
    number(digest, life_state(life));
    moment(digest, life_since(life));
    number(digest, why != NULL ? (uint64_t)why->reason : NEVER);
    if (why != NULL)
        moment(digest, why->began);
    number(digest, deregistering != NULL && deregistering->again);
    number(digest,
           (removing != NULL && removing->drained) || (draining != NULL && draining->drained));
    number(digest, draining != NULL && draining->asked);
    if (removing != NULL)
        mono(digest, removing->done_mono_ms);
    runner_set(digest, life_runners(life));
}

static void errand(struct digest *digest, const struct errand *errand)
{
    number(digest, errand->in_flight);
    number(digest, errand->unknown);
    number(digest, errand->refused);
    number(digest, errand->kind);
    action_id(digest, errand->id);
    mono(digest, errand->in_flight ? errand->asked_mono_ms : 0);
    mono(digest, errand->result_mono_ms);
    deadline(digest, errand->next_mono_ms);
    number(digest, errand->failures);
}

static void node(struct digest *digest, const struct node *node)
{
    text(digest, node->name);
    number(digest, node->pool);
    text(digest, node->pool_name);
    action_id(digest, node->made_by);
    text(digest, node->server_type);
    text(digest, node->location);
    moment(digest, node->asked);
    number(digest, node->server_id);
    wall(digest, node->created_ms);
    number(digest, node->price_micro);
    number(digest, (uint64_t)node->hours_counted);
    wall(digest, node->hours_counted == 0 ? node->hours_known_wall_ms : 0);
    for (unsigned i = 0; i < SOURCES; i++) {
        mono(digest, node->presence[i].first_mono_ms);
        mono(digest, node->presence[i].missing_mono_ms);
        number(digest, node->presence[i].unlisted);
    }
    moment(digest, node->quiet);
    mono(digest, node->offline_mono_ms);
    mono(digest, node->disabled_mono_ms);
    number(digest, node->foreign);
    number(digest, node->held_by_rail);
    number(digest, node->rolled);
    number(digest, node->would_go);
    number(digest, (uint64_t)node->would_go_reason);
    errand(digest, &node->errand);
    life(digest, &node->life);
}

/* ----------------------------------------------------------------------------- what is believed */

static void texts(struct digest *digest, const char *const *list, uint32_t count)
{
    number(digest, count);
    for (uint32_t i = 0; i < count; i++)
        text(digest, list[i]);
}

static void gitea(struct digest *digest, const struct gitea_snapshot *gitea)
{
    number(digest, gitea->jobs_count);
    for (uint32_t i = 0; i < gitea->jobs_count; i++) {
        number(digest, gitea->jobs[i].status);
        number(digest, gitea->jobs[i].runner_id);
        text(digest, gitea->jobs[i].runner_name);
        texts(digest, gitea->jobs[i].labels, gitea->jobs[i].labels_count);
    }
    number(digest, gitea->runners_count);
    for (uint32_t i = 0; i < gitea->runners_count; i++) {
        const struct gitea_runner *runner = &gitea->runners[i];
        number(digest, runner->id);
        text(digest, runner->name);
        number(digest, runner->online + 2u * runner->busy + 4u * runner->disabled);
        texts(digest, runner->labels, runner->labels_count);
    }
}

static void hetzner(struct digest *digest, const struct hetzner_snapshot *hetzner)
{
    number(digest, hetzner->servers_count);
    for (uint32_t i = 0; i < hetzner->servers_count; i++) {
        const struct hetzner_server *server = &hetzner->servers[i];
        number(digest, server->id);
        text(digest, server->name);
        wall(digest, server->created_ms);
        text(digest, server->server_type);
        text(digest, server->location);
        number(digest, server->create_failed);
        number(digest, server->labels_count);
        for (uint32_t k = 0; k < server->labels_count; k++) {
            text(digest, server->labels[k].key);
            text(digest, server->labels[k].value);
        }
    }
    number(digest, hetzner->prices_count);
    for (uint32_t i = 0; i < hetzner->prices_count; i++) {
        text(digest, hetzner->prices[i].server_type);
        text(digest, hetzner->prices[i].location);
        number(digest, hetzner->prices[i].hourly_micro);
        number(digest, hetzner->prices[i].deprecated);
    }
}

/* Of a note, whom it covers; since when is the actuator's. */
static void fence_note(struct digest *digest, const char *value)
{
    struct fence_note note = {0};
    number(digest, fence_note_parse(value, &note));
    number(digest, note.all);
    number(digest, note.id_count);
    for (uint32_t i = 0; i < note.id_count; i++)
        number(digest, note.id[i]);
}

static void kube(struct digest *digest, const struct kube_snapshot *kube)
{
    number(digest, kube->nodes_count);
    for (uint32_t i = 0; i < kube->nodes_count; i++) {
        text(digest, kube->nodes[i].uid);
        text(digest, kube->nodes[i].name);
        text(digest, kube->nodes[i].provider_id);
        number(digest, kube->nodes[i].evicting);
        fence_note(digest, kube->nodes[i].fence_note);
    }
    number(digest, kube->pods_count);
    for (uint32_t i = 0; i < kube->pods_count; i++) {
        text(digest, kube->pods[i].name);
        text(digest, kube->pods[i].node_name);
    }
}

/* Of a trouble, whether an alarm stands for it. */
static void source(struct digest *digest, const struct source_now *now)
{
    bool trouble = now->trouble.failures > 0;
    number(digest, now->token_writes);
    number(digest, trouble && now->trouble.trouble == TROUBLE_UNAUTHORIZED);
    number(digest, now->head == NULL ? 1u + trouble : 0);
    if (now->head == NULL)
        return;
    mono(digest, now->head->began_mono_ms);
    mono(digest, now->head->ended_mono_ms);
    wall(digest, now->head->wall_ms);
    wall(digest, now->head->api_ms);
}

/* -------------------------------------------------------------------------------- what is recalled
 */

static void offers(struct digest *digest)
{
    const struct core *core = digest->core;
    for (uint32_t pool = 0; pool < core->config->pools_count; pool++)
        for (uint32_t i = 0; i < core->config->pools[pool].offers_count; i++) {
            const struct offer_memory *offer = &core->offer[pool][i];
            bool closed = offer->closed_until_mono_ms > core->mono_ms;
            text(digest, offer->server_type);
            text(digest, offer->location);
            number(digest, offer->failures);
            deadline(digest, offer->closed_until_mono_ms);
            wall(digest, closed || offer->failures > 0 ? offer->closed_until_wall_ms : 0);
            number(digest, closed && offer->failing);
        }
}

/* The marks of the last minute; earlier ones hold nothing back. */
static void rate(struct digest *digest, const struct rate *rate)
{
    for (uint32_t i = 1; i <= rate->count; i++) {
        int64_t mark_ms = rate->mark_mono_ms[(rate->next + RATE_MARKS_MAX - i) % RATE_MARKS_MAX];
        if (mark_ms + RATE_WINDOW_MS <= digest->core->mono_ms)
            break;
        mono(digest, mark_ms);
    }
    number(digest, NEVER);
}

static void pools(struct digest *digest)
{
    const struct core *core = digest->core;
    for (uint32_t i = 0; i < core->config->pools_count; i++) {
        const struct pool_memory *memory = &core->memory[i];
        number(digest, memory->untaken_upto);
        number(digest, memory->waits_job);
        number(digest, memory->waits_job != 0 ? memory->waits_upto : 0);
        mono(digest, memory->waits_job != 0 ? memory->waits_mono_ms : 0);
        deadline(digest, memory->pause_mono_ms);
        number(digest, memory->refused);
    }
    number(digest, core->pool_turn);
}

static void creates(struct digest *digest)
{
    const struct core *core = digest->core;
    deadline(digest, core->create_pause_mono_ms);
    number(digest, core->create_failures);
    number(digest, core->create_trouble);
    rate(digest, &core->creates);
    rate(digest, &core->deletes);
}

uint64_t core_digest(const struct core *core)
{
    struct digest digest = {.core = core, .hash = TEXT_HASH_START};
    number(&digest, core->epoch);
    number(&digest, core->counter);
    number(&digest, core->restored + 2u * core->actuator_ready + 4u * core->actuator_known);
    number(&digest, core->checkpoint_hash != 0);
    number(&digest, core->storage_text[0] != '\0');
    number(&digest, (uint64_t)core->teardown_ms);
    number(&digest, core->close_until_mono_ms > core->mono_ms ? (uint64_t)core->close_ms : 0);
    deadline(&digest, core->close_until_mono_ms);
    if (!core->actuator_known) {
        number(&digest, core->remembered.epoch);
        number(&digest, core->remembered.counter);
    }
    mono(&digest, trust_list_may_lack(core) ? core->forgot_mono_ms : 0);
    if (trust_list_may_lack(core)) {
        number(&digest, core->forgot_lists);
        mono(&digest, core->forgot_list_mono_ms);
    }
    mono(&digest, core->lost_mono_ms);
    number(&digest, core->turn);
    creates(&digest);
    pools(&digest);
    offers(&digest);
    for (unsigned i = 0; i < SOURCES; i++)
        source(&digest, &core->source[i]);
    if (core->gitea != NULL)
        gitea(&digest, core->gitea);
    if (core->hetzner != NULL)
        hetzner(&digest, core->hetzner);
    if (core->kube != NULL)
        kube(&digest, core->kube);
    number(&digest, core->node_count);
    for (uint32_t i = 0; i < core->node_count; i++)
        node(&digest, &core->node[i]);
    return digest.hash;
}
