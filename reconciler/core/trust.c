/* Whether what the APIs say may be believed: fresh, whole, not suddenly empty, clocks that agree.
 * What is not believed stops every destructive step. May not: change a node. */
#include "reconciler/core/private.h"

#define FORGOT_LISTS       2    /* that show what was forgotten: what one lacks the other has */
#define DATE_RESOLUTION_MS 1000 /* a Date header has whole seconds */

static int64_t age_max_ms(const struct core *core, enum source source)
{
    const struct config_trust *trust = &core->config->trust;
    return source == SOURCE_GITEA     ? trust->gitea_age_max_ms
           : source == SOURCE_HETZNER ? trust->hetzner_age_max_ms
                                      : trust->kube_age_max_ms;
}

int64_t source_age_ms(const struct core *core, enum source source)
{
    const struct snapshot_head *head = core->source[source].head;
    return head == NULL ? INT64_MAX : core->mono_ms - head->ended_mono_ms;
}

bool source_stale(struct core *core, enum source source)
{
    const struct snapshot_head *head = core->source[source].head;
    /* From its beginning: what was read first is as old as that. */
    return head == NULL || core_due(core, head->began_mono_ms + age_max_ms(core, source) + 1);
}

bool trust_shows_result_of(const struct core *core, enum source source, const struct node *node)
{
    const struct snapshot_head *head = core->source[source].head;
    return head != NULL && head->began_mono_ms > node->errand.result_mono_ms &&
           !node->errand.in_flight;
}

bool trust_shows_result(const struct core *core, const struct node *node)
{
    for (unsigned i = 0; i < SOURCES; i++)
        if (!trust_shows_result_of(core, (enum source)i, node))
            return false;
    return true;
}

bool trust_server_gone(const struct core *core, const struct node *node)
{
    const struct snapshot_head *head = core->source[SOURCE_HETZNER].head;
    return node->presence[SOURCE_HETZNER].missing_mono_ms != 0 && head != NULL &&
           head->began_mono_ms >=
               node->presence[SOURCE_HETZNER].missing_mono_ms + core->config->life.create_grace_ms;
}

bool trust_takes_place(const struct core *core, const struct node *node)
{
    return life_retirement(&node->life) == NULL || core->breaker[SOURCE_HETZNER] ||
           !trust_server_gone(core, node);
}

bool trust_list_may_lack(const struct core *core)
{
    return core->forgot_mono_ms != 0 && core->forgot_lists < FORGOT_LISTS;
}

/* A checkpoint that is not the newest may have forgotten servers that were just made: a list begun
 * too soon may be of before that, and one alone may lack an entry; others would be rented for the
 * same jobs. */
static void count_lists(struct core *core)
{
    const struct snapshot_head *head = core->source[SOURCE_HETZNER].head;
    int64_t before_mono_ms =
        core->forgot_lists > 0 ? core->forgot_list_mono_ms : core->forgot_mono_ms;
    int64_t lag_ms = core->config->life.create_grace_ms / 4; /* one list may be another's copy */
    if (!trust_list_may_lack(core) || head == NULL || head->began_mono_ms < before_mono_ms + lag_ms)
        return;
    core->forgot_list_mono_ms = head->began_mono_ms;
    core->forgot_lists++;
}

static bool sources_fresh(struct core *core)
{
    bool fresh = true;
    for (unsigned i = 0; i < SOURCES; i++) {
        enum source source = (enum source)i;
        if (!source_stale(core, source))
            continue;
        fresh = false;
        if (core->source[i].head != NULL || core->source[i].trouble.failures > 0)
            core_alarm(core, ALARM_STALE_SOURCE, source_text(source), T("no fresh picture of "),
                       T(source_text(source)), T(": nothing is rented or torn down. "),
                       T(core->source[i].trouble_text));
    }
    return fresh;
}

static bool clocks_agree(struct core *core)
{
    bool agree = true;
    int64_t limit = core->config->trust.clock_skew_max_ms;
    for (unsigned i = 0; i < SOURCES; i++) {
        const struct snapshot_head *head = core->source[i].head;
        if (head == NULL || head->api_ms == 0)
            continue;
        int64_t ahead = head->wall_ms - head->api_ms;
        if (ahead >= -limit && ahead <= limit + DATE_RESOLUTION_MS)
            continue;
        agree = false;
        core_alarm(core, ALARM_CLOCK, source_text((enum source)i), T("our clock is "),
                   SPAN(ahead > 0 ? ahead : -ahead), T(ahead > 0 ? " ahead of " : " behind "),
                   T(source_text((enum source)i)),
                   T("'s: no node goes for the hour's sake until they agree. Look at NTP."));
    }
    return agree;
}

