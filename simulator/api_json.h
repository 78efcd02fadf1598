/* What the APIs' answers are made of, shared by all of them: times, maps, lists of words.
 * May not: know a route. */
#ifndef EBBTIDE_SIMULATOR_API_JSON_H
#define EBBTIDE_SIMULATOR_API_JSON_H

#include "simulator/server.h"
#include "simulator/world/world.h"

/* "2026-11-24T07:18:56Z": whole seconds, as all three services write times. */
json_t *api_time(int64_t ms);
/* The same, null where ms is 0. */
json_t *api_time_or_null(int64_t ms);

json_t *api_map(const struct world_map *map);
json_t *api_words(const struct world_strings *words);

/* Reads an object of strings; false where it is none or exceeds WORLD_MAP_PAIRS_MAX. The pairs
 * point into the object; out->pairs is the caller's array of WORLD_MAP_PAIRS_MAX. */
bool api_read_map(const json_t *object, struct world_pair *pairs, struct world_map *out);

/* A request with this header is a person's, not the client's that is watched. */
#define BY_HAND_HEADER "X-By-Hand"

/* Lets the world go on to now, and tells it whose request this is. Each API's first step with one.
 */
void api_advance(struct exchange *exchange);

/* A plausible public address of a server. */
json_t *api_address(uint64_t server_id);

#endif
