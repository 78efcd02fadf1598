/* Pieces of answers. May not know a route. */
#include "simulator/api_json.h"

#include "common/clock.h"

#include <stdio.h>
#include <time.h>

json_t *api_time(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    return json_string(text);
}

json_t *api_time_or_null(int64_t ms)
{
    return ms == 0 ? json_null() : api_time(ms);
}

json_t *api_map(const struct world_map *map)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < map->count; i++)
        json_object_set_new(object, map->pairs[i].key, json_string(map->pairs[i].value));
    return object;
}

json_t *api_words(const struct world_strings *words)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < words->count; i++)
        json_array_append_new(list, json_string(words->items[i]));
    return list;
}

bool api_read_map(const json_t *object, struct world_pair *pairs, struct world_map *out)
{
    *out = (struct world_map){.pairs = pairs};
    if (!json_is_object(object) || json_object_size(object) > WORLD_MAP_PAIRS_MAX)
        return false;
    void *at = json_object_iter((json_t *)(uintptr_t)object);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        const char *value = json_string_value(json_object_iter_value(at));
        if (value == NULL)
            return false;
        pairs[out->count++] = (struct world_pair){
            .key = (char *)(uintptr_t)json_object_iter_key(at), .value = (char *)(uintptr_t)value};
    }
    return true;
}

void api_advance(struct exchange *exchange)
{
    world_advance(exchange_world(exchange), clock_wall_ms());
    world_by_hand(exchange_world(exchange), exchange_api(exchange) == API_CONTROL ||
                                                exchange_header(exchange, BY_HAND_HEADER) != NULL);
}

json_t *api_address(uint64_t server_id)
{
    /* 198.18.0.0/15 is reserved for benchmarks (RFC 2544): it reaches nobody. */
    char text[16];
    unsigned low = (unsigned)(server_id % 65024);
    snprintf(text, sizeof text, "198.18.%u.%u", low / 254 % 256, low % 254 + 1);
    return json_string(text);
}
