/* Gitea's system webhook: what happens to a job is told to one address, signed, as a real 1.26 was
 * seen to tell it. Address and secret are Gitea's options and may change at any time; without an
 * address nothing is sent. A delivery is tried once, whatever is answered.
 * May not: change the world, wait for an answer. */
#ifndef EBBTIDE_SIMULATOR_GITEA_WEBHOOKS_H
#define EBBTIDE_SIMULATOR_GITEA_WEBHOOKS_H

#include "simulator/gitea_api.h"
#include "simulator/world/world.h"

#define WEBHOOKS_AT_ONCE     8    /* deliveries under way; others wait */
#define WEBHOOKS_WAITING_MAX 4096 /* one more is dropped, and logged */

struct gitea_webhooks;

/* Observes the world from now on. `server` tells Gitea's own address. All are borrowed. */
bool gitea_webhooks_init(struct gitea_webhooks **out, struct event_base *base, struct world *world,
                         const struct server *server, const struct gitea_options *options,
                         struct error *error);
void gitea_webhooks_free(struct gitea_webhooks *webhooks);

/* How many were answered with 2xx, and how many were not (refused, no answer, dropped). */
void gitea_webhooks_count(const struct gitea_webhooks *webhooks, uint64_t *taken,
                          uint64_t *refused);

#endif
