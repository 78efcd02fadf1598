/* A table of the runner pods that were seen. May not: do I/O. */
#include "actuator/pods_seen.h"

#include <stdio.h>
#include <string.h>

#define OWN_LETTERS "bcdfghjklmnpqrstvwxz2456789" /* of which Kubernetes makes a name's end */
#define OWN_COUNT   5

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash;
}

/* Its row; count: it was not seen. */
static uint32_t find(const struct pods_seen *seen, const char *pod)
{
    uint64_t hash = hash_of(pod);
    for (uint32_t i = 0; i < seen->count; i++)
        if (seen->hash[i] == hash && strcmp(seen->row[i].pod, pod) == 0)
            return i;
    return seen->count;
}

static uint32_t row_for(struct pods_seen *seen, const char *pod)
{
    uint32_t row = find(seen, pod);
    if (row < seen->count)
        return row;
    if (seen->count < PODS_SEEN_MAX)
        return seen->count++;
    uint32_t oldest = seen->next;
    seen->next = (seen->next + 1) % PODS_SEEN_MAX;
    return oldest;
}

void pods_seen_note(struct pods_seen *seen, const struct kube_pod_list *pods)
{
    for (uint32_t i = 0; i < pods->count; i++) {
        const struct kube_pod *pod = &pods->item[i];
        if (pod->node_name[0] == '\0')
            continue;
        uint32_t row = row_for(seen, pod->name);
        seen->hash[row] = hash_of(pod->name);
        snprintf(seen->row[row].pod, sizeof seen->row[row].pod, "%s", pod->name);
        snprintf(seen->row[row].node, sizeof seen->row[row].node, "%s", pod->node_name);
    }
}

bool pods_seen_on(const struct pods_seen *seen, const char *pod, const char *node)
{
    uint32_t row = find(seen, pod);
    return row < seen->count && strcmp(seen->row[row].node, node) == 0;
}

/* How much of the name is the controller's, its dash included; 0: people chose it. */
static size_t controller_length(const char *pod)
{
    size_t length = strlen(pod);
    if (length < OWN_COUNT + 2 || pod[length - OWN_COUNT - 1] != '-' ||
        strspn(pod + length - OWN_COUNT, OWN_LETTERS) != OWN_COUNT)
        return 0;
    return length - OWN_COUNT;
}

bool pods_seen_kin(const struct pods_seen *seen, const char *pod)
{
    size_t length = controller_length(pod);
    if (length == 0 || find(seen, pod) < seen->count)
        return false;
    for (uint32_t i = 0; i < seen->count; i++)
        if (controller_length(seen->row[i].pod) == length &&
            strncmp(seen->row[i].pod, pod, length) == 0)
            return true;
    return false;
}
