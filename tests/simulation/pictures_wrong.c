/* Pictures that are not what is: stale, suddenly empty, without one entry. May not: decide when. */
#include <string.h>

#include "sim.h"

/* What an earlier picture showed, under the new one's head. */
void picture_make_stale(struct picture *picture, struct picture *before)
{
    if (picture->source == SOURCE_GITEA) {
        struct snapshot_head head = picture->u.gitea.head;
        picture->u.gitea = before->u.gitea;
        picture->u.gitea.head = head;
    } else if (picture->source == SOURCE_HETZNER) {
        struct snapshot_head head = picture->u.hetzner.head;
        picture->u.hetzner = before->u.hetzner;
        picture->u.hetzner.head = head;
    } else {
        struct snapshot_head head = picture->u.kube.head;
        picture->u.kube = before->u.kube;
        picture->u.kube.head = head;
    }
    memcpy(picture->present, before->present, before->present_count * sizeof before->present[0]);
    picture->present_count = before->present_count;
    before->holders++;
    picture->parent = before;
    picture->taken_ms = before->taken_ms;
}

void picture_make_empty(struct picture *picture)
{
    picture->present_count = 0;
    if (picture->source == SOURCE_GITEA)
        picture->u.gitea.jobs_count = picture->u.gitea.runners_count = 0;
    else if (picture->source == SOURCE_HETZNER)
        picture->u.hetzner.servers_count = 0;
    else
        picture->u.kube.nodes_count = picture->u.kube.pods_count = 0;
}

static void forget_present(struct picture *picture, const char *name)
{
    uint64_t hash = name_hash(name);
    for (uint32_t i = 0; i < picture->present_count; i++)
        if (picture->present[i] == hash) {
            picture->present[i] = picture->present[--picture->present_count];
            return;
        }
}

/* The last entry takes the place of a missing one: the arrays are the picture's own. */
void picture_make_lack(struct sim *sim, struct picture *picture)
{
    struct dice *dice = &sim->dice_fault[FAULT_PICTURE_LACKS];
    if (picture->source == SOURCE_HETZNER && picture->u.hetzner.servers_count > 0) {
        struct hetzner_server *all = (struct hetzner_server *)(uintptr_t)picture->u.hetzner.servers;
        uint64_t i = dice_roll(dice, picture->u.hetzner.servers_count);
        forget_present(picture, all[i].name);
        all[i] = all[--picture->u.hetzner.servers_count];
    } else if (picture->source == SOURCE_KUBE && picture->u.kube.nodes_count > 0) {
        struct kube_node *all = (struct kube_node *)(uintptr_t)picture->u.kube.nodes;
        uint64_t i = dice_roll(dice, picture->u.kube.nodes_count);
        forget_present(picture, all[i].name);
        all[i] = all[--picture->u.kube.nodes_count];
    } else if (picture->source == SOURCE_GITEA && picture->u.gitea.runners_count > 0) {
        struct gitea_runner *all = (struct gitea_runner *)(uintptr_t)picture->u.gitea.runners;
        uint64_t i = dice_roll(dice, picture->u.gitea.runners_count);
        const struct world_runner *runner = world_runner_find(sim->world, all[i].id);
        const char *name = runner != NULL ? witness_name(sim->witness, runner->server_id) : NULL;
        if (name != NULL)
            forget_present(picture, name);
        all[i] = all[--picture->u.gitea.runners_count];
    }
}

/* Fisher and Yates: each order is as likely. */
static void shuffle(struct dice *dice, const void *items, uint32_t count, size_t each)
{
    unsigned char *all = (unsigned char *)(uintptr_t)items, kept[512];
    if (each > sizeof kept)
        sim_die("an entry of a list is larger than its shuffling expects");
    for (uint32_t i = count; i > 1; i--) {
        uint64_t k = dice_roll(dice, i);
        memcpy(kept, all + k * each, each);
        memcpy(all + k * each, all + (i - 1) * each, each);
        memcpy(all + (i - 1) * each, kept, each);
    }
}

void picture_shuffle(struct sim *sim, struct picture *picture)
{
    struct dice *dice = &sim->dice_fault[FAULT_PICTURE_SHUFFLED];
    if (picture->source == SOURCE_GITEA) {
        struct gitea_snapshot *gitea = &picture->u.gitea;
        shuffle(dice, gitea->jobs, gitea->jobs_count, sizeof gitea->jobs[0]);
        shuffle(dice, gitea->runners, gitea->runners_count, sizeof gitea->runners[0]);
    } else if (picture->source == SOURCE_HETZNER) {
        struct hetzner_snapshot *hetzner = &picture->u.hetzner;
        shuffle(dice, hetzner->servers, hetzner->servers_count, sizeof hetzner->servers[0]);
    } else {
        struct kube_snapshot *kube = &picture->u.kube;
        shuffle(dice, kube->nodes, kube->nodes_count, sizeof kube->nodes[0]);
        shuffle(dice, kube->pods, kube->pods_count, sizeof kube->pods[0]);
    }
}

struct snapshot_head *picture_head(struct picture *picture)
{
    return picture->source == SOURCE_GITEA     ? &picture->u.gitea.head
           : picture->source == SOURCE_HETZNER ? &picture->u.hetzner.head
                                               : &picture->u.kube.head;
}
