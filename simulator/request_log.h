/* The request log: every request of the three APIs, in memory (a ring, for the control endpoint)
 * and as JSON lines in a file. Tests assert orders from it. Tokens and user data never reach it.
 * May not: answer, judge. */
#ifndef EBBTIDE_SIMULATOR_REQUEST_LOG_H
#define EBBTIDE_SIMULATOR_REQUEST_LOG_H

#include "simulator/server.h"

#define REQUEST_LOG_ENTRIES_MAX    50000
#define REQUEST_LOG_TEXT_BYTES_MAX 200

struct request_log;

struct request_entry {
    enum api api;
    const char *method;
    const char *path; /* with query */
    enum token_kind token;
    int status; /* 0: no answer was sent */
    int64_t began_mono_ms;
    int64_t ended_mono_ms;
    int64_t began_wall_ms;
    const json_t *request; /* the body, or NULL */
    size_t answer_bytes;
    const char *fault; /* words of the effects that struck, joined by "+", or "" */
};

/* path NULL: no file. */
bool request_log_init(struct request_log **out, const char *path, struct error *error);
void request_log_free(struct request_log *log);

void request_log_add(struct request_log *log, const struct request_entry *entry);

/* A new array of the entries numbered above `since`, of one API unless api is API_COUNT. */
json_t *request_log_read(const struct request_log *log, enum api api, uint64_t since);

uint64_t request_log_count(const struct request_log *log, enum api api);

/* A copy fit for the log: long strings cut, secrets masked, nesting bounded. */
json_t *request_log_summary(const json_t *body);

#endif
