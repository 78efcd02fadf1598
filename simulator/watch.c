/* Telling the witness what to hold the client to, and telling of it. May not: judge a call. */
#include "simulator/watch.h"

#include "common/clock.h"
#include "simulator/api_json.h"
#include "simulator/faults.h"
#include "simulator/witness.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 250

struct watch {
    struct world *world;
    const struct faults *faults;
    const struct server *server;
    struct witness *witness; /* NULL: nobody watches */
    struct witness_rules rules;
    bool fence_exists;
    int64_t silence_ms;
    int64_t looked_mono_ms;
    uint64_t heard; /* the last entry of the request log that was looked at */
    int64_t heard_mono_ms[API_COUNT];
};

bool watch_init(struct watch **out, struct world *world, const struct faults *faults,
                struct error *error)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return error_set(error, "no memory for the witness");
    *watch = (struct watch){.world = world, .faults = faults, .fence_exists = true};
    *out = watch;
    return true;
}

void watch_serves(struct watch *watch, const struct server *server)
{
    watch->server = server;
}

void watch_free(struct watch *watch)
{
    if (watch != NULL)
        witness_free(watch->witness);
    free(watch);
}

/* ---------------------------------------------------------------------------------- the rules */

/* The numbers of the rules: where each stands. */
static const struct rule_number {
    const char *key;
    size_t offset;
} numbers[] = {
#define NUMBER(member)                                                                             \
    {                                                                                              \
#member, offsetof(struct witness_rules, member)                                            \
    }
    NUMBER(servers_max),      NUMBER(hourly_micro_max), NUMBER(fence_settle_ms), NUMBER(race_ms),
    NUMBER(demand_memory_ms), NUMBER(provision_ms),     NUMBER(notice_ms),       NUMBER(bound_ms),
#undef NUMBER
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static bool read_number(const json_t *object, const char *key, void *out, struct error *error)
{
    const json_t *value = json_object_get(object, key);
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0)
        return error_set(error, "key \"%s\" is missing or no whole number from 0", key);
    memcpy(out, &number, sizeof number);
    return true;
}

static bool read_text(const json_t *object, const char *key, char *out, size_t size,
                      struct error *error)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL || strlen(text) >= size)
        return error_set(error, "key \"%s\" is missing, too long or no text", key);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool read_labels(const json_t *list, struct witness_pool *out, struct error *error)
{
    size_t index;
    json_t *label;
    if (!json_is_array(list) || json_array_size(list) > WITNESS_LABELS_MAX)
        return error_set(error, "key \"labels\" must be a list of at most %d words",
                         WITNESS_LABELS_MAX);
    json_array_foreach(list, index, label) {
        const char *word = json_string_value(label);
        if (word == NULL || strlen(word) >= sizeof out->labels[0])
            return error_set(error, "key \"labels\" holds what is no word, or a long one");
        snprintf(out->labels[out->label_count++], sizeof out->labels[0], "%s", word);
    }
    return true;
}

static bool read_pool(const json_t *pool, struct witness_pool *out, struct error *error)
{
    return read_text(pool, "name", out->name, sizeof out->name, error) &&
           read_number(pool, "min", &out->min, error) &&
           read_number(pool, "max", &out->max, error) &&
           read_number(pool, "capacity", &out->capacity, error) &&
           read_labels(json_object_get(pool, "labels"), out, error);
}

static bool read_pools(const json_t *pools, struct witness_rules *out, struct error *error)
{
    size_t index;
    json_t *pool;
    if (!json_is_array(pools) || json_array_size(pools) > WITNESS_POOLS_MAX)
        return error_set(error, "key \"pools\" must be a list of at most %d pools",
                         WITNESS_POOLS_MAX);
    json_array_foreach(pools, index, pool) {
        if (!read_pool(pool, &out->pool[out->pool_count++], error))
            return false;
    }
    return true;
}

static bool read_rules(const json_t *rules, struct witness_rules *out, int64_t *silence_ms,
                       struct error *error)
{
    if (json_object_size(rules) != NUMBERS + 3)
        return error_set(error, "the rules are one object with %zu keys (docs/simulator.md)",
                         NUMBERS + 3);
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!read_number(rules, numbers[i].key, (char *)out + numbers[i].offset, error))
            return false;
    }
    return read_number(rules, "silence_ms", silence_ms, error) &&
           read_text(rules, "cluster", out->cluster, sizeof out->cluster, error) &&
           read_pools(json_object_get(rules, "pools"), out, error);
}

