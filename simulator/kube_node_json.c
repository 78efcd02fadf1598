/* A Node as the API shows it. May not touch the world. */
#include "simulator/kube_private.h"

#include <stdio.h>

static json_t *condition(const char *type, bool on, const char *reason, const char *message,
                         int64_t since_ms)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "type", type, "status",
                     on ? "True" : "False", "lastHeartbeatTime", api_time(since_ms),
                     "lastTransitionTime", api_time(since_ms), "reason", reason, "message",
                     message);
}

static json_t *conditions(const struct world_node *node)
{
    int64_t since = node->ready_changed_ms != 0 ? node->ready_changed_ms : node->created_ms;
    json_t *list = json_array();
    json_array_append_new(list,
                          condition("MemoryPressure", false, "KubeletHasSufficientMemory",
                                    "kubelet has sufficient memory available", node->created_ms));
    json_array_append_new(list, condition("DiskPressure", false, "KubeletHasNoDiskPressure",
                                          "kubelet has no disk pressure", node->created_ms));
    json_array_append_new(list,
                          condition("PIDPressure", false, "KubeletHasSufficientPID",
                                    "kubelet has sufficient PID available", node->created_ms));
    json_array_append_new(list, node->ready
                                    ? condition("Ready", true, "KubeletReady",
                                                "kubelet is posting ready status", since)
                                    : condition("Ready", false, "KubeletNotReady",
                                                "container runtime network not ready", since));
    return list;
}

static json_t *taints(const struct world_node *node)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < node->taint_count; i++) {
        const struct world_taint *taint = &node->taints[i];
        json_t *one = json_pack("{s:s}", "key", taint->key);
        if (taint->value[0] != '\0')
            json_object_set_new(one, "value", json_string(taint->value));
        json_object_set_new(one, "effect", json_string(taint->effect));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *spec(const struct world_node *node)
{
    json_t *object = json_object();
    if (node->provider_id[0] != '\0')
        json_object_set_new(object, "providerID", json_string(node->provider_id));
    if (node->taint_count > 0)
        json_object_set_new(object, "taints", taints(node));
    if (node->unschedulable)
        json_object_set_new(object, "unschedulable", json_true());
    return object;
}

static json_t *status(const struct world_node *node)
{
    static const char *const amounts = "{s:s, s:s, s:s}";
    json_t *addresses = json_array();
    if (node->internal_ip[0] != '\0')
        json_array_append_new(
            addresses, json_pack("{s:s, s:s}", "type", "InternalIP", "address", node->internal_ip));
    json_array_append_new(addresses,
                          json_pack("{s:s, s:s}", "type", "Hostname", "address", node->name));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:{s:{s:i}}, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}}",
        "capacity", json_pack(amounts, "cpu", "8", "memory", "32Gi", "pods", "110"), "allocatable",
        json_pack(amounts, "cpu", "8", "memory", "32Gi", "pods", "110"), "conditions",
        conditions(node), "addresses", addresses, "daemonEndpoints", "kubeletEndpoint", "Port",
        10250, "nodeInfo", "machineID", "", "systemUUID", "", "bootID", "", "kernelVersion",
        "6.8.0-simulated", "osImage", "Ubuntu 24.04 LTS", "containerRuntimeVersion",
        "containerd://2.1.5-k3s1", "kubeletVersion", "v1.36.3+k3s1", "kubeProxyVersion",
        "v1.36.3+k3s1", "operatingSystem", "linux", "architecture", "amd64");
}

json_t *kube_node(const struct world_node *node)
{
    char version[24];
    snprintf(version, sizeof version, "%llu", (unsigned long long)node->resource_version);
    json_t *metadata =
        json_pack("{s:s, s:s, s:s, s:o}", "name", node->name, "uid", node->uid, "resourceVersion",
                  version, "creationTimestamp", api_time(node->created_ms));
    if (node->labels.count > 0)
        json_object_set_new(metadata, "labels", api_map(&node->labels));
    if (node->annotations.count > 0)
        json_object_set_new(metadata, "annotations", api_map(&node->annotations));
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "kind", "Node", "apiVersion", "v1", "metadata",
                     metadata, "spec", spec(node), "status", status(node));
}
