/* Gitea's runners and the daemons that use their registrations: they register, ask for jobs, work,
 * report, are fenced, deleted, told to end, killed.
 * May not: end a pod (pods.c), decide what becomes of a job (jobs.c). */
#include "simulator/world/world_private.h"

#include <stdio.h>
#include <stdlib.h>

#define SOON_DIVISOR 4 /* the next question after a job comes after a quarter of the usual time */
#define UPDATE_LATE_PERCENT                                                                        \
    107 /* an idle log is reported a little later than "busy" lasts: it flaps */

/* ---- looking runners up ---- */

struct runner_entry *runner_entry_find(const struct world *world, uint64_t id)
{
    return id >= 1 && id <= world->runners.count ? world->runners.items[id - 1] : NULL;
}

struct runner_entry *runner_in_pod(const struct world *world, const struct pod_entry *pod)
{
    for (size_t i = 0; i < world->daemons.count; i++) {
        struct runner_entry *entry = world->daemons.items[i];
        if (entry->pod_serial == pod->serial)
            return entry;
    }
    return NULL;
}

size_t world_runner_count(const struct world *world)
{
    return world->registered.count;
}

const struct world_runner *world_runner_at(const struct world *world, size_t index)
{
    if (index >= world->registered.count)
        return NULL;
    const struct runner_entry *entry = world->registered.items[index];
    return &entry->runner;
}

const struct world_runner *world_runner_find(const struct world *world, uint64_t id)
{
    const struct runner_entry *entry = runner_entry_find(world, id);
    return entry != NULL && entry->runner.registered ? &entry->runner : NULL;
}

bool world_runner_online(const struct world *world, const struct world_runner *runner)
{
    return runner->last_contact_ms != 0 &&
           world->now_ms - runner->last_contact_ms < world->config.offline_ms;
}

bool world_runner_busy(const struct world *world, const struct world_runner *runner)
{
    return runner->last_update_ms != 0 && world_runner_online(world, runner) &&
           world->now_ms - runner->last_update_ms < world->config.busy_window_ms;
}

void runner_entry_free(struct runner_entry *entry)
{
    strings_free(&entry->runner.labels);
    free(entry);
}

/* ---- registering ---- */

/* Keeps each different set of labels once: what could ever be served is known by it. */
static void remember_labels(struct world *world, const struct world_strings *labels)
{
    for (size_t i = 0; i < world->label_sets.count; i++) {
        const struct world_strings *known = world->label_sets.items[i];
        bool same = known->count == labels->count;
        for (uint32_t k = 0; same && k < labels->count; k++)
            same = strings_have(known, labels->items[k]);
        if (same)
            return;
    }
    struct world_strings *copy = world_alloc(sizeof *copy);
    strings_copy(copy, (const char *const *)labels->items, labels->count);
    list_push(&world->label_sets, copy);
}

static void ask_in(struct world *world, struct runner_entry *entry, int64_t delay_ms)
{
    world_due_in(world, delay_ms, DUE_POLL, entry->runner.id, ++entry->poll_stamp);
}

static struct runner_entry *runner_add(struct world *world, const struct world_runner_spec *spec)
{
    struct runner_entry *entry = world_alloc(sizeof *entry);
    struct world_runner *runner = &entry->runner;
    runner->id = world->runners.count + 1;
    world_copy_name(runner->name, sizeof runner->name, spec->name);
    strings_copy(&runner->labels, spec->labels, spec->label_count);
    runner->registered = true;
    runner->registered_ms = runner->free_since_ms = world->now_ms;
    runner->ephemeral = spec->ephemeral;
    runner->permanent = spec->permanent;
    runner->scope = spec->scope;
    runner->server_id = spec->server_id;
    world_copy_name(runner->owner, sizeof runner->owner, spec->owner);
    world_copy_name(runner->repo, sizeof runner->repo, spec->repo);
    list_push(&world->runners, entry);
    list_push(&world->registered, entry);
    remember_labels(world, &runner->labels);
    world->totals.runners_registered++;
    if (spec->started) {
        runner->daemon = true;
        runner->last_contact_ms = world->now_ms;
        list_push(&world->daemons, entry);
        ask_in(world, entry, 0);
    }
    return entry;
}

