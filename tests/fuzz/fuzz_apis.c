/* Fuzzes all that is decoded of what the three APIs send: the first byte says which decoder, the
 * rest is the body. Whatever comes, a decoder must end, stay within its memory, keep only what is
 * within the messages' bounds, and say why where it refuses. */
#include "common/gitea.h"
#include "common/hetzner.h"
#include "common/kube.h"
#include "common/kubeconfig.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that was broken. */
static void check(bool good)
{
    if (!good)
        abort();
}

static void check_text(const char *text, size_t most)
{
    check(text != NULL && strlen(text) <= most);
}

static void gitea_jobs(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct gitea_job_list list = {0};
    struct gitea_page page;
    bool good = gitea_decode_jobs(body, length, arena, &list, &page, error);
    check(good || (list.count == 0 && error->text[0] != '\0'));
    gitea_jobs_sort(&list);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct gitea_job *job = &list.item[i];
        check(job->id != 0 && (i == 0 || job->id > job[-1].id));
        check_text(job->name, JOB_NAME_BYTES_MAX);
        check_text(job->repository, REPOSITORY_BYTES_MAX);
        check_text(job->runner_name, NAME_BYTES_MAX);
        check(job->labels_count <= JOB_LABELS_MAX);
        for (uint32_t l = 0; l < job->labels_count; l++)
            check_text(job->labels[l], JOB_LABEL_BYTES_MAX);
    }
    gitea_job_list_free(&list);
}

static void gitea_runners(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct gitea_runner_list list = {0};
    struct gitea_page page;
    bool good = gitea_decode_runners(body, length, arena, &list, &page, error);
    check(good || (list.count == 0 && error->text[0] != '\0'));
    gitea_runners_sort(&list);
    for (uint32_t i = 0; i < list.count; i++) {
        check_text(list.item[i].name, NAME_BYTES_MAX);
        check(list.item[i].labels_count <= JOB_LABELS_MAX);
    }
    gitea_runner_list_free(&list);
}

static void hetzner_servers(const char *body, size_t length, struct arena *arena,
                            struct error *error)
{
    struct hetzner_server_list list = {0};
    struct hetzner_page page;
    bool good = hetzner_decode_servers(body, length, arena, &list, &page, error);
    check(good || (list.count == 0 && error->text[0] != '\0'));
    hetzner_servers_sort(&list);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct hetzner_server *server = &list.item[i];
        check_text(server->name, NAME_BYTES_MAX);
        check(server->created_ms > 0 && server->labels_count <= SERVER_LABELS_MAX);
        for (uint32_t l = 0; l < server->labels_count; l++) {
            check_text(server->labels[l].key, LABEL_KEY_BYTES_MAX);
            check_text(server->labels[l].value, LABEL_VALUE_BYTES_MAX);
        }
    }
    hetzner_decode_failed_creates(body, length, &list, error);
    hetzner_server_list_free(&list);
}

static void hetzner_others(const char *body, size_t length, struct arena *arena,
                           struct error *error)
{
    struct hetzner_price_list prices = {0};
    struct hetzner_page page;
    struct hetzner_server server;
    struct hetzner_action action;
    hetzner_decode_server_types(body, length, 0, arena, &prices, &page, error);
    hetzner_decode_currency(body, length, &prices, error);
    hetzner_decode_server(body, length, arena, &server, &action, error);
    hetzner_decode_action(body, length, &action, error);
    hetzner_price_list_free(&prices);
}

static void kube_lists(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kube_node_list nodes = {0};
    struct kube_pod_list pods = {0};
    struct kube_pod_detail_list details = {0};
    struct kube_page page;
    kube_decode_nodes(body, length, arena, &nodes, &page, error);
    kube_decode_pods(body, length, arena, &pods, &page, error);
    kube_decode_pod_details(body, length, "g", "app=r", arena, &details, &page, error);
    for (uint32_t i = 0; i < nodes.count; i++) {
        check_text(nodes.item[i].uid, UID_BYTES_MAX);
        check_text(nodes.item[i].provider_id, PROVIDER_ID_BYTES_MAX);
        check_text(nodes.item[i].fence_note, TEXT_BYTES_MAX);
    }
    for (uint32_t i = 0; i < pods.count; i++)
        check_text(pods.item[i].node_name, NAME_BYTES_MAX);
    kube_node_list_free(&nodes);
    kube_pod_list_free(&pods);
    kube_pod_detail_list_free(&details);
}

static void kube_objects(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kube_node_detail node;
    struct kube_pod pod;
    kube_decode_node(body, length, arena, &node, error);
    kube_decode_pod(body, length, arena, &pod, error);
}

static void gitea_objects(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct gitea_runner runner;
    struct gitea_user user;
    char version[NAME_BYTES_MAX + 1], scopes[64];
    gitea_decode_runner(body, length, arena, &runner, error);
    gitea_decode_version(body, length, version, error);
    gitea_decode_user(body, length, &user, error);
    gitea_token_scopes(body, length, scopes, sizeof scopes);
    gitea_scopes_write(scopes);
}

static void refusals(const char *body, size_t length, struct arena *arena, struct error *error)
{
    static const unsigned statuses[] = {400, 401, 403, 404, 409, 410, 412, 422, 429, 500, 503};
    (void)arena, (void)error;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct api_trouble trouble;
        struct http_answer answer = {.status = statuses[i],
                                     .body = body,
                                     .length = length,
                                     .content_type = "",
                                     .url = "https://x/",
                                     .retry_after_ms = HTTP_NONE};
        gitea_trouble(&answer, "x", &trouble);
        check(trouble.trouble != TROUBLE_NONE && trouble.error.text[0] != '\0');
        hetzner_trouble(&answer, "x", &trouble);
        check(trouble.trouble != TROUBLE_NONE && trouble.error.text[0] != '\0');
        kube_trouble(&answer, "x", &trouble);
        check(trouble.trouble != TROUBLE_NONE && trouble.retry_after_ms >= 0);
    }
}

static void kubeconfigs(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kubeconfig *kubeconfig = NULL;
    (void)arena;
    bool good = kubeconfig_parse(body, length, "/k/config", &kubeconfig, error);
    check(good == (kubeconfig != NULL));
    check(!good || kubeconfig->server != NULL);
    kubeconfig_free(kubeconfig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(const char *, size_t, struct arena *, struct error *) = {
        gitea_jobs, gitea_runners, gitea_objects, hetzner_servers, hetzner_others,
        kube_lists, kube_objects,  refusals,      kubeconfigs,
    };
    if (size == 0)
        return 0;
    /* A body has a NUL behind it, as the HTTP engine gives it. */
    char *body = malloc(size);
    struct arena *arena = arena_new(ARENA_BYTES);
    check(body != NULL && arena != NULL);
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    struct error error = {""};
    decoders[data[0] % (sizeof decoders / sizeof decoders[0])](body, size - 1, arena, &error);
    arena_free(arena);
    free(body);
    return 0;
}
