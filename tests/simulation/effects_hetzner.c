/* What Hetzner does with a request of the actuator's. May not: know who asked. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "sim.h"

#define PAIRS_MAX 32

static void say(struct effect *out, unsigned status, json_t *body)
{
    out->status = status;
    out->body = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (out->body == NULL)
        sim_die("out of memory");
}

static void refuse(struct effect *out, unsigned status, const char *code)
{
    say(out, status, json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", "drawn"));
}

static void refuse_verdict(struct effect *out, enum world_verdict verdict)
{
    if (verdict == WORLD_NAME_TAKEN)
        refuse(out, 409, "uniqueness_error");
    else if (verdict == WORLD_SOLD_OUT)
        refuse(out, 412, "resource_unavailable");
    else if (verdict == WORLD_QUOTA)
        refuse(out, 403, "resource_limit_exceeded");
    else if (verdict == WORLD_PROTECTED)
        refuse(out, 423, "protected");
    else if (verdict == WORLD_LOCKED)
        refuse(out, 423, "locked");
    else if (verdict == WORLD_NOT_FOUND)
        refuse(out, 404, "not_found");
    else
        refuse(out, 422, "invalid_input");
}

static json_t *action_json(const struct sim *sim, uint64_t id)
{
    static const char *const words[] = {[WORLD_ACTION_RUNNING] = "running",
                                        [WORLD_ACTION_SUCCESS] = "success",
                                        [WORLD_ACTION_ERROR] = "error"};
    const struct world_action *action = world_action_find(sim->world, id);
    return json_pack(
        "{s:I, s:s, s:s, s:o}", "id", (json_int_t)id, "command", action->command, "status",
        words[action->status], "error",
        action->status == WORLD_ACTION_ERROR
            ? json_pack("{s:s, s:s}", "code", action->error_code, "message", action->error_message)
            : json_null());
}

static json_t *server_json(const struct world_server *server)
{
    char created[CLOCK_TEXT_BYTES];
    json_t *labels = json_object();
    for (uint32_t i = 0; i < server->labels.count; i++)
        json_object_set_new(labels, server->labels.pairs[i].key,
                            json_string(server->labels.pairs[i].value));
    return json_pack("{s:I, s:s, s:s, s:s, s:{s:s}, s:{s:s}, s:o}", "id", (json_int_t)server->id,
                     "name", server->name, "status", "initializing", "created",
                     clock_format_rfc3339(server->created_ms, created), "server_type", "name",
                     server->type->name, "location", "name", server->location->name, "labels",
                     labels);
}

static void read_labels(json_t *object, struct world_pair pairs[PAIRS_MAX], struct world_map *out)
{
    const char *key;
    json_t *value;
    out->pairs = pairs;
    out->count = 0;
    json_object_foreach(object, key, value) {
        if (out->count == PAIRS_MAX)
            sim_die("more labels than the simulation holds");
        pairs[out->count].key = (char *)(uintptr_t)key;
        pairs[out->count++].value = (char *)(uintptr_t)json_string_value(value);
    }
}

static const struct world_server_type *type_named(const char *name)
{
    size_t count;
    const struct world_server_type *types = world_server_types(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static const struct world_location *location_named(const char *name)
{
    size_t count;
    const struct world_location *places = world_locations(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(places[i].name, name) == 0)
            return &places[i];
    return NULL;
}

static void create(struct sim *sim, json_t *body, struct effect *out)
{
    struct world_pair pairs[PAIRS_MAX];
    struct world_map labels;
    size_t images;
    uint64_t id, actions[2];
    read_labels(json_object_get(body, "labels"), pairs, &labels);
    struct world_server_spec spec = {
        .name = json_string_value(json_object_get(body, "name")),
        .type = type_named(json_string_value(json_object_get(body, "server_type"))),
        .location = location_named(json_string_value(json_object_get(body, "location"))),
        .image = world_images(&images),
        .labels = &labels,
        .user_data = json_string_value(json_object_get(body, "user_data")),
        .start = true,
    };
    if (spec.type == NULL || spec.location == NULL) { /* only who was taken over asks for such */
        refuse(out, 422, "invalid_input");
        return;
    }
    enum world_verdict verdict = world_server_create(sim->world, &spec, &id, actions);
    sim->counts.condition[CONDITION_QUOTA] += verdict == WORLD_QUOTA;
    sim->counts.condition[CONDITION_NAME_TAKEN] += verdict == WORLD_NAME_TAKEN;
    if (verdict != WORLD_OK)
        refuse_verdict(out, verdict);
    else
        say(out, 201,
            json_pack("{s:o, s:o}", "server", server_json(world_server_find(sim->world, id)),
                      "action", action_json(sim, actions[0])));
}

static void update(struct sim *sim, uint64_t id, json_t *body, struct effect *out)
{
    struct world_pair pairs[PAIRS_MAX];
    struct world_map labels;
    read_labels(json_object_get(body, "labels"), pairs, &labels);
    enum world_verdict verdict = world_server_update(sim->world, id, NULL, &labels);
    if (verdict != WORLD_OK)
        refuse_verdict(out, verdict);
    else
        say(out, 200, json_pack("{s:o}", "server", server_json(world_server_find(sim->world, id))));
}

static void delete_server(struct sim *sim, uint64_t id, struct effect *out)
{
    uint64_t action;
    enum world_verdict verdict = world_server_delete(sim->world, id, &action);
    if (verdict != WORLD_OK)
        refuse_verdict(out, verdict);
    else
        say(out, 200, json_pack("{s:o}", "action", action_json(sim, action)));
}

static void follow(struct sim *sim, uint64_t id, struct effect *out)
{
    if (world_action_find(sim->world, id) == NULL)
        refuse(out, 404, "not_found");
    else
        say(out, 200, json_pack("{s:o}", "action", action_json(sim, id)));
}

void effect_hetzner(struct sim *sim, enum send_method method, const char *path, const char *body,
                    struct effect *out)
{
    const char *last = strrchr(path, '/');
    uint64_t id = last != NULL ? strtoull(last + 1, NULL, 10) : 0;
    json_t *json = body != NULL ? json_loads(body, 0, NULL) : NULL;
    if (method == SEND_POST)
        create(sim, json, out);
    else if (method == SEND_PUT)
        update(sim, id, json, out);
    else if (method == SEND_DELETE)
        delete_server(sim, id, out);
    else if (method == SEND_GET && strstr(path, "/actions/") != NULL)
        follow(sim, id, out);
    else
        sim_die("a request to Hetzner that the simulation does not know");
    json_decref(json);
}
