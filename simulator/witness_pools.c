/* The pools as the world knows them: which machines serve or come, whose job a waiting one is, how
 * long a pool has lacked what it is to have, and what room is free. May not: judge. */
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "simulator/witness_private.h"

bool witness_pool_serves(const struct witness_pool *pool, const struct world_job *job)
{
    for (uint32_t i = 0; i < job->labels.count; i++) {
        uint32_t k = 0;
        while (k < pool->label_count && strcmp(pool->labels[k], job->labels.items[i]) != 0)
            k++;
        if (k == pool->label_count)
            return false;
    }
    return true;
}

uint32_t witness_pool_of_job(const struct witness *witness, const struct world_job *job)
{
    uint32_t pool = 0;
    while (pool < witness->rules.pool_count &&
           !witness_pool_serves(&witness->rules.pool[pool], job))
        pool++;
    return pool;
}

bool witness_serves_or_comes(const struct witness *witness, const struct world_server *server,
                             int64_t now_ms)
{
    return witness_is_coming(witness, server, now_ms) || witness_serves(witness, server);
}

void witness_count_serving(struct witness *witness, int64_t now_ms)
{
    memset(witness->serving, 0, sizeof witness->serving);
    memset(witness->open, 0, sizeof witness->open);
    for (size_t i = 0; i < world_server_count(witness->world); i++) {
        const struct world_server *server = world_server_at(witness->world, i);
        const struct rented *rented = witness_rented(witness, server->id);
        if (rented == NULL || rented->pool >= witness->rules.pool_count ||
            !witness_marks(witness, &server->labels) ||
            !witness_serves_or_comes(witness, server, now_ms))
            continue;
        witness->serving[rented->pool] += !rented->rogue;
        witness->open[rented->pool] += rented->rogue;
    }
}

void witness_creates_hindered(struct witness *witness, int64_t now_ms)
{
    witness->creates_hindered_ms = now_ms;
}

/* ------------------------------------------------------------------------------ what is lacking */

struct whole {
    uint64_t servers[WITNESS_POOLS_MAX], all, hourly_micro;
};

/* Also what a person labelled as ours: nobody can tell it from ours by its labels alone. */
static struct whole count_all(const struct witness *witness)
{
    struct whole out = {{0}, 0, 0};
    for (size_t i = 0; i < world_server_count(witness->world); i++) {
        const struct world_server *server = world_server_at(witness->world, i);
        if (!witness_labelled(witness, &server->labels))
            continue;
        uint32_t pool =
            witness_pool_named(witness, witness_label(&server->labels, SERVER_LABEL_POOL));
        out.all++;
        out.hourly_micro += (uint64_t)server->type->hour_microeuro;
        if (pool < witness->rules.pool_count)
            out.servers[pool]++;
    }
    return out;
}

/* Machines that other pools lack to their min: their places are not this one's. */
static uint64_t kept_for_others(const struct witness *witness, uint32_t pool)
{
    uint64_t kept = 0;
    for (uint32_t i = 0; i < witness->rules.pool_count; i++) {
        uint64_t least = witness->rules.pool[i].min, serving = witness->serving[i];
        kept += i != pool && least > serving ? least - serving : 0;
    }
    return kept;
}

/* Whether a limit keeps the pool from growing: its own, a rail, or the account's. */
static bool is_full(const struct witness *witness, uint32_t pool, const struct whole *whole)
{
    const struct witness_rules *rules = &witness->rules;
    return whole->servers[pool] >= rules->pool[pool].max ||
           whole->all + kept_for_others(witness, pool) >= rules->servers_max ||
           whole->hourly_micro + rules->dearest_micro > rules->hourly_micro_max ||
           world_server_count(witness->world) >=
               (size_t)world_config_of(witness->world)->servers_max;
}

static int64_t oldest_wait_ms(const struct witness *witness, uint32_t pool, int64_t now_ms)
{
    int64_t longest = 0;
    for (size_t i = 0; i < world_queued_count(witness->world); i++) {
        const struct world_job *job = world_queued_at(witness->world, i);
        if (now_ms - job->runnable_ms > longest && witness_pool_of_job(witness, job) == pool)
            longest = now_ms - job->runnable_ms;
    }
    return longest;
}

