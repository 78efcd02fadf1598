/* Facts of one node from the pictures that the core holds. May not: print. */
#include "replay/facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/status_table.h"
#include "proto/message.h"
#include "replay/report.h"

#define JOBS_SHOWN_MAX 5

static void add(struct facts *facts, const char *more, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct facts *facts, const char *more, const char *format, ...)
{
    if (facts->count == FACTS_MAX) {
        facts->dropped++;
        return;
    }
    struct fact *fact = &facts->fact[facts->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fact->text, sizeof fact->text, format, arguments);
    va_end(arguments);
    snprintf(fact->more, sizeof fact->more, "%s", more);
}

bool facts_hold(const struct facts *facts, const struct fact *fact)
{
    for (unsigned i = 0; i < facts->count; i++)
        if (strcmp(facts->fact[i].text, fact->text) == 0)
            return true;
    return false;
}

const struct status_node *facts_node(const struct status *status, const char *name)
{
    for (uint32_t i = 0; status != NULL && i < status->nodes_count; i++)
        if (strcmp(status->nodes[i].name, name) == 0)
            return &status->nodes[i];
    return NULL;
}

/* "gitea picture 12, 0.3 s old". */
static const char *picture(const struct play_step *step, const char *source,
                           const struct snapshot_head *head, char out[FACT_MORE_MAX])
{
    int64_t age = step->mono_ms - head->ended_mono_ms;
    snprintf(out, FACT_MORE_MAX, "%s picture %" PRIu64 ", %" PRId64 ".%" PRId64 " s old", source,
             head->sequence, age / 1000, age % 1000 / 100);
    return out;
}

static void add_server(const struct play_step *step, const struct hetzner_snapshot *hetzner,
                       const char *name, struct facts *facts)
{
    char from[FACT_MORE_MAX], created[CLOCK_TEXT_BYTES];
    for (uint32_t i = 0; hetzner != NULL && i < hetzner->servers_count; i++) {
        const struct hetzner_server *server = &hetzner->servers[i];
        if (strcmp(server->name, name) != 0)
            continue;
        add(facts, picture(step, "hetzner", &hetzner->head, from),
            "server %" PRIu64 " (%.60s in %.60s) is %s, created %s%s", server->id,
            server->server_type, server->location, server_status_word(server->status),
            report_second(server->created_ms, created),
            server->create_failed ? ", and its create failed" : "");
        return;
    }
    if (hetzner != NULL)
        add(facts, picture(step, "hetzner", &hetzner->head, from),
            "no server of that name is listed");
}

static void add_kube(const struct play_step *step, const struct kube_snapshot *kube,
                     const char *name, struct facts *facts)
{
    char from[FACT_MORE_MAX];
    bool found = false;
    for (uint32_t i = 0; kube != NULL && i < kube->nodes_count && !found; i++) {
        const struct kube_node *node = &kube->nodes[i];
        found = strcmp(node->name, name) == 0;
        if (found)
            add(facts, picture(step, "kube", &kube->head, from),
                "its Kubernetes node is %sready%s%s", node->ready ? "" : "not ",
                node->unschedulable ? ", cordoned" : "",
                node->evicting ? ", bears our NoExecute taint" : "");
    }
    if (kube != NULL && !found)
        add(facts, picture(step, "kube", &kube->head, from),
            "no Kubernetes node of that name is listed");
    for (uint32_t i = 0; kube != NULL && i < kube->pods_count; i++)
        if (strcmp(kube->pods[i].node_name, name) == 0)
            add(facts, "", "runner pod %.120s on it is %s%s", kube->pods[i].name,
                pod_phase_word(kube->pods[i].phase),
                kube->pods[i].terminating ? ", terminating" : "");
}

