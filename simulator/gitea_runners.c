/* Runners: list (by last contact, so that the order changes between pages; no totals in headers),
 * get, fence, delete, the registration token. May not decide what becomes of a job. */
#include "simulator/gitea_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool belongs(const struct gitea_view *view, const struct world_runner *runner)
{
    if (!runner->registered)
        return false;
    if (view->scope == WORLD_SCOPE_ADMIN)
        return true;
    return runner->scope == view->scope && strcmp(runner->owner, view->owner) == 0 &&
           (view->scope == WORLD_SCOPE_ORG || strcmp(runner->repo, view->repo) == 0);
}

static int by_last_contact(const void *left, const void *right)
{
    const struct world_runner *a = *(const struct world_runner *const *)left;
    const struct world_runner *b = *(const struct world_runner *const *)right;
    if (a->last_contact_ms != b->last_contact_ms)
        return a->last_contact_ms > b->last_contact_ms ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool wanted(const struct exchange *exchange, const struct world_runner *runner)
{
    const char *disabled = exchange_query(exchange, "disabled");
    if (disabled == NULL || *disabled == '\0' || !gitea_options_of(exchange)->fence)
        return true;
    return runner->disabled == (strcmp(disabled, "true") == 0 || strcmp(disabled, "1") == 0);
}

void gitea_runners_list(struct exchange *exchange)
{
    const struct world *world = exchange_world(exchange);
    struct gitea_view view;
    if (!gitea_view(exchange, &view))
        return;
    struct gitea_page page = gitea_read_page(exchange);
    size_t count = 0, total = world_runner_count(world);
    const struct world_runner **list = calloc(total + 1, sizeof(struct world_runner *));
    json_t *items = json_array();
    for (size_t i = 0; list != NULL && i < total; i++) {
        const struct world_runner *runner = world_runner_at(world, i);
        if (belongs(&view, runner) && wanted(exchange, runner))
            list[count++] = runner;
    }
    if (list != NULL)
        qsort(list, count, sizeof *list, by_last_contact);
    for (size_t i = page.first; list != NULL && i < count && i < page.first + (size_t)page.limit;
         i++)
        json_array_append_new(items, gitea_runner(exchange, list[i]));
    free(list);
    exchange_reply_json(
        exchange, 200, json_pack("{s:o, s:I}", "runners", items, "total_count", (json_int_t)count));
}

/* The runner that {id} names in the view; NULL: it has answered 404. */
static const struct world_runner *path_runner(struct exchange *exchange)
{
    struct gitea_view view;
    uint64_t id = 0;
    const struct world_runner *runner = NULL;
    if (!gitea_view(exchange, &view))
        return NULL;
    if (exchange_parameter_u64(exchange, "id", &id))
        runner = world_runner_find(exchange_world(exchange), id);
    if (runner == NULL || !runner->registered) {
        gitea_not_found(exchange, "Runner not found");
        return NULL;
    }
    if (!belongs(&view, runner)) {
        gitea_not_found(exchange, "No permission to access this runner");
        return NULL;
    }
    return runner;
}

void gitea_runners_get(struct exchange *exchange)
{
    const struct world_runner *runner = path_runner(exchange);
    if (runner != NULL)
        exchange_reply_json(exchange, 200, gitea_runner(exchange, runner));
}

static const char *type_word(const json_t *value)
{
    if (json_is_object(value))
        return "object";
    if (json_is_array(value))
        return "array";
    return json_is_number(value) ? "number" : json_is_string(value) ? "string" : "bool";
}

/* Whether the body says it; false: it has answered, in the words of Go's decoder. */
static bool says_disabled(struct exchange *exchange, const json_t *disabled)
{
    static const char to[] = "[]: json: cannot unmarshal";
    char text[160];
    size_t length;
    const json_t *body = exchange_body(exchange);
    (void)exchange_body_text(exchange, &length);
    if (body == NULL && length > 0)
        snprintf(text, sizeof text, "[]: unexpected EOF");
    else if (body != NULL && !json_is_object(body))
        snprintf(text, sizeof text, "%s %s into Go value of type structs.EditActionRunnerOption",
                 to, type_word(body));
    else if (disabled == NULL || json_is_null(disabled))
        snprintf(text, sizeof text, "[Disabled]: Required");
    else if (!json_is_boolean(disabled))
        snprintf(text, sizeof text,
                 "%s %s into Go struct field EditActionRunnerOption.disabled of type bool", to,
                 type_word(disabled));
    else
        return true;
    gitea_error(exchange, 422, text);
    return false;
}

void gitea_runners_patch(struct exchange *exchange)
{
    json_t *disabled = json_object_get(exchange_body(exchange), "disabled");
    if (!gitea_options_of(exchange)->fence) {
        exchange_reply_empty(exchange, 405);
        return;
    }
    const struct world_runner *runner = path_runner(exchange);
    if (runner == NULL)
        return;
    if (!says_disabled(exchange, disabled))
        return;
    uint64_t id = runner->id;
    world_runner_disable(exchange_world(exchange), id, json_is_true(disabled));
    exchange_reply_json(exchange, 200,
                        gitea_runner(exchange, world_runner_find(exchange_world(exchange), id)));
}

void gitea_runners_delete(struct exchange *exchange)
{
    const struct world_runner *runner = path_runner(exchange);
    if (runner == NULL)
        return;
    world_runner_delete(exchange_world(exchange), runner->id);
    exchange_reply_empty(exchange, 204);
}

void gitea_registration_token(struct exchange *exchange)
{
    const struct gitea_api *api = exchange_context(exchange);
    struct gitea_view view;
    if (gitea_view(exchange, &view))
        exchange_reply_json(exchange, 200, json_pack("{s:s}", "token", api->registration_token));
}
