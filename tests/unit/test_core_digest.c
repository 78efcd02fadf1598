/* The core's digest: every field of the core's memory is either in it or known to decide nothing.
 * Knows the private structs: it is about the memory itself. May not: do I/O but printing. */
#include <stdlib.h>
#include <string.h>

#include "core_fields.h"
#include "core_fixture.h"
#include "cunit_main.h"

#define ALL(list) (list), sizeof(list) / sizeof((list)[0])

/* A core with one node that has lived: all pictures, a runner, an offer that failed once. */
static struct world *lived_world(int64_t later_ms)
{
    struct world *world = world_new();
    world->mono_ms += later_ms;
    world->wall_ms += later_ms;
    world_start(world, NULL);
    world_job(world, JOB_RUNNABLE, "linux", 0);
    world_poll(world);
    world_serve(world, world_last(world, ACTION_CREATE_SERVER));
    world_run(world, MINUTES(1));
    return world;
}

/* ------------------------------------------------------------------------------- completeness */

/* Every byte up to `end` is of a field of the list, or padding before one. (A small field in the
 * padding at a struct's very end is not seen.) */
static void check_complete(const struct field *field, size_t count, size_t end)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t next = (at + field[i].align - 1) / field[i].align * field[i].align;
        if (field[i].at != next)
            printf("\n    a field before %s is not known\n", field[i].name);
        CU_ASSERT_EQUAL(field[i].at, next);
        at = field[i].at + field[i].size;
    }
    CU_ASSERT_TRUE(at <= end && end - at < 8);
}

static void test_all_fields_are_known(void)
{
    check_complete(ALL(of_errand), sizeof(struct errand));
    check_complete(ALL(of_node), sizeof(struct node));
    check_complete(ALL(of_presence), sizeof(struct presence));
    check_complete(ALL(of_offer), sizeof(struct offer_memory));
    check_complete(ALL(of_runner), sizeof(struct known_runner));
    check_complete(ALL(of_deregistering), sizeof(struct node_deregistering));
    check_complete(ALL(of_draining), sizeof(struct node_draining));
    check_complete(ALL(of_removing), sizeof(struct node_removing));
    check_complete(ALL(of_idle), sizeof(struct node_idle));
    CU_ASSERT_EQUAL(sizeof(struct node_provisioning), sizeof(struct node_idle));
    CU_ASSERT_EQUAL(sizeof(struct node_busy), sizeof(struct node_idle));
    check_complete(ALL(of_core), offsetof(struct core, node_table));
}

/* ---------------------------------------------------------------------------------- every field */

static void check_field(struct core *core, unsigned char *base, const struct field *field)
{
    unsigned char *at = base + field->at;
    unsigned char kept[8];
    uint64_t before = core_digest(core);
    size_t size = field->way == LATER ? 8 : 1;
    if (field->way == OTHER || field->way == MADE)
        return;
    memcpy(kept, at, size);
    int64_t later = core->mono_ms + 12345;
    if (field->way == LATER)
        memcpy(at, &later, sizeof later);
    else
        *at ^= 1;
    bool same = core_digest(core) == before;
    memcpy(at, kept, size);
    if (same != (field->way == SHOWN))
        printf("\n    %s is %s\n", field->name, same ? "forgotten" : "in it, and only shown");
    CU_ASSERT_EQUAL(same, field->way == SHOWN);
}

static void check_fields(struct core *core, void *base, const struct field *field, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_field(core, base, &field[i]);
}

static void test_each_field_is_in_it(void)
{
    struct world *world = lived_world(0);
    struct core *core = world->core;
    check_fields(core, core, ALL(of_core));
    check_fields(core, &core->node[0], ALL(of_node));
    check_fields(core, &core->node[0].errand, ALL(of_errand));
    for (unsigned i = 0; i < SOURCES; i++)
        check_fields(core, &core->node[0].presence[i], ALL(of_presence));
    check_fields(core, &core->offer[0][0], ALL(of_offer));
    world_free(world);
}

/* Whether the digest is another one after `value` was added to the number at `at`, for now. */
static bool tells(struct core *core, int64_t *at, int64_t value)
{
    uint64_t before = core_digest(core);
    *at += value;
    bool other = core_digest(core) != before;
    *at -= value;
    return other;
}

