/* What one poll round costs in CPU time besides the network: answers decoded, sorted, and the
 * snapshot encoded, for fleets of 10, 100 and 1,000 nodes with ten times the jobs. Prints lines,
 * judges nothing. */
#include "common/gitea.h"
#include "common/hetzner.h"
#include "common/kube.h"
#include "proto/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS      10
#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void must(bool good, const struct error *error)
{
    if (good)
        return;
    fprintf(stderr, "bench_poll: %s\n", error->text);
    exit(1);
}

/* A page of `count` elements made by `element` from id `first` on, in the form of a list. */
static char *page_of(const char *head, void (*element)(FILE *, unsigned), unsigned first,
                     unsigned count, const char *tail)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    struct error none = {"no memory"};
    must(out != NULL, &none);
    fputs(head, out);
    for (unsigned i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ",", out);
        element(out, first + i);
    }
    fputs(tail, out);
    fclose(out);
    return text;
}

static void write_job(FILE *out, unsigned id)
{
    fprintf(out,
            "{\"id\":%u,\"url\":\"https://git.example.org/api/v1/repos/acme/app/actions/jobs/%u\","
            "\"html_url\":\"https://git.example.org/acme/app/actions/runs/1/jobs/%u\","
            "\"run_id\":7,\"run_url\":\"https://git.example.org/api/v1/repos/acme/app/actions/"
            "runs/7\",\"name\":\"build (%u)\",\"labels\":[\"linux\",\"x64\"],\"run_attempt\":0,"
            "\"head_sha\":\"468aecdaffcec0cca6fedf20091379ae3862f289\",\"head_branch\":\"main\","
            "\"status\":\"%s\",\"steps\":[],\"created_at\":\"2026-11-24T07:18:56Z\",\"started_at\":"
            "\"1970-01-01T00:00:00Z\",\"completed_at\":\"1970-01-01T00:00:00Z\"}",
            id, id, id, id, id % 3 == 0 ? "in_progress" : "queued");
}

static void write_runner(FILE *out, unsigned id)
{
    fprintf(out,
            "{\"id\":%u,\"name\":\"runner-%u\",\"status\":\"online\",\"busy\":true,\"disabled\":"
            "false,\"ephemeral\":false,\"labels\":[{\"id\":0,\"name\":\"linux\",\"type\":"
            "\"custom\"},{\"id\":1,\"name\":\"x64\",\"type\":\"custom\"}]}",
            id, id);
}

static void write_server(FILE *out, unsigned id)
{
    fprintf(out,
            "{\"id\":%u,\"name\":\"ebb-default-1-%u\",\"status\":\"running\",\"created\":"
            "\"2026-11-24T07:18:56+00:00\",\"server_type\":{\"id\":22,\"name\":\"ccx33\"},"
            "\"location\":{\"id\":2,\"name\":\"nbg1\"},\"labels\":{\"managed-by\":\"ebbtide\","
            "\"ebbtide-cluster\":\"default\",\"ebbtide-pool\":\"default\",\"ebbtide-id\":"
            "\"1-%u\"}}",
            id, id, id);
}

static void write_node(FILE *out, unsigned id)
{
    fprintf(out,
            "{\"metadata\":{\"name\":\"ebb-default-1-%u\",\"uid\":\"9d2100a7-%08u\","
            "\"resourceVersion\":\"205\",\"creationTimestamp\":\"2026-11-24T07:43:54Z\",\"labels\":"
            "{\"managed-by\":\"ebbtide\"}},\"spec\":{\"providerID\":\"hcloud://%u\"},\"status\":"
            "{\"conditions\":[{\"type\":\"MemoryPressure\",\"status\":\"False\"},{\"type\":"
            "\"Ready\",\"status\":\"True\"}]}}",
            id, id, id);
}

static void write_pod(FILE *out, unsigned id)
{
    fprintf(out,
            "{\"metadata\":{\"name\":\"runner-%u\",\"namespace\":\"gitea-runners\",\"uid\":"
            "\"e4bf647a-%08u\",\"creationTimestamp\":\"2026-11-24T07:45:27Z\"},\"spec\":"
            "{\"nodeName\":\"ebb-default-1-%u\"},\"status\":{\"phase\":\"Running\",\"conditions\":"
            "[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
            id, id, id);
}

/* One list: how it is written, how it is decoded. */
struct list {
    const char *head, *tail;
    void (*element)(FILE *, unsigned);
    unsigned page; /* elements on a page */
};

