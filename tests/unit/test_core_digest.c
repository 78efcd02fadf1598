/* The core's digest: every field of the core's memory is either in it or known to decide nothing.
 * Knows the private structs: it is about the memory itself. May not: do I/O but printing. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "cunit_main.h"
#include "reconciler/core/private.h"

/* How a field is changed for the test, or why it need not be in the digest. */
enum way {
    FLIP,  /* its first bit */
    LATER, /* an instant to come */
    SHOWN, /* people see it, it decides nothing */
    MADE,  /* each step makes it anew from the rest before it is read */
    OTHER  /* checked by a test of its own below, or the event's own */
};

struct field {
    const char *name;
    size_t at, size, align;
    enum way way;
};

#define F(type, member, way)                                                                       \
    {                                                                                              \
#member, offsetof(struct type, member), sizeof(((struct type *)NULL)->member),             \
            __alignof__(((struct type *)NULL)->member), (way)                                      \
    }

/* In the order of private.h. A new field makes test_all_fields_are_known fail until it stands here.
 */
static const struct field of_errand[] = {
    F(errand, in_flight, FLIP),      F(errand, unknown, FLIP),
    F(errand, kind, FLIP),           F(errand, id, FLIP),
    F(errand, asked_mono_ms, OTHER), F(errand, result_mono_ms, LATER),
    F(errand, next_mono_ms, LATER),  F(errand, failures, FLIP),
    F(errand, trouble, SHOWN),       F(errand, refused, FLIP),
    F(errand, text, SHOWN),
};

static const struct field of_node[] = {
    F(node, name, FLIP),
    F(node, pool, FLIP),
    F(node, pool_name, FLIP),
    F(node, made_by, FLIP),
    F(node, server_type, FLIP),
    F(node, location, FLIP),
    F(node, asked, FLIP),
    F(node, server_id, FLIP),
    F(node, created_ms, FLIP),
    F(node, price_micro, FLIP),
    F(node, hours_counted, FLIP),
    F(node, hours_known_wall_ms, OTHER),
    F(node, presence, OTHER),
    F(node, ready_wall_ms, SHOWN),
    F(node, quiet, FLIP),
    F(node, offline_mono_ms, LATER),
    F(node, disabled_mono_ms, LATER),
    F(node, foreign, FLIP),
    F(node, held_by_rail, FLIP),
    F(node, rolled, FLIP),
    F(node, would_go, FLIP),
    F(node, would_go_reason, FLIP),
    F(node, errand, OTHER),
    F(node, sight, MADE),
    F(node, life, OTHER),
};

static const struct field of_presence[] = {
    F(presence, first_mono_ms, LATER),
    F(presence, missing_mono_ms, LATER),
    F(presence, unlisted, FLIP),
};

static const struct field of_offer[] = {
    F(offer_memory, server_type, FLIP),
    F(offer_memory, location, FLIP),
    F(offer_memory, failures, FLIP),
    F(offer_memory, closed_until_mono_ms, LATER),
    F(offer_memory, closed_until_wall_ms, OTHER),
    F(offer_memory, failing, OTHER),
    F(offer_memory, text, SHOWN),
};

static const struct field of_runner[] = {
    F(known_runner, id, FLIP),
    F(known_runner, listed, MADE),
    F(known_runner, missing_mono_ms, LATER),
    F(known_runner, name, FLIP),
};

static const struct field of_deregistering[] = {
    F(node_deregistering, since, FLIP),
    F(node_deregistering, why, FLIP),
    F(node_deregistering, runners, OTHER),
    F(node_deregistering, again, FLIP),
};

static const struct field of_draining[] = {
    F(node_draining, since, FLIP),      F(node_draining, why, FLIP),
    F(node_draining, pods_left, SHOWN), F(node_draining, drained, FLIP),
    F(node_draining, asked, FLIP),
};

static const struct field of_removing[] = {
    F(node_removing, since, FLIP),
    F(node_removing, why, FLIP),
    F(node_removing, drained, FLIP),
    F(node_removing, done_mono_ms, LATER),
};

/* provisioning, busy and idle have the same two. */
static const struct field of_idle[] = {
    F(node_idle, since, FLIP),
    F(node_idle, runners, OTHER),
};

/* Up to node_table: what lies behind it are tables and output, made anew, and the nodes. */
static const struct field of_core[] = {
    F(core, config, OTHER),
    F(core, epoch, FLIP),
    F(core, counter, FLIP),
    F(core, mono_ms, OTHER),
    F(core, wall_ms, OTHER),
    F(core, wake_ms, MADE),
    F(core, out, MADE),
    F(core, gitea, OTHER),
    F(core, hetzner, OTHER),
    F(core, kube, OTHER),
    F(core, source, OTHER),
    F(core, event, MADE),
    F(core, restored, FLIP),
    F(core, actuator_ready, FLIP),
    F(core, actuator_known, FLIP),
    F(core, remembered, OTHER),
    F(core, forgot_mono_ms, LATER),
    F(core, breaker, MADE),
    F(core, may_destroy, MADE),
    F(core, may_create, MADE),
    F(core, clocks_agree, MADE),
    F(core, storage_text, FLIP),
    F(core, audit_text, SHOWN),
    F(core, teardown_ms, FLIP),
    F(core, close_ms, OTHER),
    F(core, close_until_mono_ms, LATER),
    F(core, today_micro, SHOWN),
    F(core, total_micro, SHOWN),
    F(core, today_wall_ms, SHOWN),
    F(core, created, SHOWN),
    F(core, deleted, SHOWN),
    F(core, deregistered, SHOWN),
    F(core, create_errors, SHOWN),
    F(core, remove_errors, SHOWN),
    F(core, hours_rolled, SHOWN),
    F(core, creates, OTHER),
    F(core, deletes, OTHER),
    F(core, create_pause_mono_ms, LATER),
    F(core, create_failures, FLIP),
    F(core, create_trouble, FLIP),
    F(core, create_text, SHOWN),
    F(core, lost_mono_ms, LATER),
    F(core, memory, OTHER),
    F(core, pool_turn, FLIP),
    F(core, offer, OTHER),
    F(core, pool, MADE),
    F(core, jobs, MADE),
    F(core, alarm, SHOWN),
    F(core, alarm_count, SHOWN),
    F(core, alarms_dropped, SHOWN),
    F(core, edges_seen, SHOWN),
    F(core, checkpoint_hash, OTHER),
    F(core, status_hash, SHOWN),
    F(core, turn, FLIP),
    F(core, node_count, OTHER),
    F(core, list_count, MADE),
    F(core, node_mask, MADE),
    F(core, runner_mask, MADE),
    F(core, pod_mask, MADE),
    F(core, checkpoint, MADE),
    F(core, status, MADE),
    F(core, status_pool, MADE),
    F(core, status_source, MADE),
    F(core, status_alarm, MADE),
    F(core, checkpoint_offer, MADE),
};

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
