/* Hetzner Cloud's lists and objects decoded. May not: do I/O, log. */
#include "common/hetzner.h"

#include "common/grow.h"
#include "common/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ servers */

static enum server_status status_from(const char *word)
{
    static const char *const words[] = {
        [SERVER_INITIALIZING] = "initializing",
        [SERVER_STARTING] = "starting",
        [SERVER_RUNNING] = "running",
        [SERVER_STOPPING] = "stopping",
        [SERVER_OFF] = "off",
        [SERVER_DELETING] = "deleting",
        [SERVER_MIGRATING] = "migrating",
        [SERVER_REBUILDING] = "rebuilding",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum server_status)i;
    return SERVER_UNKNOWN;
}

/* Copies a key or value that is within its bound. */
static bool keep(const char *text, size_t most, const char *what, struct arena *arena,
                 const char **out, struct error *error)
{
    size_t length = strlen(text);
    if (length > most)
        return error_set(error, "a %s has %zu bytes, more than %zu", what, length, most);
    *out = arena_text(arena, text, length);
    return *out != NULL || error_set(error, "out of memory: the answer is larger than allowed");
}

static bool read_server_labels(json_t *from, struct arena *arena, struct hetzner_server *server,
                               struct error *error)
{
    size_t count = json_object_size(from);
    if (count > SERVER_LABELS_MAX)
        return error_set(error, "it has %zu labels, more than %d", count, SERVER_LABELS_MAX);
    struct label *labels = arena_take(arena, count * sizeof *labels);
    if (labels == NULL)
        return error_set(error, "out of memory: the answer is larger than allowed");
    server->labels = labels;
    const char *key;
    json_t *value;
    json_object_foreach(from, key, value) {
        const char *text = json_string_value(value);
        struct label *label = &labels[server->labels_count];
        if (key[0] == '\0')
            return error_set(error, "a label's key is empty");
        if (!keep(key, LABEL_KEY_BYTES_MAX, "label's key", arena, &label->key, error) ||
            !keep(text == NULL ? "" : text, LABEL_VALUE_BYTES_MAX, "label's value", arena,
                  &label->value, error))
            return false;
        server->labels_count++;
    }
    return true;
}

/* `location`, or in older answers `datacenter.location`. */
static const json_t *location_of(const json_t *from)
{
    const json_t *location = json_object_of(from, "location");
    return location != NULL ? location
                            : json_object_of(json_object_of(from, "datacenter"), "location");
}

static bool read_server(const json_t *from, struct arena *arena, struct hetzner_server *server,
                        struct error *error)
{
    *server = (struct hetzner_server){
        .status = status_from(json_text_of(from, "status")),
        .created_ms = json_time_of(from, "created"),
    };
    if (!json_need_id(from, "id", &server->id, error) ||
        !json_need_text(from, "name", 1, NAME_BYTES_MAX, arena, &server->name, error))
        return false;
    if (server->created_ms == 0)
        return error_set(error, "`created` of server %s is missing or no time", server->name);
    return json_need_text(json_object_of(from, "server_type"), "name", 0, NAME_BYTES_MAX, arena,
                          &server->server_type, error) &&
           json_need_text(location_of(from), "name", 0, NAME_BYTES_MAX, arena, &server->location,
                          error) &&
           read_server_labels(json_object_get(from, "labels"), arena, server, error);
}

static void read_page(const json_t *top, const json_t *items, struct hetzner_page *page)
{
    const json_t *pagination = json_object_of(json_object_of(top, "meta"), "pagination");
    page->items = (uint32_t)json_array_size(items);
    page->total_known = json_is_integer(json_object_get(pagination, "total_entries"));
    page->total = json_u64_of(pagination, "total_entries");
    page->next_page = (unsigned)json_u64_of(pagination, "next_page");
}