static const struct list jobs = {"{\"jobs\":[", "],\"total_count\":1}", write_job, GITEA_PAGE_MAX};
static const struct list runners = {"{\"runners\":[", "],\"total_count\":1}", write_runner,
                                    GITEA_PAGE_MAX};
static const struct list servers = {"{\"servers\":[", "]}", write_server, HETZNER_PAGE_MAX};
static const struct list nodes = {"{\"metadata\":{},\"items\":[", "]}", write_node, KUBE_PAGE_MAX};
static const struct list pods = {"{\"metadata\":{},\"items\":[", "]}", write_pod, KUBE_PAGE_MAX};

static struct arena *arena;
static struct gitea_snapshot gitea;
static struct hetzner_snapshot hetzner;
static struct kube_snapshot kube;
static struct gitea_job_list job_list;
static struct gitea_runner_list runner_list;
static struct hetzner_server_list server_list;
static struct kube_node_list node_list;
static struct kube_pod_list pod_list;

static void decode(const struct list *list, const char *body)
{
    struct error error = {""};
    size_t length = strlen(body);
    struct gitea_page gitea_page;
    struct hetzner_page hetzner_page;
    static struct kube_page kube_page;
    if (list == &jobs)
        must(gitea_decode_jobs(body, length, arena, &job_list, &gitea_page, &error), &error);
    else if (list == &runners)
        must(gitea_decode_runners(body, length, arena, &runner_list, &gitea_page, &error), &error);
    else if (list == &servers)
        must(hetzner_decode_servers(body, length, arena, &server_list, &hetzner_page, &error),
             &error);
    else if (list == &nodes)
        must(kube_decode_nodes(body, length, arena, &node_list, &kube_page, &error), &error);
    else
        must(kube_decode_pods(body, length, arena, &pod_list, &kube_page, &error), &error);
}

/* Decodes a list of `count` elements page by page; the pages are made outside the measured time. */
static double read_list(const struct list *list, unsigned count)
{
    double spent = 0;
    for (unsigned first = 1; first <= count; first += list->page) {
        unsigned here = count - first + 1 < list->page ? count - first + 1 : list->page;
        char *body = page_of(list->head, list->element, first, here, list->tail);
        double began = cpu_ms();
        decode(list, body);
        if (list == &jobs)
            gitea_jobs_sort(&job_list);
        spent += cpu_ms() - began;
        free(body);
    }
    return spent;
}

static double encode(enum message_id id, const void *body)
{
    struct error error = {""};
    unsigned char *bytes;
    size_t length;
    double began = cpu_ms();
    must(message_encode(id, body, &bytes, &length, &error), &error);
    double spent = cpu_ms() - began;
    free(bytes);
    return spent;
}

static double encode_all(void)
{
    gitea.head.sequence = hetzner.head.sequence = kube.head.sequence = 1;
    gitea.head.requests = hetzner.head.requests = kube.head.requests = 1;
    gitea.jobs = job_list.item, gitea.jobs_count = job_list.count;
    gitea.runners = runner_list.item, gitea.runners_count = runner_list.count;
    hetzner.servers = server_list.item, hetzner.servers_count = server_list.count;
    kube.nodes = node_list.item, kube.nodes_count = node_list.count;
    kube.pods = pod_list.item, kube.pods_count = pod_list.count;
    return encode(MESSAGE_gitea_snapshot, &gitea) + encode(MESSAGE_hetzner_snapshot, &hetzner) +
           encode(MESSAGE_kube_snapshot, &kube);
}

static double one_round(unsigned fleet)
{
    arena_reset(arena);
    job_list.count = runner_list.count = server_list.count = node_list.count = pod_list.count = 0;
    return read_list(&jobs, fleet * 10) + read_list(&runners, fleet) + read_list(&servers, fleet) +
           read_list(&nodes, fleet) + read_list(&pods, fleet) + encode_all();
}

int main(void)
{
    static const unsigned fleets[] = {10, 100, 1000};
    arena = arena_new(ARENA_BYTES);
    if (arena == NULL)
        return 1;
    for (unsigned i = 0; i < sizeof fleets / sizeof fleets[0]; i++) {
        double spent = 0;
        for (unsigned round = 0; round < ROUNDS; round++)
            spent += one_round(fleets[i]);
        printf("poll round of all three APIs, %u nodes, %u jobs: %.2f ms CPU (network aside)\n",
               fleets[i], fleets[i] * 10, spent / ROUNDS);
    }
    gitea_job_list_free(&job_list);
    gitea_runner_list_free(&runner_list);
    hetzner_server_list_free(&server_list);
    kube_node_list_free(&node_list);
    kube_pod_list_free(&pod_list);
    arena_free(arena);
    return 0;
}
