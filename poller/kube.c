/* Kubernetes: nodes by label, runner pods by namespace and label, with limit and continue; a 410
 * begins the list anew. May not: send anything but GET. */
#include "poller/poller.h"

#include "common/kube.h"
#include "poller/numbers.h"

#include <stdlib.h>
#include <string.h>

struct kube {
    char node_label[LABEL_KEY_BYTES_MAX + LABEL_VALUE_BYTES_MAX + 2];
    char pod_label[LABEL_KEY_BYTES_MAX + LABEL_VALUE_BYTES_MAX + 2];
    char namespace_name[NAME_BYTES_MAX + 1];
    struct arena *arena;
    struct kube_node_list nodes;
    struct kube_pod_list pods;
    struct kube_page page; /* of the list being read */
    unsigned tries;
};

static struct kube *of(struct poller *poller)
{
    return poller->own;
}

static void ask_nodes(struct poller *poller);
static void ask_pods(struct poller *poller);

/* The list's pages came from versions that are forgotten by now: once more from its beginning. */
static bool begins_anew(struct poller *poller, const struct api_trouble *trouble)
{
    struct kube *kube = of(poller);
    if (trouble->http_status != 410 || kube->tries >= LIST_TRIES_MAX)
        return false;
    kube->tries++;
    numbers_reread(poller->source->source);
    kube->page.continue_token[0] = '\0';
    return true;
}

static void begin_list(struct kube *kube)
{
    kube->page.continue_token[0] = '\0';
    kube->tries = 1;
}

static void send_snapshot(struct poller *poller)
{
    const struct kube *kube = of(poller);
    struct kube_snapshot snapshot = {
        .head = round_head(poller),
        .nodes = kube->nodes.item,
        .nodes_count = kube->nodes.count,
        .pods = kube->pods.item,
        .pods_count = kube->pods.count,
    };
    round_done(poller, MESSAGE_kube_snapshot, &snapshot);
}

/* ---------------------------------------------------------------------------------------- pods */

static void on_pods(struct poller *poller, const struct http_answer *answer,
                    const struct api_trouble *trouble)
{
    struct kube *kube = of(poller);
    struct error error;
    if (begins_anew(poller, trouble)) {
        kube->pods.count = 0;
        ask_pods(poller);
    } else if (trouble->trouble != TROUBLE_NONE) {
        round_failed(poller, trouble);
    } else if (!kube_decode_pods(answer->body, answer->length, kube->arena, &kube->pods,
                                 &kube->page, &error)) {
        round_bad_answer(poller, answer, &error);
    } else if (kube->page.continue_token[0] != '\0') {
        ask_pods(poller);
    } else {
        send_snapshot(poller);
    }
}

static void ask_pods(struct poller *poller)
{
    const struct kube *kube = of(poller);
    struct url_path path;
    kube_path_pods(&path, kube->namespace_name, kube->pod_label, kube->page.continue_token);
    get(poller, &path, on_pods, "list the runner pods");
}

/* --------------------------------------------------------------------------------------- nodes */

static void on_nodes(struct poller *poller, const struct http_answer *answer,
                     const struct api_trouble *trouble)
{
    struct kube *kube = of(poller);
    struct error error;
    if (begins_anew(poller, trouble)) {
        kube->nodes.count = 0;
        ask_nodes(poller);
    } else if (trouble->trouble != TROUBLE_NONE) {
        round_failed(poller, trouble);
    } else if (!kube_decode_nodes(answer->body, answer->length, kube->arena, &kube->nodes,
                                  &kube->page, &error)) {
        round_bad_answer(poller, answer, &error);
    } else if (kube->page.continue_token[0] != '\0') {
        ask_nodes(poller);
    } else {
        begin_list(kube);
        ask_pods(poller);
    }
}

static void ask_nodes(struct poller *poller)
{
    const struct kube *kube = of(poller);
    struct url_path path;
    kube_path_nodes(&path, kube->node_label, kube->page.continue_token);
    get(poller, &path, on_nodes, "list the nodes");
}

static void begin(struct poller *poller)
{
    struct kube *kube = of(poller);
    arena_reset(kube->arena);
    kube->nodes.count = 0;
    kube->pods.count = 0;
    begin_list(kube);
    ask_nodes(poller);
}

/* ------------------------------------------------------------------------------- token check
 * What a token may do, Kubernetes tells only in answer to a POST (SelfSubjectAccessReview), which
 * this program cannot send. What a GET can show: who may read the cluster's role bindings is far
 * more than a poller, since the built-in `view` role leaves them out. */

#define ROLE_BINDINGS "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings?limit=1"

static void on_bindings(struct poller *poller, const struct http_answer *answer,
                        const struct api_trouble *trouble)
{
    (void)answer;
    if (trouble->http_status == 0 || trouble->http_status >= 500 || trouble->http_status == 401)
        round_failed(poller, trouble); /* the token is checked in the next round */
    else if (trouble->trouble == TROUBLE_NONE)
        token_checked(poller, true,
                      "Kubernetes' poller credentials may read the cluster's role bindings: they "
                      "are most likely an administrator's, who can write; use the poller's role "
                      "of deploy/kubernetes");
    else
        token_checked(poller, false,
                      "Kubernetes' poller credentials are no administrator's; whether they could "
                      "write cannot be asked by reading alone: their role should be the poller's "
                      "of deploy/kubernetes");
}

static void check_token(struct poller *poller)
{
    struct url_path path = URL_PATH_EMPTY;
    url_add(&path, ROLE_BINDINGS);
    get(poller, &path, on_bindings, "look whether the credentials are an administrator's");
}

/* ---------------------------------------------------------------------------------------- life */

static bool copy(char *to, size_t size, const char *from, const char *key, struct error *error)
{
    size_t length = strlen(from);
    if (length >= size)
        return error_set(error, "%s is too long", key);
    memcpy(to, from, length + 1);
    return true;
}

static bool open_source(struct poller *poller, const struct config *config, struct error *error)
{
    struct kube *kube = calloc(1, sizeof *kube);
    poller->own = kube;
    if (kube == NULL || (kube->arena = arena_new(ARENA_BYTES_MAX)) == NULL)
        return error_set(error, "out of memory for Kubernetes' lists");
    return copy(kube->node_label, sizeof kube->node_label, config->kube.node_label,
                "kube.node_label", error) &&
           copy(kube->pod_label, sizeof kube->pod_label, config->kube.runner_pod_label,
                "kube.runner_pod_label", error) &&
           copy(kube->namespace_name, sizeof kube->namespace_name, config->kube.runner_namespace,
                "kube.runner_namespace", error);
}

static void close_source(struct poller *poller)
{
    struct kube *kube = of(poller);
    kube_node_list_free(&kube->nodes);
    kube_pod_list_free(&kube->pods);
    arena_free(kube->arena);
    free(kube);
    poller->own = NULL;
}

static int64_t interval_ms(const struct config *config)
{
    return config->kube.poll_interval_ms;
}

const struct source_behaviour kube_source = {
    .source = SOURCE_KUBE,
    .role = ROLE_POLLER_KUBE,
    .word = "kube",
    .open = open_source,
    .close = close_source,
    .begin = begin,
    .check_token = check_token,
    .trouble = kube_trouble,
    .interval_ms = interval_ms,
};
