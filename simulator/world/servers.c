/* Hetzner's side: servers are rented, boot, are switched and deleted; actions say how far they are.
 * May not: know what runs on a server (machine.c). */
#include "simulator/world/world_private.h"

#include <stdio.h>
#include <stdlib.h>

#define PROGRESS_DONE 100

/* ---- actions ---- */

static struct world_action *action_begin(struct world *world, struct server_entry *entry,
                                         const char *command)
{
    struct world_action *action = world_alloc(sizeof *action);
    action->id = world->actions.count + 1;
    world_copy_name(action->command, sizeof action->command, command);
    action->status = WORLD_ACTION_RUNNING;
    action->started_ms = world->now_ms;
    action->server_id = entry->server.id;
    entry->server.locked_by++;
    list_push(&world->actions, action);
    return action;
}

static struct world_action *action_get(const struct world *world, uint64_t id)
{
    return id >= 1 && id <= world->actions.count ? world->actions.items[id - 1] : NULL;
}

/* Ends an action; error_code NULL: with success. Its server may be gone. */
static void action_end(struct world *world, uint64_t id, const char *error_code,
                       const char *error_message)
{
    struct world_action *action = action_get(world, id);
    if (action == NULL || action->status != WORLD_ACTION_RUNNING)
        return;
    action->status = error_code == NULL ? WORLD_ACTION_SUCCESS : WORLD_ACTION_ERROR;
    action->progress = PROGRESS_DONE;
    action->finished_ms = world->now_ms;
    world_copy_name(action->error_code, sizeof action->error_code, error_code);
    world_copy_name(action->error_message, sizeof action->error_message, error_message);
    struct server_entry *entry = server_entry_find(world, action->server_id);
    if (entry != NULL)
        entry->server.locked_by--;
}

size_t world_action_count(const struct world *world)
{
    return world->actions.count;
}

const struct world_action *world_action_at(const struct world *world, size_t index)
{
    return index < world->actions.count ? world->actions.items[index] : NULL;
}

const struct world_action *world_action_find(const struct world *world, uint64_t id)
{
    return action_get(world, id);
}

/* ---- looking servers up ---- */

