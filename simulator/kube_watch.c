/* Watches: events as newline-separated JSON, bookmarks, and the end after timeoutSeconds.
 * May not change the world. */
#include "simulator/kube_private.h"

#include "common/log.h"
#include "simulator/faults.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOKMARK_EVERY_S  60
#define BOOKMARK_BEFORE_S 2 /* before the end */
#define WATCH_DEFAULT_S   1800
#define WATCH_SECONDS_MAX 86400

struct kube_watch {
    struct kube_watch *next;
    struct kube_api *api;
    struct kube_selection selection;
    struct stream *stream;
    struct event *ticker; /* each second */
    int64_t age_s, timeout_s;
    uint64_t told_version;    /* of the last event or bookmark that was sent */
    uint64_t changed_version; /* of the last change of this kind */
    bool bookmarks, table, columns_sent;
};

static void forget(struct kube_watch *watch)
{
    struct kube_watch **at = &watch->api->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    event_free(watch->ticker);
    free(watch);
}

static void peer_is_gone(void *context)
{
    forget(context);
}

/* Takes object. */
static void send_event(struct kube_watch *watch, const char *type, json_t *object)
{
    json_t *event = json_pack("{s:s, s:o}", "type", type, "object", object);
    char *text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    if (text == NULL) {
        log_warning("no memory for an event of a watch: it is lost");
        return;
    }
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of its NUL */
    stream_write(watch->stream, text, length + 1);
    free(text);
}

static void send_object(struct kube_watch *watch, const char *type, json_t *object)
{
    if (!watch->table) {
        send_event(watch, type, json_incref(object));
        return;
    }
    json_t *metadata =
        json_pack("{s:s}", "resourceVersion", kube_text_at(object, "metadata.resourceVersion"));
    send_event(watch, type,
               kube_table(watch->selection.kind, json_pack("[O]", object), metadata,
                          !watch->columns_sent, world_now_ms(watch->api->world)));
    watch->columns_sent = true;
}

static void send_bookmark(struct kube_watch *watch, uint64_t version, bool initial_end)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)version);
    json_t *metadata = json_pack("{s:s}", "resourceVersion", text);
    if (initial_end)
        json_object_set_new(metadata, "annotations",
                            json_pack("{s:s}", "k8s.io/initial-events-end", "true"));
    send_event(watch, "BOOKMARK",
               json_pack("{s:s, s:s, s:o}", "kind", watch->selection.kind->kind, "apiVersion",
                         watch->selection.kind->api_version, "metadata", metadata));
    watch->told_version = version;
}

static void tell(struct kube_watch *watch, const struct kube_event *event)
{
    if (event->kind != watch->selection.kind)
        return;
    watch->changed_version = event->resource_version;
    bool was = event->before != NULL && kube_selects(&watch->selection, event->before);
    bool is = event->after != NULL && kube_selects(&watch->selection, event->after);
    if (!was && !is)
        return;
    json_t *object = is ? json_incref(event->after) : json_deep_copy(event->before);
    if (!is) {
        char version[24];
        snprintf(version, sizeof version, "%llu", (unsigned long long)event->resource_version);
        json_object_set_new(json_object_get(object, "metadata"), "resourceVersion",
                            json_string(version));
    }
    send_object(watch, !was ? "ADDED" : is ? "MODIFIED" : "DELETED", object);
    json_decref(object);
    watch->told_version = event->resource_version;
}

void kube_watch_notify(struct kube_api *api, const struct kube_event *event)
{
    for (struct kube_watch *watch = api->watches; watch != NULL; watch = watch->next)
        tell(watch, event);
}

static void tick(evutil_socket_t fd, short what, void *context)
{
    struct kube_watch *watch = context;
    (void)fd;
    (void)what;
    watch->age_s++;
    bool due = watch->age_s % BOOKMARK_EVERY_S == 0 ||
               watch->age_s == watch->timeout_s - BOOKMARK_BEFORE_S;
    if (due && watch->bookmarks && watch->changed_version > watch->told_version)
        send_bookmark(watch, watch->changed_version, false);
    if (watch->age_s < watch->timeout_s)
        return;
    struct stream *stream = watch->stream;
    forget(watch);
    stream_end(stream);
}