uint64_t world_runner_create(struct world *world, const struct world_runner_spec *spec)
{
    struct runner_entry *entry = runner_add(world, spec);
    tell_runner(world, WORLD_EVENT_RUNNER_REGISTERED, &entry->runner, NULL);
    return entry->runner.id;
}

static struct runner_entry *register_on(struct world *world, const struct server_entry *server,
                                        const char *name, uint32_t slot)
{
    const struct world_config *config = &world->config;
    uint32_t label_count;
    const char *const *labels = runner_labels_on(world, &server->server, &label_count);
    struct runner_entry *entry = runner_add(
        world,
        &(struct world_runner_spec){.name = name,
                                    .labels = labels,
                                    .label_count = label_count,
                                    .scope = config->runner_repo != NULL    ? WORLD_SCOPE_REPO
                                             : config->runner_owner != NULL ? WORLD_SCOPE_ORG
                                                                            : WORLD_SCOPE_ADMIN,
                                    .owner = config->runner_owner,
                                    .repo = config->runner_repo,
                                    .ephemeral = config->ephemeral,
                                    .started = true});
    entry->runner.server_id = server->server.id;
    entry->slot = slot;
    return entry;
}

/* The node's name, with the slot added from the second runner on. */
static void name_by_machine(char *name, size_t bytes, const char *machine, uint32_t slot)
{
    if (slot == 0)
        world_copy_name(name, bytes, machine);
    else
        (void)snprintf(name, bytes, "%.240s-%u", machine, slot);
}

void runner_register_pod(struct world *world, uint64_t id, uint64_t stamp)
{
    struct pod_entry *pod = pod_entry_find(world, id);
    if (pod == NULL || pod->pod.restarts != stamp || !pod->container ||
        runner_in_pod(world, pod) != NULL)
        return;
    const struct node_entry *node = node_entry_find(world, pod->node_serial);
    const struct server_entry *server =
        node != NULL ? server_entry_find(world, node->node.server_id) : NULL;
    if (server == NULL || trouble_strikes_on(world, WORLD_TROUBLE_REGISTER_FAILS, server))
        return;
    char name[WORLD_NAME_BYTES];
    if (world->config.runner_named_by_node)
        name_by_machine(name, sizeof name, pod->pod.node_name, pod->pod.slot);
    else
        world_copy_name(name, sizeof name, pod->pod.name);
    struct runner_entry *entry = register_on(world, server, name, pod->pod.slot);
    entry->pod_serial = pod->serial;
    memcpy(entry->runner.pod_uid, pod->pod.uid, sizeof entry->runner.pod_uid);
    pod->pod.runner_id = entry->runner.id;
    tell_runner(world, WORLD_EVENT_RUNNER_REGISTERED, &entry->runner, NULL);
}

/* Runners straight on a server: the stamp holds the boot and the slot. */
static void start_bare(struct world *world, const struct server_entry *server, uint32_t slot)
{
    world_due_in(world, world_jitter(world, world->config.register_ms), DUE_REGISTER_BARE,
                 server->server.id, server->server.boots * WORLD_RUNNERS_PER_NODE_MAX + slot);
}

void runner_start_on(struct world *world, struct server_entry *server)
{
    if (!world->config.runners || server->server.foreign)
        return;
    uint32_t count = runners_wanted_on(world, &server->server);
    for (uint32_t slot = 0; slot < count; slot++)
        start_bare(world, server, slot);
}

void runner_register_bare(struct world *world, uint64_t id, uint64_t stamp)
{
    struct server_entry *server = server_entry_find(world, id);
    if (server == NULL || !server->alive ||
        server->server.boots != stamp / WORLD_RUNNERS_PER_NODE_MAX ||
        trouble_strikes_on(world, WORLD_TROUBLE_REGISTER_FAILS, server))
        return;
    uint32_t slot = (uint32_t)(stamp % WORLD_RUNNERS_PER_NODE_MAX);
    char name[WORLD_NAME_BYTES];
    name_by_machine(name, sizeof name, server->server.name, slot);
    struct runner_entry *entry = register_on(world, server, name, slot);
    tell_runner(world, WORLD_EVENT_RUNNER_REGISTERED, &entry->runner, NULL);
}

