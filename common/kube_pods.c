/* What a drain must know of each pod on a node. May not: do I/O, log. */
#include "common/kube.h"

#include "common/grow.h"
#include "common/kube_read.h"

#include <stdlib.h>
#include <string.h>

/* Which pods are runners of ours. */
struct runner_mark {
    const char *namespace_name;
    char key[LABEL_KEY_BYTES_MAX + 1];
    const char *value; /* NULL: any */
};

static bool split_label(const char *label, struct runner_mark *mark, struct error *error)
{
    size_t length = strcspn(label, "=");
    if (length == 0 || length >= sizeof mark->key)
        return error_set(error, "the runner pods' label `%.64s` has no usable key", label);
    memcpy(mark->key, label, length);
    mark->key[length] = '\0';
    mark->value = label[length] == '=' ? label + length + 1 : NULL;
    return true;
}

static bool is_runner(const json_t *metadata, const struct runner_mark *mark)
{
    if (strcmp(json_text_of(metadata, "namespace"), mark->namespace_name) != 0)
        return false;
    const json_t *value = json_object_get(json_object_of(metadata, "labels"), mark->key);
    const char *text = json_string_value(value);
    return text != NULL && (mark->value == NULL || strcmp(text, mark->value) == 0);
}

/* The owner that is the pod's controller; NULL where there is none. */
static const json_t *controller_of(const json_t *metadata)
{
    const json_t *owners = json_array_of(metadata, "ownerReferences"), *owner;
    size_t index;
    json_array_foreach(owners, index, owner) {
        if (json_bool_of(owner, "controller"))
            return owner;
    }
    return NULL;
}

static bool read_detail(const json_t *from, const struct runner_mark *mark, struct arena *arena,
                        struct kube_pod_detail *out, struct error *error)
{
    const json_t *metadata = json_object_of(from, "metadata");
    const json_t *owner = controller_of(metadata);
    *out = (struct kube_pod_detail){
        .mirror = kube_is_mirror(metadata),
        .runner = is_runner(metadata, mark),
    };
    if (!kube_read_pod(from, arena, &out->pod, error))
        return false;
    out->finished = out->pod.phase == POD_SUCCEEDED || out->pod.phase == POD_FAILED;
    return json_cut_text(owner, "kind", NAME_BYTES_MAX, arena, &out->owner_kind, error) &&
           json_cut_text(owner, "name", NAME_BYTES_MAX, arena, &out->owner_name, error);
}

static bool add_details(const json_t *top, const struct runner_mark *mark, struct arena *arena,
                        struct kube_pod_detail_list *list, struct kube_page *page,
                        struct error *error)
{
    const json_t *pods = json_need_array(top, "items", error), *pod;
    if (pods == NULL || !kube_read_page(top, pods, page, error))
        return false;
    size_t index;
    json_array_foreach(pods, index, pod) {
        struct kube_pod_detail *items =
            grow(list->item, list->count, &list->room, KUBE_PODS_MAX, sizeof *items, "pods", error);
        if (items == NULL)
            return false;
        list->item = items;
        if (!read_detail(pod, mark, arena, &items[list->count], error))
            return error_wrap(error, "pod %zu of the page", index + 1);
        list->count++;
    }
    return true;
}

bool kube_decode_pod_details(const char *body, size_t length, const char *runner_namespace,
                             const char *runner_label, struct arena *arena,
                             struct kube_pod_detail_list *list, struct kube_page *page,
                             struct error *error)
{
    struct runner_mark mark = {.namespace_name = runner_namespace};
    if (!split_label(runner_label, &mark, error))
        return false;
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    uint32_t before = list->count;
    bool good = add_details(top, &mark, arena, list, page, error);
    if (!good)
        list->count = before;
    json_decref(top);
    return good;
}

void kube_pod_detail_list_free(struct kube_pod_detail_list *list)
{
    free(list->item);
    *list = (struct kube_pod_detail_list){0};
}