static size_t server_place(const struct world *world, uint64_t id)
{
    size_t low = 0, high = world->servers.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct server_entry *entry = world->servers.items[middle];
        if (entry->server.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct server_entry *server_entry_find(const struct world *world, uint64_t id)
{
    size_t place = server_place(world, id);
    if (place == world->servers.count)
        return NULL;
    struct server_entry *entry = world->servers.items[place];
    return entry->server.id == id ? entry : NULL;
}

size_t world_server_count(const struct world *world)
{
    return world->servers.count;
}

const struct world_server *world_server_at(const struct world *world, size_t index)
{
    if (index >= world->servers.count)
        return NULL;
    const struct server_entry *entry = world->servers.items[index];
    return &entry->server;
}

const struct world_server *world_server_find(const struct world *world, uint64_t id)
{
    const struct server_entry *entry = server_entry_find(world, id);
    return entry != NULL ? &entry->server : NULL;
}

const struct world_server *world_server_named(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->servers.count; i++) {
        const struct server_entry *entry = world->servers.items[i];
        if (strcmp(entry->server.name, name) == 0)
            return &entry->server;
    }
    return NULL;
}

void server_entry_free(struct server_entry *entry)
{
    map_free(&entry->server.labels);
    free(entry->server.user_data);
    free(entry);
}

/* ---- what is sold ---- */

bool world_sold_out(const struct world *world, const struct world_server_type *type,
                    const struct world_location *location)
{
    for (size_t i = 0; i < world->sold_out_count; i++) {
        if (world->sold_out[i].type == type && world->sold_out[i].location == location)
            return true;
    }
    return false;
}

static void set_one_sold_out(struct world *world, const struct world_server_type *type,
                             const struct world_location *location, bool sold_out)
{
    for (size_t i = 0; i < world->sold_out_count; i++) {
        if (world->sold_out[i].type != type || world->sold_out[i].location != location)
            continue;
        if (!sold_out)
            world->sold_out[i] = world->sold_out[--world->sold_out_count];
        return;
    }
    if (!sold_out)
        return;
    assert(world->sold_out_count < SOLD_OUT_PAIRS_MAX);
    world->sold_out[world->sold_out_count++] = (struct sold_out){type, location};
}

void world_set_sold_out(struct world *world, const char *type, const char *location, bool sold_out)
{
    size_t type_count = 0, location_count = 0;
    const struct world_server_type *types = world_server_types(&type_count);
    const struct world_location *locations = world_locations(&location_count);
    for (size_t t = 0; t < type_count; t++) {
        for (size_t l = 0; l < location_count; l++) {
            if ((type == NULL || strcmp(types[t].name, type) == 0) &&
                (location == NULL || strcmp(locations[l].name, location) == 0))
                set_one_sold_out(world, &types[t], &locations[l], sold_out);
        }
    }
}

static bool sold_in(const struct world_server_type *type, const struct world_location *location)
{
    size_t count = 0;
    const struct world_location *first = world_locations(&count);
    return (type->location_bits >> (location - first) & 1) != 0;
}

/* ---- renting ---- */

static enum world_verdict may_rent(const struct world *world, const struct world_server_spec *spec)
{
    if (world_server_named(world, spec->name) != NULL)
        return WORLD_NAME_TAKEN;
    if (!sold_in(spec->type, spec->location))
        return WORLD_NOT_SOLD_HERE;
    if (world->servers.count >= (size_t)world->config.servers_max)
        return WORLD_QUOTA;
    return world_sold_out(world, spec->type, spec->location) ? WORLD_SOLD_OUT : WORLD_OK;
}

static struct server_entry *server_add(struct world *world, const struct world_server_spec *spec,
                                       uint64_t id)
{
    struct server_entry *entry = world_alloc(sizeof *entry);
    struct world_server *server = &entry->server;
    server->id = id;
    world_copy_name(server->name, sizeof server->name, spec->name);
    server->status = WORLD_SERVER_INITIALIZING;
    server->type = spec->type;
    server->location = spec->location;
    server->image = spec->image;
    map_copy(&server->labels, spec->labels);
    server->user_data = spec->user_data != NULL ? world_copy_text(spec->user_data) : NULL;
    server->created_ms = world->now_ms / MS_PER_S * MS_PER_S;
    list_insert(&world->servers, server_place(world, id), entry);
    return entry;
}

/* What will go wrong with this machine is decided when it is rented, so that a test can choose it.
 */
static void draw_troubles(struct world *world, struct server_entry *entry)
{
    static const enum world_trouble drawn[] = {
        WORLD_TROUBLE_CREATE_FAILS, WORLD_TROUBLE_BOOT_HANGS, WORLD_TROUBLE_JOIN_FAILS,
        WORLD_TROUBLE_NEVER_READY,  WORLD_TROUBLE_POD_HANGS,  WORLD_TROUBLE_REGISTER_FAILS,
    };
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
        entry->troubles[drawn[i]] = trouble_strikes(world, drawn[i]);
}

enum world_verdict world_server_create(struct world *world, const struct world_server_spec *spec,
                                       uint64_t *id, uint64_t action_ids[2])
{
    enum world_verdict verdict = may_rent(world, spec);
    if (verdict != WORLD_OK)
        return verdict;
    ask_guard(world, (struct world_call){.kind = WORLD_CALL_SERVER_CREATE, .wanted = spec});
    struct server_entry *entry = server_add(world, spec, world->next_server_id++);
    draw_troubles(world, entry);
    entry->create_action = action_begin(world, entry, "create_server")->id;
    entry->start_action = spec->start ? action_begin(world, entry, "start_server")->id : 0;
    struct totals *totals = &world->totals;
    totals->servers_rented++;
    if (++totals->servers_now > totals->servers_max)
        totals->servers_max = totals->servers_now;
    world_due_in(world, world_jitter(world, world->config.create_ms), DUE_CREATE_DONE,
                 entry->server.id, entry->server.boots);
    *id = entry->server.id;
    action_ids[0] = entry->create_action;
    action_ids[1] = entry->start_action;
    tell_server(world, WORLD_EVENT_SERVER_CREATED, &entry->server);
    return WORLD_OK;
}

void server_create_done(struct world *world, uint64_t id, uint64_t stamp)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL || entry->server.boots != stamp)
        return;
    if (entry->troubles[WORLD_TROUBLE_CREATE_FAILS]) {
        entry->server.create_failed = true;
        entry->server.status = WORLD_SERVER_OFF;
        action_end(world, entry->create_action, "action_failed", "Action failed");
        action_end(world, entry->start_action, "action_failed", "Action failed");
        tell_server(world, WORLD_EVENT_SERVER_CREATE_FAILED, &entry->server);
        return;
    }
    action_end(world, entry->create_action, NULL, NULL);
    bool starts = entry->start_action != 0;
    if (!entry->troubles[WORLD_TROUBLE_BOOT_HANGS])
        entry->server.status = starts ? WORLD_SERVER_STARTING : WORLD_SERVER_OFF;
    if (starts)
        world_due_in(world, world_jitter(world, world->config.boot_ms), DUE_BOOTED, id, stamp);
    tell_server(world, WORLD_EVENT_SERVER_CHANGED, &entry->server);
}

