/* What follows from the fresh looks. May not: do I/O. */
#include "actuator/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"

void facts_forget(struct facts *facts, unsigned looks)
{
    if (looks & LOOK_SERVER)
        facts->server_found = false;
    if (looks & LOOK_NODE)
        facts->node_found = false;
    if (looks & LOOK_SERVERS)
        hetzner_server_list_free(&facts->servers);
    if (looks & LOOK_NODE_PODS)
        kube_pod_detail_list_free(&facts->pods);
    if (looks & LOOK_RUNNER_PODS)
        kube_pod_list_free(&facts->runner_pods);
    if (looks & LOOK_RUNNERS)
        gitea_runner_list_free(&facts->runners);
    if (looks & LOOK_JOBS)
        gitea_job_list_free(&facts->jobs);
    facts->looked &= ~looks;
}

void facts_reset(struct facts *facts)
{
    facts_forget(facts, ~0U);
    if (facts->arena != NULL)
        arena_reset(facts->arena);
}

void facts_free(struct facts *facts)
{
    facts_forget(facts, ~0U);
    arena_free(facts->arena);
    facts->arena = NULL;
}

/* A server that a person renamed is found by neither, and its kubelet reports all the same. */
bool facts_machine_gone(const struct facts *facts)
{
    return !facts->server_found && !(facts->node_found && facts->node.node.ready);
}

bool facts_note(const struct facts *facts, struct fence_note *note)
{
    /* One that somebody has made unreadable is none: the server bears the other. */
    if (facts->node_found && fence_note_parse(facts->node.node.fence_note, note))
        return true;
    if (facts->server_found &&
        fence_note_parse(hetzner_label(&facts->server, SERVER_LABEL_FENCE), note))
        return true;
    *note = (struct fence_note){0};
    return false;
}

/* -------------------------------------------------------------------------------- runners */

static bool is_named_as_node(const char *runner, const char *node)
{
    size_t length = strlen(node);
    return strncmp(runner, node, length) == 0 && (runner[length] == '\0' || runner[length] == '-');
}

static enum runner_owner owner_by_pod(const struct facts *facts, const char *node,
                                      const char *runner)
{
    bool elsewhere = false;
    for (uint32_t i = 0; i < facts->runner_pods.count; i++) {
        const struct kube_pod *pod = &facts->runner_pods.item[i];
        if (strcmp(pod->name, runner) != 0)
            continue;
        if (strcmp(pod->node_name, node) == 0)
            return RUNNER_OURS;
        elsewhere = true;
    }
    if (elsewhere)
        return RUNNER_OTHERS;
    const struct pods_seen *seen = facts->pods_seen;
    return seen != NULL && (pods_seen_on(seen, runner, node) || pods_seen_kin(seen, runner))
               ? RUNNER_LEFT
               : RUNNER_UNKNOWN;
}

static bool has_our_prefix(const struct config *config, const char *node)
{
    size_t length = strlen(config->name_prefix);
    return strncmp(node, config->name_prefix, length) == 0 && node[length] == '-';
}

/* Of a machine that is not there only the request says that it ever was, and a short name is the
 * beginning of many: then the runner has to be gone as well, and the name one of ours. */
static enum runner_owner owner_by_name(const struct facts *facts, const struct config *config,
                                       const char *node, const char *runner)
{
    if (!is_named_as_node(runner, node))
        return RUNNER_OTHERS;
    if (facts->server_found || facts->node_found)
        return RUNNER_OURS;
    return has_our_prefix(config, node) ? RUNNER_LEFT : RUNNER_UNKNOWN;
}

bool facts_id_used_again(const struct action *action, const struct gitea_runner *runner)
{
    for (uint32_t i = 0; i < action->runners_count; i++)
        if (action->runners[i].id == runner->id && action->runners[i].name[0] != '\0')
            return strcmp(action->runners[i].name, runner->name) != 0;
    return false;
}

/* Whether our note names the runner. Whoever is root on a machine, and each job may be, can write
 * at its Kubernetes node what he likes, another machine's runners too: the server's note counts. */
static bool is_noted(const struct facts *facts, uint64_t runner_id)
{
    struct fence_note note;
    return facts->server_found &&
           fence_note_parse(hetzner_label(&facts->server, SERVER_LABEL_FENCE), &note) &&
           !note.all && fence_note_covers(&note, runner_id);
}

enum runner_owner facts_runner_owner(const struct facts *facts, const struct config *config,
                                     const struct action *action, const struct gitea_runner *runner)
{
    const char *node = action->node.name;
    if (is_noted(facts, runner->id) && !facts_id_used_again(action, runner))
        return RUNNER_OURS;
    if (config->gitea.runner_match == MATCH_NODE_NAME)
        return owner_by_name(facts, config, node, runner->name);
    return owner_by_pod(facts, node, runner->name);
}

const struct gitea_runner *facts_runner(const struct facts *facts, uint64_t id)
{
    for (uint32_t i = 0; i < facts->runners.count; i++)
        if (facts->runners.item[i].id == id)
            return &facts->runners.item[i];
    return NULL;
}

const struct gitea_job *facts_job_of(const struct facts *facts, uint64_t runner_id)
{
    for (uint32_t i = 0; i < facts->jobs.count; i++) {
        const struct gitea_job *job = &facts->jobs.item[i];
        if (job->status == JOB_RUNNING && job->runner_id == runner_id)
            return job;
    }
    return NULL;
}

/* ----------------------------------------------------------------------------------- pods */

enum pod_fate facts_pod_fate(const struct kube_pod_detail *pod)
{
    if (pod->mirror || pod->finished)
        return POD_STAYS;
    if (strcmp(pod->owner_kind, "DaemonSet") == 0 && !pod->runner)
        return POD_STAYS;
    return pod->pod.terminating ? POD_LEAVES : POD_EVICT;
}

uint32_t facts_pods_left(const struct facts *facts)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < facts->pods.count; i++)
        left += facts_pod_fate(&facts->pods.item[i]) != POD_STAYS;
    return left;
}

int64_t facts_drain_since(const struct facts *facts)
{
    for (uint32_t i = 0; facts->node_found && i < facts->node.taint_count; i++) {
        const struct kube_taint *taint = &facts->node.taint[i];
        if (strcmp(taint->key, NODE_TAINT_DRAIN) != 0)
            continue;
        char *end;
        long long seconds = strtoll(taint->value, &end, 10);
        if (end != taint->value && *end == '\0' && seconds > 0 && seconds < TIME_MS_MAX / 1000)
            return seconds * INT64_C(1000);
    }
    return 0;
}
