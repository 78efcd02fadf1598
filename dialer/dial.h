/* One connection: the host's name is looked up, its addresses are tried, the first that takes the
 * connection is it. Each address begins a moment after the one before, or as soon as that has
 * failed [RFC 8305, "Happy Eyeballs"]. May not: know an API, send a byte on the connection, log. */
#ifndef EBBTIDE_DIALER_DIAL_H
#define EBBTIDE_DIALER_DIAL_H

#include "dialer/names.h"
#include "tables/messages.h"

#define DIAL_NEXT_MS 250 /* to the next address [RFC 8305 5: Connection Attempt Delay] */

struct event_base;
struct dialing; /* one under way */

/* descriptor: a connected TCP socket, the callee's to close; or -1, and then why. `text` says what
 * was tried and what came back; it lives only inside. */
typedef void (*dial_done)(int descriptor, enum dial_failure failure, const char *text,
                          void *argument);

/* Begins; `done` is called once, from the loop, never from inside, and then it is over. limit_ms:
 * for all of it. NULL where memory is out (done is not called). */
struct dialing *dial_begin(struct event_base *base, struct names *names, const char *host,
                           uint16_t port, int64_t limit_ms, dial_done done, void *argument);

/* Ends it without `done`. NULL is fine. */
void dial_cancel(struct dialing *dial);

#endif
