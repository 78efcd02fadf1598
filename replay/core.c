/* A core that is played: made, ended. May not: step it. */
#include <stdlib.h>

#include "replay/play.h"

void played_core_end(struct played_core *core)
{
    void *owner[3] = {NULL, NULL, NULL};
    if (core->core != NULL)
        core_end(core->core, owner);
    for (unsigned i = 0; i < 3; i++)
        message_free(owner[i]);
    config_free(core->config);
    free(core->block);
    free(core->output);
    *core = (struct played_core){.block = NULL};
}

/* The chunk's snapshot, taken out of it. */
static struct message *take_out(struct capture_chunk *chunk, enum message_id id)
{
    struct message *message = capture_chunk_find(chunk, id);
    for (uint32_t i = 0; i < chunk->count; i++)
        if (chunk->message[i] == message)
            chunk->message[i] = NULL;
    return message;
}

static bool hold_taken(struct capture_chunk *chunk, struct core_held *held)
{
    struct message *gitea = take_out(chunk, MESSAGE_gitea_snapshot);
    struct message *hetzner = take_out(chunk, MESSAGE_hetzner_snapshot);
    struct message *kube = take_out(chunk, MESSAGE_kube_snapshot);
    held->owner[SOURCE_GITEA] = gitea;
    held->owner[SOURCE_HETZNER] = hetzner;
    held->owner[SOURCE_KUBE] = kube;
    held->gitea = gitea == NULL ? NULL : message_gitea_snapshot(gitea);
    held->hetzner = hetzner == NULL ? NULL : message_hetzner_snapshot(hetzner);
    held->kube = kube == NULL ? NULL : message_kube_snapshot(kube);
    return true;
}

/* Copies of what another core holds. */
static bool hold_copies(const struct core *like, struct core_held *held, struct error *error)
{
    struct core_held theirs;
    core_holds(like, &theirs);
    const struct {
        enum message_id id;
        const void *body;
    } rows[3] = {
        [SOURCE_GITEA] = {MESSAGE_gitea_snapshot, theirs.gitea},
        [SOURCE_HETZNER] = {MESSAGE_hetzner_snapshot, theirs.hetzner},
        [SOURCE_KUBE] = {MESSAGE_kube_snapshot, theirs.kube},
    };
    struct message *copy[3] = {NULL, NULL, NULL};
    bool good = true;
    for (unsigned i = 0; i < 3 && good; i++) {
        if (rows[i].body != NULL)
            copy[i] = message_copy(rows[i].id, rows[i].body, error);
        held->owner[i] = copy[i];
        good = rows[i].body == NULL || copy[i] != NULL;
    }
    if (copy[SOURCE_GITEA] != NULL)
        held->gitea = message_gitea_snapshot(copy[SOURCE_GITEA]);
    if (copy[SOURCE_HETZNER] != NULL)
        held->hetzner = message_hetzner_snapshot(copy[SOURCE_HETZNER]);
    if (copy[SOURCE_KUBE] != NULL)
        held->kube = message_kube_snapshot(copy[SOURCE_KUBE]);
    return good;
}

static bool load_image(struct played_core *core, struct capture_chunk *beginning,
                       const struct core *like, const char *version, struct error *error)
{
    struct core_held held = {.config = core->config};
    const char *why = "it is missing";
    bool good = like != NULL ? hold_copies(like, &held, error) : hold_taken(beginning, &held);
    if (good && beginning->image != NULL)
        core->core =
            core_image_load(core->block, &held, beginning->image, beginning->image_length, &why);
    if (core->core != NULL)
        return true;
    for (unsigned i = 0; i < 3; i++)
        message_free(held.owner[i]);
    return good &&
           error_set(error,
                     "it begins with a core's memory that cannot be taken here: %s. The build that "
                     "wrote it (ebbtide %s) can; or begin with the first segment of this life, "
                     "which needs no memory",
                     why, version);
}

bool played_core_begin(struct played_core *core, const struct segment *segment,
                       struct capture_chunk *beginning, struct config *config,
                       const struct core *like, struct error *error)
{
    played_core_end(core);
    core->config = config;
    core->block = malloc(core_size(config));
    core->output = calloc(1, sizeof *core->output);
    if (core->block == NULL || core->output == NULL)
        return error_set(error, "no memory for a core (%zu bytes)", core_size(config));
    if (segment->head.image)
        return load_image(core, beginning, like, segment->head.version, error);
    core->core = core_init(core->block, config, segment->head.epoch);
    return true;
}
