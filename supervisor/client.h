/* A person's side of the control socket: asks for the status and waits for it.
 * May not: print. */
#ifndef EBBTIDE_SUPERVISOR_CLIENT_H
#define EBBTIDE_SUPERVISOR_CLIENT_H

#include "proto/channel.h"

#define CLIENT_MS_MAX 5000 /* the longest wait for one answer */

struct client;

/* Connects to the control socket. NULL with a sentence that says what to do. */
struct client *client_open(const char *path, struct error *error);

/* Asks for one status. NULL with a sentence; the caller frees the message. */
struct message *client_status(struct client *client, struct error *error);

void client_free(struct client *client);

#endif
