/* The objects of the Hetzner API, member by member as its own description lists them. `datacenter`
 * is left out, as in its newer answers. May not touch the world. */
#include "simulator/hetzner_private.h"

#include <stdio.h>

/* A micro-euro amount as the API writes decimals: "0.0130000000000000". */
static json_t *decimal(int64_t microeuro)
{
    char text[40];
    snprintf(text, sizeof text, "%lld.%06lld0000", (long long)(microeuro / 1000000),
             (long long)(microeuro % 1000000));
    return json_string(text);
}

static json_t *price(int64_t net_microeuro)
{
    return json_pack("{s:o, s:o}", "net", decimal(net_microeuro), "gross",
                     decimal(net_microeuro * 119 / 100));
}

json_t *hetzner_location(const struct world_location *location)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:f, s:f}", "id", (json_int_t)location->id,
                     "name", location->name, "description", location->description, "country",
                     location->country, "city", location->city, "network_zone",
                     location->network_zone, "latitude", location->latitude, "longitude",
                     location->longitude);
}

json_t *hetzner_type_prices(const struct world_server_type *type)
{
    size_t count;
    const struct world_location *locations = world_locations(&count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if ((type->location_bits >> i & 1U) == 0)
            continue;
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:I, s:o}", "location", locations[i].name,
                            "price_hourly", price(type->hour_microeuro), "price_monthly",
                            price(type->month_microeuro), "included_traffic",
                            (json_int_t)21990232555520, "price_per_tb_traffic", price(1000000)));
    }
    return list;
}

static json_t *type_locations(const struct world_server_type *type)
{
    size_t count;
    const struct world_location *locations = world_locations(&count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if ((type->location_bits >> i & 1U) != 0)
            json_array_append_new(list,
                                  json_pack("{s:I, s:s, s:n}", "id", (json_int_t)locations[i].id,
                                            "name", locations[i].name, "deprecation"));
    }
    return list;
}

json_t *hetzner_server_type(const struct world_server_type *type)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:i, s:f, s:i, s:b, s:n, s:o, s:o, s:s, s:s, s:s}", "id",
                     (json_int_t)type->id, "name", type->name, "description", type->description,
                     "category", type->description, "cores", (int)type->cores, "memory",
                     (double)type->memory_gb, "disk", (int)type->disk_gb, "deprecated", 0,
                     "deprecation", "locations", type_locations(type), "prices",
                     hetzner_type_prices(type), "storage_type", "local", "cpu_type", type->cpu_type,
                     "architecture", type->architecture);
}

json_t *hetzner_image(const struct world_image *image)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:n, s:i, s:s, s:n, s:n, s:s, s:s, s:b, s:{s:b}, "
                     "s:n, s:n, s:{}, s:s}",
                     "id", (json_int_t)image->id, "type", "system", "status", "available", "name",
                     image->name, "description", image->description, "image_size", "disk_size", 5,
                     "created", "2024-04-25T13:26:27Z", "created_from", "bound_to", "os_flavor",
                     image->os_flavor, "os_version", image->os_version, "rapid_deploy", 1,
                     "protection", "delete", 0, "deprecated", "deleted", "labels", "architecture",
                     image->architecture);
}

json_t *hetzner_action(const struct world_action *action)
{
    json_t *error =
        action->status == WORLD_ACTION_ERROR
            ? json_pack("{s:s, s:s}", "code", action->error_code, "message", action->error_message)
            : json_null();
    static const char *const words[] = {[WORLD_ACTION_RUNNING] = "running",
                                        [WORLD_ACTION_SUCCESS] = "success",
                                        [WORLD_ACTION_ERROR] = "error"};
    return json_pack("{s:I, s:s, s:s, s:i, s:o, s:o, s:[{s:I, s:s}], s:o}", "id",
                     (json_int_t)action->id, "command", action->command, "status",
                     words[action->status], "progress", (int)action->progress, "started",
                     api_time(action->started_ms), "finished",
                     api_time_or_null(action->finished_ms), "resources", "id",
                     (json_int_t)action->server_id, "type", "server", "error", error);
}

static json_t *public_net(const struct world_server *server)
{
    char v6[48], pointer[64];
    snprintf(v6, sizeof v6, "2001:db8:%x::/64", (unsigned)(server->id % 65536));
    snprintf(pointer, sizeof pointer, "static.%u.clients.your-server.de", (unsigned)server->id);
    return json_pack("{s:{s:I, s:o, s:b, s:s}, s:{s:I, s:s, s:b, s:[]}, s:[], s:[]}", "ipv4", "id",
                     (json_int_t)(server->id * 2), "ip", api_address(server->id), "blocked", 0,
                     "dns_ptr", pointer, "ipv6", "id", (json_int_t)(server->id * 2 + 1), "ip", v6,
                     "blocked", 0, "dns_ptr", "floating_ips", "firewalls");
}

json_t *hetzner_server(const struct world *world, const struct world_server *server)
{
    static const char *const words[WORLD_SERVER_STATUS_COUNT] = {
        [WORLD_SERVER_INITIALIZING] = "initializing",
        [WORLD_SERVER_STARTING] = "starting",
        [WORLD_SERVER_RUNNING] = "running",
        [WORLD_SERVER_STOPPING] = "stopping",
        [WORLD_SERVER_OFF] = "off",
        [WORLD_SERVER_DELETING] = "deleting"};
    (void)world;
    json_t *object =
        json_pack("{s:I, s:s, s:s, s:o, s:o, s:[], s:o, s:o, s:o, s:n, s:b, s:b}", "id",
                  (json_int_t)server->id, "name", server->name, "status", words[server->status],
                  "created", api_time(server->created_ms), "public_net", public_net(server),
                  "private_net", "server_type", hetzner_server_type(server->type), "location",
                  hetzner_location(server->location), "image", hetzner_image(server->image), "iso",
                  "rescue_enabled", 0, "locked", server->locked_by > 0);
    json_t *rest = json_pack("{s:n, s:i, s:i, s:I, s:{s:b, s:b}, s:o, s:[], s:[], s:i, s:n}",
                             "backup_window", "outgoing_traffic", 0, "ingoing_traffic", 0,
                             "included_traffic", (json_int_t)21990232555520, "protection", "delete",
                             server->delete_protected, "rebuild", server->delete_protected,
                             "labels", api_map(&server->labels), "volumes", "load_balancers",
                             "primary_disk_size", (int)server->type->disk_gb, "placement_group");
    json_object_update(object, rest);
    json_decref(rest);
    return object;
}
