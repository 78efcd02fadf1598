/* create_server: rents a server, or adopts the one that bears the name and the id. Whatever is lost
 * on the way, the name is looked for before anything is said. May not: choose a name or an offer.
 */
#include "actuator/actions.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "actuator/look.h"
#include "common/clock.h"
#include "common/cloud_init.h"
#include "common/names.h"
#include "common/secret.h"

#define FOLLOW_MS      1000 /* between two looks at the create action */
#define SEARCH_MS      2000 /* between two searches for a server whose create got no answer */
#define SEARCHES_MAX   3
#define SEARCH_ROOM_MS 1000 /* kept of the deadline for a search after the POST */

/* ------------------------------------------------------------------------------- adoption */

static const char *asked_id(const struct action *action)
{
    for (uint32_t i = 0; i < action->labels_count; i++)
        if (strcmp(action->labels[i].key, SERVER_LABEL_ID) == 0)
            return action->labels[i].value;
    return "";
}

static void keep_server(struct work *work, const struct hetzner_server *server)
{
    work->server_id = server->id;
    work->created_ms = server->created_ms;
}

/* Adopts the server of the name where its id label matches; says so otherwise. */
static void adopt(struct work *work)
{
    const struct hetzner_server *server = &work->facts.server;
    const char *id = hetzner_label(server, SERVER_LABEL_ID);
    if (id == NULL || strcmp(id, asked_id(work->action)) != 0) {
        work_finish(work, OUTCOME_FAILED, TROUBLE_INVALID,
                    "a server %s exists already (%" PRIu64 "), and its label " SERVER_LABEL_ID
                    " is not %s: it is not ours",
                    server->name, server->id, asked_id(work->action));
        return;
    }
    keep_server(work, server);
    bool lost = work->intended;
    work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "adopted server %" PRIu64 ", which was made %s%s",
                server->id, lost ? "though its answer was of no use: " : "before",
                lost ? work->said : "");
}

static void search_again(struct work *work);

/* What was asked may have happened: the name is looked for, a few times. */
static void searched(struct work *work)
{
    if (work->facts.server_found) {
        adopt(work);
        return;
    }
    if (++work->notes.tries < SEARCHES_MAX) {
        work_pause(work, SEARCH_MS, search_again);
        return;
    }
    work_finish(work, OUTCOME_UNKNOWN, work->notes.worst,
                "the create was asked and not answered well (%s); no server of that name is listed "
                "yet",
                work->said);
}

static void search_again(struct work *work)
{
    work_look(work, LOOK_SERVER, searched);
}

/* ------------------------------------------------------------------------- the create action */

static void follow(struct work *work);

static void judge_action(struct work *work, const struct hetzner_action *action)
{
    if (action->id == 0 || action->status == HETZNER_ACTION_SUCCESS) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "server %" PRIu64 " was made",
                    work->server_id);
    } else if (action->status == HETZNER_ACTION_ERROR) {
        bool sold_out = strcmp(action->code, "resource_unavailable") == 0 ||
                        strcmp(action->code, "placement_error") == 0;
        work_finish(work, OUTCOME_FAILED, sold_out ? TROUBLE_SOLD_OUT : TROUBLE_SERVER_ERROR,
                    "server %" PRIu64 " exists and is paid, but its create failed (%s: %.200s): it "
                    "has to be removed",
                    work->server_id, action->code, action->text);
    } else {
        work->notes.hetzner_action = action->id;
        work_pause(work, FOLLOW_MS, follow);
    }
}

static void on_action(struct work *work, const struct http_answer *answer,
                      const struct api_trouble *trouble)
{
    struct hetzner_action action;
    struct error error;
    if (look_is_gone(SOURCE_HETZNER, trouble)) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE,
                    "server %" PRIu64 " was made; Hetzner has forgotten its action",
                    work->server_id);
        return;
    }
    if (trouble->trouble != TROUBLE_NONE ||
        !hetzner_decode_action(answer->body, answer->length, &action, &error)) {
        work_pause(work, FOLLOW_MS, follow); /* the server exists: only the look failed */
        return;
    }
    judge_action(work, &action);
}

static void follow(struct work *work)
{
    struct url_path path;
    hetzner_path_action(&path, work->notes.hetzner_action);
    work_get(work, SOURCE_HETZNER, &path, on_action, "follow the create action");
}

/* ---------------------------------------------------------------------------------- the POST */

/* Refusals after which the server cannot exist. All else is looked for. */
static bool surely_not_made(const struct work *work, const struct api_trouble *trouble)
{
    switch (trouble->trouble) {
    case TROUBLE_NONE:
    case TROUBLE_TIMEOUT:
    case TROUBLE_SERVER_ERROR:
    case TROUBLE_BAD_ANSWER:
    case TROUBLE_LOCKED: /* uniqueness_error */
    case TROUBLE_INCONSISTENT: return false;
    case TROUBLE_UNREACHABLE: return !work->call_sent;
    case TROUBLE_RATE_LIMITED:
    case TROUBLE_UNAUTHORIZED:
    case TROUBLE_SOLD_OUT:
    case TROUBLE_QUOTA:
    case TROUBLE_INVALID:
    case TROUBLE_PROTECTED:
    case TROUBLE_RAIL:
    case TROUBLE_STORAGE:
    case trouble_count: return true;
    }
    return true;
}

