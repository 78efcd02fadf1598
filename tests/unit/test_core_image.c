/* The image's promise: a core that is loaded from it goes on exactly as the one that was saved,
 * whatever comes; and what is no image of this build is refused. */
#include <stdlib.h>
#include <string.h>

#include "core_play.h"
#include "cunit_main.h"
#include "proto/message.h"
#include "reconciler/capture/chunks.h"
#include "reconciler/core/image.h"

#define SEEDS  12
#define ROUNDS 240 /* the image is saved and loaded at each tenth */

/* A second core that is told what the first is told, and must say what it says. */
struct twin {
    struct world *world;
    void *block;
    struct core *core; /* NULL: none yet */
    struct core_output *output;
    uint64_t steps, differing;
    uint32_t edges; /* that any node took */
};

static unsigned char *encoded(enum message_id id, const void *body, size_t *length)
{
    struct error error = {""};
    unsigned char *bytes = NULL;
    if (!message_encode(id, body, &bytes, length, &error)) {
        printf("\n    %s\n", error.text);
        CU_FAIL_FATAL("cannot be encoded");
    }
    return bytes;
}

static bool same_bytes(enum message_id id, const void *a, const void *b)
{
    size_t length_a, length_b;
    unsigned char *bytes_a = encoded(id, a, &length_a), *bytes_b = encoded(id, b, &length_b);
    bool same = length_a == length_b && memcmp(bytes_a, bytes_b, length_a) == 0;
    free(bytes_a);
    free(bytes_b);
    return same;
}

/* All that the core said: output, checkpoint, status. */
static bool same_output(const struct core_output *a, const struct core_output *b)
{
    static struct captured_room room_a, room_b;
    struct captured_output captured_a, captured_b;
    struct checkpoint checkpoint_a = *a->checkpoint, checkpoint_b = *b->checkpoint;
    checkpoint_a.sequence = checkpoint_b.sequence = 1;
    captured_output_make(1, a, &room_a, &captured_a);
    captured_output_make(1, b, &room_b, &captured_b);
    return same_bytes(MESSAGE_captured_output, &captured_a, &captured_b) &&
           same_bytes(MESSAGE_checkpoint, &checkpoint_a, &checkpoint_b) &&
           same_bytes(MESSAGE_status, a->status, b->status);
}

static void step_twin(const struct core_event *event, void *argument)
{
    struct twin *twin = argument;
    if (twin->core == NULL)
        return;
    struct core_event copy = core_play_copy(event);
    core_step(twin->core, &copy, twin->output);
    message_free(twin->output->released);
    twin->steps++;
    if (!same_output(twin->output, twin->world->out) ||
        core_digest(twin->core) != core_digest(twin->world->core))
        twin->differing++;
}

static struct core_held copies(const struct core *core)
{
    struct core_held held, copy;
    core_holds(core, &held);
    copy = (struct core_held){.config = held.config};
    const struct core_event events[3] = {
        {.kind = CORE_GITEA, .u.gitea = held.gitea},
        {.kind = CORE_HETZNER, .u.hetzner = held.hetzner},
        {.kind = CORE_KUBE, .u.kube = held.kube},
    };
    for (unsigned i = 0; i < 3; i++) {
        struct core_event one = core_play_copy(&events[i]);
        copy.owner[i] = one.owner;
        if (i == SOURCE_GITEA)
            copy.gitea = one.u.gitea;
        else if (i == SOURCE_HETZNER)
            copy.hetzner = one.u.hetzner;
        else
            copy.kube = one.u.kube;
    }
    return copy;
}

static void drop_twin(struct twin *twin)
{
    if (twin->core != NULL)
        core_play_end(twin->core);
    twin->core = NULL;
    free(twin->block);
    twin->block = NULL;
}

