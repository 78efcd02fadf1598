/* A worker's way to its connections: the HTTP engine's questions to the dialer, and the answers
 * back into the engine. May not: make a connection. */
#ifndef EBBTIDE_PROTO_DIALING_H
#define EBBTIDE_PROTO_DIALING_H

#include "common/http.h"
#include "proto/worker.h"

/* For http_open. */
struct http_way dialing_way(struct worker *worker);

/* `ports` of a behaviour: none, since it connects nothing itself. Only where the configuration
 * leaves seccomp out, which tells libcurl that its second connect(2) of what is connected is under
 * way (common/sandbox.def), Landlock must let that pass. endpoints: `count`, NULL where there is
 * none. */
uint32_t dialing_ports(const struct config *config, struct http_endpoint *const *endpoints,
                       uint32_t count, uint16_t *out);

/* `message` of a behaviour: true where it was the dialer's answer, and is taken. http may be NULL
 * (the answer is then dropped). */
bool dialing_message(struct http *http, struct message *message);

/* `passed` of a behaviour; takes both. What is no connection over the internet is closed, and the
 * call then runs into its limit. A dialer that hands over such things could do so for ever: *lied,
 * false at first and the worker's to keep, has it logged once. */
void dialing_passed(struct http *http, struct message *message, int descriptor, bool *lied);

/* `peer_open` of a behaviour: a dialer that is new was asked nothing yet. */
void dialing_peer_open(struct http *http, enum role peer);

#endif
