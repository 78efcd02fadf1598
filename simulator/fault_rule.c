/* Reads a fault rule from JSON, strictly: an unknown key or a wrong type is an error that names the
 * key, for a fault that silently does not strike makes a test that cannot fail. */
#include "simulator/fault_rule.h"

#include <stdlib.h>
#include <string.h>

#define FAULT_BYTES_MAX     INT64_C(268435456)
#define FAULT_BYTES_DEFAULT INT64_C(67108864)

enum key_kind { KEY_TEXT, KEY_INTEGER, KEY_REAL, KEY_SWITCH, KEY_OBJECT, KEY_ANY };

static const struct fault_key {
    const char *name;
    enum key_kind kind;
    size_t offset;
    int64_t least, most;
} keys[] = {
#define RULE(member) offsetof(struct fault_rule, member)
    {.name = "api", .kind = KEY_TEXT, .offset = RULE(api_word)},
    {.name = "method", .kind = KEY_TEXT, .offset = RULE(method)},
    {.name = "path", .kind = KEY_TEXT, .offset = RULE(path)},
    {.name = "path_regex", .kind = KEY_TEXT, .offset = RULE(path_regex)},
    {.name = "server", .kind = KEY_TEXT, .offset = RULE(server)},
    {.name = "server_type", .kind = KEY_TEXT, .offset = RULE(server_type)},
    {.name = "location", .kind = KEY_TEXT, .offset = RULE(location)},
    {.name = "count", .kind = KEY_INTEGER, .offset = RULE(count), .least = 1, .most = INT32_MAX},
    {.name = "skip", .kind = KEY_INTEGER, .offset = RULE(skip), .least = 0, .most = INT32_MAX},
    {.name = "for_ms", .kind = KEY_INTEGER, .offset = RULE(for_ms), .least = 1, .most = INT32_MAX},
    {.name = "probability", .kind = KEY_REAL, .offset = RULE(probability)},
    {.name = "seed", .kind = KEY_INTEGER, .offset = RULE(seed), .least = 0, .most = INT64_MAX},
    {.name = "status",
     .kind = KEY_INTEGER,
     .offset = RULE(fault.status),
     .least = 200,
     .most = 599},
    {.name = "delay_ms",
     .kind = KEY_INTEGER,
     .offset = RULE(fault.delay_ms),
     .least = 0,
     .most = 3600000},
    {.name = "before_effect", .kind = KEY_SWITCH, .offset = RULE(fault.before_effect)},
    {.name = "age_ms",
     .kind = KEY_INTEGER,
     .offset = RULE(fault.age_ms),
     .least = 0,
     .most = 3600000},
    {.name = "length_delta",
     .kind = KEY_INTEGER,
     .offset = RULE(fault.length_delta),
     .least = -1000000,
     .most = 1000000},
    {.name = "bytes",
     .kind = KEY_INTEGER,
     .offset = RULE(fault.bytes),
     .least = 1,
     .most = FAULT_BYTES_MAX},
    {.name = "skew",
     .kind = KEY_INTEGER,
     .offset = RULE(fault.skew_s),
     .least = -100000000,
     .most = 100000000},
    {.name = "retry_after",
     .kind = KEY_INTEGER,
     .offset = RULE(fault.retry_after_s),
     .least = 0,
     .most = 100000},
    {.name = "content_type", .kind = KEY_TEXT, .offset = RULE(fault.content_type)},
    {.name = "headers", .kind = KEY_OBJECT, .offset = RULE(fault.headers)},
    {.name = "body", .kind = KEY_ANY, .offset = RULE(fault.body)},
    {.name = "effect", .kind = KEY_TEXT, .offset = SIZE_MAX},
    {.name = "comment", .kind = KEY_TEXT, .offset = SIZE_MAX},
#undef RULE
};

static bool key_set_integer(char *at, const struct fault_key *key, const json_t *value,
                            struct error *error)
{
    int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    if (!json_is_integer(value) || number < key->least || number > key->most)
        return error_set(error, "fault key \"%s\": expected a whole number from %lld to %lld",
                         key->name, (long long)key->least, (long long)key->most);
    if (key->offset == offsetof(struct fault_rule, fault.status)) {
        int small = (int)number;
        memcpy(at, &small, sizeof small);
    } else {
        memcpy(at, &number, sizeof number);
    }
    return true;
}