/* ---- asking for a job ---- */

int64_t runner_silent_ms(const struct world *world, const struct runner_entry *entry)
{
    int64_t left = entry->runner.silent_until_ms - world->now_ms;
    return entry->runner.daemon && left > 0 ? left : 0;
}

bool runner_may_take(const struct world_runner *runner, const struct world_job *job)
{
    if (runner->scope != WORLD_SCOPE_ADMIN && strcmp(runner->owner, job->repo->owner) != 0)
        return false;
    if (runner->scope == WORLD_SCOPE_REPO && strcmp(runner->repo, job->repo->name) != 0)
        return false;
    for (uint32_t i = 0; i < job->labels.count; i++) {
        if (!strings_have(&runner->labels, job->labels.items[i]))
            return false;
    }
    return true;
}

static struct job_entry *oldest_job_for(const struct world *world,
                                        const struct world_runner *runner)
{
    for (size_t i = 0; i < world->queued.count; i++) {
        struct job_entry *entry = world->queued.items[i];
        if (!entry->picked && runner_may_take(runner, &entry->job))
            return entry;
    }
    return NULL;
}

void runner_poll(struct world *world, uint64_t id, uint64_t stamp)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    struct world_runner *runner = &entry->runner;
    if (entry->poll_stamp != stamp || !runner->daemon || !runner->registered || entry->stopping ||
        runner->job_id != 0 || entry->picking != 0)
        return;
    int64_t silent_ms = runner_silent_ms(world, entry);
    if (silent_ms > 0) {
        ask_in(world, entry, silent_ms);
        return;
    }
    runner->last_contact_ms = world->now_ms;
    struct job_entry *job = runner->disabled ? NULL : oldest_job_for(world, runner);
    if (job == NULL) {
        ask_in(world, entry, world_jitter(world, world->config.runner_poll_ms));
        return;
    }
    job->picked = true;
    entry->picking = job->job.id;
    world_due_in(world, world->config.pick_ms, DUE_PICK, id, job->job.id);
}

/* The pick is committed, fenced or not: only a registration that is gone stops it. */
void runner_pick(struct world *world, uint64_t id, uint64_t job_id)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    struct job_entry *job = job_entry_find(world, job_id);
    if (entry->picking != job_id)
        return;
    entry->picking = 0;
    job->picked = false;
    if (job->job.status != WORLD_JOB_QUEUED || !entry->runner.registered) {
        ask_in(world, entry, world->config.runner_poll_ms);
        return;
    }
    job_start(world, job, entry);
}

void runner_update(struct world *world, uint64_t id, uint64_t job_id)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    struct world_runner *runner = &entry->runner;
    if (!runner->daemon || !runner->registered || runner->job_id != job_id)
        return;
    int64_t silent_ms = runner_silent_ms(world, entry);
    if (silent_ms > 0) {
        world_due_in(world, silent_ms, DUE_UPDATE, id, job_id);
        return;
    }
    runner->last_update_ms = runner->last_contact_ms = world->now_ms;
    struct job_entry *job = job_entry_find(world, job_id);
    if (job->job.status == WORLD_JOB_RUNNING)
        job->job.last_update_ms = world->now_ms;
    world_due_in(world, world->config.busy_window_ms * UPDATE_LATE_PERCENT / 100, DUE_UPDATE, id,
                 job_id);
}

/* ---- being done ---- */

static void daemon_ends(struct world *world, struct runner_entry *entry)
{
    entry->runner.daemon = false;
    (void)list_remove(&world->daemons, entry);
    tell_runner(world, WORLD_EVENT_RUNNER_DIED, &entry->runner, NULL);
}

static void deregister(struct world *world, struct runner_entry *entry)
{
    entry->runner.registered = false;
    (void)list_remove(&world->registered, entry);
    tell_runner(world, WORLD_EVENT_RUNNER_DEREGISTERED, &entry->runner, NULL);
}

