/* What the parts of the Hetzner API share. Private to hetzner_*.c.
 * May not: be included by anything else. */
#ifndef EBBTIDE_SIMULATOR_HETZNER_PRIVATE_H
#define EBBTIDE_SIMULATOR_HETZNER_PRIVATE_H

#include "simulator/api_json.h"
#include "simulator/hetzner_api.h"
#include "simulator/selector.h"

/* hetzner_error.c: {"error":{"code","message","details"}} with the status that the code has. */
void hetzner_error(struct exchange *exchange, const char *code, const char *message);
/* invalid_input or uniqueness_error with details.fields. */
void hetzner_field_error(struct exchange *exchange, const char *code, const char *field,
                         const char *message);
/* Takes details. */
void hetzner_error_details(struct exchange *exchange, const char *code, const char *message,
                           json_t *details);
/* Words what the world says no with. */
void hetzner_verdict(struct exchange *exchange, enum world_verdict verdict, const char *resource);
void hetzner_refuse(struct exchange *exchange, enum refusal why);

/* hetzner_json.c: objects as the API shows them; NULL objects where memory ran out. */
json_t *hetzner_server(const struct world *world, const struct world_server *server);
json_t *hetzner_action(const struct world_action *action);
json_t *hetzner_location(const struct world_location *location);
json_t *hetzner_server_type(const struct world_server_type *type);
json_t *hetzner_type_prices(const struct world_server_type *type);
json_t *hetzner_image(const struct world_image *image);

/* hetzner_list.c: answers one page of a whole list, with meta.pagination and Link. Takes items.
 * Answers invalid_input where page or per_page is none. */
void hetzner_reply_page(struct exchange *exchange, const char *key, json_t *items);
/* Sorts objects by the query's sort keys ("id", "name:desc", repeated); false: it has answered
 * invalid_input. `allowed` is a NULL-terminated list of keys. */
bool hetzner_sort(struct exchange *exchange, json_t **items, const char *const *allowed);
/* Whether the query names this value in one of its repeats of key, or has no such key. */
bool hetzner_query_has(const struct exchange *exchange, const char *key, const char *value);

/* hetzner_servers.c, hetzner_create.c, hetzner_actions.c, hetzner_catalogue.c: handlers */
void hetzner_servers_list(struct exchange *exchange);
void hetzner_servers_get(struct exchange *exchange);
void hetzner_servers_update(struct exchange *exchange);
void hetzner_servers_delete(struct exchange *exchange);
void hetzner_servers_create(struct exchange *exchange);
void hetzner_servers_power(struct exchange *exchange);
void hetzner_servers_protect(struct exchange *exchange);
void hetzner_actions_list(struct exchange *exchange);
void hetzner_actions_get(struct exchange *exchange);
void hetzner_server_actions_list(struct exchange *exchange);
void hetzner_types_list(struct exchange *exchange);
void hetzner_types_get(struct exchange *exchange);
void hetzner_locations_list(struct exchange *exchange);
void hetzner_locations_get(struct exchange *exchange);
void hetzner_images_list(struct exchange *exchange);
void hetzner_images_get(struct exchange *exchange);
void hetzner_pricing(struct exchange *exchange);
void hetzner_empty_list(struct exchange *exchange);

/* The server that {id} names; NULL: it has answered not_found. */
const struct world_server *hetzner_path_server(struct exchange *exchange);

/* Labels of a request's body, checked as Hetzner does; false: it has answered invalid_input. */
bool hetzner_read_labels(struct exchange *exchange, const json_t *object, struct world_pair *pairs,
                         struct world_map *out);
/* A server name must be a host name (RFC 1123). */
bool hetzner_name_is_valid(const char *name);

#endif