void server_booted(struct world *world, uint64_t id, uint64_t stamp)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL || entry->server.boots != stamp)
        return;
    action_end(world, entry->start_action, NULL, NULL);
    if (entry->troubles[WORLD_TROUBLE_BOOT_HANGS])
        return;
    entry->server.status = WORLD_SERVER_RUNNING;
    entry->alive = true;
    tell_server(world, WORLD_EVENT_SERVER_RUNNING, &entry->server);
    if (entry->troubles[WORLD_TROUBLE_JOIN_FAILS])
        return;
    world_due_in(world, world_jitter(world, world->config.join_ms), DUE_JOIN, id, stamp);
}

/* ---- deleting ---- */

enum world_verdict world_server_delete(struct world *world, uint64_t id, uint64_t *action_id)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (entry->server.delete_protected)
        return WORLD_PROTECTED;
    if (entry->server.locked_by > 0)
        return WORLD_LOCKED;
    ask_guard(world,
              (struct world_call){.kind = WORLD_CALL_SERVER_DELETE, .server = &entry->server});
    *action_id = action_begin(world, entry, "delete_server")->id;
    entry->server.status = WORLD_SERVER_DELETING;
    tell_server(world, WORLD_EVENT_SERVER_DELETING, &entry->server);
    machine_down(world, entry);
    bool fails = trouble_strikes_on(world, WORLD_TROUBLE_DELETE_FAILS, entry);
    entry->troubles[WORLD_TROUBLE_DELETE_FAILS] = false; /* the next try may succeed */
    world_due_in(world, world_jitter(world, world->config.delete_ms), DUE_DELETE_DONE, *action_id,
                 fails ? 1 : 0);
    return WORLD_OK;
}

void server_delete_done(struct world *world, uint64_t id, uint64_t fails)
{
    const struct world_action *action = action_get(world, id);
    struct server_entry *entry = server_entry_find(world, action->server_id);
    assert(entry != NULL);
    if (fails != 0) {
        entry->server.status = WORLD_SERVER_OFF;
        action_end(world, id, "action_failed", "Action failed");
        tell_server(world, WORLD_EVENT_SERVER_CHANGED, &entry->server);
        return;
    }
    action_end(world, id, NULL, NULL);
    bill_close(world, &entry->server);
    (void)list_remove_at(&world->servers, server_place(world, entry->server.id));
    tell_server(world, WORLD_EVENT_SERVER_GONE, &entry->server);
    server_entry_free(entry);
}

