/* remove_node: looks once more for a runner of this node, deletes the Kubernetes node, then the
 * server, and waits a little until it is gone. May not: delete what the judge has not seen. */
#include "actuator/actions.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "actuator/look.h"
#include "actuator/runners.h"
#include "common/clock.h"

#define GONE_LOOK_MS   500
#define GONE_LOOKS_MAX 6
#define LOCKED_MS      2000

static void locked(struct work *work, const struct api_trouble *trouble)
{
    work->http_status = trouble->http_status;
    work->retry_after_ms = trouble->retry_after_ms > 0 ? trouble->retry_after_ms : LOCKED_MS;
    work_finish(work, OUTCOME_AGAIN, TROUBLE_LOCKED, "%s", trouble->error.text);
}

/* ----------------------------------------------------------------------------------- the server */

static void look_whether_gone(struct work *work);

static void looked_whether_gone(struct work *work)
{
    if (!work->facts.server_found) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "server %" PRIu64 " is gone",
                    work->server_id);
        return;
    }
    work->retry_after_ms = GONE_LOOK_MS;
    if (++work->notes.tries < GONE_LOOKS_MAX)
        work_pause(work, GONE_LOOK_MS, look_whether_gone);
    else
        work_finish(work, OUTCOME_AGAIN, TROUBLE_NONE, "server %" PRIu64 " is being deleted",
                    work->server_id);
}

static void look_whether_gone(struct work *work)
{
    work_look(work, LOOK_SERVER, looked_whether_gone);
}

static void on_server_deleted(struct work *work, const struct http_answer *answer,
                              const struct api_trouble *trouble)
{
    (void)answer;
    work->http_status = trouble->http_status;
    if (look_is_gone(SOURCE_HETZNER, trouble))
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "server %" PRIu64 " was gone already",
                    work->server_id);
    else if (trouble->trouble == TROUBLE_LOCKED)
        locked(work, trouble);
    else if (trouble->trouble != TROUBLE_NONE)
        work_fail(work, trouble);
    else
        look_whether_gone(work);
}

static void delete_server(struct work *work)
{
    if (!work->facts.server_found) {
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "the server is gone");
        return;
    }
    work->server_id = work->facts.server.id;
    work_early(work, OUTCOME_AGAIN, "the server is being deleted");
    if (work->facts.server.status == SERVER_DELETING) {
        look_whether_gone(work);
        return;
    }
    struct url_path path;
    /* It was counted with its intent; its minute begins anew, since the node may have taken long.
     */
    actuator_note_deed(work->actuator, ACTION_REMOVE_NODE, work->server_id, clock_mono_ms());
    hetzner_path_server(&path, work->server_id);
    work_write(work, SOURCE_HETZNER, SEND_DELETE, &path, NULL, on_server_deleted,
               "delete the server");
}

/* -------------------------------------------------------------------------- the Kubernetes node */

static void on_node_deleted(struct work *work, const struct http_answer *answer,
                            const struct api_trouble *trouble)
{
    (void)answer;
    work->http_status = trouble->http_status;
    if (trouble->trouble == TROUBLE_NONE || look_is_gone(SOURCE_KUBE, trouble))
        delete_server(work);
    else if (trouble->trouble == TROUBLE_LOCKED) /* another uid: somebody registered again */
        locked(work, trouble);
    else
        work_fail(work, trouble);
}

static void delete_node(struct work *work)
{
    const struct kube_node *node = &work->facts.node.node;
    struct url_path path;
    json_t *body = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "DeleteOptions",
                             "preconditions", "uid", node->uid);
    char *dump = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (dump == NULL) {
        work_finish(work, OUTCOME_FAILED, TROUBLE_STORAGE, "out of memory");
        return;
    }
    kube_path_node(&path, node->name);
    work_write(work, SOURCE_KUBE, SEND_DELETE, &path, dump, on_node_deleted,
               "delete the Kubernetes node");
}

static void looked(struct work *work)
{
    const struct config *config = work->actuator->config;
    const struct action *creating[ACTIONS_MAX];
    struct deeds deeds = actuator_deeds(work->actuator, work, creating);
    struct verdict verdict = judge_node(config, work->action, &work->facts);
    if (work_refused(work, &verdict) || runners_seen(work))
        return;
    verdict = judge_remove(config, work->action, &work->facts, &deeds);
    if (work_refused(work, &verdict))
        return;
    if (!work->facts.node_found && !work->facts.server_found)
        work_finish(work, OUTCOME_DONE, TROUBLE_NONE, "node and server are gone");
    else if (!work_intend(work))
        return;
    else if (work->facts.node_found)
        delete_node(work);
    else
        delete_server(work);
}

void do_remove_node(struct work *work)
{
    work_look(work, LOOKS_NODE | LOOKS_WORK, looked);
}
