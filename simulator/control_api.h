/* The control endpoint: faults, the request log, the summary, the state of the world, and what a
 * test makes happen in it. No token; loopback only (docs/simulator.md "Control").
 *
 * May not: answer as any of the three services. */
#ifndef EBBTIDE_SIMULATOR_CONTROL_API_H
#define EBBTIDE_SIMULATOR_CONTROL_API_H

#include "simulator/server.h"

struct gitea_api;
struct hetzner_api;
struct kube_api;
struct control_api;
struct watch;

/* What the program gives the control endpoint to work with; all borrowed. An API that is left out
 * is NULL. */
struct control_parts {
    struct gitea_api *gitea;
    struct hetzner_api *hetzner;
    struct kube_api *kube;
    /* The workload of the program's own: switches it, and tells whether it is on. NULL: none. */
    void (*workload_switch)(void *context, bool on);
    bool (*workload_is_on)(void *context);
    void *workload;
    struct watch *watch;
    /* Asks the program to end in order; NULL: it cannot be asked. */
    void (*quit)(void *context);
    void *quit_context;
};

bool control_api_init(struct control_api **out, const struct control_parts *parts,
                      struct error *error);
void control_api_free(struct control_api *api);
const struct api_definition *control_api_definition(const struct control_api *api);

#endif