static void begin_search(struct work *work, enum trouble trouble, const char *why)
{
    work->notes.worst = trouble;
    work->notes.searching = true;
    work->deadline_mono_ms += SEARCHES_MAX * SEARCH_MS; /* the answer may have taken all of it */
    work_say(work, "%s", why);
    work_early(work, OUTCOME_UNKNOWN, "the create was asked and its outcome is not known");
    search_again(work);
}

static void on_created(struct work *work, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct hetzner_server server;
    struct hetzner_action action = {0};
    struct error error;
    work->http_status = trouble->http_status;
    if (trouble->trouble != TROUBLE_NONE && surely_not_made(work, trouble)) {
        work_fail(work, trouble);
    } else if (trouble->trouble != TROUBLE_NONE) {
        begin_search(work, trouble->trouble, trouble->error.text);
    } else if (!hetzner_decode_server(answer->body, answer->length, work->facts.arena, &server,
                                      &action, &error)) {
        struct api_trouble bad;
        api_trouble_body(answer, work->call_doing, "hetzner", &error, &bad);
        begin_search(work, TROUBLE_BAD_ANSWER, bad.error.text);
    } else {
        keep_server(work, &server);
        work_early(work, OUTCOME_DONE, "the server was made; its create action still runs");
        judge_action(work, &action);
    }
}

static json_t *labels_of(const struct action *action)
{
    json_t *labels = json_object();
    for (uint32_t i = 0; i < action->labels_count; i++)
        json_object_set_new(labels, action->labels[i].key, json_string(action->labels[i].value));
    return labels;
}

/* NULL when memory is out. json_dumps' text is wiped by whoever sends it, jansson's own copies by
 * the allocator that main sets. */
static char *create_body(const struct action *action, const char *user_data)
{
    json_t *body = json_object();
    json_object_set_new(body, "name", json_string(action->node.name));
    json_object_set_new(body, "server_type", json_string(action->server_type));
    json_object_set_new(body, "location", json_string(action->location));
    json_object_set_new(body, "image", json_string(action->image));
    json_object_set_new(body, "start_after_create", json_true());
    json_object_set_new(body, "labels", labels_of(action));
    json_object_set_new(body, "user_data", json_string(user_data));
    char *text = json_object_size(body) == 7 ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

static void post(struct work *work, const char *user_data)
{
    const struct action *action = work->action;
    struct url_path path;
    hetzner_path_create(&path);
    work_early(work, OUTCOME_UNKNOWN, "the create may have been asked");
    work_write(work, SOURCE_HETZNER, SEND_POST, &path, create_body(action, user_data), on_created,
               "create the server");
}

static const struct config_pool *pool_of(const struct actuator *actuator, const char *name,
                                         uint32_t *index)
{
    for (*index = 0; *index < actuator->config->pools_count; ++*index)
        if (strcmp(actuator->config->pools[*index].name, name) == 0)
            return &actuator->config->pools[*index];
    return NULL;
}

static bool render(struct work *work, char **user_data, size_t *length, struct error *error)
{
    struct actuator *actuator = work->actuator;
    uint32_t index;
    const struct config_pool *pool = pool_of(actuator, work->action->node.pool, &index);
    if (pool == NULL || actuator->cloud_init[index] == NULL || actuator->join_token[index] == NULL)
        return error_set(error,
                         "pool %s has no cloud-init template or no join token: set "
                         "pools[].cloud_init_file and pools[].join_token_file",
                         work->action->node.pool);
    struct cloud_init_values values = {
        .config = actuator->config,
        .pool = pool,
        .name = work->action->node.name,
        .token = secret_text(actuator->join_token[index]),
    };
    const char *template = actuator->cloud_init[index];
    return cloud_init_render(template, strlen(template), pool->cloud_init_file, &values, user_data,
                             length, error);
}

/* The outcome must be unknown only once the POST may be on its way: nothing is asked below. */
static void create(struct work *work)
{
    struct error error;
    char *user_data;
    size_t length;
    if (!render(work, &user_data, &length, &error)) {
        work_finish(work, OUTCOME_FAILED, TROUBLE_INVALID, "cannot create the server: %s",
                    error.text);
        return;
    }
    if (work_left_ms(work) < SEARCH_ROOM_MS / 2)
        work_finish(work, OUTCOME_FAILED, TROUBLE_TIMEOUT,
                    "looking took all the time; nothing was asked");
    else if (work_intend(work))
        post(work, user_data);
    cloud_init_free(user_data, length);
}

static void look(struct work *work);

static void looked(struct work *work)
{
    const struct action *creating[ACTIONS_MAX];
    if (work->notes.creates_ended != work->actuator->creates_ended) {
        /* Another create ended meanwhile: its server may be younger than our list, and is not among
         * those under way any more. */
        look(work);
        return;
    }
    struct deeds deeds = actuator_deeds(work->actuator, work, creating);
    struct verdict verdict =
        judge_create(work->actuator->config, work->action, &work->facts, &deeds);
    if (work_refused(work, &verdict))
        return;
    if (work->facts.server_found)
        adopt(work);
    else
        create(work);
}

static void look(struct work *work)
{
    work->notes.creates_ended = work->actuator->creates_ended;
    work_look(work, LOOKS_CREATE, looked);
}

void do_create_server(struct work *work)
{
    work_early(work, OUTCOME_FAILED, "nothing was asked of Hetzner yet");
    look(work);
}
