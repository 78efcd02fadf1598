/* The request log: a ring in memory and JSON lines in a file. May not answer or judge. */
#include "simulator/request_log.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SUMMARY_DEPTH_MAX 12

struct request_log {
    FILE *file;
    json_t *entry[REQUEST_LOG_ENTRIES_MAX];
    uint64_t total;
    uint64_t by_api[API_COUNT];
};

bool request_log_init(struct request_log **out, const char *path, struct error *error)
{
    struct request_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return error_set(error, "no memory for the request log");
    if (path != NULL && (log->file = fopen(path, "ae")) == NULL) {
        int number = errno;
        free(log);
        return error_set_errno(error, number, "the request log %s cannot be opened", path);
    }
    *out = log;
    return true;
}

void request_log_free(struct request_log *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < REQUEST_LOG_ENTRIES_MAX; i++)
        json_decref(log->entry[i]);
    if (log->file != NULL)
        fclose(log->file);
    free(log);
}

static bool is_secret(const char *key)
{
    static const char *const words[] = {"token", "password", "secret"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasestr(key, words[i]) != NULL)
            return true;
    }
    return false;
}

/* User data may carry the cluster's join token. */
static json_t *summarize_text(const char *key, const char *text)
{
    char cut[REQUEST_LOG_TEXT_BYTES_MAX + 32];
    size_t length = strlen(text);
    if (key != NULL && is_secret(key))
        return json_string("<masked>");
    if (length <= REQUEST_LOG_TEXT_BYTES_MAX && (key == NULL || strcmp(key, "user_data") != 0))
        return json_string(text);
    snprintf(cut, sizeof cut, "<%zu bytes>", length);
    return json_string(cut);
}

static json_t *summarize(const char *key, const json_t *value, int depth)
{
    if (depth == SUMMARY_DEPTH_MAX)
        return json_string("<deep>");
    if (json_is_string(value))
        return summarize_text(key, json_string_value(value));
    if (json_is_array(value)) {
        json_t *list = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(list, summarize(key, json_array_get(value, i), depth + 1));
        return list;
    }
    if (!json_is_object(value))
        return json_deep_copy(value);
    json_t *object = json_object();
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        const char *name = json_object_iter_key(at);
        json_object_set_new(object, name, summarize(name, json_object_iter_value(at), depth + 1));
    }
    return object;
}

json_t *request_log_summary(const json_t *body)
{
    return body == NULL ? json_null() : summarize(NULL, body, 0);
}

static json_t *entry_to_json(const struct request_entry *entry, uint64_t number)
{
    static const char *const tokens[] = {[TOKEN_NONE] = "none",
                                         [TOKEN_WRONG] = "wrong",
                                         [TOKEN_READ] = "read",
                                         [TOKEN_WRITE] = "write"};
    char stamp[CLOCK_TEXT_BYTES];
    return json_pack(
        "{s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:I, s:o, s:I, s:s?}", "n", (json_int_t)number,
        "time", clock_format_rfc3339(entry->began_wall_ms, stamp), "mono_ms",
        (json_int_t)entry->began_mono_ms, "api", api_name(entry->api), "method", entry->method,
        "path", entry->path, "token", tokens[entry->token], "status", entry->status, "ms",
        (json_int_t)(entry->ended_mono_ms - entry->began_mono_ms), "request",
        request_log_summary(entry->request), "answer_bytes", (json_int_t)entry->answer_bytes,
        "fault", entry->fault[0] != '\0' ? entry->fault : NULL);
}

void request_log_add(struct request_log *log, const struct request_entry *entry)
{
    json_t *line = entry_to_json(entry, log->total + 1);
    if (line == NULL) {
        log_warning("a request to %s cannot be logged: its path is no UTF-8", api_name(entry->api));
        return;
    }
    json_t **slot = &log->entry[log->total % REQUEST_LOG_ENTRIES_MAX];
    json_decref(*slot);
    *slot = line;
    log->total++;
    log->by_api[entry->api]++;
    if (log->file == NULL)
        return;
    json_dumpf(line, log->file, JSON_COMPACT);
    fputc('\n', log->file);
    fflush(log->file);
}

json_t *request_log_read(const struct request_log *log, enum api api, uint64_t since)
{
    json_t *list = json_array();
    uint64_t kept = log->total < REQUEST_LOG_ENTRIES_MAX ? log->total : REQUEST_LOG_ENTRIES_MAX;
    uint64_t first = log->total - kept;
    for (uint64_t i = since > first ? since : first; i < log->total; i++) {
        json_t *entry = log->entry[i % REQUEST_LOG_ENTRIES_MAX];
        const char *of = json_string_value(json_object_get(entry, "api"));
        if (api == API_COUNT || strcmp(of, api_name(api)) == 0)
            json_array_append(list, entry);
    }
    return list;
}

uint64_t request_log_count(const struct request_log *log, enum api api)
{
    return log->by_api[api];
}
