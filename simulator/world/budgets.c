/* PodDisruptionBudgets and the Eviction that asks them.
 * May not: end a pod by itself (pods.c does). */
#include "simulator/world/world_private.h"

#include <stdlib.h>

static struct budget_entry *budget_named(const struct world *world, const char *namespace_name,
                                         const char *name)
{
    for (size_t i = 0; i < world->budgets.count; i++) {
        struct budget_entry *entry = world->budgets.items[i];
        if (strcmp(entry->budget.namespace_name, namespace_name) == 0 &&
            strcmp(entry->budget.name, name) == 0)
            return entry;
    }
    return NULL;
}

enum world_verdict world_budget_set(struct world *world, const struct world_budget *budget)
{
    struct budget_entry *entry = budget_named(world, budget->namespace_name, budget->name);
    if (entry == NULL) {
        entry = world_alloc(sizeof *entry);
        entry->serial = ++world->serial;
        list_push(&world->budgets, entry);
    }
    entry->budget = *budget;
    if (!budget->processed)
        world_due_in(world, BUDGET_UNSEEN_MS, DUE_BUDGET_SEEN, entry->serial, 0);
    return WORLD_OK;
}

void budget_seen(struct world *world, uint64_t id, uint64_t stamp)
{
    (void)stamp;
    for (size_t i = 0; i < world->budgets.count; i++) {
        struct budget_entry *entry = world->budgets.items[i];
        if (entry->serial == id)
            entry->budget.processed = true;
    }
}

enum world_verdict world_budget_delete(struct world *world, const char *namespace_name,
                                       const char *name)
{
    struct budget_entry *entry = budget_named(world, namespace_name, name);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    (void)list_remove(&world->budgets, entry);
    free(entry);
    return WORLD_OK;
}

size_t world_budget_count(const struct world *world)
{
    return world->budgets.count;
}

const struct world_budget *world_budget_at(const struct world *world, size_t index)
{
    if (index >= world->budgets.count)
        return NULL;
    const struct budget_entry *entry = world->budgets.items[index];
    return &entry->budget;
}

static bool selects(const struct world_budget *budget, const struct world_pod *pod)
{
    const char *value = map_get(&pod->labels, budget->label_key);
    return strcmp(budget->namespace_name, pod->namespace_name) == 0 && value != NULL &&
           strcmp(value, budget->label_value) == 0;
}

static bool healthy(const struct world_pod *pod)
{
    return pod->phase == WORLD_POD_RUNNING && pod->ready && pod->deletion_ms == 0;
}

uint32_t world_budget_healthy(const struct world *world, const struct world_budget *budget)
{
    uint32_t count = 0;
    for (size_t i = 0; i < world->pods.count; i++) {
        const struct pod_entry *entry = world->pods.items[i];
        count += selects(budget, &entry->pod) && healthy(&entry->pod);
    }
    return count;
}

/* What the budgets say. A pod that is pending or over is never refused; one that is not ready is
 * let go while enough others are healthy. */
static enum world_verdict ask_budgets(const struct world *world, const struct world_pod *pod)
{
    const struct world_budget *found = NULL;
    for (size_t i = 0; i < world->budgets.count; i++) {
        const struct budget_entry *entry = world->budgets.items[i];
        if (!selects(&entry->budget, pod))
            continue;
        if (found != NULL)
            return WORLD_BUDGETS_TWO;
        found = &entry->budget;
    }
    if (found == NULL)
        return WORLD_OK;
    if (!found->processed)
        return WORLD_BUDGET_UNSEEN;
    uint32_t needed = found->min_available + (healthy(pod) ? 1 : 0);
    return world_budget_healthy(world, found) >= needed ? WORLD_OK : WORLD_BUDGET_SPENT;
}

enum world_verdict world_pod_evict(struct world *world, const char *namespace_name,
                                   const char *name, const char *uid, int64_t grace_s)
{
    struct pod_entry *entry = pod_entry_named(world, namespace_name, name);
    if (entry == NULL)
        return WORLD_NOT_FOUND;
    if (uid != NULL && strcmp(uid, entry->pod.uid) != 0)
        return WORLD_CONFLICT;
    bool ending = entry->pod.deletion_ms != 0;
    if (!ending && entry->pod.phase == WORLD_POD_RUNNING) {
        enum world_verdict verdict = ask_budgets(world, &entry->pod);
        if (verdict != WORLD_OK)
            return verdict;
    }
    ask_guard(world, (struct world_call){.kind = WORLD_CALL_POD_EVICT, .pod = &entry->pod});
    if (!ending)
        world->totals.pods_evicted++;
    entry->pod.evicted = true;
    pod_end(world, entry, grace_s);
    return WORLD_OK;
}
