/* Fresh looks: one request after the other, each into the work's facts. May not: change anything at
 * an API, judge. */
#include "actuator/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_read.h"

#define LIST_TRIES_MAX 4
#define LIST_PAGES_MAX 500

static void next_look(struct work *work);

static void looked(struct work *work, enum look look)
{
    work->facts.looked |= look;
    work->looks &= ~(unsigned)look;
    work->page = 0;
    work->page_items = 0;
    work->page_tries = 0;
    work->continue_token[0] = '\0';
    next_look(work);
}

bool look_is_gone(enum source source, const struct api_trouble *trouble)
{
    static const char *const codes[source_count] = {
        [SOURCE_GITEA] = "", [SOURCE_HETZNER] = "not_found", [SOURCE_KUBE] = "NotFound"};
    return trouble->gone && strcmp(trouble->code, codes[source]) == 0;
}

static void fail_body(struct work *work, const struct http_answer *answer, const struct error *why)
{
    struct api_trouble trouble;
    static const char *const settings[source_count] = {
        [SOURCE_GITEA] = "gitea", [SOURCE_HETZNER] = "hetzner", [SOURCE_KUBE] = "kube"};
    api_trouble_body(answer, work->call_doing, settings[work->call_source], why, &trouble);
    work_fail(work, &trouble);
}

/* --------------------------------------------------------------------------------- the server */

static void on_server_of_name(struct work *work, const struct http_answer *answer,
                              const struct api_trouble *trouble)
{
    struct facts *facts = &work->facts;
    struct hetzner_server_list list = {0};
    struct hetzner_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE) {
        work_fail(work, trouble);
        return;
    }
    bool good =
        hetzner_decode_servers(answer->body, answer->length, facts->arena, &list, &page, &error);
    for (uint32_t i = 0; good && i < list.count; i++)
        if (strcmp(list.item[i].name, work->action->node.name) == 0) {
            facts->server = list.item[i];
            facts->server_found = true;
        }
    hetzner_server_list_free(&list);
    if (good)
        looked(work, LOOK_SERVER);
    else
        fail_body(work, answer, &error);
}

/* A number that nothing bears is no proof that the server is gone: the number is the request's. The
 * judge refuses what bears the name and another number. */
static void look_server_of_name(struct work *work)
{
    struct url_path path;
    hetzner_path_server_by_name(&path, work->action->node.name);
    work_get(work, SOURCE_HETZNER, &path, on_server_of_name, "look for the server by its name");
}

static void on_server(struct work *work, const struct http_answer *answer,
                      const struct api_trouble *trouble)
{
    struct facts *facts = &work->facts;
    struct error error;
    if (look_is_gone(SOURCE_HETZNER, trouble)) {
        look_server_of_name(work);
        return;
    }
    if (trouble->trouble != TROUBLE_NONE) {
        work_fail(work, trouble);
        return;
    }
    if (!hetzner_decode_server(answer->body, answer->length, facts->arena, &facts->server, NULL,
                               &error)) {
        fail_body(work, answer, &error);
        return;
    }
    facts->server_found = true;
    looked(work, LOOK_SERVER);
}

static void look_server(struct work *work)
{
    struct url_path path;
    if (work->action->node.server_id == 0) {
        look_server_of_name(work);
        return;
    }
    hetzner_path_server(&path, work->action->node.server_id);
    work_get(work, SOURCE_HETZNER, &path, on_server, "look at the server");
}

/* -------------------------------------------------------------------------------------- lists */

/* A list whose pages do not fit together is read again from its beginning, a few times. True: it is
 * being read again, or the work has ended. */
static bool read_again(struct work *work, bool whole, enum look look)
{
    if (whole)
        return false;
    facts_forget(&work->facts, look);
    work->page = 0;
    work->page_items = 0;
    work->continue_token[0] = '\0';
    if (++work->page_tries < LIST_TRIES_MAX)
        next_look(work);
    else
        work_finish(work, OUTCOME_FAILED, TROUBLE_INCONSISTENT,
                    "cannot %s: its pages did not fit together %d times", work->call_doing,
                    LIST_TRIES_MAX);
    return true;
}

