/* What changed nothing, in the audit log: both its lines, or its number in the next line `omitted`.
 * May not: open a file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actuator/audit_parts.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

/* ------------------------------------------------------------------------------- its own lines */

static bool has_open_create(const struct audit *audit, const char *node)
{
    for (uint32_t i = 0; i < audit->open_count; i++)
        if (audit->open[i].kind == ACTION_CREATE_SERVER && strcmp(audit->open[i].node, node) == 0)
            return true;
    return false;
}

/* What the next start must read: that a name has a server, that a node whose create is open is
 * gone. There is no flood of either, since both are seen in the world. */
static bool must_stand(const struct audit *audit, const struct audit_end *end)
{
    const struct action_result *result = end->result;
    const char *node = end->action->node.name;
    if (result->server_id != 0 && !audit_name_used(audit, node))
        return true;
    return result->kind == ACTION_REMOVE_NODE && result->outcome == OUTCOME_DONE &&
           has_open_create(audit, node);
}

/* The reserve is for what changes something. */
static bool write_both(struct audit *audit, const struct audit_end *end, struct error *error)
{
    return audit_has_room(audit, true, error) &&
           audit_write_intent(audit, end->action, true, end->wall_ms, error) &&
           audit_outcome(audit, end->action, end->result, end->wall_ms, error);
}

/* ------------------------------------------------------------------------------ the line of all */

/* What the alarm says from now on; it stands as long as this process. */
static void begin_flood(struct audit *audit, int64_t wall_ms)
{
    char time[CLOCK_TEXT_BYTES];
    snprintf(
        audit->flood, sizeof audit->flood,
        "at %s more orders were refused than the audit log has lines for (%d at once, one more "
        "each %d ms): a fault of the reconciler, or somebody has taken it over; "
        "`ebbtide audit show --failed` says what it asked for",
        clock_format_rfc3339(wall_ms, time), REFUSED_AT_ONCE, REFUSED_EVERY_MS);
    log_error("%s", audit->flood);
    audit->flooding = true;
}

static void count(struct audit *audit, const struct audit_end *end)
{
    omitted_add(&audit->omitted, end->result, end->rail, end->mono_ms, end->wall_ms);
    metric_add(M_AUDIT_OMITTED, end->result->outcome, 0, 1);
}

bool audit_sum_up(struct audit *audit, int64_t wall_ms, struct error *error)
{
    struct omitted *omitted = &audit->omitted;
    if (omitted->count == 0)
        return true;
    if (!audit_has_room(audit, true, error) || !audit_tell(audit, wall_ms, error))
        return false;
    uint64_t before = audit->check.last.seq;
    bool good = audit_append_alone(audit, audit_omitted_line(audit, wall_ms), NULL, error);
    if (audit->check.last.seq == before)
        return false;
    /* It stands there, even if the disk has not said so: it must not be told twice. */
    log_warning("%" PRIu64
                " more actions changed nothing than have lines in the audit log, %" PRIu64
                " of them were refused; the last: %s",
                omitted->count, omitted->refused, omitted->text);
    omitted_told(omitted);
    audit->flooding = false;
    return good;
}

bool audit_sum_up_due(struct audit *audit, int64_t mono_ms, int64_t wall_ms, struct error *error)
{
    if (!omitted_due(&audit->omitted, mono_ms) || audit_sum_up(audit, wall_ms, error))
        return true;
    omitted_later(&audit->omitted, mono_ms);
    return false;
}

/* ------------------------------------------------------------------------------------- the end */

enum audit_entry audit_unchanged(struct audit *audit, const struct audit_end *end,
                                 struct error *error)
{
    struct error untold;
    (void)audit_sum_up_due(audit, end->mono_ms, end->wall_ms, &untold);
    bool spare = omitted_spare(&audit->omitted, end->result, end->mono_ms);
    if (!spare && !must_stand(audit, end)) {
        audit_use_id(audit, end->result->id);
        count(audit, end);
        if (end->result->outcome == OUTCOME_REFUSED && !audit->flooding)
            begin_flood(audit, end->wall_ms);
        return AUDIT_COUNTED;
    }
    if (write_both(audit, end, error))
        return AUDIT_WRITTEN;
    audit_unwritten(audit, end->action, end->result);
    count(audit, end);
    return AUDIT_UNWRITTEN;
}
