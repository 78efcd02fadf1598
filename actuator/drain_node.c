/* drain_node: cordons the node, keeps runner pods from coming back, evicts what is there, and says
 * what is left. Short, and repeated until nothing is left, or the core forces it and the deadline
 * is over by the actuator's own measure. May not: end a pod past its budget before that, wait for
 * minutes. */
#include "actuator/actions.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/look.h"
#include "actuator/runners.h"
#include "common/clock.h"
#include "common/names.h"

#define LEAVING_MS 1000 /* pods are on their way out */
#define BUDGET_MS  5000 /* a 429 without Retry-After: as kubectl drain does */
#define NAMED_MOST 3    /* pods that a sentence names */

/* ------------------------------------------------------------------------------ the end of it */

static void name_left(struct work *work)
{
    uint32_t named = 0;
    for (uint32_t i = 0; i < work->facts.pods.count && named < NAMED_MOST; i++) {
        const struct kube_pod_detail *pod = &work->facts.pods.item[i];
        if (facts_pod_fate(pod) == POD_STAYS)
            continue;
        work_say(work, "%.60s/%.60s%s", pod->pod.namespace_name, pod->pod.name,
                 !pod->pod.terminating         ? ""
                 : work->facts.node.node.ready ? " is ending"
                                               : " is ending, but its kubelet is silent");
        named++;
    }
    if (named < work->left)
        work_say(work, "and %" PRIu64 " more", work->left - named);
}

static void say_left(struct work *work)
{
    const struct action_notes *notes = &work->notes;
    work->left = facts_pods_left(&work->facts);
    if (work->left == 0) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "nothing is left on the node");
        return;
    }
    name_left(work);
    if (notes->forced) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE,
                    "the deadline is over; %" PRIu64 " pods go with the server: %s", work->left,
                    work->said);
        return;
    }
    work->retry_after_ms = notes->wait_ms > 0 ? notes->wait_ms : LEAVING_MS;
    if (notes->force_in_ms > 0 && notes->force_in_ms < work->retry_after_ms)
        work->retry_after_ms = notes->force_in_ms;
    work_finish(work, OUTCOME_AGAIN, notes->worst, "%" PRIu64 " pods left: %s", work->left,
                work->said);
}

static void look_what_is_left(struct work *work)
{
    work_look(work, LOOK_NODE_PODS, say_left);
}

/* --------------------------------------------------------------------------------- evicting */

static void evict_next(struct work *work);

static void wait_at_least(struct work *work, int64_t ms)
{
    if (ms > work->notes.wait_ms)
        work->notes.wait_ms = ms;
}

static void say_held(struct work *work, const struct api_trouble *trouble)
{
    const struct kube_pod *pod = &work->facts.pods.item[work->notes.index].pod;
    if (trouble->trouble == TROUBLE_PROTECTED)
        work_say(work, "two budgets hold %.40s/%.60s, which never heals: take one away",
                 pod->namespace_name, pod->name);
    else if (trouble->trouble == TROUBLE_RATE_LIMITED)
        work_say(work, "its budget holds %.40s/%.60s", pod->namespace_name, pod->name);
    else
        work_say(work, "%.200s", trouble->error.text);
}

/* No pod keeps another from being evicted: what went wrong is said, and the walk goes on. */
static void on_evicted(struct work *work, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    (void)answer;
    bool fine = trouble->trouble == TROUBLE_NONE || look_is_gone(SOURCE_KUBE, trouble) ||
                trouble->trouble == TROUBLE_LOCKED; /* another uid: the pod was replaced */
    if (!fine) {
        work->http_status = trouble->http_status;
        if (trouble->trouble == TROUBLE_RATE_LIMITED)
            wait_at_least(work, trouble->retry_after_ms > 0 ? trouble->retry_after_ms : BUDGET_MS);
        if (work->notes.worst !=
            TROUBLE_PROTECTED) /* what never heals is what a person must know */
            work->notes.worst = trouble->trouble;
        say_held(work, trouble);
    }
    work->notes.index++;
    evict_next(work);
}

static void evict(struct work *work, const struct kube_pod *pod)
{
    struct url_path path;
    json_t *body =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:{s:s}}}", "apiVersion", "policy/v1", "kind",
                  "Eviction", "metadata", "name", pod->name, "namespace", pod->namespace_name,
                  "deleteOptions", "preconditions", "uid", pod->uid);
    char *dump = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    kube_path_pod(&path, pod->namespace_name, pod->name);
    url_add(&path, "/eviction");
    char doing[128];
    snprintf(doing, sizeof doing, "evict %.50s/%.60s", pod->namespace_name, pod->name);
    work_write(work, SOURCE_KUBE, SEND_POST, &path, dump, on_evicted, doing);
}

static void evict_next(struct work *work)
{
    for (; work->notes.index < work->facts.pods.count; work->notes.index++) {
        const struct kube_pod_detail *pod = &work->facts.pods.item[work->notes.index];
        if (facts_pod_fate(pod) != POD_EVICT)
            continue;
        evict(work, &pod->pod);
        return;
    }
    look_what_is_left(work);
}

/* --------------------------------------------------------------------------- cordon and taint */

/* A NoExecute taint ends every pod at once, past its budget: while a pod of somebody else is to be
 * evicted, NoSchedule must do, which keeps DaemonSets' new pods away as well. */
