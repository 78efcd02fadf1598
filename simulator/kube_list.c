/* Lists with limit and continue, and single objects. A list that was cut is kept as it was for its
 * next pages, so that they show one moment; when it is kept no longer, the answer is 410.
 * May not change the world. */
#include "simulator/kube_private.h"

#include "simulator/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX   512
#define TOKEN_BYTES_MAX 2048

static const char too_old[] =
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list.";

/* "/NAME" or "/NAMESPACE/NAME": lists are in this order. */
static void object_key(const json_t *object, char out[KEY_BYTES_MAX])
{
    const char *space = kube_text_at(object, "metadata.namespace");
    snprintf(out, KEY_BYTES_MAX, "%s%s/%s", space[0] != '\0' ? "/" : "", space,
             kube_text_at(object, "metadata.name"));
}

static json_t *select_all(struct exchange *exchange, const struct kube_selection *selection)
{
    json_t *all = selection->kind->all(exchange_world(exchange));
    json_t *selected = json_array();
    size_t i;
    json_t *object;
    json_array_foreach(all, i, object) {
        if (kube_selects(selection, object))
            json_array_append(selected, object);
    }
    json_decref(all);
    return selected;
}

struct listing {
    json_t *objects; /* the whole selection */
    uint64_t resource_version;
    size_t first, count; /* what this page shows */
    bool inconsistent;   /* went on after a 410 */
};

static const struct kube_snapshot *find_snapshot(const struct kube_api *api, int64_t version,
                                                 const char *path)
{
    for (size_t i = 0; i < KUBE_SNAPSHOTS_MAX; i++) {
        const struct kube_snapshot *snapshot = &api->snapshots[i];
        if (snapshot->path != NULL && (int64_t)snapshot->resource_version == version &&
            version >= (int64_t)api->compacted && strcmp(snapshot->path, path) == 0)
            return snapshot;
    }
    return NULL;
}

static void keep_snapshot(struct exchange *exchange, const struct listing *listing)
{
    struct kube_api *api = kube_api_of(exchange);
    if (find_snapshot(api, (int64_t)listing->resource_version, exchange_path(exchange)) != NULL)
        return;
    struct kube_snapshot *snapshot = &api->snapshots[api->next_snapshot++ % KUBE_SNAPSHOTS_MAX];
    free(snapshot->path);
    json_decref(snapshot->rest);
    *snapshot = (struct kube_snapshot){.resource_version = listing->resource_version,
                                       .path = strdup(exchange_path(exchange)),
                                       .rest = json_incref(listing->objects)};
}

/* Where the objects after `start` begin. */
static size_t position_after(const json_t *objects, const char *start)
{
    size_t i = 0;
    for (; i < json_array_size(objects); i++) {
        char key[KEY_BYTES_MAX];
        object_key(json_array_get(objects, i), key);
        if (strcmp(key, start) > 0)
            break;
    }
    return i;
}

/* False: it has answered. */
static bool go_on(struct exchange *exchange, const struct kube_selection *selection,
                  const char *token, struct listing *listing)
{
    char start[KEY_BYTES_MAX], fresh[TOKEN_BYTES_MAX];
    int64_t version;
    if (!kube_continue_read(token, &version, start, sizeof start)) {
        kube_status(exchange, 400, "BadRequest",
                    "invalid continue token: continue key is not valid: illegal base64 data", NULL);
        return false;
    }
    const struct kube_snapshot *snapshot =
        find_snapshot(kube_api_of(exchange), version, exchange_path(exchange));
    bool gone = exchange_strike(exchange, FAULT_GONE, NULL, NULL, NULL) != NULL;
    if (version >= 0 && (snapshot == NULL || gone)) {
        bool written = kube_continue_write(-1, start, fresh, sizeof fresh);
        kube_expired(exchange, too_old, written ? fresh : NULL);
        return false;
    }
    listing->inconsistent = version < 0;
    listing->objects =
        snapshot != NULL ? json_incref(snapshot->rest) : select_all(exchange, selection);
    listing->resource_version = snapshot != NULL ? snapshot->resource_version
                                                 : world_resource_version(exchange_world(exchange));
    listing->first = position_after(listing->objects, start);
    return true;
}

/* Numbers of the query must be some; false: it has answered 400. */
static bool numbers_are_read(struct exchange *exchange)
{
    static const char *const keys[] = {"limit", "resourceVersion"};
    char text[160];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = exchange_query(exchange, keys[i]);
        if (value == NULL || value[strspn(value, "-0123456789")] == '\0')
            continue;
        snprintf(text, sizeof text, "strconv.ParseInt: parsing \"%.80s\": invalid syntax", value);
        kube_status(exchange, 400, "BadRequest", text, NULL);
        return false;
    }
    return true;
}

