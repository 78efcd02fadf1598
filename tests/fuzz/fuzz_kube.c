/* Fuzzes all that is decoded of Kubernetes' answers, and the note of a fence that stands at a node.
 * Whatever comes, a decoder ends, keeps nothing of a page that it refuses, and says why; what it
 * takes is within the snapshot's bounds. */
#include "common/fence_note.h"
#include "common/kube.h"
#include "tests/fuzz/api_answers.h"

static void nodes(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kube_node_list list = {0};
    struct kube_page page;
    struct fence_note note;
    if (!kube_decode_nodes(body, length, arena, &list, &page, error)) {
        PROMISE(list.count == 0);
        promise_words(error->text);
    }
    for (uint32_t i = 0; i < list.count; i++)
        if (fence_note_parse(list.item[i].fence_note, &note))
            PROMISE(note.id_count <= RUNNERS_PER_NODE_MAX && note.since_wall_ms >= 0);
    struct kube_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .nodes = list.item, .nodes_count = list.count};
    promise_sendable(MESSAGE_kube_snapshot, &snapshot);
    kube_node_list_free(&list);
}

static void pods(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kube_pod_list list = {0};
    struct kube_page page;
    if (kube_decode_pods(body, length, arena, &list, &page, error)) {
        promise_text(page.continue_token, KUBE_CONTINUE_BYTES_MAX - 1);
    } else {
        PROMISE(list.count == 0);
        promise_words(error->text);
    }
    struct kube_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .pods = list.item, .pods_count = list.count};
    promise_sendable(MESSAGE_kube_snapshot, &snapshot);
    kube_pod_list_free(&list);
}

static void details(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kube_pod_detail_list list = {0};
    struct kube_page page;
    if (!kube_decode_pod_details(body, length, "gitea-runners", "app=gitea-runner", arena, &list,
                                 &page, error)) {
        PROMISE(list.count == 0);
        promise_words(error->text);
    }
    for (uint32_t i = 0; i < list.count; i++) {
        promise_text(list.item[i].owner_kind, SIZE_MAX);
        promise_text(list.item[i].owner_name, SIZE_MAX);
        struct kube_snapshot snapshot = {
            .head = SNAPSHOT_HEAD, .pods = &list.item[i].pod, .pods_count = 1};
        promise_sendable(MESSAGE_kube_snapshot, &snapshot);
    }
    kube_pod_detail_list_free(&list);
}

static void one_node(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kube_node_detail detail;
    if (!kube_decode_node(body, length, "managed-by=ebbtide", arena, &detail, error)) {
        promise_words(error->text);
        return;
    }
    PROMISE(detail.taint_count <= KUBE_TAINTS_MAX);
    promise_text(detail.resource_version, SIZE_MAX);
    for (uint32_t i = 0; i < detail.taint_count; i++) {
        promise_text(detail.taint[i].key, SIZE_MAX);
        promise_text(detail.taint[i].value, SIZE_MAX);
        promise_text(detail.taint[i].effect, SIZE_MAX);
    }
    struct kube_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .nodes = &detail.node, .nodes_count = 1};
    promise_sendable(MESSAGE_kube_snapshot, &snapshot);
}

static void one_pod(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct kube_pod pod;
    if (!kube_decode_pod(body, length, arena, &pod, error)) {
        promise_words(error->text);
        return;
    }
    struct kube_snapshot snapshot = {.head = SNAPSHOT_HEAD, .pods = &pod, .pods_count = 1};
    promise_sendable(MESSAGE_kube_snapshot, &snapshot);
}

static void refusal(const char *body, size_t length, struct arena *arena, struct error *error)
{
    (void)arena, (void)error;
    try_refusal(kube_trouble, body, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const answer_decoder decoders[] = {nodes, pods, details, one_node, one_pod, refusal};
    try_decoders(decoders, sizeof decoders / sizeof decoders[0], data, size);
    return 0;
}
