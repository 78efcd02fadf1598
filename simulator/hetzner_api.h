/* The Hetzner Cloud API over the world, as its own description and its clients show it.
 *
 * What the daemon and Debian's hcloud use is served: servers, their actions, server types,
 * locations, images, prices, and empty lists of what a project may also have.
 * May not: keep a state of its own but the request budget; the world has everything else. */
#ifndef EBBTIDE_SIMULATOR_HETZNER_API_H
#define EBBTIDE_SIMULATOR_HETZNER_API_H

#include "simulator/server.h"

struct hetzner_api;

struct hetzner_options {
    int64_t requests_per_hour; /* of the whole project, refilled evenly; 0: HETZNER_REQUESTS_HOUR */
};

#define HETZNER_REQUESTS_HOUR 3600

bool hetzner_api_init(struct hetzner_api **out, const struct hetzner_options *options,
                      struct error *error);
void hetzner_api_free(struct hetzner_api *api);
/* Borrowed; lives as long as the api. */
const struct api_definition *hetzner_api_definition(const struct hetzner_api *api);

/* For the control endpoint: how many requests are left, and setting them. */
int64_t hetzner_api_remaining(const struct hetzner_api *api);
void hetzner_api_set_remaining(struct hetzner_api *api, int64_t remaining);

#endif
