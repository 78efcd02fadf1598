/* What kube_decode.c and kube_pods.c share; nobody else includes it. May not: be part of the
 * contract. */
#ifndef EBBTIDE_COMMON_KUBE_READ_H
#define EBBTIDE_COMMON_KUBE_READ_H

#include "common/json_read.h"
#include "common/kube.h"

/* Set by the kubelet on the mirror of a static pod (Kubernetes: corev1.MirrorPodAnnotationKey). */
#define MIRROR_ANNOTATION "kubernetes.io/config.mirror"

/* Whether a pod of this metadata is the mirror of one that its machine made itself. */
bool kube_is_mirror(const json_t *metadata);

/* One pod object. */
bool kube_read_pod(const json_t *from, struct arena *arena, struct kube_pod *pod,
                   struct error *error);

/* metadata.continue and the number of items. */
bool kube_read_page(const json_t *top, const json_t *items, struct kube_page *page,
                    struct error *error);

#endif