/* A daemon that ended by itself: its pod, or the machine's service, sees to what follows. */
static void daemon_exits(struct world *world, struct runner_entry *entry)
{
    daemon_ends(world, entry);
    struct pod_entry *pod =
        entry->pod_serial != 0 ? pod_entry_find(world, entry->pod_serial) : NULL;
    struct server_entry *server = server_entry_find(world, entry->runner.server_id);
    if (pod != NULL)
        pod_daemon_ended(world, pod);
    else if (server != NULL && !world->config.nodes)
        start_bare(world, server, entry->slot);
}

void runner_release(struct world *world, struct runner_entry *entry)
{
    struct world_runner *runner = &entry->runner;
    runner->job_id = 0;
    runner->free_since_ms = world->now_ms;
    if (runner->registered)
        runner->last_update_ms = runner->last_contact_ms = world->now_ms;
    bool used_up = runner->ephemeral;
    if (used_up && runner->registered)
        deregister(world, entry);
    if (!runner->daemon)
        return;
    if (used_up || entry->stopping)
        daemon_exits(world, entry);
    else
        ask_in(world, entry, world->config.runner_poll_ms / SOON_DIVISOR);
}

void runner_release_due(struct world *world, uint64_t id, uint64_t job_id)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    int64_t silent_ms = runner_silent_ms(world, entry);
    if (entry->runner.job_id != job_id)
        return;
    if (silent_ms > 0)
        world_due_in(world, silent_ms, DUE_RELEASE, id, job_id);
    else
        runner_release(world, entry);
}

bool runner_stop(struct world *world, struct runner_entry *entry)
{
    (void)world;
    entry->stopping = true;
    return entry->runner.job_id != 0 || entry->picking != 0;
}

void runner_kill(struct world *world, struct runner_entry *entry)
{
    struct world_runner *runner = &entry->runner;
    if (!runner->daemon)
        return;
    if (entry->picking != 0) {
        job_requeue(world, job_entry_find(world, entry->picking));
        entry->picking = 0;
    }
    uint64_t job_id = runner->job_id;
    runner->job_id = 0;
    daemon_ends(world, entry);
    if (job_id != 0)
        job_lose(world, job_entry_find(world, job_id));
}

void runner_kill_on_server(struct world *world, uint64_t server_id)
{
    for (size_t i = world->daemons.count; i-- > 0;) {
        struct runner_entry *entry = world->daemons.items[i];
        if (entry->runner.server_id == server_id)
            runner_kill(world, entry);
    }
}

/* ---- what clients do ---- */

enum world_verdict world_runner_disable(struct world *world, uint64_t id, bool disabled)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    if (entry == NULL || !entry->runner.registered)
        return WORLD_NOT_FOUND;
    if (entry->runner.disabled == disabled)
        return WORLD_OK;
    ask_guard(world, (struct world_call){.kind = disabled ? WORLD_CALL_RUNNER_FENCE
                                                          : WORLD_CALL_RUNNER_RELEASE,
                                         .runner = &entry->runner});
    entry->runner.disabled = disabled;
    entry->runner.disabled_ms = disabled ? world->now_ms : 0;
    entry->runner.disabled_by_hand = disabled && world->by_hand;
    tell_runner(world, WORLD_EVENT_RUNNER_CHANGED, &entry->runner, NULL);
    return WORLD_OK;
}

/* The daemon does not end; what it works on is nobody's any more. */
enum world_verdict world_runner_delete(struct world *world, uint64_t id)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    if (entry == NULL || !entry->runner.registered)
        return WORLD_NOT_FOUND;
    ask_guard(world,
              (struct world_call){.kind = WORLD_CALL_RUNNER_DELETE, .runner = &entry->runner});
    world->totals.runners_deleted++;
    deregister(world, entry);
    if (entry->runner.job_id != 0)
        job_lose(world, job_entry_find(world, entry->runner.job_id));
    return WORLD_OK;
}

enum world_verdict world_runner_kill(struct world *world, uint64_t id)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (!entry->runner.daemon)
        return WORLD_CONFLICT;
    runner_kill(world, entry);
    return WORLD_OK;
}

enum world_verdict world_runner_silence(struct world *world, uint64_t id, int64_t ms)
{
    struct runner_entry *entry = runner_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (!entry->runner.daemon)
        return WORLD_CONFLICT;
    entry->runner.silent_until_ms = world->now_ms + ms;
    return WORLD_OK;
}