/* What counts only while something else is so. */
static void test_what_counts_at_times(void)
{
    struct world *world = lived_world(0);
    struct core *core = world->core;
    struct node *node = &core->node[0];
    CU_ASSERT_FALSE(tells(core, &node->errand.asked_mono_ms, 1000));
    node->errand.in_flight = true;
    CU_ASSERT_TRUE(tells(core, &node->errand.asked_mono_ms, 1000));
    CU_ASSERT_FALSE(tells(core, &core->forgot_list_mono_ms, 1000));
    core->forgot_mono_ms = world->mono_ms;
    core->forgot_list_mono_ms = world->mono_ms;
    CU_ASSERT_TRUE(tells(core, &core->forgot_list_mono_ms, 1000));
    uint64_t none_yet = core_digest(core);
    core->forgot_lists++;
    CU_ASSERT_NOT_EQUAL(core_digest(core), none_yet);
    core->forgot_mono_ms = 0;
    node->hours_known_wall_ms = world->wall_ms;
    CU_ASSERT_FALSE(tells(core, &node->hours_known_wall_ms, 1000));
    node->hours_counted = 0;
    CU_ASSERT_TRUE(tells(core, &node->hours_known_wall_ms, 1000));
    CU_ASSERT_FALSE(tells(core, &core->offer[0][0].closed_until_wall_ms, 1000));
    core->offer[0][0].closed_until_mono_ms = core->mono_ms + 5;
    CU_ASSERT_TRUE(tells(core, &core->offer[0][0].closed_until_wall_ms, 1000));
    CU_ASSERT_FALSE(tells(core, &core->close_ms, 1000));
    core->close_until_mono_ms = core->mono_ms + 5;
    CU_ASSERT_TRUE(tells(core, &core->close_ms, 1000));
    uint64_t before = core_digest(core);
    core->remembered.counter++;
    CU_ASSERT_EQUAL(core_digest(core), before);
    core->actuator_known = false;
    before = core_digest(core);
    core->remembered.counter--;
    CU_ASSERT_NOT_EQUAL(core_digest(core), before);
    core->actuator_known = true;
    /* a deadline that is over is as good as none; a mark of more than a minute ago as well */
    CU_ASSERT_FALSE(tells(core, &core->create_pause_mono_ms, core->mono_ms));
    CU_ASSERT_TRUE(core->creates.count > 0);
    core->creates.mark_mono_ms[0] = core->mono_ms - RATE_WINDOW_MS;
    CU_ASSERT_FALSE(tells(core, &core->creates.mark_mono_ms[0], -1000));
    CU_ASSERT_TRUE(tells(core, &core->creates.mark_mono_ms[0], 1000));
    world_free(world);
}

/* Where the members of a life's present state lie. */
static void check_state(struct world *world, enum node_state state, const struct field *field,
                        size_t count)
{
    struct life *life = &world->core->node[0].life;
    struct runner_set set = {.count = 1, .runner = {{.id = 7, .name = "r"}}};
    struct retirement why = {.began = core_now(world->core), .reason = REASON_HOUR_ENDS};
    life_restore(life, state, why.began, &why, &set);
    check_fields(world->core, &life->u_, field, count);
    if (life_runners(life) != NULL)
        check_fields(world->core, &life_runners_change(life)->runner[0], ALL(of_runner));
}

static void test_each_state(void)
{
    struct world *world = lived_world(0);
    check_state(world, NODE_PROVISIONING, ALL(of_idle));
    check_state(world, NODE_BUSY, ALL(of_idle));
    check_state(world, NODE_IDLE, ALL(of_idle));
    check_state(world, NODE_DEREGISTERING, ALL(of_deregistering));
    check_state(world, NODE_DRAINING, ALL(of_draining));
    check_state(world, NODE_REMOVING, ALL(of_removing));
    world_free(world);
}

