/* The judge: the actuator's own rails. Pure: facts that the actuator looked up itself, the
 * configuration, and what it remembers of its own deeds; never what the request claims beyond which
 * node it means. Rows: actuator/rails.def.
 * May not: do I/O, read a clock, log, change anything. */
#ifndef EBBTIDE_ACTUATOR_JUDGE_H
#define EBBTIDE_ACTUATOR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "actuator/facts.h"
#include "common/config.h"
#include "common/error.h"
#include "tables/messages.h"

#define RAIL(value, name, doc) value,
enum rail {
#include "actuator/rails.def"
    rail_count
};
#undef RAIL

/* "max_servers". */
const char *rail_name(enum rail rail);

/* What the actuator knows of its own doings beside the fresh looks. */
struct deeds {
    uint32_t creates_last_minute, deletes_last_minute;
    /* Creates in flight (this action not among them): they may not be listed yet. */
    const struct action *const *creating;
    uint32_t creating_count;
    bool name_used;             /* a node of this name had a server (actuator/audit.h) */
    bool deleted_before;        /* this server's delete has been asked for in the last minute */
    int64_t requests_remaining; /* of Hetzner's hour, -1 unknown */
    int64_t drained_ms; /* for how long the node's drain has been going on (actuator/since.h) */
};

struct verdict {
    enum rail rail;    /* RAIL_NONE: it may go on */
    struct error text; /* "rail max_servers: ..." where it may not */
};

/* Before anything is looked up: mode, pool, names, labels of the request itself. */
struct verdict judge_request(const struct config *config, const struct action *action);

/* create_server, after LOOKS_CREATE. A server that bears the name and the id already is fine: it is
 * adopted, no cap is asked. */
struct verdict judge_create(const struct config *config, const struct action *action,
                            const struct facts *facts, const struct deeds *deeds);

/* Whether server, node and request belong together and bear our marks; all other kinds. */
struct verdict judge_node(const struct config *config, const struct action *action,
                          const struct facts *facts);

/* deregister_runner, release_runner: every runner that would be touched is this node's. */
struct verdict judge_runners(const struct config *config, const struct action *action,
                             const struct facts *facts);

/* drain_node: whether what the request forces may be: pods ended past their budgets, or left to the
 * server's end. The request alone says nothing: the drain's deadline must be over by what this
 * process saw of it, or the machine gone. Not before is no refusal, only no force. */
bool judge_force(const struct config *config, const struct action *action,
                 const struct facts *facts, int64_t drained_ms);

/* remove_node: the drain is over, no runner, no job, caps. */
struct verdict judge_remove(const struct config *config, const struct action *action,
                            const struct facts *facts, const struct deeds *deeds);

#endif