static bool key_set(struct fault_rule *rule, const struct fault_key *key, json_t *value,
                    struct error *error)
{
    char *at = (char *)rule + (key->offset == SIZE_MAX ? 0 : key->offset);
    const char *text = json_string_value(value);
    double real = json_number_value(value);
    bool on = json_is_true(value);
    switch (key->kind) {
    case KEY_TEXT:
        if (text == NULL)
            return error_set(error, "fault key \"%s\": expected a string", key->name);
        if (key->offset != SIZE_MAX)
            memcpy(at, &text, sizeof text);
        return true;
    case KEY_INTEGER: return key_set_integer(at, key, value, error);
    case KEY_REAL:
        if (!json_is_number(value) || real < 0.0 || real > 1.0)
            return error_set(error, "fault key \"%s\": expected a number from 0 to 1", key->name);
        memcpy(at, &real, sizeof real);
        return true;
    case KEY_SWITCH:
        if (!json_is_boolean(value))
            return error_set(error, "fault key \"%s\": expected true or false", key->name);
        memcpy(at, &on, sizeof on);
        return true;
    case KEY_OBJECT:
        if (!json_is_object(value))
            return error_set(error, "fault key \"%s\": expected an object of strings", key->name);
        memcpy(at, &value, sizeof value);
        return true;
    case KEY_ANY:
        if (text == NULL && (rule->body_text = json_dumps(value, JSON_COMPACT)) == NULL)
            return error_set(error, "fault key \"%s\": out of memory", key->name);
        rule->fault.body = text != NULL ? text : rule->body_text;
        return true;
    }
    return false;
}

static const struct fault_key *key_find(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool find_effect(struct fault_rule *rule, struct error *error)
{
    const char *word = json_string_value(json_object_get(rule->description, "effect"));
    if (word == NULL)
        return error_set(error, "fault key \"effect\" is missing: it says what is to happen");
    for (int effect = 0; effect < FAULT_EFFECT_COUNT; effect++) {
        if (strcmp(word, fault_word((enum fault_effect)effect)) == 0) {
            rule->fault.effect = (enum fault_effect)effect;
            return true;
        }
    }
    return error_set(error, "fault effect \"%s\" is unknown; simulator/faults.def lists them",
                     word);
}

/* The bytes of a raw answer are written as characters up to U+00FF. */
static bool raw_is_good(const struct fault *fault, struct error *error)
{
    if (fault->effect != FAULT_RAW && fault->effect != FAULT_ANSWER_RAW)
        return true;
    if (fault->body == NULL)
        return error_set(error, "fault key \"body\" is missing: it is the raw answer");
    for (const unsigned char *at = (const unsigned char *)fault->body; *at != '\0'; at++) {
        if (*at > 0xc3)
            return error_set(error, "fault key \"body\": a raw answer holds only characters up to "
                                    "U+00FF, each one byte");
    }
    return true;
}

/* What the keys mean together: API's name, pattern, and the effect's own defaults. */
static bool finish(struct fault_rule *rule, struct error *error)
{
    if (rule->api_word != NULL && !api_from_name(rule->api_word, &rule->api))
        return error_set(error, "fault key \"api\": \"%s\" is not gitea, hetzner or kube",
                         rule->api_word);
    if (rule->path_regex != NULL) {
        int code = regcomp(&rule->regex, rule->path_regex, REG_EXTENDED | REG_NOSUB);
        if (code != 0) {
            char reason[128];
            regerror(code, &rule->regex, reason, sizeof reason);
            return error_set(error, "fault key \"path_regex\": %s", reason);
        }
        rule->regex_compiled = true;
    }
    if (rule->fault.status == 0) {
        enum fault_effect effect = rule->fault.effect;
        rule->fault.status = effect == FAULT_HTML ? 200 : effect == FAULT_RATE_LIMIT ? 429 : 500;
    }
    rule->random = (uint64_t)rule->seed;
    return raw_is_good(&rule->fault, error);
}

struct fault_rule *fault_rule_new(const json_t *description, struct error *error)
{
    if (!json_is_object(description)) {
        error_set(error, "a fault is described by one JSON object");
        return NULL;
    }
    struct fault_rule *rule = calloc(1, sizeof *rule);
    if (rule == NULL || (rule->description = json_deep_copy(description)) == NULL) {
        fault_rule_free(rule);
        error_set(error, "no memory for another fault rule");
        return NULL;
    }
    rule->api = API_COUNT;
    rule->count = rule->for_ms = rule->fault.age_ms = rule->fault.retry_after_s = -1;
    rule->fault.length_delta = -10;
    rule->fault.bytes = FAULT_BYTES_DEFAULT;
    rule->probability = 1.0;
    rule->seed = 1;
    const char *name;
    json_t *value;
    bool good = find_effect(rule, error);
    json_object_foreach(rule->description, name, value) {
        const struct fault_key *key = good ? key_find(name) : NULL;
        if (good && key == NULL)
            good = error_set(error, "fault key \"%s\" is unknown", name);
        good = good && key_set(rule, key, value, error);
    }
    if (!good || !finish(rule, error)) {
        fault_rule_free(rule);
        return NULL;
    }
    return rule;
}

void fault_rule_free(struct fault_rule *rule)
{
    if (rule == NULL)
        return;
    if (rule->regex_compiled)
        regfree(&rule->regex);
    free(rule->body_text);
    json_decref(rule->description);
    free(rule);
}
