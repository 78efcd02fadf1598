/* The audit's lines as JSON. May not: do I/O, hold a secret. */
#include "actuator/audit_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/words.h"

int action_id_compare(struct action_id left, struct action_id right)
{
    if (left.epoch != right.epoch)
        return left.epoch < right.epoch ? -1 : 1;
    return (left.counter > right.counter) - (left.counter < right.counter);
}

char *action_id_text(struct action_id id, char out[ACTION_ID_TEXT_BYTES])
{
    snprintf(out, ACTION_ID_TEXT_BYTES, "%" PRIu64 "-%" PRIu64, id.epoch, id.counter);
    return out;
}

/* Digits only: strtoull alone would take blanks and signs. */
static bool parse_number(const char **text, uint64_t *out)
{
    const char *at = *text;
    *out = 0;
    for (; *at >= '0' && *at <= '9' && at - *text < 19; at++)
        *out = *out * 10 + (uint64_t)(*at - '0');
    bool good = at != *text;
    *text = at;
    return good;
}

bool action_id_parse(const char *text, struct action_id *out)
{
    return parse_number(&text, &out->epoch) && *text++ == '-' &&
           parse_number(&text, &out->counter) && *text == '\0';
}

/* ---------------------------------------------------------------------------------- helpers */

static void set_text(json_t *line, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_object_set_new(line, key, json_string(value));
}

static void set_number(json_t *line, const char *key, uint64_t value)
{
    uint64_t most = INT64_MAX;
    json_object_set_new(line, key, json_integer((json_int_t)(value < most ? value : most)));
}

static json_t *begin_line(const char *event, struct action_id id, int64_t wall_ms)
{
    json_t *line = json_object();
    if (line == NULL)
        return NULL;
    char time[CLOCK_TEXT_BYTES], name[ACTION_ID_TEXT_BYTES];
    set_text(line, "time", clock_format_rfc3339(wall_ms, time));
    set_text(line, "event", event);
    set_text(line, "id", action_id_text(id, name));
    return line;
}

static void set_why(json_t *line, const struct action *action)
{
    set_text(line, "reason", reason_words[action->reason]);
    set_number(line, "gitea", action->gitea_sequence);
    set_number(line, "hetzner", action->hetzner_sequence);
    set_number(line, "kube", action->kube_sequence);
}

static void set_target(json_t *line, const struct action *action)
{
    set_text(line, "kind", action_kind_words[action->kind]);
    set_text(line, "node", action->node.name);
    set_text(line, "pool", action->node.pool);
}

static json_t *runner_ids(const struct action *action)
{
    json_t *ids = json_array();
    for (uint32_t i = 0; ids != NULL && i < action->runners_count; i++)
        json_array_append_new(ids, json_integer((json_int_t)action->runners[i].id));
    return ids;
}

/* ------------------------------------------------------------------------------------ lines */

json_t *audit_intent_line(const struct action *action, int64_t wall_ms)
{
    json_t *line = begin_line("intent", action->id, wall_ms);
    if (line == NULL)
        return NULL;
    set_target(line, action);
    set_number(line, "server_id", action->node.server_id);
    set_text(line, "node_uid", action->node.node_uid);
    set_why(line, action);
    set_text(line, "text", action->text);
    if (action->kind == ACTION_CREATE_SERVER) {
        set_text(line, "server_type", action->server_type);
        set_text(line, "location", action->location);
        set_text(line, "image", action->image);
    }
    if (action->runners_count > 0)
        json_object_set_new(line, "runners", runner_ids(action));
    if (action->force)
        json_object_set_new(line, "force", json_true());
    return line;
}

json_t *audit_outcome_line(const struct action *action, const struct action_result *result,
                           int64_t wall_ms)
{
    json_t *line = begin_line("outcome", result->id, wall_ms);
    if (line == NULL)
        return NULL;
    set_text(line, "kind", action_kind_words[result->kind]);
    if (action != NULL) {
        set_target(line, action);
        set_why(line, action);
    }
    set_text(line, "outcome", outcome_words[result->outcome]);
    set_text(line, "trouble", trouble_words[result->trouble]);
    set_number(line, "http_status", result->http_status);
    set_number(line, "duration_ms", (uint64_t)result->duration_ms);
    set_number(line, "retry_after_ms", (uint64_t)result->retry_after_ms);
    set_number(line, "server_id", result->server_id);
    set_number(line, "created_ms", (uint64_t)result->created_ms);
    set_number(line, "left", result->left);
    set_text(line, "text", result->text);
    return line;
}

json_t *audit_cut_line(const struct audit *audit, int64_t wall_ms)
{
    json_t *line = begin_line("cut", audit->highest, wall_ms);
    set_number(line, "bytes", audit->cut_bytes);
    if (audit->cut_kept)
        json_object_set_new(line, "kept", json_true());
    return line;
}

json_t *audit_bent_line(const struct audit *audit, int64_t wall_ms)
{
    json_t *line = begin_line("bent", audit->highest, wall_ms);
    set_text(line, "text", audit->trouble);
    return line;
}

json_t *audit_seal_line(const struct audit *audit, enum audit_seal_why why, int64_t wall_ms)
{
    static const char *const words[] = {
        [SEAL_EPOCH] = "epoch", [SEAL_START] = "start", [SEAL_CLOSE] = "close"};
    json_t *line = begin_line("seal", audit->highest, wall_ms);
    set_text(line, "key", seal_store_key(audit->seals)->id);
    set_number(line, "seal", seal_store_key(audit->seals)->number);
    set_text(line, "why", words[why]);
    set_number(line, "epoch_ms", (uint64_t)audit->limits.epoch_ms);
    return line;
}

/* One row: of which kind, what came of it, which rail refused it, how many. */
static json_t *omitted_row_json(const struct omitted_row *row)
{
    json_t *one = json_object();
    set_text(one, "kind", action_kind_words[row->kind]);
    set_text(one, "outcome", outcome_words[row->outcome]);
    set_text(one, "rail", row->rail);
    set_number(one, "count", row->count);
    return one;
}

json_t *audit_omitted_line(const struct audit *audit, int64_t wall_ms)
{
    const struct omitted *omitted = &audit->omitted;
    char text[CLOCK_TEXT_BYTES], id[ACTION_ID_TEXT_BYTES];
    json_t *line = begin_line("omitted", audit->highest, wall_ms);
    json_t *of = json_array();
    for (uint32_t i = 0; line != NULL && of != NULL && i < omitted->row_count; i++)
        json_array_append_new(of, omitted_row_json(&omitted->row[i]));
    set_text(line, "since", clock_format_rfc3339(omitted->since_wall_ms, text));
    set_text(line, "lowest", action_id_text(omitted->lowest, id));
    set_text(line, "highest", action_id_text(omitted->highest, id));
    set_number(line, "count", omitted->count);
    set_number(line, "refused", omitted->refused);
    json_object_set_new(line, "of", of);
    set_text(line, "text", omitted->text);
    return line;
}

json_t *audit_segment_line(const struct audit *audit, int64_t wall_ms)
{
    json_t *line = begin_line("segment", audit->highest, wall_ms);
    json_t *open = json_array();
    for (uint32_t i = 0; line != NULL && open != NULL && i < audit->open_count; i++) {
        char id[ACTION_ID_TEXT_BYTES];
        json_t *one = json_object();
        set_text(one, "id", action_id_text(audit->open[i].id, id));
        set_text(one, "kind", action_kind_words[audit->open[i].kind]);
        set_text(one, "node", audit->open[i].node);
        json_array_append_new(open, one);
    }
    json_object_set_new(line, "open", open);
    return line;
}
