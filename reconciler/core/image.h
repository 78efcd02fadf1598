/* The core's memory as bytes, and a core made from them again: what a capture's segment begins
 * with, so that it replays by itself. An image fits the build that made it and no other; it says
 * so.
 *
 * Not in it: the snapshots that the core holds (the caller writes them beside it), the
 * configuration, and what each step makes anew.
 * May not: call anything but memcpy, memmove, memset, memcmp. */
#ifndef EBBTIDE_RECONCILER_CORE_IMAGE_H
#define EBBTIDE_RECONCILER_CORE_IMAGE_H

#include "reconciler/core/core.h"

/* What a core borrows or has taken over: its configuration; the snapshots, NULL where there is none
 * yet, and their owners by enum source. */
struct core_held {
    const struct config *config;
    const struct gitea_snapshot *gitea;
    const struct hetzner_snapshot *hetzner;
    const struct kube_snapshot *kube;
    void *owner[3];
};

void core_holds(const struct core *core, struct core_held *held);

/* Bytes that core_image_save writes now; between two steps only. At most CORE_IMAGE_BYTES_MAX. */
#define CORE_IMAGE_BYTES_MAX ((size_t)16 * 1024 * 1024)
size_t core_image_bytes(const struct core *core);
void core_image_save(const struct core *core, unsigned char *out);

/* A core in `block` (as core_init wants it) from an image, with the configuration and the snapshots
 * that it held; the owners of these are taken over. NULL where the
 * image is of another build, or is no image: *why says which, a constant sentence. */
struct core *core_image_load(void *block, const struct core_held *held, const unsigned char *image,
                             size_t length, const char **why);

/* core_digest of the core that the image was made of; 0 where the bytes are no image. */
uint64_t core_image_digest(const unsigned char *image, size_t length);

#endif