static void look_at_pool(struct witness *witness, uint32_t pool, const struct whole *whole,
                         int64_t now_ms)
{
    struct scene scene = {.kind = SCENE_pool};
    struct pool_scene *out = &scene.u.pool;
    char text[BOOK_TEXT_BYTES] = "";
    bool lacks = witness->serving[pool] + witness->open[pool] < witness->rules.pool[pool].owed;
    int64_t last = witness->hindered_ms > witness->creates_hindered_ms
                       ? witness->hindered_ms
                       : witness->creates_hindered_ms;
    if (is_full(witness, pool, whole))
        witness->full_ms[pool] = now_ms;
    if (!lacks)
        witness->lacks_ms[pool] = 0;
    else if (witness->lacks_ms[pool] == 0)
        witness->lacks_ms[pool] = now_ms;
    last = witness->full_ms[pool] > last ? witness->full_ms[pool] : last;
    out->least = witness->rules.pool[pool].owed;
    out->lacking_ms = lacks ? now_ms - witness->lacks_ms[pool] : 0;
    out->waits_ms = oldest_wait_ms(witness, pool, now_ms);
    out->quiet_ms = now_ms - last;
    out->bound_ms = witness->rules.growth_ms;
    if (!scene_holds(&scene))
        snprintf(text, sizeof text,
                 "pool %s: %llu of at least %llu machines for %lld ms, its oldest job waits for "
                 "%lld ms, nothing hinders creates since %lld ms",
                 witness->rules.pool[pool].name, (unsigned long long)witness->serving[pool],
                 (unsigned long long)out->least, (long long)out->lacking_ms,
                 (long long)out->waits_ms, (long long)out->quiet_ms);
    (void)book_judge(&witness->book, &scene, now_ms, text);
}

/* A machine that never came keeps its offer from the pool for a while, and until it should be gone.
 */
static void note_failed(struct witness *witness, int64_t now_ms)
{
    for (size_t i = 0; i < world_server_count(witness->world); i++) {
        const struct world_server *server = world_server_at(witness->world, i);
        const struct rented *rented = witness_rented(witness, server->id);
        if (rented != NULL && rented->pool < witness->rules.pool_count && !rented->rogue &&
            !rented->had_runner && !witness_is_coming(witness, server, now_ms) &&
            now_ms - server->created_ms < witness->rules.provision_ms + witness->rules.notice_ms)
            witness->full_ms[rented->pool] = now_ms;
    }
}

void witness_look_at_pools(struct witness *witness, int64_t now_ms)
{
    if (witness->rules.growth_ms == 0)
        return;
    struct whole whole = count_all(witness);
    note_failed(witness, now_ms);
    for (uint32_t i = 0; i < witness->rules.pool_count; i++)
        look_at_pool(witness, i, &whole, now_ms);
}

/* ------------------------------------------------------------------------------- what is free */

struct witness_room witness_room(struct witness *witness, uint32_t pool, int64_t now_ms,
                                 bool (*in_service)(const char *node, const void *argument),
                                 const void *argument)
{
    int64_t memory = witness->rules.demand_memory_ms;
    struct witness_room out = {0, 0};
    if (now_ms - witness->hindered_ms <= witness->rules.provision_ms + memory ||
        witness->serving[pool] < witness->rules.pool[pool].min)
        return out;
    out.wants = witness_demand_peak(&witness->own[pool], now_ms - memory);
    for (size_t i = 0; i < world_runner_count(witness->world); i++) {
        const struct world_runner *runner = world_runner_at(witness->world, i);
        const struct rented *rented = witness_rented(witness, runner->server_id);
        const struct world_server *server = world_server_find(witness->world, runner->server_id);
        /* One fenced runner takes its whole node out of service. */
        out.room += rented != NULL && rented->pool == pool && server != NULL &&
                    witness_serves(witness, server) && runner->daemon && !runner->disabled &&
                    runner->job_id == 0 && now_ms - runner->free_since_ms >= memory &&
                    now_ms - rented->hindered_ms >= memory && in_service(rented->name, argument);
    }
    return out;
}