/* Whether this page tells of the list that the first one began. An entry that went meanwhile moves
 * those after it to a page that was read already: the sum may still be right, with it in the place
 * of one that was never shown. */
static bool total_stays(struct work *work, uint64_t total)
{
    if (work->page == 0)
        work->page_total = total;
    return total == work->page_total;
}

static bool too_many_pages(struct work *work)
{
    if (++work->page < LIST_PAGES_MAX)
        return false;
    work_finish(work, OUTCOME_FAILED, TROUBLE_BAD_ANSWER, "cannot %s: more than %d pages",
                work->call_doing, LIST_PAGES_MAX);
    return true;
}

static void on_servers(struct work *work, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct hetzner_server_list *list = &work->facts.servers;
    struct hetzner_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE) {
        work_fail(work, trouble);
        return;
    }
    if (!hetzner_decode_servers(answer->body, answer->length, work->facts.arena, list, &page,
                                &error)) {
        fail_body(work, answer, &error);
        return;
    }
    bool same = total_stays(work, page.total_known ? page.total : 0);
    if (read_again(work, same, LOOK_SERVERS) || too_many_pages(work))
        return;
    if (page.next_page != 0) {
        next_look(work);
        return;
    }
    hetzner_servers_sort(list);
    if (!read_again(work, !page.total_known || list->count == page.total, LOOK_SERVERS))
        looked(work, LOOK_SERVERS);
}

static void look_servers(struct work *work)
{
    struct url_path path;
    char selector[CONFIG_SELECTOR_BYTES_MAX];
    if (!config_server_selector(work->actuator->config, selector, sizeof selector)) {
        work_finish(work, OUTCOME_FAILED, TROUBLE_INVALID, "the label selector is too long");
        return;
    }
    hetzner_path_servers(&path, selector, work->page + 1);
    work_get(work, SOURCE_HETZNER, &path, on_servers, "list the servers");
}

static void on_prices(struct work *work, const struct http_answer *answer,
                      const struct api_trouble *trouble)
{
    struct actuator *actuator = work->actuator;
    struct hetzner_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE) {
        work_fail(work, trouble);
        return;
    }
    if (!hetzner_decode_server_types(answer->body, answer->length, clock_wall_ms(),
                                     actuator->price_arena, &actuator->prices, &page, &error)) {
        fail_body(work, answer, &error);
        return;
    }
    if (too_many_pages(work))
        return;
    if (page.next_page != 0) {
        next_look(work);
        return;
    }
    actuator->prices_mono_ms = clock_mono_ms();
    actuator->prices_reader = NULL;
    looked(work, LOOK_PRICES);
}

#define PRICES_PAUSE_MS 50

static void look_prices(struct work *work)
{
    struct actuator *actuator = work->actuator;
    int64_t age = clock_mono_ms() - actuator->prices_mono_ms;
    struct url_path path;
    work->facts.prices = &actuator->prices;
    if (actuator->prices_reader != NULL && actuator->prices_reader != work) {
        work_pause(work, PRICES_PAUSE_MS, next_look); /* another action reads them just now */
        return;
    }
    if (actuator->prices_mono_ms != 0 && age < actuator->config->hetzner.price_interval_ms &&
        work->page == 0) {
        looked(work, LOOK_PRICES);
        return;
    }
    if (work->page == 0) {
        hetzner_price_list_free(&actuator->prices);
        arena_reset(actuator->price_arena);
        actuator->prices_mono_ms = 0;
        actuator->prices_reader = work;
    }
    hetzner_path_server_types(&path, work->page + 1);
    work_get(work, SOURCE_HETZNER, &path, on_prices, "read the prices");
}

/* --------------------------------------------------------------------------------- Kubernetes */

