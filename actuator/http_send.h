/* The one place of Ebbtide with methods that write: requests of any method over common/http.h.
 * Only the actuator links it.
 * May not: decide whether a request should be sent, read an answer, log, keep a body that was sent
 * (it is wiped: user data holds the join token). */
#ifndef EBBTIDE_ACTUATOR_HTTP_SEND_H
#define EBBTIDE_ACTUATOR_HTTP_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http.h"

enum send_method { SEND_GET, SEND_POST, SEND_PUT, SEND_PATCH, SEND_DELETE };

struct send_request {
    enum send_method method;
    const char *path;         /* as in struct http_request */
    char *body;               /* malloc'd text or NULL; taken, also on failure, and wiped */
    const char *content_type; /* of the body; a literal */
    int64_t total_ms;         /* 0: the endpoint's limit */
    http_done done;           /* called once, never from inside send_request */
    void *argument;
};

struct send_call;

/* Starts it. NULL with *error set: nothing was sent, done is not called. */
struct send_call *send_request(struct http_endpoint *endpoint, const struct send_request *request,
                               struct error *error);

/* Ends it without `done`; what was asked may have happened. */
void send_cancel(struct send_call *call);

/* "PATCH", for texts. */
const char *send_method_word(enum send_method method);

/* Wipes and frees a body that was never given away. NULL is fine. */
void send_wipe(char *body);

#endif