/* A life's own fields, in each state. */
static void test_lives(void)
{
    struct world *world = lived_world(0);
    struct life *life = &world->core->node[0].life;
    struct runner_set set = *life_runners(life);
    uint64_t seen[node_state_count * 2];
    unsigned count = 0;
    CU_ASSERT_TRUE(set.count == 1);
    for (unsigned state = 0; state < node_state_count; state++) {
        struct retirement why = {.began = core_now(world->core), .reason = REASON_HOUR_ENDS};
        life_restore(life, (enum node_state)state, why.began, &why, &set);
        uint64_t plain = core_digest(world->core);
        seen[count++] = plain;
        struct moment since = {why.began.mono_ms - 1000, why.began.wall_ms};
        life_restore(life, (enum node_state)state, since, &why, &set);
        CU_ASSERT_NOT_EQUAL(core_digest(world->core), plain);
        why.reason = REASON_OVER_MAX;
        life_restore(life, (enum node_state)state, why.began, &why, &set);
        CU_ASSERT_EQUAL(core_digest(world->core) != plain, life_retirement(life) != NULL);
    }
    life_removed(life, world->core->mono_ms);
    seen[count++] = core_digest(world->core);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(seen[i], seen[k]);
    world_free(world);
}

/* ------------------------------------------------------------------------------------ pictures */

/* The digest after a picture that shows `change` of the same world. */
static uint64_t after_change(void (*change)(struct world *world))
{
    struct world *world = lived_world(0);
    world->job[0].status = JOB_RUNNABLE;
    if (change != NULL)
        change(world);
    world_poll(world);
    uint64_t digest = core_digest(world->core);
    world_free(world);
    return digest;
}

static void job_runs(struct world *world)
{
    world->job[0].status = JOB_RUNNING;
    world->job[0].runner_id = world->runner[0].id;
}

static void job_is_lost(struct world *world)
{
    world->job[0].status = JOB_RUNNING;
    world->job[0].runner_id = 99;
}

static void runner_is_offline(struct world *world)
{
    world->runner[0].online = false;
}

static void runner_is_disabled(struct world *world)
{
    world->runner[0].disabled = true;
}

static void runner_is_fenced(struct world *world)
{
    world->runner[0].disabled = true;
    world->node[0].fence_note = "v1.1.2";
}

static void runner_is_busy(struct world *world)
{
    world->runner[0].busy = true;
}

static void node_evicts(struct world *world)
{
    world->node[0].evicting = true;
}

static void pod_is_gone(struct world *world)
{
    world->pods = 0;
}

static void server_failed(struct world *world)
{
    world->server[0].create_failed = true;
}

static void clock_is_ahead(struct world *world)
{
    world->skew_ms = 3600000;
}

static void test_pictures(void)
{
    static void (*const changes[])(struct world *) = {
        NULL,
        job_runs,
        job_is_lost,
        runner_is_offline,
        runner_is_disabled,
        runner_is_fenced,
        runner_is_busy,
        node_evicts,
        pod_is_gone,
        server_failed,
        clock_is_ahead,
    };
    uint64_t digest[sizeof changes / sizeof changes[0]];
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        digest[i] = after_change(changes[i]);
        CU_ASSERT_EQUAL(digest[i], after_change(changes[i]));
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(digest[i], digest[k]);
    }
}

/* ---------------------------------------------------------------------------------------- time */

/* The same life an hour or a day later has the same number; one that went on has not. */
static void test_time_is_relative(void)
{
    struct world *first = lived_world(0), *second = lived_world(3600000);
    CU_ASSERT_EQUAL(core_digest(first->core), core_digest(second->core));
    world_poll(second);
    CU_ASSERT_NOT_EQUAL(core_digest(first->core), core_digest(second->core));
    world_poll(first);
    CU_ASSERT_EQUAL(core_digest(first->core), core_digest(second->core));
    world_free(first);
    world_free(second);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"every field of the memory is known", test_all_fields_are_known},
        {"each field that decides is in it, none that is only shown", test_each_field_is_in_it},
        {"what counts only at times", test_what_counts_at_times},
        {"lives", test_lives},
        {"each field of each state is in it", test_each_state},
        {"what the pictures show", test_pictures},
        {"time counts by its distance", test_time_is_relative},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_digest", tests);
}
