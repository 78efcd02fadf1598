/* A Pod as the API shows it. May not touch the world. */
#include "simulator/kube_private.h"

#include <stdio.h>

static const char *phase_word(enum world_pod_phase phase)
{
    static const char *const words[] = {"Pending", "Running", "Succeeded", "Failed"};
    return words[phase];
}

static json_t *owner(const struct world_pod *pod)
{
    static const char *const kinds[] = {[WORLD_OWNER_DAEMONSET] = "DaemonSet",
                                        [WORLD_OWNER_REPLICASET] = "ReplicaSet",
                                        [WORLD_OWNER_MIRROR] = "Node"};
    return json_pack("[{s:s, s:s, s:s, s:s, s:b, s:b}]", "apiVersion",
                     pod->owner == WORLD_OWNER_MIRROR ? "v1" : "apps/v1", "kind", kinds[pod->owner],
                     "name", pod->owner_name, "uid", pod->owner_uid, "controller", 1,
                     "blockOwnerDeletion", pod->owner != WORLD_OWNER_MIRROR);
}

static json_t *metadata(const struct world_pod *pod)
{
    char version[24];
    snprintf(version, sizeof version, "%llu", (unsigned long long)pod->resource_version);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "name", pod->name, "namespace",
                  pod->namespace_name, "uid", pod->uid, "resourceVersion", version, "generation",
                  pod->deletion_ms != 0 ? 2 : 1, "creationTimestamp", api_time(pod->created_ms));
    if (pod->deletion_ms != 0) {
        json_object_set_new(object, "deletionTimestamp", api_time(pod->deletion_ms));
        json_object_set_new(object, "deletionGracePeriodSeconds",
                            json_integer((json_int_t)pod->grace_s));
    }
    if (pod->labels.count > 0)
        json_object_set_new(object, "labels", api_map(&pod->labels));
    json_t *annotations = api_map(&pod->annotations);
    if (pod->owner == WORLD_OWNER_MIRROR &&
        json_object_get(annotations, "kubernetes.io/config.mirror") == NULL)
        json_object_set_new(annotations, "kubernetes.io/config.mirror", json_string(pod->uid));
    if (json_object_size(annotations) > 0)
        json_object_set(object, "annotations", annotations);
    json_decref(annotations);
    if (pod->owner != WORLD_OWNER_NONE)
        json_object_set_new(object, "ownerReferences", owner(pod));
    return object;
}

static json_t *spec(const struct world_pod *pod)
{
    json_t *object = json_pack(
        "{s:[{s:s, s:s, s:{}, s:s, s:s, s:s}], s:s, s:i, s:s, s:{}, s:s, s:i, s:b, s:s}",
        "containers", "name", pod->is_runner ? "runner" : "main", "image",
        pod->is_runner ? "gitea/act_runner:1.0.8" : "none", "resources", "terminationMessagePath",
        "/dev/termination-log", "terminationMessagePolicy", "File", "imagePullPolicy",
        "IfNotPresent", "restartPolicy", "Always", "terminationGracePeriodSeconds", 30, "dnsPolicy",
        "ClusterFirst", "securityContext", "schedulerName", "default-scheduler", "priority", 0,
        "enableServiceLinks", 1, "preemptionPolicy", "PreemptLowerPriority");
    if (pod->node_name[0] != '\0')
        json_object_set_new(object, "nodeName", json_string(pod->node_name));
    json_object_set_new(object, "tolerations",
                        json_pack("[{s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:i}]", "key",
                                  "node.kubernetes.io/not-ready", "operator", "Exists", "effect",
                                  "NoExecute", "tolerationSeconds", 300, "key",
                                  "node.kubernetes.io/unreachable", "operator", "Exists", "effect",
                                  "NoExecute", "tolerationSeconds", 300));
    return object;
}

static void add_condition(json_t *list, const char *type, bool on, int64_t since_ms)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:o}", "type", type, "status",
                                          on ? "True" : "False", "lastProbeTime",
                                          "lastTransitionTime", api_time(since_ms)));
}

static json_t *conditions(const struct world_pod *pod)
{
    int64_t since = pod->started_ms != 0 ? pod->started_ms : pod->created_ms;
    json_t *list = json_array();
    add_condition(list, "Initialized", true, pod->created_ms);
    add_condition(list, "Ready", pod->ready, since);
    add_condition(list, "ContainersReady", pod->ready, since);
    add_condition(list, "PodScheduled", pod->node_name[0] != '\0', pod->created_ms);
    if (pod->evicted)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:n, s:o, s:s, s:s}", "type", "DisruptionTarget", "status",
                            "True", "lastProbeTime", "lastTransitionTime",
                            api_time(pod->deletion_ms - pod->grace_s * 1000), "reason",
                            "EvictionByEvictionAPI", "message", "Eviction API: evicting"));
    return list;
}

static json_t *container_state(const struct world_pod *pod)
{
    if (pod->phase == WORLD_POD_RUNNING)
        return json_pack("{s:{s:o}}", "running", "startedAt", api_time(pod->started_ms));
    if (pod->phase == WORLD_POD_PENDING)
        return json_pack("{s:{s:s}}", "waiting", "reason", "ContainerCreating");
    bool good = pod->phase == WORLD_POD_SUCCEEDED;
    return json_pack("{s:{s:i, s:s}}", "terminated", "exitCode", good ? 0 : 1, "reason",
                     good ? "Completed" : "Error");
}

static json_t *status(const struct world_pod *pod)
{
    json_t *object = json_pack("{s:s, s:o, s:s}", "phase", phase_word(pod->phase), "conditions",
                               conditions(pod), "qosClass", "BestEffort");
    if (pod->started_ms != 0)
        json_object_set_new(object, "startTime", api_time(pod->started_ms));
    json_object_set_new(
        object, "containerStatuses",
        json_pack("[{s:s, s:o, s:{}, s:b, s:i, s:s, s:s}]", "name",
                  pod->is_runner ? "runner" : "main", "state", container_state(pod), "lastState",
                  "ready", (int)pod->ready, "restartCount", (int)pod->restarts, "image",
                  pod->is_runner ? "gitea/act_runner:1.0.8" : "none", "imageID", ""));
    return object;
}

json_t *kube_pod(const struct world_pod *pod)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "kind", "Pod", "apiVersion", "v1", "metadata",
                     metadata(pod), "spec", spec(pod), "status", status(pod));
}