/* Whether what a source shows of a node counts: it serves, or it has a server, and what our own
 * removal explains is not counted. What was gone before that began, is. */
static bool counts(const struct node *node, enum source source)
{
    int64_t missing_mono_ms = node->presence[SOURCE_HETZNER].missing_mono_ms;
    bool ours = life_state(&node->life) == NODE_REMOVING &&
                (missing_mono_ms == 0 || missing_mono_ms > life_since(&node->life).mono_ms);
    bool served = life_retirement(&node->life) == NULL;
    return !ours && (served || source == SOURCE_HETZNER);
}

static int64_t vanished_mono_ms(const struct node *node, enum source source)
{
    return counts(node, source) ? node->presence[source].missing_mono_ms : 0;
}

struct vanished {
    uint64_t known, missing;
};

/* What vanished at that time or soon after it, of what was there before: what went long before is
 * no part of that fleet, nor what came with that look (a first look after a restart shows what
 * nobody remembers, and lacks what has gone) or later. At once means within twice the age that a
 * picture may have, since looks that fail in between make one event seem two. What vanishes in
 * turn, as when a person takes one machine after the other away, is not a broken list. */
static struct vanished vanished_from(const struct core *core, enum source source, int64_t mono_ms)
{
    struct vanished out = {0, 0};
    int64_t until_ms = mono_ms + 2 * age_max_ms(core, source);
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct presence *presence = &core->node[i].presence[source];
        bool missing = presence->missing_mono_ms != 0;
        bool there = presence->missing_mono_ms == mono_ms || /* two looks in one millisecond */
                     (presence->first_mono_ms != 0 && presence->first_mono_ms < mono_ms);
        if (!there || !counts(&core->node[i], source) ||
            (missing && presence->missing_mono_ms < mono_ms))
            continue;
        out.known++;
        out.missing += missing && presence->missing_mono_ms <= until_ms;
    }
    return out;
}

/* False where too much vanished at once; *out says how much then. */
static bool fleet_is_there(const struct core *core, enum source source, struct vanished *out)
{
    const struct config_trust *trust = &core->config->trust;
    int64_t counted_mono_ms = 0; /* those of one look are counted once */
    for (uint32_t i = 0; i < core->node_count; i++) {
        int64_t mono_ms = vanished_mono_ms(&core->node[i], source);
        if (mono_ms == 0 || mono_ms == counted_mono_ms)
            continue;
        counted_mono_ms = mono_ms;
        *out = vanished_from(core, source, counted_mono_ms);
        if (out->missing >= trust->breaker_floor &&
            out->missing * 100 > out->known * trust->breaker_share_percent)
            return false;
    }
    return true;
}

static bool breaker_open(struct core *core)
{
    bool open = false;
    for (unsigned i = 0; i < SOURCES; i++) {
        struct vanished count = {0, 0};
        core->breaker[i] = !fleet_is_there(core, (enum source)i, &count);
        if (!core->breaker[i])
            continue;
        open = true;
        core_alarm(core, ALARM_BREAKER, source_text((enum source)i), N(count.missing), T(" of "),
                   N(count.known), T(" nodes vanished from "), T(source_text((enum source)i)),
                   T(" at once: no teardown until they are back. If they are truly gone, set "
                     "trust.breaker_share to 100% and reload."));
    }
    return open;
}

static void source_alarms(struct core *core)
{
    for (unsigned i = 0; i < SOURCES; i++) {
        const struct source_now *now = &core->source[i];
        if (now->trouble.failures > 0 && now->trouble.trouble == TROUBLE_UNAUTHORIZED)
            core_alarm(core, ALARM_UNAUTHORIZED, source_text((enum source)i), T(now->trouble_text));
        if (now->token_writes)
            core_alarm(core, ALARM_TOKEN_WRITES, source_text((enum source)i), T(now->token_text));
    }
    if (core->storage_text[0] != '\0')
        core_alarm(core, ALARM_STORAGE, "checkpoint", T(core->storage_text));
    if (core->audit_text[0] != '\0')
        core_alarm(core, ALARM_AUDIT, "audit log", T(core->audit_text));
}

void trust_judge(struct core *core)
{
    count_lists(core);
    bool fresh = sources_fresh(core);
    bool open = breaker_open(core);
    bool present = core->actuator_ready || core->config->mode == MODE_OBSERVE;
    core->clocks_agree = clocks_agree(core);
    source_alarms(core);
    core->may_create = fresh && core->restored && present && core->storage_text[0] == '\0' &&
                       !trust_list_may_lack(core);
    core->may_destroy = fresh && core->restored && present && !open;
}
