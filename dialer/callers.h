/* The questions for connections that are under way, by who asked. What a process may be connected
 * to is the table's to say (destinations.h); how many at once, this file's. May not: connect by
 * itself, know messages' way. */
#ifndef EBBTIDE_DIALER_CALLERS_H
#define EBBTIDE_DIALER_CALLERS_H

#include "dialer/destinations.h"
#include "dialer/dial.h"

/* Of one process to one API at once. Its engine asks for at most 8 (common/http_parts.h:
 * HTTP_HOST_CONNECTIONS_MAX), and nobody tells us of those that it gives up: they are tried to
 * their end. Each API has its own room, so that one that is silent keeps no other away. */
#define CALLER_DIALS_MAX 16

/* Of one process, in any second, beyond which it is refused: no API that closes each connection
 * after one answer makes ours ask so often, and one that was taken over does not use up the ports
 * that the others' connections need (28,000, each for a minute after its end; tcp(7),
 * ip_local_port_range). */
#define CALLER_DIALS_A_SECOND 200

/* Answers that one process has not taken. Beyond these it gets none: each may hold a connection, of
 * which this process can have so many alone (common/sandbox.def: nofile). Nobody of ours asks for
 * more than it waits for. */
#define CALLER_UNTAKEN_MAX 32

/* The answer to a question; descriptor as in dial_done. */
typedef void (*caller_answer)(enum role caller, uint64_t id, int descriptor,
                              enum dial_failure failure, const char *text, void *argument);

struct callers;

struct asked {
    struct callers *callers;
    enum role caller;
    uint64_t id;
    struct dialing *dial; /* NULL: a free place */
};

/* How much one process asks for. */
struct pace {
    int64_t second_mono_ms; /* when the second began that is counted */
    unsigned dials;
};

struct callers {
    struct event_base *base;
    struct names *names;
    struct destinations destinations;
    int64_t limit_ms; /* for a connection, from the name on */
    caller_answer answer;
    void *argument;
    struct asked asked[role_count][source_count][CALLER_DIALS_MAX];
    struct pace pace[role_count];
};

/* A question, asked at mono_ms. Where it cannot be tried `answer` is called at once. */
void callers_ask(struct callers *callers, enum role caller, uint64_t id, enum source source,
                 int64_t mono_ms);

/* The caller is gone: its questions are dropped. */
void callers_forget(struct callers *callers, enum role caller);

#endif