/* "too old": with HTTP 200 and an event, as the real one says it. */
static void send_too_old(struct exchange *exchange, uint64_t asked, uint64_t oldest)
{
    char text[120];
    snprintf(text, sizeof text, "too old resource version: %llu (%llu)", (unsigned long long)asked,
             (unsigned long long)oldest);
    json_t *event = json_pack("{s:s, s:o}", "type", "ERROR", "object",
                              kube_status_object(410, "Expired", text, NULL));
    char *line = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    exchange_reply_text(exchange, 200, "application/json", line != NULL ? line : "",
                        line != NULL ? strlen(line) : 0);
    free(line);
}

static void send_existing(struct kube_watch *watch)
{
    json_t *all = watch->selection.kind->all(watch->api->world), *object;
    size_t i;
    json_array_foreach(all, i, object) {
        if (kube_selects(&watch->selection, object))
            send_object(watch, "ADDED", object);
    }
    json_decref(all);
    watch->told_version = watch->changed_version = world_resource_version(watch->api->world);
}

static void send_since(struct kube_watch *watch, uint64_t version)
{
    const struct kube_api *api = watch->api;
    watch->told_version = watch->changed_version = version;
    for (uint64_t i = api->event_first; i < api->event_end; i++) {
        const struct kube_event *event = &api->events[i % KUBE_EVENTS_MAX];
        if (event->resource_version > version)
            tell(watch, event);
    }
}

static bool is_true(const struct exchange *exchange, const char *key)
{
    const char *value = exchange_query(exchange, key);
    return value != NULL && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

static struct kube_watch *watch_new(struct exchange *exchange,
                                    const struct kube_selection *selection)
{
    struct kube_api *api = kube_api_of(exchange);
    struct timeval second = {.tv_sec = 1};
    struct kube_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL ||
        (watch->ticker = event_new(api->base, -1, EV_PERSIST, tick, watch)) == NULL ||
        event_add(watch->ticker, &second) != 0) {
        log_error("no memory for a watch");
        abort();
    }
    watch->api = api;
    watch->selection = *selection;
    /* The parsed words point into the selection's own text. */
    selector_parse(&watch->selection.labels, exchange_query(exchange, "labelSelector"));
    watch->timeout_s = exchange_query_i64(exchange, "timeoutSeconds", WATCH_DEFAULT_S);
    if (watch->timeout_s <= 0 || watch->timeout_s > WATCH_SECONDS_MAX)
        watch->timeout_s = WATCH_DEFAULT_S;
    watch->bookmarks = is_true(exchange, "allowWatchBookmarks");
    watch->table = kube_wants_table(exchange);
    watch->next = api->watches;
    api->watches = watch;
    return watch;
}

void kube_watch_begin(struct exchange *exchange, const struct kube_selection *selection)
{
    struct kube_api *api = kube_api_of(exchange);
    int64_t asked = exchange_query_i64(exchange, "resourceVersion", 0);
    bool initial = is_true(exchange, "sendInitialEvents");
    bool gone = exchange_strike(exchange, FAULT_GONE, NULL, NULL, NULL) != NULL;
    if (gone || (asked > 0 && (uint64_t)asked < api->compacted && !initial)) {
        send_too_old(exchange, (uint64_t)asked, api->compacted);
        return;
    }
    struct kube_watch *watch = watch_new(exchange, selection);
    watch->stream = exchange_begin_stream(exchange, "application/json", peer_is_gone, watch);
    if (asked <= 0 || initial)
        send_existing(watch);
    else
        send_since(watch, (uint64_t)asked);
    if (initial && watch->bookmarks)
        send_bookmark(watch, watch->told_version, true);
}