static void begin(struct watch *watch)
{
    int64_t now = clock_mono_ms();
    for (int api = 0; api < API_COUNT; api++)
        watch->heard_mono_ms[api] = now;
    watch->witness = witness_new(watch->world, &watch->rules);
}

bool watch_rules(struct watch *watch, const json_t *rules, struct error *error)
{
    struct witness_rules new = {.fence_exists = watch->fence_exists};
    int64_t silence_ms;
    if (!read_rules(rules, &new, &silence_ms, error))
        return false;
    watch->rules = new;
    watch->silence_ms = silence_ms;
    if (watch->witness == NULL)
        begin(watch);
    else
        witness_change(watch->witness, &watch->rules);
    watch_hindered(watch);
    return true;
}

void watch_fence(struct watch *watch, bool exists)
{
    watch->fence_exists = watch->rules.fence_exists = exists;
    if (watch->witness != NULL)
        witness_change(watch->witness, &watch->rules);
}

/* ------------------------------------------------------------------------------- what hinders */

void watch_hindered(struct watch *watch)
{
    if (watch->witness != NULL)
        witness_hindered(watch->witness, world_now_ms(watch->world));
}

/* Notes when each API was last read well by those that read; tests ask with other tokens. */
static void listen_to_pollers(struct watch *watch, int64_t mono_ms)
{
    json_t *entries = server_requests(watch->server, API_COUNT, watch->heard), *entry;
    size_t index;
    json_array_foreach(entries, index, entry) {
        const char *token = json_string_value(json_object_get(entry, "token"));
        const char *word = json_string_value(json_object_get(entry, "api"));
        enum api api;
        watch->heard = (uint64_t)json_integer_value(json_object_get(entry, "n"));
        if (token != NULL && strcmp(token, "read") == 0 && word != NULL &&
            json_integer_value(json_object_get(entry, "status")) == 200 &&
            api_from_name(word, &api))
            watch->heard_mono_ms[api] = mono_ms;
    }
    json_decref(entries);
}

static bool is_hindered(const struct watch *watch, int64_t mono_ms)
{
    for (int api = 0; api < API_CONTROL; api++) {
        if (server_port(watch->server, (enum api)api) != 0 &&
            mono_ms - watch->heard_mono_ms[api] > watch->silence_ms)
            return true;
    }
    return faults_any_live(watch->faults, mono_ms);
}

void watch_tick(struct watch *watch, int64_t mono_ms)
{
    if (watch->witness == NULL || mono_ms - watch->looked_mono_ms < LOOK_MS)
        return;
    watch->looked_mono_ms = mono_ms;
    listen_to_pollers(watch, mono_ms);
    if (is_hindered(watch, mono_ms))
        watch_hindered(watch);
    witness_look(watch->witness, world_now_ms(watch->world));
}

/* ------------------------------------------------------------------------------------- telling */

static json_t *broken(const struct book *book)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < book->kept; i++) {
        const struct broken_promise *one = &book->first[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s}", "promise",
                                              promise_name(one->promise), "sentence",
                                              promise_sentence(one->promise), "time",
                                              api_time(one->at_ms), "text", one->text));
    }
    return list;
}

static json_t *judged(const struct book *book)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < promise_count; i++) {
        if (book->judged[i] > 0)
            json_object_set_new(object, promise_name((enum promise)i),
                                json_integer((json_int_t)book->judged[i]));
    }
    return object;
}

json_t *watch_json(struct watch *watch)
{
    if (watch->witness == NULL)
        return json_pack("{s:b}", "watching", 0);
    const struct book *book = witness_book(watch->witness);
    return json_pack(
        "{s:b, s:I, s:o, s:o, s:I, s:I, s:I, s:I}", "watching", 1, "broken_total",
        (json_int_t)book->broken_total, "broken", broken(book), "judged", judged(book), "races",
        (json_int_t)book->races, "race_most_ms", (json_int_t)book->race_most_ms, "hours_hindered",
        (json_int_t)book->hours_hindered, "waiting", (json_int_t)witness_waiting(watch->witness));
}

void watch_print(struct watch *watch, FILE *out)
{
    if (watch->witness == NULL)
        return;
    const struct book *book = witness_book(watch->witness);
    (void)fprintf(out, "promises broken   %" PRIu64 "\n", book->broken_total);
    for (uint32_t i = 0; i < book->kept; i++)
        (void)fprintf(out, "  %s: %s (%s)\n", promise_name(book->first[i].promise),
                      promise_sentence(book->first[i].promise), book->first[i].text);
}
