/* What the parts of the control endpoint share. Private to control_*.c.
 * May not: be included by anything else. */
#ifndef EBBTIDE_SIMULATOR_CONTROL_PRIVATE_H
#define EBBTIDE_SIMULATOR_CONTROL_PRIVATE_H

#include "simulator/api_json.h"
#include "simulator/control_api.h"

struct control_api {
    struct api_definition definition;
    struct control_parts parts;
};

struct control_api *control_of(const struct exchange *exchange);

/* {"error": "..."} */
void control_error(struct exchange *exchange, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* {"ok": true}, or the verdict as an error that names `what`. */
void control_verdict(struct exchange *exchange, enum world_verdict verdict, const char *what);
/* Refuses a body that is no object, or that has a key which `known` (NULL-terminated) lacks: a
 * misspelt key would make a test that cannot fail. */
bool control_keys(struct exchange *exchange, const char *const *known);
/* Members of the body; `otherwise` where they are missing. */
const char *control_text(struct exchange *exchange, const char *key, const char *otherwise);
int64_t control_number(struct exchange *exchange, const char *key, int64_t otherwise);
bool control_switch(struct exchange *exchange, const char *key, bool otherwise);
/* The server that {id} means: an id or a name. NULL: it has answered 404. */
const struct world_server *control_path_server(struct exchange *exchange);

#define CONTROL_WORDS_MAX WORLD_STRINGS_MAX
/* A member that is a list of words; false: it has answered. */
bool control_words(struct exchange *exchange, const json_t *list, const char *key,
                   const char **words, uint32_t *count);

/* control_state.c */
void control_summary(struct exchange *exchange);
void control_state(struct exchange *exchange);

/* control_world.c, control_jobs.c */
void control_jobs_push(struct exchange *exchange);
void control_jobs_cancel(struct exchange *exchange);
void control_runners_add(struct exchange *exchange);
void control_runners_disable(struct exchange *exchange);
void control_runners_delete(struct exchange *exchange);
void control_runners_kill(struct exchange *exchange);
void control_servers_add(struct exchange *exchange);
void control_servers_crash(struct exchange *exchange);
void control_servers_trouble(struct exchange *exchange);
void control_servers_protect(struct exchange *exchange);
void control_nodes_add(struct exchange *exchange);
void control_nodes_delete(struct exchange *exchange);
void control_pods_add(struct exchange *exchange);
void control_pods_delete(struct exchange *exchange);
void control_pods_restart(struct exchange *exchange);
void control_budgets_add(struct exchange *exchange);
void control_budgets_delete(struct exchange *exchange);
void control_sold_out(struct exchange *exchange);
void control_trouble(struct exchange *exchange);

/* control_witness.c */
void control_witness_get(struct exchange *exchange);
void control_witness_put(struct exchange *exchange);
void control_witness_hindered(struct exchange *exchange);

#endif