/* The twin becomes what the first core is now, in memory that held anything before. */
static void load_twin(struct twin *twin)
{
    const struct core *core = twin->world->core;
    size_t length = core_image_bytes(core), size = core_size(twin->world->config);
    unsigned char *image = malloc(length);
    const char *why = "";
    drop_twin(twin);
    twin->block = malloc(size);
    CU_ASSERT_FATAL(image != NULL && twin->block != NULL);
    memset(twin->block, 0xa5, size);
    core_image_save(core, image);
    struct core_held held = copies(core);
    twin->core = core_image_load(twin->block, &held, image, length, &why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(twin->core);
    CU_ASSERT_PTR_NULL(why);
    CU_ASSERT_EQUAL(core_image_digest(image, length), core_digest(core));
    CU_ASSERT_EQUAL(core_digest(twin->core), core_digest(core));
    free(image);
}

static void play(uint64_t seed, struct twin *twin)
{
    struct core_play dice = {.seed = seed};
    twin->world = core_play_world();
    twin->world->after = step_twin;
    twin->world->argument = twin;
    for (int round = 0; round < ROUNDS; round++) {
        core_play_round(twin->world, &dice);
        if (round % 10 == 0)
            load_twin(twin);
    }
    twin->edges |= core_edges_seen(twin->world->core);
    drop_twin(twin);
    world_free(twin->world);
}

static void test_a_loaded_core_goes_on_as_the_saved_one(void)
{
    struct twin twin = {.output = calloc(1, sizeof(struct core_output))};
    CU_ASSERT_PTR_NOT_NULL_FATAL(twin.output);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t before = twin.differing;
        play(seed, &twin);
        if (twin.differing != before)
            printf("\n    seed %llu: %llu steps differ\n", (unsigned long long)seed,
                   (unsigned long long)(twin.differing - before));
    }
    CU_ASSERT_EQUAL(twin.differing, 0);
    CU_ASSERT(twin.steps > 5000);
    /* Lives from their beginning to their end, or little was shown. */
    CU_ASSERT(__builtin_popcount(twin.edges) >= 6);
    free(twin.output);
}

/* Two images of equal cores are equal bytes: no address is in them. */
static void test_an_image_holds_no_address(void)
{
    unsigned char *image[2];
    size_t length[2];
    for (int i = 0; i < 2; i++) {
        struct core_play dice = {.seed = 3};
        struct world *world = core_play_world();
        void *shift = malloc((size_t)i * 4096 + 64); /* other addresses for what follows */
        for (int round = 0; round < 40; round++)
            core_play_round(world, &dice);
        length[i] = core_image_bytes(world->core);
        image[i] = malloc(length[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(image[i]);
        core_image_save(world->core, image[i]);
        free(shift);
        world_free(world);
    }
    CU_ASSERT_EQUAL_FATAL(length[0], length[1]);
    CU_ASSERT_EQUAL(memcmp(image[0], image[1], length[0]), 0);
    free(image[0]);
    free(image[1]);
}

static const char *refusal(const unsigned char *image, size_t length, const struct config *config)
{
    const char *why = NULL;
    const struct core_held held = {.config = config};
    void *block = malloc(core_size(config));
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    const struct core *core = core_image_load(block, &held, image, length, &why);
    CU_ASSERT_PTR_NULL(core);
    free(block);
    return core == NULL && why != NULL ? why : "it was taken";
}

static void test_what_is_no_image_is_refused(void)
{
    struct core_play dice = {.seed = 5};
    struct world *world = core_play_world();
    for (int round = 0; round < 30; round++)
        core_play_round(world, &dice);
    size_t length = core_image_bytes(world->core);
    unsigned char *image = malloc(length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    core_image_save(world->core, image);
    CU_ASSERT_PTR_NOT_NULL(strstr(refusal(image, length - 1, world->config), "nodes"));
    CU_ASSERT_PTR_NOT_NULL(strstr(refusal(image, 8, world->config), "cut short"));
    CU_ASSERT_EQUAL(core_image_digest(image, 8), 0);
    image[0] ^= 1; /* the layout */
    CU_ASSERT_PTR_NOT_NULL(strstr(refusal(image, length, world->config), "another build"));
    image[0] ^= 1;
    image[16] = 0xff; /* the number of nodes */
    CU_ASSERT_PTR_NOT_NULL(strstr(refusal(image, length, world->config), "nodes"));
    free(image);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a loaded core goes on as the saved one", test_a_loaded_core_goes_on_as_the_saved_one},
        {"an image holds no address", test_an_image_holds_no_address},
        {"what is no image is refused", test_what_is_no_image_is_refused},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_image", tests);
}