static const char *effect_wanted(const struct work *work)
{
    for (uint32_t i = 0; !work->notes.forced && i < work->facts.pods.count; i++) {
        const struct kube_pod_detail *pod = &work->facts.pods.item[i];
        if (!pod->runner && facts_pod_fate(pod) != POD_STAYS)
            return "NoSchedule";
    }
    return "NoExecute";
}

static bool has_taint(const struct kube_node_detail *node, const char *effect)
{
    for (uint32_t i = 0; i < node->taint_count; i++)
        if (strcmp(node->taint[i].key, NODE_TAINT_DRAIN) == 0 &&
            strcmp(node->taint[i].effect, effect) == 0)
            return true;
    return false;
}

static json_t *one_taint(const char *key, const char *value, const char *effect)
{
    return value[0] == '\0'
               ? json_pack("{s:s, s:s}", "key", key, "effect", effect)
               : json_pack("{s:s, s:s, s:s}", "key", key, "value", value, "effect", effect);
}

/* All taints of others, and ours with the second at which the drain began. */
static json_t *taints_wanted(const struct work *work, const char *effect)
{
    const struct kube_node_detail *node = &work->facts.node;
    char value[24];
    json_t *taints = json_array();
    for (uint32_t i = 0; i < node->taint_count; i++)
        if (strcmp(node->taint[i].key, NODE_TAINT_DRAIN) != 0)
            json_array_append_new(
                taints, one_taint(node->taint[i].key, node->taint[i].value, node->taint[i].effect));
    snprintf(value, sizeof value, "%" PRId64, work->notes.drain_wall_ms / 1000);
    json_array_append_new(taints, one_taint(NODE_TAINT_DRAIN, value, effect));
    return taints;
}

/* Notes when this process first saw the drain, which the judge asks for in the end. */
static int64_t drained_ms(struct work *work, int64_t begun_wall_ms)
{
    return since_seen_ms(work->actuator->sinces, work->action->node.name, SINCE_DRAIN,
                         begun_wall_ms, clock_mono_ms());
}

static void on_cordoned(struct work *work, const struct http_answer *answer,
                        const struct api_trouble *trouble)
{
    (void)answer;
    if (look_is_gone(SOURCE_KUBE, trouble)) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "the Kubernetes node is gone");
    } else if (trouble->trouble == TROUBLE_LOCKED) {
        work->retry_after_ms = LEAVING_MS / 4;
        work->left = facts_pods_left(&work->facts);
        work_finish(work, OUTCOME_AGAIN, TROUBLE_LOCKED,
                    "somebody changed the node at the same time");
    } else if (trouble->trouble != TROUBLE_NONE) {
        work_fail(work, trouble);
    } else {
        (void)drained_ms(work, work->notes.drain_wall_ms);
        evict_next(work);
    }
}

/* The list of taints is replaced as a whole, so only this very version of the node may change. */
static void cordon(struct work *work, const char *effect)
{
    const struct kube_node_detail *node = &work->facts.node;
    struct url_path path;
    int64_t begun = facts_drain_since(&work->facts);
    work->notes.drain_wall_ms = begun > 0 ? begun : clock_wall_ms() / 1000 * 1000;
    json_t *body = json_pack("{s:{s:s, s:s}, s:{s:b, s:o}}", "metadata", "uid", node->node.uid,
                             "resourceVersion", node->resource_version, "spec", "unschedulable", 1,
                             "taints", taints_wanted(work, effect));
    char *dump = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    kube_path_node(&path, node->node.name);
    work_write(work, SOURCE_KUBE, SEND_PATCH, &path, dump, on_cordoned, "cordon the node");
}

/* Nothing is left to do on this node but to wait. */
static bool only_waits(const struct work *work)
{
    for (uint32_t i = 0; i < work->facts.pods.count; i++)
        if (facts_pod_fate(&work->facts.pods.item[i]) == POD_EVICT)
            return false;
    return true;
}

static void judge_deadline(struct work *work, int64_t drained)
{
    const struct config *config = work->actuator->config;
    work->notes.forced = judge_force(config, work->action, &work->facts, drained);
    if (!work->action->force || work->notes.forced)
        return;
    work->notes.force_in_ms = config->life.drain_deadline_ms - drained;
    work_say(work, "not forced yet: this process saw the drain begin %" PRId64 " s ago",
             drained / 1000);
}

static void looked(struct work *work)
{
    struct verdict verdict = judge_node(work->actuator->config, work->action, &work->facts);
    if (work_refused(work, &verdict) || runners_seen(work))
        return;
    if (!work->facts.node_found) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "there is no Kubernetes node of this name");
        return;
    }
    int64_t begun = facts_drain_since(&work->facts);
    judge_deadline(work, begun > 0 ? drained_ms(work, begun) : 0);
    const char *effect = effect_wanted(work);
    bool marked = has_taint(&work->facts.node, effect) && work->facts.node.node.unschedulable;
    if (marked && only_waits(work))
        say_left(work);
    else if (!work_intend(work))
        return;
    else if (!marked)
        cordon(work, effect);
    else
        evict_next(work);
}

void do_drain_node(struct work *work)
{
    work_look(work, LOOKS_NODE | LOOK_RUNNER_PODS | LOOK_RUNNERS, looked);
}
