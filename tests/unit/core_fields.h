/* The fields of the core's memory, in the order of private.h, and what the digest makes of each.
 * For test_core_digest.c alone. May not: hold code. */
#ifndef EBBTIDE_TESTS_UNIT_CORE_FIELDS_H
#define EBBTIDE_TESTS_UNIT_CORE_FIELDS_H

#include <stddef.h>

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

/* A new field makes test_all_fields_are_known fail until it stands here. */
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
    F(core, forgot_lists, OTHER),
    F(core, forgot_list_mono_ms, OTHER),
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

#endif
