/* Where Gitea's webhooks come in: a door of its own, POST /webhook, and hints that go out. Of what
 * waits at once one hint is made, and at most one in HINT_GAP_MS; the last one is never lost.
 * May not: open a socket, send anything but hints. */
#ifndef EBBTIDE_MONITOR_WEBHOOK_DOOR_H
#define EBBTIDE_MONITOR_WEBHOOK_DOOR_H

#include <event2/event.h>

#include "common/config.h"
#include "common/secret.h"

#define HINT_GAP_MS                 1000
#define WEBHOOK_SECRET_BYTES_ENOUGH 16 /* of a shorter secret one is warned */

struct webhook_door;

typedef void webhook_hint(uint64_t job_id, void *argument);

/* Takes the listener and the secret (closed and freed on error too). Calls `hint` for jobs that
 * wait. Before privileges are dropped. NULL with a sentence. */
struct webhook_door *webhook_door_new(struct event_base *base, int listener, struct secret *secret,
                                      const struct config *config, webhook_hint *hint,
                                      void *argument, struct error *error);

/* A new secret, taken, holds from now on. */
void webhook_door_secret(struct webhook_door *door, struct secret *secret);

/* New limits. NULL is fine. */
void webhook_door_limit(struct webhook_door *door, const struct config *config);

/* Closes the listener and every connection. NULL is fine. */
void webhook_door_free(struct webhook_door *door);

#endif