/* The resourceVersion of a list that begins: false, it has answered 410 or 504. */
static bool version_is_served(struct exchange *exchange)
{
    uint64_t now = world_resource_version(exchange_world(exchange));
    int64_t asked = exchange_query_i64(exchange, "resourceVersion", 0);
    const char *match = exchange_query(exchange, "resourceVersionMatch");
    char text[120];
    if (asked > (int64_t)now) {
        snprintf(text, sizeof text, "Timeout: Too large resource version: %lld, current: %llu",
                 (long long)asked, (unsigned long long)now);
        exchange_delay_answer(exchange, KUBE_TOO_HIGH_MS);
        exchange_add_header(exchange, "Retry-After", "1");
        kube_status(exchange, 504, "Timeout", text,
                    json_pack("{s:[{s:s, s:s}], s:i}", "causes", "reason",
                              "ResourceVersionTooLarge", "message", "Too large resource version",
                              "retryAfterSeconds", 1));
        return false;
    }
    if (match != NULL && strcmp(match, "Exact") == 0 && asked != 0 && asked != (int64_t)now) {
        kube_expired(exchange, "The resourceVersion for the provided list is too old.", NULL);
        return false;
    }
    return true;
}

/* Objects of a list bear neither kind nor apiVersion. */
static json_t *without_kind(const json_t *object)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)object);
    json_object_del(copy, "kind");
    json_object_del(copy, "apiVersion");
    return copy;
}

static json_t *list_metadata(struct exchange *exchange, const struct kube_selection *selection,
                             const struct listing *listing)
{
    char version[24], key[KEY_BYTES_MAX], token[TOKEN_BYTES_MAX];
    size_t end = listing->first + listing->count, total = json_array_size(listing->objects);
    snprintf(version, sizeof version, "%llu", (unsigned long long)listing->resource_version);
    json_t *metadata = json_pack("{s:s}", "resourceVersion", version);
    if (end >= total || listing->count == 0)
        return metadata;
    object_key(json_array_get(listing->objects, end - 1), key);
    if (kube_continue_write(listing->inconsistent ? -1 : (int64_t)listing->resource_version, key,
                            token, sizeof token))
        json_object_set_new(metadata, "continue", json_string(token));
    if (selection->labels.term_count == 0 && selection->field_count == 0)
        json_object_set_new(metadata, "remainingItemCount",
                            json_integer((json_int_t)(total - end)));
    if (!listing->inconsistent)
        keep_snapshot(exchange, listing);
    return metadata;
}

static void reply_list(struct exchange *exchange, const struct kube_selection *selection,
                       const struct listing *listing)
{
    char kind[48];
    json_t *items = json_array();
    bool table = kube_wants_table(exchange);
    for (size_t i = listing->first; i < listing->first + listing->count; i++) {
        json_t *object = json_array_get(listing->objects, i);
        json_array_append_new(items, table ? json_incref(object) : without_kind(object));
    }
    json_t *metadata = list_metadata(exchange, selection, listing);
    snprintf(kind, sizeof kind, "%sList", selection->kind->kind);
    if (table)
        exchange_reply_json(exchange, 200,
                            kube_table(selection->kind, items, metadata, true,
                                       world_now_ms(exchange_world(exchange))));
    else
        exchange_reply_json(exchange, 200,
                            json_pack("{s:s, s:s, s:o, s:o}", "kind", kind, "apiVersion",
                                      selection->kind->api_version, "metadata", metadata, "items",
                                      items));
}

void kube_list(struct exchange *exchange, const struct kube_kind *kind)
{
    struct kube_selection selection;
    struct listing listing = {0};
    const char *watch = exchange_query(exchange, "watch");
    const char *token = exchange_query(exchange, "continue");
    int64_t limit = exchange_query_i64(exchange, "limit", 0);
    if (!numbers_are_read(exchange) || !kube_read_selection(exchange, kind, &selection))
        return;
    if (watch != NULL && (strcmp(watch, "true") == 0 || strcmp(watch, "1") == 0)) {
        kube_watch_begin(exchange, &selection);
        return;
    }
    if (token != NULL && *token != '\0') {
        if (!go_on(exchange, &selection, token, &listing))
            return;
    } else {
        if (!version_is_served(exchange))
            return;
        listing.objects = select_all(exchange, &selection);
        listing.resource_version = world_resource_version(exchange_world(exchange));
    }
    listing.count = json_array_size(listing.objects) - listing.first;
    if (limit > 0 && (size_t)limit < listing.count)
        listing.count = (size_t)limit;
    reply_list(exchange, &selection, &listing);
    json_decref(listing.objects);
}

json_t *kube_find(struct exchange *exchange, const struct kube_kind *kind, const char *name)
{
    const char *space = exchange_parameter(exchange, "namespace");
    json_t *all = kind->all(exchange_world(exchange));
    json_t *found = NULL, *object;
    size_t i;
    json_array_foreach(all, i, object) {
        if (strcmp(kube_text_at(object, "metadata.name"), name) == 0 &&
            (space == NULL || strcmp(kube_text_at(object, "metadata.namespace"), space) == 0))
            found = json_incref(object);
    }
    json_decref(all);
    return found;
}

void kube_get(struct exchange *exchange, const struct kube_kind *kind, const char *name)
{
    json_t *object = kube_find(exchange, kind, name);
    char version[24];
    if (object == NULL) {
        kube_not_found(exchange, kind, name);
        return;
    }
    if (!kube_wants_table(exchange)) {
        exchange_reply_json(exchange, 200, object);
        return;
    }
    snprintf(version, sizeof version, "%s", kube_text_at(object, "metadata.resourceVersion"));
    exchange_reply_json(exchange, 200,
                        kube_table(kind, json_pack("[o]", object),
                                   json_pack("{s:s}", "resourceVersion", version), true,
                                   world_now_ms(exchange_world(exchange))));
}
