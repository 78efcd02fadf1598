/* The Kubernetes API over the world: what the daemon and kubectl need of nodes, pods, budgets and
 * discovery, as a real 1.36.3 was seen to answer.
 *
 * May not: keep objects; it keeps only the last events for watches (KUBE_EVENTS_MAX). */
#ifndef EBBTIDE_SIMULATOR_KUBE_API_H
#define EBBTIDE_SIMULATOR_KUBE_API_H

#include "simulator/server.h"

#define KUBE_EVENTS_MAX 1024

struct kube_api;

/* Observes the world from now on; both are borrowed and must outlive the api. */
bool kube_api_init(struct kube_api **out, struct event_base *base, struct world *world,
                   struct error *error);
/* After server_free, which ends the watches. */
void kube_api_free(struct kube_api *api);
const struct api_definition *kube_api_definition(const struct kube_api *api);

/* As after an etcd compaction and a restart: what is older than now is too old for `continue` and
 * for watches (410). */
void kube_api_compact(struct kube_api *api);

#endif
