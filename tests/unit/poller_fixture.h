/* The real ebbtide-poller as a child, with this test as its supervisor, its reconciler and its API:
 * what it asks for and what it reports can be looked at message by message. */
#ifndef EBBTIDE_TESTS_UNIT_POLLER_FIXTURE_H
#define EBBTIDE_TESTS_UNIT_POLLER_FIXTURE_H

#include "dialer/callers.h"
#include "proto/message.h"
#include "tests/unit/cunit_main.h"

#include <event2/http.h>
#include <stdbool.h>
#include <sys/types.h>

#define REPORTS_MAX 64

struct event_base;
struct channel;

/* Answers one request; path without query, query "" where there is none. */
typedef void (*api_handler)(struct evhttp_request *request, const char *path, const char *query);

struct rig {
    struct event_base *base;
    struct evhttp *server;
    unsigned port;
    api_handler handler;
    void (*close_api)(void); /* NULL, or frees what the caller serves, before the base is freed */
    unsigned requests;       /* that came so far */
    char authorization[256], last_query[1024];
    struct channel *control, *reconciler, *dialer;
    enum role role;
    struct callers callers; /* what the dialer does, done here */
    pid_t pid;
    struct message *report[REPORTS_MAX]; /* what the reconciler was sent */
    unsigned reports;
    bool ready, stopped;
    enum message_id wanted; /* rig_wait leaves the loop when a report of this kind comes */
    bool arrived;
};

extern struct rig rig;

/* Starts the API's server and the poller with settings, pairs of path and value ended by NULL;
 * `URL` in a value stands for the server's address. */
void rig_start(enum role role, api_handler handler, const char *const *settings);

/* The same against an API that the caller serves on rig.base at rig.port: call rig_begin first. */
void rig_begin(void);
void rig_start_poller(enum role role, const char *const *settings);

/* Waits at most `ms` for the next report of this kind; NULL where none came. It stays the rig's. */
const struct message *rig_wait(enum message_id id, int ms);

/* The poller is asked to poll at once. */
void rig_poll_now(void);

/* Another content for a file of the poller. */
void rig_send_file(enum file_kind kind, const char *text);

/* Asks the poller to stop; checks that it does, with status 0. */
void rig_end(void);

/* Frees the rig of a poller that has ended by itself and was waited for. */
void rig_drop(void);

/* Answers with a status, headers ("Name: value", ended by NULL; may be NULL) and JSON. */
void reply(struct evhttp_request *request, int status, const char *const *headers,
           const char *body);

#endif
