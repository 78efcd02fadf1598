/* Server types, locations, images, prices: what does not change. And the empty lists of what a
 * project may have besides servers. May not touch the world. */
#include "simulator/hetzner_private.h"

#include <string.h>

static const char *const sort_keys[] = {"id", "name", "created", NULL};

/* Answers one element of a constant table by its id. */
static void reply_one(struct exchange *exchange, const char *key, json_t *found)
{
    if (found == NULL)
        hetzner_verdict(exchange, WORLD_NOT_FOUND, key);
    else
        exchange_reply_json(exchange, 200, json_pack("{s:o}", key, found));
}

static void reply_list(struct exchange *exchange, const char *key, json_t *items)
{
    if (hetzner_sort(exchange, &items, sort_keys))
        hetzner_reply_page(exchange, key, items);
}

void hetzner_types_list(struct exchange *exchange)
{
    size_t count;
    const struct world_server_type *types = world_server_types(&count);
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        if (hetzner_query_has(exchange, "name", types[i].name))
            json_array_append_new(items, hetzner_server_type(&types[i]));
    }
    reply_list(exchange, "server_types", items);
}

void hetzner_types_get(struct exchange *exchange)
{
    size_t count;
    uint64_t id = 0;
    const struct world_server_type *types = world_server_types(&count);
    exchange_parameter_u64(exchange, "id", &id);
    json_t *found = NULL;
    for (size_t i = 0; i < count && found == NULL; i++)
        found = types[i].id == id ? hetzner_server_type(&types[i]) : NULL;
    reply_one(exchange, "server_type", found);
}

void hetzner_locations_list(struct exchange *exchange)
{
    size_t count;
    const struct world_location *locations = world_locations(&count);
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        if (hetzner_query_has(exchange, "name", locations[i].name))
            json_array_append_new(items, hetzner_location(&locations[i]));
    }
    reply_list(exchange, "locations", items);
}

void hetzner_locations_get(struct exchange *exchange)
{
    size_t count;
    uint64_t id = 0;
    const struct world_location *locations = world_locations(&count);
    exchange_parameter_u64(exchange, "id", &id);
    json_t *found = NULL;
    for (size_t i = 0; i < count && found == NULL; i++)
        found = locations[i].id == id ? hetzner_location(&locations[i]) : NULL;
    reply_one(exchange, "location", found);
}

void hetzner_images_list(struct exchange *exchange)
{
    size_t count;
    const struct world_image *images = world_images(&count);
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        if (hetzner_query_has(exchange, "name", images[i].name) &&
            hetzner_query_has(exchange, "architecture", images[i].architecture) &&
            hetzner_query_has(exchange, "type", "system") &&
            hetzner_query_has(exchange, "status", "available"))
            json_array_append_new(items, hetzner_image(&images[i]));
    }
    reply_list(exchange, "images", items);
}

void hetzner_images_get(struct exchange *exchange)
{
    size_t count;
    uint64_t id = 0;
    const struct world_image *images = world_images(&count);
    exchange_parameter_u64(exchange, "id", &id);
    json_t *found = NULL;
    for (size_t i = 0; i < count && found == NULL; i++)
        found = images[i].id == id ? hetzner_image(&images[i]) : NULL;
    reply_one(exchange, "image", found);
}

static json_t *type_rows(void)
{
    size_t count;
    const struct world_server_type *types = world_server_types(&count);
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows,
                              json_pack("{s:I, s:s, s:o}", "id", (json_int_t)types[i].id, "name",
                                        types[i].name, "prices", hetzner_type_prices(&types[i])));
    return rows;
}

static json_t *flat_price(const char *net, const char *gross)
{
    return json_pack("{s:s, s:s}", "net", net, "gross", gross);
}

void hetzner_pricing(struct exchange *exchange)
{
    exchange_reply_json(
        exchange, 200,
        json_pack("{s:{s:s, s:s, s:{s:o}, s:{s:o}, s:[], s:[], s:[], s:{s:s}, s:o, s:{s:o}}}",
                  "pricing", "currency", "EUR", "vat_rate", "19.000000", "image",
                  "price_per_gb_month", flat_price("0.0110000000", "0.0130900000"), "floating_ip",
                  "price_monthly", flat_price("3.0000000000", "3.5700000000"), "floating_ips",
                  "primary_ips", "load_balancer_types", "server_backup", "percentage",
                  "20.0000000000", "server_types", type_rows(), "volume", "price_per_gb_month",
                  flat_price("0.0440000000", "0.0523600000")));
}

/* "/v1/ssh_keys" -> {"ssh_keys": []} */
void hetzner_empty_list(struct exchange *exchange)
{
    const char *slash = strrchr(exchange_path(exchange), '/');
    hetzner_reply_page(exchange, slash + 1, json_array());
}
