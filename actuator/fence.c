/* The note and the fence. May not: decide whether to fence, delete a runner. */
#include "actuator/fence.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/look.h"
#include "common/clock.h"
#include "common/names.h"

#define FENCE_MAJOR      1 /* Gitea 1.26 is the first with `disabled` (FACTS) */
#define FENCE_MINOR      26
#define LABEL_VALUE_ROOM 64 /* a label's 63 characters */

bool fence_has_place(const struct work *work)
{
    return work->facts.node_found || work->facts.server_found;
}

/* Forgejo calls itself 11.0.1+gitea-1.22.0: what counts is the Gitea in it. What is no number is as
 * good as unknown. */
static bool version_has_fence(const char *version)
{
    const char *inside = strstr(version, "+gitea-");
    char *end;
    if (inside != NULL)
        version = inside + strlen("+gitea-");
    long major = strtol(version, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return end == version || major > FENCE_MAJOR || (major == FENCE_MAJOR && minor >= FENCE_MINOR);
}

bool fence_exists(const struct work *work)
{
    const char *version = work->actuator->gitea_version;
    return version[0] == '\0' || version_has_fence(version);
}

/* ------------------------------------------------------------------------------------ the note */

static void wrote_note(struct work *work, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    (void)answer;
    enum source place = work->call_source;
    if (trouble->trouble == TROUBLE_NONE || look_is_gone(place, trouble)) {
        work->notes.after_walk(work);
        return;
    }
    work_fail(work, trouble);
}

/* text NULL takes it away. The uid keeps us from marking another node of the same name. */
static void write_node_note(struct work *work, const char *text, work_answer then)
{
    struct url_path path;
    json_t *body = json_pack("{s:{s:s, s:{s:s?}}}", "metadata", "uid", work->facts.node.node.uid,
                             "annotations", NODE_ANNOTATION_FENCE, text);
    char *dump = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    kube_path_node(&path, work->action->node.name);
    work_write(work, SOURCE_KUBE, SEND_PATCH, &path, dump, then,
               text == NULL ? "take the fence's note from the Kubernetes node"
                            : "note the fence at the Kubernetes node");
}

/* Hetzner replaces all labels at once: they are sent whole, as they were just seen. */
static void write_server_note(struct work *work, const char *text, work_answer then)
{
    const struct hetzner_server *server = &work->facts.server;
    struct url_path path;
    json_t *labels = json_object();
    for (uint32_t i = 0; i < server->labels_count; i++)
        if (strcmp(server->labels[i].key, SERVER_LABEL_FENCE) != 0)
            json_object_set_new(labels, server->labels[i].key,
                                json_string(server->labels[i].value));
    if (text != NULL)
        json_object_set_new(labels, SERVER_LABEL_FENCE, json_string(text));
    json_t *body = json_object();
    json_object_set_new(body, "labels", labels);
    char *dump = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    hetzner_path_server(&path, server->id);
    work_write(work, SOURCE_HETZNER, SEND_PUT, &path, dump, then,
               text == NULL ? "take the fence's note from the server"
                            : "note the fence at the server");
}

static void format_note(const struct work *work, char *text, size_t size)
{
    struct fence_note note = {.id_count = work->notes.runner_count,
                              .since_wall_ms = work->notes.fence_wall_ms};
    memcpy(note.id, work->notes.runner, sizeof note.id);
    fence_note_format(&note, text, size);
}

static void note_at_server(struct work *work)
{
    char text[LABEL_VALUE_ROOM];
    format_note(work, text, sizeof text);
    write_server_note(work, text, wrote_note);
}

static void wrote_node_note(struct work *work, const struct http_answer *answer,
                            const struct api_trouble *trouble)
{
    bool over = trouble->trouble == TROUBLE_NONE || look_is_gone(SOURCE_KUBE, trouble);
    if (work->facts.server_found && over)
        note_at_server(work);
    else
        wrote_note(work, answer, trouble);
}

/* At both, where both are there: somebody who deletes the Kubernetes node takes its note away, and
 * our own fence would look like a person's for ever. */
void fence_write_note(struct work *work, work_step after)
{
    char text[TEXT_BYTES_MAX];
    work->notes.fence_wall_ms = (clock_wall_ms() + 999) / 1000 * 1000; /* it holds whole seconds */
    work->notes.after_walk = after;
    if (work->facts.node_found) {
        format_note(work, text, sizeof text);
        write_node_note(work, text, wrote_node_note);
    } else {
        note_at_server(work);
    }
}

static bool server_has_note(const struct work *work)
{
    return work->facts.server_found &&
           hetzner_label(&work->facts.server, SERVER_LABEL_FENCE) != NULL;
}

static void removed_node_note(struct work *work, const struct http_answer *answer,
                              const struct api_trouble *trouble)
{
    (void)answer;
    if (trouble->trouble != TROUBLE_NONE && !look_is_gone(SOURCE_KUBE, trouble))
        work_fail(work, trouble);
    else if (server_has_note(work))
        write_server_note(work, NULL, wrote_note);
    else
        work->notes.after_walk(work);
}

void fence_remove_note(struct work *work, work_step after)
{
    work->notes.after_walk = after;
    if (work->facts.node_found && work->facts.node.node.fence_note[0] != '\0')
        write_node_note(work, NULL, removed_node_note);
    else if (server_has_note(work))
        write_server_note(work, NULL, wrote_note);
    else
        after(work);
}

/* ----------------------------------------------------------------------------------- the fence */

static void set_next(struct work *work);

/* Of a 404 or 405 to the PATCH: whether it speaks of the runner, or of a Gitea without the fence.
 */
static bool says_no_fence(const struct http_answer *answer)
{
    if (answer->status == 405)
        return true;
    return answer->status == 404 && strstr(answer->body, "Runner not found") == NULL &&
           strstr(answer->body, "No permission") == NULL;
}

/* What a Gitea without the fence answers is what a proxy and a page of maintenance answer as well.
 * A version is believed, and only a version: without one nothing is deleted unfenced. */
static void no_fence(struct work *work, const struct http_answer *answer,
                     const struct api_trouble *trouble)
{
    const char *version = work->actuator->gitea_version;
    work->http_status = answer->status;
    if (version[0] == '\0')
        work_finish(work, OUTCOME_FAILED, trouble->trouble,
                    "Gitea told no version and answered %u when a runner was to be disabled: "
                    "without a fence runners are deregistered only where the version says that "
                    "this Gitea has none (before 1.26)",
                    answer->status);
    else
        work_finish(work, OUTCOME_FAILED, trouble->trouble,
                    "Gitea %.40s can disable a runner, but answered %u: does a proxy before it let "
                    "no PATCH pass?",
                    version, answer->status);
}

static void was_set(struct work *work, const struct http_answer *answer,
                    const struct api_trouble *trouble)
{
    if (says_no_fence(answer)) {
        no_fence(work, answer, trouble);
        return;
    }
    if (trouble->trouble != TROUBLE_NONE && !trouble->gone) {
        work_fail(work, trouble);
        return;
    }
    work->notes.index++;
    set_next(work);
}

static void set_next(struct work *work)
{
    if (work->notes.index == work->notes.runner_count) {
        work->notes.after_walk(work);
        return;
    }
    struct gitea_scope_name scope = look_scope(work);
    struct url_path path;
    gitea_path_runner(&path, &scope, work->notes.runner[work->notes.index]);
    const char *body = work->notes.fence_value ? "{\"disabled\":true}" : "{\"disabled\":false}";
    work_write(work, SOURCE_GITEA, SEND_PATCH, &path, strdup(body), was_set,
               work->notes.fence_value ? "fence the runner" : "release the runner");
}

void fence_set(struct work *work, bool disabled, work_step after)
{
    work->notes.index = 0;
    work->notes.fence_value = disabled;
    work->notes.after_walk = after;
    set_next(work);
}

/* fence_set's own continuation: the note goes last, so that a fence of ours is always known. */
static void lifted(struct work *work)
{
    fence_remove_note(work, work->notes.after_lift);
}

void fence_lift(struct work *work, work_step after)
{
    work->notes.after_lift = after;
    fence_set(work, false, lifted);
}
