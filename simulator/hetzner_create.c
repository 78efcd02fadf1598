/* POST /servers. Server type, image and location are taken as number, name or numeric string, as
 * real clients send them. May not touch the world before the whole request is understood. */
#include "simulator/hetzner_private.h"

#include "common/clock.h"
#include "simulator/faults.h"

#include <stdio.h>
#include <string.h>

#define USER_DATA_BYTES_MAX 32768

/* Whether a member of the request names this thing of a catalogue. */
static bool names(const json_t *value, uint32_t id, const char *name)
{
    char number[16];
    const char *text = json_string_value(value);
    snprintf(number, sizeof number, "%u", id);
    if (text != NULL)
        return strcmp(text, name) == 0 || strcmp(text, number) == 0;
    return json_is_integer(value) && json_integer_value(value) == (json_int_t)id;
}

static const struct world_server_type *find_type(const json_t *value)
{
    size_t count;
    const struct world_server_type *types = world_server_types(&count);
    for (size_t i = 0; i < count; i++) {
        if (names(value, types[i].id, types[i].name))
            return &types[i];
    }
    return NULL;
}

/* An image's name stands for one per architecture. */
static const struct world_image *find_image(const json_t *value, const char *architecture)
{
    size_t count;
    const struct world_image *images = world_images(&count);
    for (size_t i = 0; i < count; i++) {
        if (names(value, images[i].id, images[i].name) &&
            strcmp(images[i].architecture, architecture) == 0)
            return &images[i];
    }
    return NULL;
}

static bool is_sold_at(const struct world_server_type *type, const struct world_location *location)
{
    size_t count;
    const struct world_location *locations = world_locations(&count);
    return (type->location_bits >> (size_t)(location - locations) & 1U) != 0;
}

/* Without a location Hetzner takes one that has the type. */
static const struct world_location *find_location(const json_t *value,
                                                  const struct world_server_type *type)
{
    size_t count;
    const struct world_location *locations = world_locations(&count);
    for (size_t i = 0; i < count; i++) {
        if (value == NULL || json_is_null(value) ? is_sold_at(type, &locations[i])
                                                 : names(value, locations[i].id, locations[i].name))
            return &locations[i];
    }
    return NULL;
}

static bool refuse_field(struct exchange *exchange, const char *field, const char *message)
{
    hetzner_field_error(exchange, "invalid_input", field, message);
    return false;
}

/* Fills in the spec; false: it has answered. */
static bool read_spec(struct exchange *exchange, const json_t *body, struct world_server_spec *spec,
                      struct world_pair *pairs, struct world_map *labels)
{
    const json_t *user_data = json_object_get(body, "user_data");
    const json_t *wanted_labels = json_object_get(body, "labels");
    const json_t *start = json_object_get(body, "start_after_create");
    spec->name = json_string_value(json_object_get(body, "name"));
    if (spec->name == NULL || !hetzner_name_is_valid(spec->name))
        return refuse_field(exchange, "name", "must be a valid hostname as per RFC 1123");
    if ((spec->type = find_type(json_object_get(body, "server_type"))) == NULL)
        return refuse_field(exchange, "server_type", "server type not found");
    if ((spec->image = find_image(json_object_get(body, "image"), spec->type->architecture)) ==
        NULL)
        return refuse_field(exchange, "image", "image not found or of another architecture");
    if ((spec->location = find_location(json_object_get(body, "location"), spec->type)) == NULL)
        return refuse_field(exchange, "location", "location not found");
    spec->user_data = json_string_value(user_data);
    if (user_data != NULL && !json_is_null(user_data) && spec->user_data == NULL)
        return refuse_field(exchange, "user_data", "must be a string");
    if (spec->user_data != NULL && strlen(spec->user_data) > USER_DATA_BYTES_MAX)
        return refuse_field(exchange, "user_data", "user_data must not exceed 32 KiB");
    *labels = (struct world_map){0};
    if (wanted_labels != NULL && !json_is_null(wanted_labels) &&
        !hetzner_read_labels(exchange, wanted_labels, pairs, labels))
        return false;
    spec->labels = labels;
    spec->start = !json_is_false(start);
    return true;
}

/* The troubles that faults ask for, of a server that was just made. */
static void ask_for_trouble(struct exchange *exchange, const struct world_server_spec *spec,
                            uint64_t id)
{
    static const struct {
        enum fault_effect effect;
        enum world_trouble trouble;
    } rows[] = {{FAULT_ACTION_FAILS, WORLD_TROUBLE_CREATE_FAILS},
                {FAULT_NEVER_BOOTS, WORLD_TROUBLE_BOOT_HANGS},
                {FAULT_NO_NODE, WORLD_TROUBLE_JOIN_FAILS},
                {FAULT_NO_RUNNER, WORLD_TROUBLE_REGISTER_FAILS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (exchange_strike(exchange, (int)rows[i].effect, spec->name, spec->type->name,
                            spec->location->name) != NULL)
            world_server_trouble(exchange_world(exchange), id, rows[i].trouble);
    }
}

static void reply_created(struct exchange *exchange, uint64_t id, const uint64_t actions[2])
{
    const struct world *world = exchange_world(exchange);
    json_t *next = json_array();
    if (actions[1] != 0)
        json_array_append_new(next, hetzner_action(world_action_find(world, actions[1])));
    bool with_keys = json_array_size(json_object_get(exchange_body(exchange), "ssh_keys")) > 0;
    exchange_reply_json(exchange, 201,
                        json_pack("{s:o, s:o, s:o, s:s?}", "server",
                                  hetzner_server(world, world_server_find(world, id)), "action",
                                  hetzner_action(world_action_find(world, actions[0])),
                                  "next_actions", next, "root_password",
                                  with_keys ? NULL : "simulated-not-a-password"));
}

void hetzner_servers_create(struct exchange *exchange)
{
    const json_t *body = exchange_body(exchange);
    struct world_server_spec spec = {0};
    struct world_pair pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels;
    uint64_t id = 0, actions[2] = {0};
    if (!json_is_object(body)) {
        hetzner_error(exchange, "json_error", "invalid JSON in request");
        return;
    }
    if (!read_spec(exchange, body, &spec, pairs, &labels))
        return;
    if (exchange_strike(exchange, FAULT_NO_CAPACITY, spec.name, spec.type->name,
                        spec.location->name) != NULL) {
        hetzner_verdict(exchange, WORLD_SOLD_OUT, "server");
        return;
    }
    enum world_verdict verdict = world_server_create(exchange_world(exchange), &spec, &id, actions);
    if (verdict != WORLD_OK) {
        hetzner_verdict(exchange, verdict, "server");
        return;
    }
    ask_for_trouble(exchange, &spec, id);
    reply_created(exchange, id, actions);
}