static bool is_among(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = names; length > 0 && (at = strstr(at, name)) != NULL; at++)
        if ((at == names || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static void add_job(const struct gitea_snapshot *gitea, const struct gitea_runner *runner,
                    struct facts *facts)
{
    bool any = false;
    for (uint32_t i = 0; i < gitea->jobs_count; i++) {
        const struct gitea_job *job = &gitea->jobs[i];
        if (job->status != JOB_RUNNING || job->runner_id != runner->id)
            continue;
        any = true;
        add(facts, "", "job %" PRIu64 " (%.80s of %.80s, run %" PRIu64 ") is in progress on it",
            job->id, job->name, job->repository, job->run_id);
    }
    if (!any)
        add(facts, "", "no job in progress names runner %" PRIu64, runner->id);
}

static void add_runners(const struct play_step *step, const struct gitea_snapshot *gitea,
                        const char *names, struct facts *facts)
{
    char from[FACT_MORE_MAX];
    bool any = false;
    for (uint32_t i = 0; gitea != NULL && i < gitea->runners_count; i++) {
        const struct gitea_runner *runner = &gitea->runners[i];
        if (!is_among(names, runner->name))
            continue;
        any = true;
        add(facts, picture(step, "gitea", &gitea->head, from),
            "runner %" PRIu64 " (%.120s) is %s, %s%s", runner->id, runner->name,
            runner->online ? "online" : "offline",
            runner->busy ? "busy by its flag" : "not busy by its flag",
            runner->disabled ? ", fenced (disabled)" : "");
        add_job(gitea, runner, facts);
    }
    if (gitea != NULL && !any)
        add(facts, picture(step, "gitea", &gitea->head, from), "no runner of it is registered");
}

static void add_hour(const struct status_node *node, struct facts *facts)
{
    char until[CLOCK_TEXT_BYTES], span[32], more[FACT_MORE_MAX];
    if (node->paid_until_ms > 0) {
        status_table_span(node->paid_left_ms, span, sizeof span);
        snprintf(more, sizeof more, "%s left", span);
        add(facts, more, "its hour is paid until %s", report_second(node->paid_until_ms, until));
    }
    if (node->state == NODE_IDLE) {
        status_table_span(node->idle_ms, span, sizeof span);
        snprintf(more, sizeof more, "for %s", span);
        add(facts, more, "it is idle");
    }
}

static void add_pool(const struct status *status, const char *pool, struct facts *facts)
{
    for (uint32_t i = 0; i < status->pools_count; i++) {
        const struct status_pool *row = &status->pools[i];
        if (strcmp(row->name, pool) == 0)
            add(facts, "",
                "pool %.40s: jobs that could run %" PRIu64 ", free slots %" PRIu64
                ", slots on the way %" PRIu64 "; servers %" PRIu64 ", wanted %" PRIu64
                " (min %" PRIu64 ", max %" PRIu64 ")",
                row->name, row->jobs_runnable, row->slots_free, row->slots_coming, row->servers,
                row->desired, row->least, row->most);
    }
}

/* What a machine was rented for. */
static void add_demand(const struct play_step *step, const struct gitea_snapshot *gitea,
                       struct facts *facts)
{
    char from[FACT_MORE_MAX];
    unsigned shown = 0;
    for (uint32_t i = 0; gitea != NULL && i < gitea->jobs_count && shown < JOBS_SHOWN_MAX; i++) {
        const struct gitea_job *job = &gitea->jobs[i];
        if (job->status != JOB_RUNNABLE)
            continue;
        shown++;
        add(facts, picture(step, "gitea", &gitea->head, from),
            "job %" PRIu64 " (%.80s of %.80s, run %" PRIu64 ") waits, and wants %.40s%s", job->id,
            job->name, job->repository, job->run_id,
            job->labels_count > 0 ? job->labels[0] : "nothing",
            job->labels_count > 1 ? " and more" : "");
    }
}

void facts_gather(const struct play_step *step, const char *name, const char *runners,
                  struct facts *facts)
{
    struct core_held held;
    const struct status *status = step->output->status;
    const struct status_node *node = facts_node(status, name);
    facts->count = facts->dropped = 0;
    core_holds(step->core, &held);
    if (node != NULL && node->state == NODE_PROVISIONING)
        add_demand(step, held.gitea, facts);
    add_server(step, held.hetzner, name, facts);
    add_kube(step, held.kube, name, facts);
    add_runners(step, held.gitea, runners, facts);
    if (node != NULL)
        add_hour(node, facts);
    if (node != NULL)
        add_pool(status, node->pool, facts);
}
