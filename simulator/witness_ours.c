/* What is ours, ever was, and what its runners do now. May not: judge. */
#include "simulator/witness_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"

/* ----------------------------------------------------------------------------- what is ours */

const char *witness_label(const struct world_map *labels, const char *key)
{
    for (uint32_t i = 0; labels != NULL && i < labels->count; i++)
        if (strcmp(labels->pairs[i].key, key) == 0)
            return labels->pairs[i].value;
    return "";
}

/* "EPOCH-COUNTER": a server that a person labelled as ours has none, and is not ours. */
static bool is_id(const char *text)
{
    char *end;
    unsigned long long epoch = strtoull(text, &end, 10);
    if (epoch == 0 || *end != '-')
        return false;
    unsigned long long counter = strtoull(end + 1, &end, 10);
    return counter != 0 && *end == '\0';
}

bool witness_labelled(const struct witness *witness, const struct world_map *labels)
{
    return strcmp(witness_label(labels, SERVER_LABEL_MANAGED), SERVER_LABEL_MANAGED_VALUE) == 0 &&
           strcmp(witness_label(labels, SERVER_LABEL_CLUSTER), witness->rules.cluster) == 0;
}

bool witness_marks(const struct witness *witness, const struct world_map *labels)
{
    return is_id(witness_label(labels, SERVER_LABEL_ID)) && witness_labelled(witness, labels);
}

uint32_t witness_pool_named(const struct witness *witness, const char *name)
{
    uint32_t pool = 0;
    while (pool < witness->rules.pool_count && strcmp(witness->rules.pool[pool].name, name) != 0)
        pool++;
    return pool;
}

struct rented *witness_rented(const struct witness *witness, uint64_t server_id)
{
    for (size_t i = witness->rented_count; server_id != 0 && i-- > 0;)
        if (witness->rented[i].server_id == server_id)
            return &witness->rented[i];
    return NULL;
}

struct rented *witness_rented_named(const struct witness *witness, const char *name)
{
    for (size_t i = witness->rented_count; i-- > 0;)
        if (strcmp(witness->rented[i].name, name) == 0)
            return &witness->rented[i];
    return NULL;
}

bool witness_ours(const struct witness *witness, const char *name)
{
    return witness_rented_named(witness, name) != NULL;
}

const char *witness_name(const struct witness *witness, uint64_t server_id)
{
    const struct rented *rented = witness_rented(witness, server_id);
    return rented != NULL ? rented->name : NULL;
}

void witness_note_rented(struct witness *witness, const struct world_server *server)
{
    if (!witness_marks(witness, &server->labels) || witness_rented(witness, server->id) != NULL)
        return;
    if (witness->rented_count == witness->rented_room) {
        witness->rented_room = witness->rented_room == 0 ? 64 : witness->rented_room * 2;
        witness->rented =
            realloc(witness->rented, witness->rented_room * sizeof witness->rented[0]);
        if (witness->rented == NULL)
            abort();
    }
    struct rented *rented = &witness->rented[witness->rented_count++];
    *rented = (struct rented){
        .server_id = server->id,
        .pool = witness_pool_named(witness, witness_label(&server->labels, SERVER_LABEL_POOL)),
        .hours = 1};
    snprintf(rented->name, sizeof rented->name, "%s", server->name);
}

/* ------------------------------------------------------------------------------ what a node does
 */

/* The job that a runner works on, in progress in Gitea's eyes; NULL: none. */
const struct world_job *witness_live_job(const struct witness *witness,
                                         const struct world_runner *runner)
{
    const struct world_job *job =
        runner->job_id != 0 ? world_job_find(witness->world, runner->job_id) : NULL;
    bool live = job != NULL && runner->daemon && job->status == WORLD_JOB_RUNNING && !job->lost &&
                job->runner_id == runner->id;
    return live ? job : NULL;
}

bool witness_serves(const struct witness *witness, const struct world_server *server)
{
    bool serves = false;
    for (size_t i = 0; i < world_runner_count(witness->world); i++) {
        const struct world_runner *runner = world_runner_at(witness->world, i);
        if (runner->server_id != server->id)
            continue;
        if (runner->disabled)
            return false;
        serves = serves || (runner->daemon && world_runner_online(witness->world, runner));
    }
    return serves && server->status != WORLD_SERVER_DELETING;
}

bool witness_is_coming(const struct witness *witness, const struct world_server *server,
                       int64_t now_ms)
{
    const struct rented *rented = witness_rented(witness, server->id);
    return rented != NULL && !rented->had_runner && !server->create_failed &&
           server->status != WORLD_SERVER_DELETING &&
           now_ms - server->created_ms < witness->rules.provision_ms;
}

bool witness_is_young(const struct witness *witness, const struct world_runner *runner,
                      int64_t now_ms)
{
    return now_ms - runner->registered_ms <= witness->rules.race_ms;
}

void witness_look_at_runners(const struct witness *witness, uint64_t server_id, int64_t now_ms,
                             struct call_scene *scene)
{
    scene->unfenced = true;
    scene->race_ms = witness->rules.race_ms;
    for (size_t i = 0; server_id != 0 && i < world_runner_count(witness->world); i++) {
        const struct world_runner *runner = world_runner_at(witness->world, i);
        if (runner->server_id != server_id)
            continue;
        const struct world_job *job = witness_live_job(witness, runner);
        scene->runners += runner->daemon && !witness_is_young(witness, runner, now_ms);
        if (job == NULL)
            continue;
        scene->jobs++;
        if (now_ms - job->started_ms > scene->oldest_job_ms)
            scene->oldest_job_ms = now_ms - job->started_ms;
        if (witness->rules.fence_exists && !witness_is_young(witness, runner, now_ms))
            scene->unfenced = false;
    }
}
