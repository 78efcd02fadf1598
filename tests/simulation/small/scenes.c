/* Filling the promises' scenes in, from what the tiny world knows. May not: judge; that is the
 * promises'. */
#include <stdarg.h>
#include <string.h>

#include "tests/simulation/small/tiny.h"

#define MEMORY_MS        (STALE_MS + 2 * DEADLINE_MS) /* as old as the demand of a create may be */
#define NOTICE_MS        (CONFIRM_MS + IDLE_MS + WINDOW_MS + 10 * POLL_MS)
#define BOUND_MS         (HOUR_MS + PROVISION_MS + NOTICE_MS)
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS  300000
#define FAILURES_LOUD    3

static const int64_t stays_longest[node_state_count] = {
    [NODE_DEREGISTERING] = 300000, [NODE_DRAINING] = 300000, [NODE_REMOVING] = 300000};

__attribute__((format(printf, 3, 4))) static void judge(struct sim *sim, const struct scene *scene,
                                                        const char *format, ...)
{
    struct book *book = &sim->book;
    if (book_judge(book, scene, sim->tiny.mono_ms, ""))
        return;
    char text[BOOK_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    story_line(sim, "  ! broken: %s", text);
    if (book->kept > 0)
        memcpy(book->first[book->kept - 1].text, text, sizeof text);
}

bool core_knows(const struct sim *sim, uint16_t name, enum node_state *state)
{
    const struct status *status = sim->out->status;
    for (uint32_t n = 0; n < status->nodes_count; n++)
        if (strcmp(status->nodes[n].name, name_text(name)) == 0) {
            *state = status->nodes[n].state;
            return true;
        }
    return false;
}

/* --------------------------------------------------------------------------------------- calls */

static bool is_coming(const struct tiny *tiny, unsigned s)
{
    const struct tiny_slot *slot = &tiny->land.slot[s];
    return slot->server != 0 && !slot->failed && !tiny->track[s].had_runner &&
           tiny_api_ms(tiny) - slot->created_ms < PROVISION_MS;
}

static void create_scene(const struct tiny *tiny, unsigned s, struct call_scene *out)
{
    for (unsigned i = 0; i < TINY_SLOTS; i++) {
        out->servers += tiny->land.slot[i].server != 0;
        out->coming += is_coming(tiny, i);
    }
    for (unsigned i = 0; i < TINY_MADE; i++)
        out->names_before += tiny->made[i] == tiny->land.slot[s].name;
    for (unsigned n = 1; n <= TINY_JOBS; n++)
        if (tiny->waiting >= n ||
            (tiny->waited_ms[n] != 0 && tiny->mono_ms - tiny->waited_ms[n] <= MEMORY_MS))
            out->wanted = n;
    out->servers_max = out->pool_max = tiny->servers_max;
    out->pool_servers = out->servers;
    out->hourly_micro = (out->servers + 1) * 100000;
    out->hourly_micro_max = 2000000;
}

static void node_scene(const struct tiny *tiny, const struct tiny_slot *slot,
                       struct call_scene *out)
{
    for (unsigned r = 0; r < TINY_RUNNERS; r++) {
        const struct tiny_runner *runner = &slot->runner[r];
        out->runners += runner->id != 0 && runner->alive;
        out->jobs += runner->id != 0 && runner->alive && runner_works(tiny, runner);
    }
}

static void runner_scene(const struct tiny *tiny, const struct tiny_slot *slot,
                         const struct tiny_runner *runner, struct call_scene *out)
{
    out->jobs = runner->alive && runner_works(tiny, runner);
    out->fence_possible = slot->node || slot->server != 0;
    out->fenced_ms = runner->disabled ? tiny->mono_ms - runner->disabled_ms : -1;
    out->fence_settle_ms = SETTLE_MS;
    out->fenced_by_person = runner->disabled && runner->by_person && slot->server != 0;
}

void scene_call(struct sim *sim, unsigned slot, enum scene_call call,
                const struct tiny_runner *runner)
{
    static const char *const words[scene_call_count] = {
        "create the server",   "delete the server", "delete the node", "end the pod",
        "deregister a runner", "enable a runner",   "mark the node"};
    struct scene scene = {.kind = SCENE_call};
    struct call_scene *out = &scene.u.call;
    out->call = call;
    out->ours = true;
    if (call == SCENE_CREATE_SERVER)
        create_scene(&sim->tiny, slot, out);
    else if (runner == NULL)
        node_scene(&sim->tiny, &sim->tiny.land.slot[slot], out);
    else
        runner_scene(&sim->tiny, &sim->tiny.land.slot[slot], runner, out);
    story_line(sim, "    call: %s of %s", words[call], name_text(sim->tiny.land.slot[slot].name));
    judge(sim, &scene,
          "%s of %s: jobs %u, runners %u, fenced %lld ms, by a person %d; servers %u of %u, "
          "coming %u, wanted %u, name used %u",
          words[call], name_text(sim->tiny.land.slot[slot].name), out->jobs, out->runners,
          (long long)out->fenced_ms, out->fenced_by_person, (unsigned)out->servers,
          (unsigned)out->servers_max, out->coming, out->wanted, out->names_before);
}

/* ------------------------------------------------------------------------------------- actions */

/* What our own teardown explains is not counted: of Hetzner's, once it is to be removed; of the
 * others', once it is given back. */
static bool counts(const struct sim *sim, unsigned source, unsigned slot)
{
    const struct tiny *tiny = &sim->tiny;
    enum node_state state;
    return tiny->land.slot[slot].name != 0 && core_knows(sim, tiny->land.slot[slot].name, &state) &&
           state != NODE_REMOVING && (source == SOURCE_HETZNER || state < NODE_DEREGISTERING) &&
           (tiny->track[slot].shown & 1u << source) != 0;
}

/* What vanished within the age that a picture may have, of what was there; of two worlds' worth of
 * such groups the larger. */
static void count_vanished(const struct sim *sim, unsigned source, struct action_scene *out)
{
    const struct tiny_track *track = sim->tiny.track;
    unsigned bit = 1u << source;
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        uint32_t known = 0, together = 0;
        int64_t from_ms = track[s].gone_ms[source];
        if (!counts(sim, source, s) || (track[s].gone & bit) == 0)
            continue;
        for (unsigned k = 0; k < TINY_SLOTS; k++) {
            bool gone = (track[k].gone & bit) != 0;
            if (!counts(sim, source, k) || (gone && track[k].gone_ms[source] < from_ms) ||
                track[k].shown_ms[source] > from_ms)
                continue;
            known++;
            together += gone && track[k].gone_ms[source] <= from_ms + STALE_MS;
        }
        if (together >= out->vanished[source]) {
            out->known[source] = known;
            out->vanished[source] = together;
        }
    }
}