static bool add_servers(const json_t *top, struct arena *arena, struct hetzner_server_list *list,
                        struct hetzner_page *page, struct error *error)
{
    const json_t *servers = json_need_array(top, "servers", error);
    if (servers == NULL)
        return false;
    read_page(top, servers, page);
    for (size_t i = 0; i < json_array_size(servers); i++) {
        struct hetzner_server *items = grow(list->item, list->count, &list->room, SERVERS_MAX,
                                            sizeof *items, "servers", error);
        if (items == NULL)
            return false;
        list->item = items;
        if (!read_server(json_array_get(servers, i), arena, &items[list->count], error))
            return error_wrap(error, "server %zu of the page", i + 1);
        list->count++;
    }
    return true;
}

bool hetzner_decode_servers(const char *body, size_t length, struct arena *arena,
                            struct hetzner_server_list *list, struct hetzner_page *page,
                            struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    uint32_t before = list->count;
    bool good = add_servers(top, arena, list, page, error);
    if (!good)
        list->count = before;
    json_decref(top);
    return good;
}

static int compare_servers(const void *left, const void *right)
{
    const struct hetzner_server *a = left, *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

void hetzner_servers_sort(struct hetzner_server_list *list)
{
    if (list->count < 2)
        return;
    qsort(list->item, list->count, sizeof list->item[0], compare_servers);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < list->count; i++)
        if (list->item[i].id != list->item[kept - 1].id)
            list->item[kept++] = list->item[i];
    list->count = kept;
}

void hetzner_server_list_free(struct hetzner_server_list *list)
{
    free(list->item);
    *list = (struct hetzner_server_list){0};
}

const char *hetzner_label(const struct hetzner_server *server, const char *key)
{
    for (uint32_t i = 0; i < server->labels_count; i++)
        if (strcmp(server->labels[i].key, key) == 0)
            return server->labels[i].value;
    return NULL;
}

/* ----------------------------------------------------------------- one server, actions */

static void read_action(const json_t *from, struct hetzner_action *out)
{
    const char *status = json_text_of(from, "status");
    const json_t *error = json_object_of(from, "error");
    *out = (struct hetzner_action){.id = json_u64_of(from, "id")};
    out->status = strcmp(status, "success") == 0 ? HETZNER_ACTION_SUCCESS
                  : strcmp(status, "error") == 0 ? HETZNER_ACTION_ERROR
                                                 : HETZNER_ACTION_RUNNING;
    snprintf(out->command, sizeof out->command, "%s", json_text_of(from, "command"));
    snprintf(out->code, sizeof out->code, "%s", json_text_of(error, "code"));
    snprintf(out->text, sizeof out->text, "%s", json_text_of(error, "message"));
}

bool hetzner_decode_server(const char *body, size_t length, struct arena *arena,
                           struct hetzner_server *out, struct hetzner_action *action,
                           struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    const json_t *server = json_object_of(top, "server");
    bool good = server != NULL ? read_server(server, arena, out, error)
                               : error_set(error, "the object `server` is missing");
    if (good && action != NULL)
        read_action(json_object_of(top, "action"), action);
    json_decref(top);
    return good;
}

bool hetzner_decode_action(const char *body, size_t length, struct hetzner_action *out,
                           struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    read_action(json_object_of(top, "action"), out);
    json_decref(top);
    return out->id != 0 || error_set(error, "the object `action` is missing");
}

static void mark_failed(const json_t *action, struct hetzner_server_list *list)
{
    if (strcmp(json_text_of(action, "command"), "create_server") != 0 ||
        strcmp(json_text_of(action, "status"), "error") != 0)
        return;
    const json_t *resources = json_array_of(action, "resources"), *resource;
    size_t index;
    json_array_foreach(resources, index, resource) {
        if (strcmp(json_text_of(resource, "type"), "server") != 0)
            continue;
        for (uint32_t i = 0; i < list->count; i++)
            if (list->item[i].id == json_u64_of(resource, "id"))
                list->item[i].create_failed = true;
    }
}

bool hetzner_decode_failed_creates(const char *body, size_t length,
                                   struct hetzner_server_list *list, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    const json_t *actions = json_need_array(top, "actions", error), *action;
    bool good = actions != NULL;
    size_t index;
    json_array_foreach(actions, index, action)
        mark_failed(action, list);
    json_decref(top);
    return good;
}
