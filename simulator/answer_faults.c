/* The faults that change an answer after its handler has run. The changes of lists are made by
 * their shape alone (arrays at the top, totals beside them), so no API need be known here. May not:
 * touch the world. */
#include "simulator/server_private.h"

#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

static void replace_text(struct answer *answer, char *text)
{
    if (text == NULL)
        return;
    free(answer->text);
    answer->text = text;
    answer->length = strlen(text);
}

static void replace_json(struct answer *answer, json_t *body)
{
    replace_text(answer, json_dumps(body, JSON_COMPACT));
    json_decref(body);
}

/* Totals and links of a list that has become empty, in the forms of the three APIs. */
static void empty_totals(struct answer *answer, json_t *body)
{
    json_t *page = json_object_get(json_object_get(body, "meta"), "pagination");
    if (json_object_get(body, "total_count") != NULL)
        json_object_set_new(body, "total_count", json_integer(0));
    if (page != NULL) {
        json_object_set_new(page, "total_entries", json_integer(0));
        json_object_set_new(page, "last_page", json_integer(1));
        json_object_set_new(page, "next_page", json_null());
    }
    json_object_del(json_object_get(body, "metadata"), "continue");
    json_object_del(json_object_get(body, "metadata"), "remainingItemCount");
    json_object_del(answer->headers, "Link");
    if (json_object_get(answer->headers, "X-Total-Count") != NULL)
        json_object_set_new(answer->headers, "X-Total-Count", json_string("0"));
}

/* Takes every element (keep_every 0), or every second one (2), out of the top-level arrays. */
static void thin_list(struct answer *answer, bool all)
{
    json_t *body = json_loadb(answer->text, answer->length, 0, NULL);
    const char *key;
    json_t *value;
    json_object_foreach(body, key, value) {
        if (!json_is_array(value))
            continue;
        for (size_t i = json_array_size(value); i-- > 0;) {
            if (all || i % 2 == 1)
                json_array_remove(value, i);
        }
    }
    if (body != NULL && all)
        empty_totals(answer, body);
    if (body != NULL)
        replace_json(answer, body);
}

/* Another type for a value: what is no container turns into another scalar or an empty one. */
static json_t *of_another_type(json_t *value)
{
    const char *key;
    json_t *inner, *copy;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        copy = json_object();
        json_object_foreach(value, key, inner)
            json_object_set_new(copy, key, of_another_type(inner));
        return copy;
    case JSON_ARRAY:
        copy = json_array();
        json_array_foreach(value, index, inner)
            json_array_append_new(copy, of_another_type(inner));
        return copy;
    case JSON_STRING: return json_integer(7);
    case JSON_INTEGER:
    case JSON_REAL: return json_string("seven");
    case JSON_TRUE:
    case JSON_FALSE: return json_object();
    case JSON_NULL: return json_array();
    }
    return NULL;
}

static void change_types(struct answer *answer)
{
    json_t *body = json_loadb(answer->text, answer->length, 0, NULL);
    if (body != NULL)
        replace_json(answer, of_another_type(body));
    json_decref(body);
}

static void grow(struct answer *answer, int64_t bytes)
{
    answer->spaces = (size_t)bytes > answer->length ? (size_t)bytes - answer->length : 0;
}

static void make_stale(struct exchange *exchange, const struct fault *fault)
{
    int64_t then = fault->age_ms < 0 ? fault->set_mono_ms : clock_mono_ms() - fault->age_ms;
    const struct past_answer *past =
        history_find(exchange->server->history, exchange->listener->api, exchange->target, then);
    if (past == NULL)
        return;
    replace_text(&exchange->answer, strdup(past->text));
    json_decref(exchange->answer.headers);
    exchange->answer.headers = json_deep_copy(past->headers);
    exchange->answer.status = past->status;
}

static void add_headers(struct exchange *exchange, const struct fault *fault)
{
    const char *name;
    json_t *value;
    json_object_foreach(fault->headers, name, value) {
        if (json_is_string(value))
            exchange_add_header(exchange, name, json_string_value(value));
    }
}

static void cut(struct answer *answer, size_t length, int64_t claimed_length)
{
    answer->mode = WIRE_CUT;
    answer->cut_length = length;
    answer->claimed_length = claimed_length > 0 ? claimed_length : 0;
}

static void apply(struct exchange *exchange, const struct fault *fault)
{
    struct answer *answer = &exchange->answer;
    int64_t length = (int64_t)answer->length;
    switch ((int)fault->effect) {
    case FAULT_STALE: make_stale(exchange, fault); return;
    case FAULT_EMPTY: thin_list(answer, true); return;
    case FAULT_HALF_LIST: thin_list(answer, false); return;
    case FAULT_HEADERS: add_headers(exchange, fault); return;
    case FAULT_DATE_SKEW: answer->date_skew_s = fault->skew_s; return;
    case FAULT_WRONG_TYPES: change_types(answer); return;
    case FAULT_LARGE: grow(answer, fault->bytes); return;
    case FAULT_STALL: answer->mode = WIRE_STALL; return;
    case FAULT_BAD_JSON: answer->text[answer->length /= 2] = '\0'; return;
    case FAULT_TRUNCATED: cut(answer, answer->length / 2, length); return;
    case FAULT_WRONG_LENGTH: cut(answer, answer->length, length + fault->length_delta); return;
    case FAULT_ANSWER_HANG: answer->mode = WIRE_HANG; return;
    case FAULT_ANSWER_CLOSE: answer->mode = WIRE_CLOSE; return;
    default: return;
    }
}

/* The request has taken effect; its answer is thrown away and an error given instead. */
static void answer_error(struct exchange *exchange, const struct fault *fault)
{
    answer_clear(&exchange->answer);
    exchange->in_answer_fault = true;
    exchange->fault_status = fault->status;
    if (fault->retry_after_s >= 0)
        exchange_add_headerf(exchange, "Retry-After", "%lld", (long long)fault->retry_after_s);
    if (fault->body != NULL)
        exchange_reply_text(exchange, fault->status,
                            fault->content_type != NULL ? fault->content_type : "application/json",
                            fault->body, strlen(fault->body));
    else
        exchange->listener->definition->refuse(exchange, REFUSE_FAULT);
}

bool answer_apply_faults(struct exchange *exchange)
{
    /* Contents first, then how they reach the wire. */
    static const enum fault_effect order[] = {FAULT_STALE,        FAULT_EMPTY,   FAULT_HALF_LIST,
                                              FAULT_WRONG_TYPES,  FAULT_HEADERS, FAULT_DATE_SKEW,
                                              FAULT_BAD_JSON,     FAULT_LARGE,   FAULT_TRUNCATED,
                                              FAULT_WRONG_LENGTH, FAULT_STALL,   FAULT_ANSWER_HANG,
                                              FAULT_ANSWER_CLOSE};
    if (exchange->in_answer_fault || exchange->refused)
        return true;
    const struct fault *error = exchange_strike(exchange, FAULT_ANSWER_STATUS, NULL, NULL, NULL);
    if (error != NULL) {
        answer_error(exchange, error);
        return false;
    }
    const struct fault *raw = exchange_strike(exchange, FAULT_ANSWER_RAW, NULL, NULL, NULL);
    if (raw != NULL) {
        wire_raw(exchange, raw->body);
        return false;
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const struct fault *fault = exchange_strike(exchange, (int)order[i], NULL, NULL, NULL);
        if (fault != NULL)
            apply(exchange, fault);
    }
    return true;
}