void scene_action(struct sim *sim, unsigned slot, const struct action *action)
{
    const struct tiny *tiny = &sim->tiny;
    const struct tiny_errand *errand = &tiny->errand[slot];
    const struct tiny_track *track = &tiny->track[slot];
    struct scene scene = {.kind = SCENE_action};
    struct action_scene *out = &scene.u.action;
    enum node_state state;
    bool known = core_knows(sim, tiny->land.slot[slot].name, &state);
    bool same = known && track->state == (unsigned)state + 1 && track->step == action->kind;
    out->begins = !known || track->state <= NODE_IDLE + 1;
    out->kind = action->kind;
    out->reason = action->reason;
    out->in_flight = errand->stage != 0 && !errand->orphan &&
                     tiny->mono_ms - errand->asked_ms <= 2 * DEADLINE_MS;
    for (unsigned k = 0; k < 3; k++) {
        const struct tiny_picture *held = &tiny->held[k];
        int64_t skew = held->wall_ms - held->api_ms;
        out->source_age_ms[k] = held->there ? tiny->mono_ms - held->began_ms : INT64_MAX;
        out->source_age_max_ms[k] = STALE_MS;
        skew = skew < 0 ? -skew : skew;
        out->skew_ms = held->there && skew > out->skew_ms ? skew : out->skew_ms;
        count_vanished(sim, k, out);
        out->unlooked += !held->there || held->began_ms <= track->unknown_ms;
    }
    out->unknown = track->unknown_ms != 0;
    out->vanished_floor = 2;
    out->vanished_share_percent = tiny->agreed ? 100 : 50;
    out->skew_max_ms = 30000;
    out->failures = same ? track->failures : 0;
    out->since_failure_ms = tiny->mono_ms - track->failed_ms;
    out->backoff_first_ms = BACKOFF_FIRST_MS;
    out->backoff_most_ms = BACKOFF_MOST_MS;
    judge(sim, &scene,
          "action %d of %s: in flight %u, ages %lld %lld %lld ms, vanished %u of %u, %u of %u, %u "
          "of %u, skew %lld ms, failures %u, %lld ms ago, unknown %d, unlooked %u",
          action->kind, action->node.name, out->in_flight, (long long)out->source_age_ms[0],
          (long long)out->source_age_ms[1], (long long)out->source_age_ms[2], out->vanished[0],
          out->known[0], out->vanished[1], out->known[1], out->vanished[2], out->known[2],
          (long long)out->skew_ms, out->failures, (long long)out->since_failure_ms, out->unknown,
          out->unlooked);
}