static void on_node(struct work *work, const struct http_answer *answer,
                    const struct api_trouble *trouble)
{
    struct facts *facts = &work->facts;
    struct error error;
    if (look_is_gone(SOURCE_KUBE, trouble)) {
        looked(work, LOOK_NODE);
        return;
    }
    if (trouble->trouble != TROUBLE_NONE) {
        work_fail(work, trouble);
        return;
    }
    if (!kube_decode_node(answer->body, answer->length, work->actuator->config->kube.node_label,
                          facts->arena, &facts->node, &error)) {
        fail_body(work, answer, &error);
        return;
    }
    facts->node_found = true;
    looked(work, LOOK_NODE);
}

static void look_node(struct work *work)
{
    struct url_path path;
    kube_path_node(&path, work->action->node.name);
    work_get(work, SOURCE_KUBE, &path, on_node, "look at the Kubernetes node");
}

/* A page of pods was decoded or not; true: it was the last one. */
static bool last_of_pods(struct work *work, const struct http_answer *answer, bool good,
                         const struct kube_page *page, const struct error *error)
{
    if (!good) {
        fail_body(work, answer, error);
        return false;
    }
    if (too_many_pages(work))
        return false;
    memcpy(work->continue_token, page->continue_token, sizeof work->continue_token);
    if (page->continue_token[0] == '\0')
        return true;
    next_look(work);
    return false;
}

/* 410: the list is too old to go on with, and is read again; true where nothing more is to do. */
static bool pods_failed(struct work *work, const struct api_trouble *trouble, enum look look)
{
    if (trouble->trouble == TROUBLE_NONE)
        return false;
    if (strcmp(trouble->code, "Expired") == 0)
        return read_again(work, false, look);
    work_fail(work, trouble);
    return true;
}

static void on_node_pods(struct work *work, const struct http_answer *answer,
                         const struct api_trouble *trouble)
{
    const struct config_kube *kube = &work->actuator->config->kube;
    struct kube_page page;
    struct error error;
    if (pods_failed(work, trouble, LOOK_NODE_PODS))
        return;
    bool good = kube_decode_pod_details(answer->body, answer->length, kube->runner_namespace,
                                        kube->runner_pod_label, work->facts.arena,
                                        &work->facts.pods, &page, &error);
    if (last_of_pods(work, answer, good, &page, &error))
        looked(work, LOOK_NODE_PODS);
}

static void look_node_pods(struct work *work)
{
    struct url_path path;
    if (!work->facts.node_found) {
        looked(work, LOOK_NODE_PODS);
        return;
    }
    kube_path_node_pods(&path, work->action->node.name, work->continue_token);
    work_get(work, SOURCE_KUBE, &path, on_node_pods, "list the pods on the node");
}

static void on_runner_pods(struct work *work, const struct http_answer *answer,
                           const struct api_trouble *trouble)
{
    struct kube_page page;
    struct error error;
    if (pods_failed(work, trouble, LOOK_RUNNER_PODS))
        return;
    bool good = kube_decode_pods(answer->body, answer->length, work->facts.arena,
                                 &work->facts.runner_pods, &page, &error);
    if (last_of_pods(work, answer, good, &page, &error))
        looked(work, LOOK_RUNNER_PODS);
}

static void look_runner_pods(struct work *work)
{
    const struct config *config = work->actuator->config;
    struct url_path path;
    if (config->gitea.runner_match != MATCH_POD_NAME) {
        looked(work, LOOK_RUNNER_PODS);
        return;
    }
    kube_path_pods(&path, config->kube.runner_namespace, config->kube.runner_pod_label,
                   work->continue_token);
    work_get(work, SOURCE_KUBE, &path, on_runner_pods, "list the runner pods");
}

/* -------------------------------------------------------------------------------------- Gitea */

struct gitea_scope_name look_scope(const struct work *work)
{
    const struct config_gitea *gitea = &work->actuator->config->gitea;
    return (struct gitea_scope_name){.scope = gitea->scope, .name = gitea->scope_name};
}

static void on_version(struct work *work, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct actuator *actuator = work->actuator;
    struct error error;
    bool told = trouble->trouble == TROUBLE_NONE &&
                gitea_decode_version(answer->body, answer->length, actuator->gitea_version, &error);
    actuator->version_mono_ms = told ? clock_mono_ms() : 0;
    if (!told)
        actuator->gitea_version[0] = '\0';
    looked(work, LOOK_GITEA_VERSION);
}

