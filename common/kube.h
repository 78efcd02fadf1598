/* Kubernetes' answers decoded, its paths, and what its Status objects mean (FACTS:
 * Kubernetes 1.36). Texts lie in the caller's arena; decoding keeps nothing of a page that has a
 * fault. May not: do I/O, log, name a method. */
#ifndef EBBTIDE_COMMON_KUBE_H
#define EBBTIDE_COMMON_KUBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/api_trouble.h"
#include "common/arena.h"
#include "common/http.h"
#include "common/url.h"
#include "tables/messages.h"

#define KUBE_PAGE_MAX           500
#define KUBE_CONTINUE_BYTES_MAX 2048

/* ------------------------------------------------------------------------------------- paths */

/* continue_token: "" for the first page. label: "key=value". */
void kube_path_nodes(struct url_path *out, const char *label, const char *continue_token);
void kube_path_pods(struct url_path *out, const char *namespace_name, const char *label,
                    const char *continue_token);
/* Every pod on a node, of all namespaces (fieldSelector spec.nodeName). */
void kube_path_node_pods(struct url_path *out, const char *node, const char *continue_token);
void kube_path_node(struct url_path *out, const char *name);
void kube_path_pod(struct url_path *out, const char *namespace_name, const char *name);
void kube_path_version(struct url_path *out);

/* ---------------------------------------------------------------------- lists of the snapshot */

struct kube_node_list {
    struct kube_node *item;
    uint32_t count, room;
};

struct kube_pod_list {
    struct kube_pod *item;
    uint32_t count, room;
};

void kube_node_list_free(struct kube_node_list *list);
void kube_pod_list_free(struct kube_pod_list *list);

struct kube_page {
    char continue_token[KUBE_CONTINUE_BYTES_MAX]; /* "": this was the last */
    uint32_t items;
};

/* Add a page. A 410 (kube_trouble: code "Expired") means: forget the list, begin again. */
bool kube_decode_nodes(const char *body, size_t length, struct arena *arena,
                       struct kube_node_list *list, struct kube_page *page, struct error *error);
/* Mirrors of static pods are left out: a machine makes them itself, under any name. */
bool kube_decode_pods(const char *body, size_t length, struct arena *arena,
                      struct kube_pod_list *list, struct kube_page *page, struct error *error);

/* -------------------------------------------------------------- what the actuator looks at */

#define KUBE_TAINTS_MAX 64

struct kube_taint {
    const char *key, *value, *effect;
};

/* One node with what is needed to change it. */
struct kube_node_detail {
    struct kube_node node;
    const char *resource_version;
    struct kube_taint *taint;
    uint32_t taint_count;
    bool labelled; /* bears the label asked for */
};

/* label: "key=value" (or "key"), the one by which our nodes are found. */
bool kube_decode_node(const char *body, size_t length, const char *label, struct arena *arena,
                      struct kube_node_detail *out, struct error *error);

/* A pod with what decides whether and how a drain ends it. */
struct kube_pod_detail {
    struct kube_pod pod;
    const char *owner_kind; /* of the controller reference; "" where no controller owns it */
    const char *owner_name;
    bool mirror;   /* annotation kubernetes.io/config.mirror */
    bool finished; /* Succeeded or Failed */
    bool runner;   /* bears the label asked for in kube_decode_pod_details */
};

struct kube_pod_detail_list {
    struct kube_pod_detail *item;
    uint32_t count, room;
};

void kube_pod_detail_list_free(struct kube_pod_detail_list *list);

/* Adds a page; runner_label "key=value" (or "key") and runner_namespace tell which pods are ours.
 */
bool kube_decode_pod_details(const char *body, size_t length, const char *runner_namespace,
                             const char *runner_label, struct arena *arena,
                             struct kube_pod_detail_list *list, struct kube_page *page,
                             struct error *error);

/* One pod ({"kind":"Pod"}), e.g. to see whether it is still the same uid. */
bool kube_decode_pod(const char *body, size_t length, struct arena *arena, struct kube_pod *out,
                     struct error *error);

/* ---------------------------------------------------------------------------------- refusals */

/* code is the Status' reason. 429 of an eviction: RATE_LIMITED with retry_after_ms 0 where the API
 * named none, code "DisruptionBudget" where a budget is the cause; 500 of two budgets: PROTECTED;
 * 409: LOCKED with code "Conflict"; 410 Expired: INCONSISTENT. trouble NONE for a whole 2xx. */
void kube_trouble(const struct http_answer *answer, const char *doing, struct api_trouble *out);

#endif
