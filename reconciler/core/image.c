/* The image: a head, the core up to what each step makes anew, and its nodes. Pointers are left
 * out and made again. May not: call anything but memcpy, memmove, memset, memcmp. */
#include "reconciler/core/image.h"

#include <string.h>

#include "core_code.h"
#include "reconciler/core/private.h"

/* All that a step finds of the one before lies in front of this member, and in the nodes. */
#define KEPT_BYTES offsetof(struct core, checkpoint)

struct image_head {
    uint64_t layout, digest, nodes;
};

#define HEAD_BYTES sizeof(struct image_head)

_Static_assert(HEAD_BYTES + sizeof(struct core) < CORE_IMAGE_BYTES_MAX, "the image's bound");

/* Another compiler, machine or table of limits lays the memory out in another way. CORE_LAYOUT is
 * over the text of the headers that declare it; that the enums are numbered alike is the caller's
 * to know (a capture's head says it). */
static uint64_t layout(void)
{
    static const uint64_t sizes[] = {
        sizeof(struct core),         sizeof(struct node),        sizeof(struct life),
        sizeof(struct errand),       sizeof(struct sight),       sizeof(struct source_now),
        sizeof(struct offer_memory), sizeof(struct alarm_slot),  sizeof(struct pool_now),
        sizeof(struct rate),         sizeof(struct counts),      KEPT_BYTES,
        offsetof(struct core, node), offsetof(struct node, life)};
    uint64_t hash = text_hash(TEXT_HASH_START, CORE_LAYOUT);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        hash = number_hash(hash, sizes[i]);
    return hash;
}

void core_holds(const struct core *core, struct core_held *held)
{
    *held = (struct core_held){
        .config = core->config, .gitea = core->gitea, .hetzner = core->hetzner, .kube = core->kube};
    for (unsigned i = 0; i < SOURCES; i++)
        held->owner[i] = core->source[i].owner;
}

size_t core_image_bytes(const struct core *core)
{
    return HEAD_BYTES + KEPT_BYTES + core->node_count * sizeof(struct node);
}

/* Addresses mean nothing elsewhere, and would differ from run to run. */
#define FORGET(kept, member)                                                                       \
    memset((kept) + offsetof(struct core, member), 0, sizeof(((struct core *)0)->member))

static void forget_addresses(unsigned char *kept)
{
    FORGET(kept, config);
    FORGET(kept, out);
    FORGET(kept, gitea);
    FORGET(kept, hetzner);
    FORGET(kept, kube);
    FORGET(kept, source[0].owner);
    FORGET(kept, source[0].head);
    FORGET(kept, source[0].trouble.text);
    FORGET(kept, source[1].owner);
    FORGET(kept, source[1].head);
    FORGET(kept, source[1].trouble.text);
    FORGET(kept, source[2].owner);
    FORGET(kept, source[2].head);
    FORGET(kept, source[2].trouble.text);
}

void core_image_save(const struct core *core, unsigned char *out)
{
    const struct image_head head = {
        .layout = layout(), .digest = core_digest(core), .nodes = core->node_count};
    memcpy(out, &head, HEAD_BYTES);
    memcpy(out + HEAD_BYTES, core, KEPT_BYTES);
    forget_addresses(out + HEAD_BYTES);
    memcpy(out + HEAD_BYTES + KEPT_BYTES, core->node, core->node_count * sizeof(struct node));
}

static bool read_head(const unsigned char *image, size_t length, struct image_head *head)
{
    if (length < HEAD_BYTES + KEPT_BYTES)
        return false;
    memcpy(head, image, HEAD_BYTES);
    return true;
}

uint64_t core_image_digest(const unsigned char *image, size_t length)
{
    struct image_head head;
    return read_head(image, length, &head) ? head.digest : 0;
}

/* ------------------------------------------------------------------------------- loading */

/* No text runs on behind its room, whoever wrote the file. */
#define END_TEXT(text) ((text)[sizeof(text) - 1] = '\0')

static void end_runners(struct runner_set *runners)
{
    for (uint32_t i = 0; runners != NULL && i < RUNNERS_PER_NODE_MAX; i++)
        END_TEXT(runners->runner[i].name);
}