static void look_version(struct work *work)
{
    struct actuator *actuator = work->actuator;
    struct url_path path;
    int64_t age = clock_mono_ms() - actuator->version_mono_ms;
    work->facts.gitea_version = actuator->gitea_version;
    if (actuator->version_mono_ms != 0 && age < VERSION_AGE_MS) {
        looked(work, LOOK_GITEA_VERSION);
        return;
    }
    gitea_path_version(&path);
    work_get(work, SOURCE_GITEA, &path, on_version, "ask Gitea's version");
}

/* After a page of a Gitea list: next page, the list again, or (true) whole and without repeats. */
static bool gitea_list_is_whole(struct work *work, const struct gitea_page *page, enum look look,
                                uint32_t (*distinct)(struct facts *))
{
    work->page_items += page->items;
    if (read_again(work, total_stays(work, page->total), look) || too_many_pages(work))
        return false;
    if (page->items > 0 && work->page_items < page->total) {
        next_look(work);
        return false;
    }
    uint32_t count = distinct(&work->facts);
    return !read_again(work, count == page->total && work->page_items == page->total, look);
}

static uint32_t distinct_jobs(struct facts *facts)
{
    gitea_jobs_sort(&facts->jobs);
    return facts->jobs.count;
}

static uint32_t distinct_runners(struct facts *facts)
{
    gitea_runners_sort(&facts->runners);
    return facts->runners.count;
}

static void on_jobs(struct work *work, const struct http_answer *answer,
                    const struct api_trouble *trouble)
{
    struct gitea_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE)
        work_fail(work, trouble);
    else if (!gitea_decode_jobs(answer->body, answer->length, work->facts.arena, &work->facts.jobs,
                                &page, &error))
        fail_body(work, answer, &error);
    else if (gitea_list_is_whole(work, &page, LOOK_JOBS, distinct_jobs))
        looked(work, LOOK_JOBS);
}

static void look_jobs(struct work *work)
{
    struct gitea_scope_name scope = look_scope(work);
    struct url_path path;
    gitea_path_jobs(&path, &scope, 1U << JOB_RUNNING, work->page + 1);
    work_get(work, SOURCE_GITEA, &path, on_jobs, "list the jobs in progress");
}

static void on_runners(struct work *work, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct gitea_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE)
        work_fail(work, trouble);
    else if (!gitea_decode_runners(answer->body, answer->length, work->facts.arena,
                                   &work->facts.runners, &page, &error))
        fail_body(work, answer, &error);
    else if (gitea_list_is_whole(work, &page, LOOK_RUNNERS, distinct_runners))
        looked(work, LOOK_RUNNERS);
}

static void look_runners(struct work *work)
{
    struct gitea_scope_name scope = look_scope(work);
    struct url_path path;
    gitea_path_runners(&path, &scope, work->page + 1);
    work_get(work, SOURCE_GITEA, &path, on_runners, "list the runners");
}

/* ---------------------------------------------------------------------------------- the order */

static const struct {
    enum look look;
    work_step begin;
} order[] = {
    {LOOK_SERVER, look_server},         {LOOK_SERVERS, look_servers},
    {LOOK_PRICES, look_prices},         {LOOK_NODE, look_node},
    {LOOK_NODE_PODS, look_node_pods},   {LOOK_RUNNER_PODS, look_runner_pods},
    {LOOK_GITEA_VERSION, look_version}, {LOOK_JOBS, look_jobs},
    {LOOK_RUNNERS, look_runners},
};

static void next_look(struct work *work)
{
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (work->looks & (unsigned)order[i].look) {
            order[i].begin(work);
            return;
        }
    work->after_looks(work);
}

void work_look(struct work *work, unsigned looks, work_step after)
{
    facts_forget(&work->facts, looks);
    work->looks = looks;
    work->after_looks = after;
    work->page = 0;
    work->page_items = 0;
    work->page_tries = 0;
    work->continue_token[0] = '\0';
    next_look(work);
}
