/* The managed nodes: found by name, added, dropped, led over an edge; and the closed lists' words.
 * May not: decide anything. */
#include <string.h>

#include "reconciler/core/private.h"

static uint32_t slot_of(const struct core *core, const char *name)
{
    return (uint32_t)text_mix(TEXT_HASH_START, name) & core->node_mask;
}

static void index_add(struct core *core, uint32_t index)
{
    uint32_t slot = slot_of(core, core->node[index].name);
    while (core->node_table[slot] != 0)
        slot = (slot + 1) & core->node_mask;
    core->node_table[slot] = index + 1;
}

void fleet_index(struct core *core)
{
    uint32_t slots = 16;
    while (slots < core->node_count * 2 + 2 && slots < NODE_TABLE_SLOTS)
        slots *= 2;
    core->node_mask = slots - 1;
    memset(core->node_table, 0, slots * sizeof core->node_table[0]);
    for (uint32_t i = 0; i < core->node_count; i++)
        index_add(core, i);
}

struct node *fleet_find(struct core *core, const char *name)
{
    if (core->node_mask == 0)
        return NULL;
    for (uint32_t slot = slot_of(core, name); core->node_table[slot] != 0;
         slot = (slot + 1) & core->node_mask) {
        struct node *node = &core->node[core->node_table[slot] - 1];
        if (text_same(node->name, name))
            return node;
    }
    return NULL;
}

struct node *fleet_find_action(struct core *core, struct action_id id)
{
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct errand *errand = &core->node[i].errand;
        if (errand->id.epoch == id.epoch && errand->id.counter == id.counter && id.counter != 0)
            return &core->node[i];
    }
    return NULL;
}

static uint32_t pool_named(const struct core *core, const char *name)
{
    for (uint32_t i = 0; i < core->config->pools_count; i++)
        if (text_same(core->config->pools[i].name, name))
            return i;
    return NO_POOL;
}

struct node *fleet_add(struct core *core, const char *name, const char *pool)
{
    if (core->node_count == NODES_MAX)
        return NULL;
    struct node *node = &core->node[core->node_count++];
    memset(node, 0, sizeof *node);
    text_copy(node->name, sizeof node->name, name);
    text_copy(node->pool_name, sizeof node->pool_name, pool);
    node->pool = pool_named(core, pool);
    node->asked = core_now(core);
    node->sight.server = NONE;
    node->sight.kube = NONE;
    node->sight.job = NONE;
    life_begin(&node->life, core_now(core));
    fleet_index(core);
    return node;
}

void fleet_drop(struct core *core, struct node *node)
{
    uint32_t index = (uint32_t)(node - core->node);
    core_say(core, VERBOSITY_INFO, T("node "), T(node->name), T(": gone after "),
             T(state_text(life_state(&node->life))));
    memmove(node, node + 1, (core->node_count - index - 1) * sizeof *node);
    core->node_count--;
    fleet_index(core);
}

static void take_edge(struct life *life, enum edge edge, struct edge_cause cause)
{
    static void (*const take[])(struct life *, struct edge_cause) = {
#define EDGE(from, to, verb, why) [EDGE_##verb] = life_##verb,
#include "reconciler/core/edges.def"
#undef EDGE
    };
    take[edge](life, cause);
}

void node_step(struct core *core, struct node *node, enum edge edge, enum reason reason)
{
    struct edge_cause cause = {.at = core_now(core), .reason = reason};
    if (edge == EDGE_rest)
        cause.at = node->quiet;
    take_edge(&node->life, edge, cause);
    core->edges_seen |= 1u << edge;
    const struct retirement *why = life_retirement(&node->life);
    core_say(core, VERBOSITY_INFO, T("node "), T(node->name), T(": "), T(edge_path(edge)), T(", "),
             T(edge_why(edge)), T(why != NULL ? " (" : ""),
             T(why != NULL ? reason_text(why->reason) : ""), T(why != NULL ? ")" : ""));
    if (edge == EDGE_work || edge == EDGE_release)
        node->quiet = (struct moment){0};
    bool same = edge == EDGE_work || edge == EDGE_rest ||
                (edge == EDGE_join && node->errand.kind == ACTION_RELEASE_RUNNERS);
    if (same)
        return; /* the same is asked of it, as often as before */
    node->errand.failures = 0;
    node->errand.next_mono_ms = 0;
    node->errand.refused = false;
    node->errand.trouble = TROUBLE_NONE;
    node->errand.text[0] = '\0';
}

const struct config_pool *pool_row(const struct core *core, uint32_t pool)
{
    static const struct config_pool nothing = {.name = "", .image = ""};
    return pool < core->config->pools_count ? &core->config->pools[pool] : &nothing;
}

const struct config_pool *node_pool(const struct core *core, const struct node *node)
{
    return pool_row(core, node->pool);
}

/* const char *X_text(enum X): the words of enums.def, which proto/message_table.c also reads;
 * linked here apart, because the core links nothing. */
static const char *const word[] = {
#define ENUM_BEGIN(type, doc)
#define ENUM_VALUE(value, text, doc) text,
#define ENUM_END(type)
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
};

/* Where each list begins in word[]: a counting enum over all rows in one sequence. */
enum place {
#define ENUM_BEGIN(type, doc)        place_of_##type,
#define ENUM_VALUE(value, text, doc) place_of_##value,
#define ENUM_END(type)               end_of_##type,
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
};

/* Every list before this one has added a begin and an end to the sequence; so has this one's begin.
 */
enum lists_before {
#define ENUM_BEGIN(type, doc) lists_before_##type,
#define ENUM_VALUE(value, text, doc)
#define ENUM_END(type)
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
};

#define WORD_OF(type, value)                                                                       \
    ((unsigned)(value) < (unsigned)type##_count                                                    \
         ? word[(unsigned)place_of_##type - 2u * (unsigned)lists_before_##type +                   \
                (unsigned)(value)]                                                                 \
         : "?")

const char *state_text(enum node_state state)
{
    return WORD_OF(node_state, state);
}

const char *reason_text(enum reason reason)
{
    return WORD_OF(reason, reason);
}

const char *source_text(enum source source)
{
    return WORD_OF(source, source);
}

const char *action_text(enum action_kind kind)
{
    return WORD_OF(action_kind, kind);
}

const char *alarm_text(enum alarm_kind kind)
{
    return WORD_OF(alarm_kind, kind);
}