static void end_node_texts(struct node *node)
{
    END_TEXT(node->name);
    END_TEXT(node->pool_name);
    END_TEXT(node->server_type);
    END_TEXT(node->location);
    END_TEXT(node->errand.text);
    end_runners(life_runners_change(&node->life));
}

static void end_texts(struct core *core)
{
    END_TEXT(core->storage_text);
    END_TEXT(core->audit_text);
    END_TEXT(core->create_text);
    END_TEXT(core->jobs.unserved_labels);
    for (unsigned i = 0; i < SOURCES; i++) {
        END_TEXT(core->source[i].trouble_text);
        END_TEXT(core->source[i].token_text);
    }
    for (unsigned i = 0; i < ALARMS_MAX; i++) {
        END_TEXT(core->alarm[i].subject);
        END_TEXT(core->alarm[i].text);
    }
    for (unsigned i = 0; i < POOLS_MAX * OFFERS_MAX; i++) {
        struct offer_memory *offer = &core->offer[i / OFFERS_MAX][i % OFFERS_MAX];
        END_TEXT(offer->server_type);
        END_TEXT(offer->location);
        END_TEXT(offer->text);
    }
    for (uint32_t i = 0; i < core->node_count; i++)
        end_node_texts(&core->node[i]);
}

/* Whatever is counted with or pointed by. The rest is numbers and texts. */
static bool node_is_sound(const struct core *core, const struct node *node)
{
    if ((node->pool >= core->config->pools_count && node->pool != NO_POOL) ||
        life_state(&node->life) >= node_state_count)
        return false;
    const struct runner_set *runners = life_runners(&node->life);
    return (runners == NULL || runners->count <= RUNNERS_PER_NODE_MAX) &&
           node->errand.kind < action_kind_count;
}

static bool is_sound(const struct core *core)
{
    if (core->alarm_count > ALARMS_MAX || core->creates.next >= RATE_MARKS_MAX ||
        core->creates.count > RATE_MARKS_MAX || core->deletes.next >= RATE_MARKS_MAX ||
        core->deletes.count > RATE_MARKS_MAX || core->epoch == 0)
        return false;
    for (uint32_t i = 0; i < core->node_count; i++)
        if (!node_is_sound(core, &core->node[i]))
            return false;
    return true;
}

static void put_back(struct core *core, const struct core_held *held)
{
    core->config = held->config;
    core->gitea = held->gitea;
    core->hetzner = held->hetzner;
    core->kube = held->kube;
    core->source[SOURCE_GITEA].head = held->gitea != NULL ? &held->gitea->head : NULL;
    core->source[SOURCE_HETZNER].head = held->hetzner != NULL ? &held->hetzner->head : NULL;
    core->source[SOURCE_KUBE].head = held->kube != NULL ? &held->kube->head : NULL;
    for (unsigned i = 0; i < SOURCES; i++) {
        core->source[i].owner = held->owner[i];
        core->source[i].trouble.text = core->source[i].trouble_text;
    }
}

struct core *core_image_load(void *block, const struct core_held *held, const unsigned char *image,
                             size_t length, const char **why)
{
    struct core *core = block;
    struct image_head head;
    *why = "the image is cut short, or is none";
    if (!read_head(image, length, &head))
        return NULL;
    *why = "the image is of another build of the core";
    if (head.layout != layout())
        return NULL;
    *why = "the image does not hold the nodes that it counts";
    if (head.nodes > NODES_MAX ||
        length != HEAD_BYTES + KEPT_BYTES + head.nodes * sizeof(struct node))
        return NULL;
    memset(block, 0, CORE_CLEARED_BYTES);
    memcpy(core, image + HEAD_BYTES, KEPT_BYTES);
    memcpy(core->node, image + HEAD_BYTES + KEPT_BYTES, head.nodes * sizeof(struct node));
    put_back(core, held);
    *why = "the image holds what no core can hold";
    if (core->node_count != head.nodes || !is_sound(core))
        return NULL;
    end_texts(core);
    fleet_index(core);
    *why = NULL;
    return core;
}