/* --------------------------------------------------------------------------------------- nodes */

static bool has_alarm(const struct status *status, const char *name)
{
    for (uint32_t a = 0; a < status->alarms_count; a++)
        if (strcmp(status->alarms[a].subject, name) == 0)
            return true;
    return false;
}

static void look_at_node(struct sim *sim, const struct status_node *node)
{
    uint16_t name = name_index(node->name);
    struct scene scene = {.kind = SCENE_node};
    struct node_scene *out = &scene.u.node;
    for (unsigned s = 0; s < TINY_SLOTS; s++) {
        struct tiny_track *track = &sim->tiny.track[s];
        if (sim->tiny.land.slot[s].name != name)
            continue;
        if (track->state != (unsigned)node->state + 1)
            track->failures = 0;
        track->state = (uint8_t)(node->state + 1u);
        out->failures = track->failures;
    }
    out->failures_loud = FAILURES_LOUD;
    out->stay_ms = node->state_ms;
    out->stay_longest_ms = stays_longest[node->state];
    out->alarm = out->stay_alarm = has_alarm(sim->out->status, node->name);
    judge(sim, &scene, "node %s in state %d: failures %u, there for %lld ms, alarm %d", node->name,
          node->state, out->failures, (long long)out->stay_ms, out->alarm);
}

void scene_nodes(struct sim *sim)
{
    const struct status *status = sim->out->status;
    sim->tiny.breaker = false;
    for (uint32_t a = 0; a < status->alarms_count; a++)
        sim->tiny.breaker = sim->tiny.breaker || status->alarms[a].kind == ALARM_BREAKER;
    for (uint32_t n = 0; n < status->nodes_count; n++)
        look_at_node(sim, &status->nodes[n]);
}

/* ------------------------------------------------------------------------------------- servers */

static void look_at_server(struct sim *sim, unsigned s)
{
    struct tiny *tiny = &sim->tiny;
    struct tiny_track *track = &tiny->track[s];
    const struct tiny_slot *slot = &tiny->land.slot[s];
    struct scene scene = {.kind = SCENE_server};
    struct server_scene *out = &scene.u.server;
    struct call_scene jobs = {0};
    int64_t born_ms = slot->created_ms - START_MS;
    int64_t hours = (tiny->mono_ms - born_ms) / HOUR_MS + 1;
    node_scene(tiny, slot, &jobs);
    out->used = jobs.jobs > 0 || tiny->waiting > 0;
    out->unused_ms = tiny->mono_ms - (track->worked_ms > born_ms ? track->worked_ms : born_ms);
    out->quiet_ms = tiny->mono_ms - tiny->hindered_ms;
    out->bound_ms = BOUND_MS;
    out->notice_ms = NOTICE_MS;
    out->hour_ms = HOUR_MS;
    out->hour_begins = track->hours != 0 && hours > track->hours;
    track->hours = hours;
    if (out->used)
        track->worked_ms = tiny->mono_ms;
    judge(sim, &scene,
          "server %s: used %d, unused for %lld ms, nothing hinders since %lld ms, hour %lld",
          name_text(slot->name), out->used, (long long)out->unused_ms, (long long)out->quiet_ms,
          (long long)hours);
}

void scene_servers(struct sim *sim)
{
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        if (sim->tiny.land.slot[s].server != 0)
            look_at_server(sim, s);
}

/* ---------------------------------------------------------------------------------------- ends */

void scene_end(struct sim *sim, int64_t healed_ms, int64_t bound_ms)
{
    const struct tiny *tiny = &sim->tiny;
    struct scene scene = {.kind = SCENE_end};
    struct end_scene *out = &scene.u.end;
    out->healed_ms = healed_ms;
    out->bound_ms = bound_ms;
    out->jobs_waiting = tiny->waiting;
    for (unsigned s = 0; s < TINY_SLOTS; s++)
        out->servers += tiny->land.slot[s].server != 0;
    for (unsigned j = 0; j < TINY_JOBS; j++)
        out->jobs_left += tiny->land.job[j].state != JOB_NONE;
    judge(sim, &scene, "%lld ms after the last trouble: %u jobs wait, %u are left, %u servers",
          (long long)healed_ms, (unsigned)out->jobs_waiting, (unsigned)out->jobs_left,
          (unsigned)out->servers);
}

void scene_twin(struct sim *sim, uint64_t first, uint64_t second)
{
    struct scene scene = {.kind = SCENE_twin, .u.twin = {first, second}};
    judge(sim, &scene, "output %llx, and %llx", (unsigned long long)first,
          (unsigned long long)second);
}