/* ---- switching and changing ---- */

static const char *const power_commands[] = {
    [WORLD_POWER_OFF] = "stop_server",
    [WORLD_POWER_ON] = "start_server",
    [WORLD_SHUTDOWN] = "shutdown_server",
};

enum world_verdict world_server_power(struct world *world, uint64_t id, enum world_power what,
                                      uint64_t *action_id)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (entry->server.locked_by > 0)
        return WORLD_LOCKED;
    *action_id = action_begin(world, entry, power_commands[what])->id;
    if (what != WORLD_POWER_ON) {
        entry->server.status = WORLD_SERVER_STOPPING;
        machine_down(world, entry);
        world_due_in(world, world->config.power_ms, DUE_POWER_DONE, *action_id,
                     entry->server.boots);
    } else if (entry->server.create_failed || entry->alive) {
        /* A server that was never installed does not start; one that runs is not started again. */
        action_end(world, *action_id, entry->alive ? NULL : "action_failed", "Action failed");
    } else {
        entry->server.boots++;
        entry->server.status = WORLD_SERVER_STARTING;
        entry->start_action = *action_id;
        world_due_in(world, world_jitter(world, world->config.boot_ms), DUE_BOOTED, id,
                     entry->server.boots);
    }
    tell_server(world, WORLD_EVENT_SERVER_CHANGED, &entry->server);
    return WORLD_OK;
}

void server_power_done(struct world *world, uint64_t id, uint64_t stamp)
{
    const struct world_action *action = action_get(world, id);
    struct server_entry *entry = server_entry_find(world, action->server_id);
    (void)stamp;
    if (entry == NULL)
        return;
    entry->server.status = WORLD_SERVER_OFF;
    action_end(world, id, NULL, NULL);
    tell_server(world, WORLD_EVENT_SERVER_DOWN, &entry->server);
}

enum world_verdict world_server_update(struct world *world, uint64_t id, const char *name,
                                       const struct world_map *labels)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (name != NULL) {
        const struct world_server *holder = world_server_named(world, name);
        if (holder != NULL && holder->id != id)
            return WORLD_NAME_TAKEN;
    }
    ask_guard(world,
              (struct world_call){.kind = WORLD_CALL_SERVER_UPDATE, .server = &entry->server});
    if (name != NULL) {
        char copy[WORLD_NAME_BYTES]; /* the name given may be the server's own */
        world_copy_name(copy, sizeof copy, name);
        world_copy_name(entry->server.name, sizeof entry->server.name, copy);
    }
    if (labels != NULL) {
        struct world_map replaced;
        map_copy(&replaced, labels);
        map_free(&entry->server.labels);
        entry->server.labels = replaced;
    }
    tell_server(world, WORLD_EVENT_SERVER_CHANGED, &entry->server);
    return WORLD_OK;
}

enum world_verdict world_server_protect(struct world *world, uint64_t id, bool protect,
                                        uint64_t *action_id)
{
    struct server_entry *entry = server_entry_find(world, id);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    *action_id = action_begin(world, entry, "change_protection")->id;
    entry->server.delete_protected = protect;
    action_end(world, *action_id, NULL, NULL);
    tell_server(world, WORLD_EVENT_SERVER_CHANGED, &entry->server);
    return WORLD_OK;
}

/* ---- the control plane ---- */

void server_add_control_plane(struct world *world)
{
    size_t count = 0;
    struct world_server_spec spec = {.name = CONTROL_PLANE_NAME};
    spec.type = world_server_types(&count);
    spec.location = world_locations(&count) + 1;
    spec.image = world_images(&count);
    struct server_entry *entry = server_add(world, &spec, 1);
    entry->server.foreign = true;
    entry->server.status = WORLD_SERVER_RUNNING;
    entry->alive = true;
    if (world->config.nodes)
        node_joins(world, entry->server.id, entry->server.boots);
}
