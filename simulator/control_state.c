/* What is so in the world, and what came of it, for tests and for the demo's end.
 * May not change the world. */
#include "simulator/control_private.h"
#include "simulator/summary_text.h"

void control_summary(struct exchange *exchange)
{
    struct world_summary s;
    world_summary(exchange_world(exchange), &s);
    exchange_reply_json(exchange, 200, summary_json(&s));
}

static json_t *servers(const struct world *world)
{
    static const char *const words[WORLD_SERVER_STATUS_COUNT] = {
        "initializing", "starting", "running", "stopping", "off", "deleting"};
    json_t *list = json_array();
    for (size_t i = 0; i < world_server_count(world); i++) {
        const struct world_server *s = world_server_at(world, i);
        json_array_append_new(
            list, json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:I}", "id",
                            (json_int_t)s->id, "name", s->name, "status", words[s->status],
                            "server_type", s->type->name, "location", s->location->name, "created",
                            api_time(s->created_ms), "foreign", (int)s->foreign, "create_failed",
                            (int)s->create_failed, "protected", (int)s->delete_protected, "labels",
                            api_map(&s->labels), "paid_periods",
                            (json_int_t)world_paid_periods(world, s, world_now_ms(world))));
    }
    return list;
}

static json_t *nodes(const struct world *world)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world_node_count(world); i++) {
        const struct world_node *node = world_node_at(world, i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:I}", "name", node->name,
                                              "uid", node->uid, "ready", (int)node->ready,
                                              "unschedulable", (int)node->unschedulable,
                                              "server_id", (json_int_t)node->server_id));
    }
    return list;
}

static json_t *pods(const struct world *world)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world_pod_count(world); i++) {
        const struct world_pod *pod = world_pod_at(world, i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:I}", "namespace",
                                              pod->namespace_name, "name", pod->name, "uid",
                                              pod->uid, "node", pod->node_name, "ready",
                                              (int)pod->ready, "deleting", pod->deletion_ms != 0,
                                              "runner_id", (json_int_t)pod->runner_id));
    }
    return list;
}

static json_t *runners(const struct world *world)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world_runner_count(world); i++) {
        const struct world_runner *runner = world_runner_at(world, i);
        json_array_append_new(list, json_pack("{s:I, s:s, s:b, s:b, s:b, s:b, s:I, s:I}", "id",
                                              (json_int_t)runner->id, "name", runner->name,
                                              "disabled", (int)runner->disabled, "permanent",
                                              (int)runner->permanent, "daemon", (int)runner->daemon,
                                              "online", (int)world_runner_online(world, runner),
                                              "job_id", (json_int_t)runner->job_id, "server_id",
                                              (json_int_t)runner->server_id));
    }
    return list;
}

/* Jobs that are not over, and lost ones. */
static json_t *jobs(const struct world *world)
{
    static const char *const words[] = {"blocked", "queued", "running", "completed"};
    json_t *list = json_array();
    for (uint64_t id = 1; id <= world_job_count(world); id++) {
        const struct world_job *job = world_job_find(world, id);
        if (job == NULL || (job->status == WORLD_JOB_COMPLETED && !job->lost))
            continue;
        json_array_append_new(list,
                              json_pack("{s:I, s:s, s:s, s:b, s:o, s:I}", "id", (json_int_t)job->id,
                                        "name", job->name, "status", words[job->status], "lost",
                                        (int)job->lost, "labels", api_words(&job->labels),
                                        "runner_id", (json_int_t)job->runner_id));
    }
    return list;
}

void control_state(struct exchange *exchange)
{
    const struct world *world = exchange_world(exchange);
    exchange_reply_json(exchange, 200,
                        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "now",
                                  api_time(world_now_ms(world)), "servers", servers(world), "nodes",
                                  nodes(world), "pods", pods(world), "runners", runners(world),
                                  "jobs", jobs(world)));
}
