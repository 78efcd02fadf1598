/* The rules that are set, and which of them strikes. May not answer requests or touch the world. */
#include "simulator/faults.h"

#include "simulator/fault_rule.h"

#include <stdlib.h>
#include <string.h>

struct faults {
    struct fault_rule *rules[FAULT_RULES_MAX];
    size_t count;
    uint64_t last_id;
};

static const struct {
    const char *word;
    enum fault_stage stage;
} effects[FAULT_EFFECT_COUNT] = {
#define FAULT(symbol, text, when, help) [FAULT_##symbol] = {.word = text, .stage = when},
#include "simulator/faults.def"
#undef FAULT
};

const char *fault_word(enum fault_effect effect)
{
    return effects[effect].word;
}

bool faults_init(struct faults **out, struct error *error)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? true : error_set(error, "no memory for the fault rules");
}

void faults_clear(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        fault_rule_free(faults->rules[i]);
    faults->count = 0;
}

void faults_free(struct faults *faults)
{
    if (faults == NULL)
        return;
    faults_clear(faults);
    free(faults);
}

bool faults_add(struct faults *faults, const json_t *description, int64_t mono_ms, uint64_t *id,
                struct error *error)
{
    if (faults->count == FAULT_RULES_MAX)
        return error_set(error, "there are %d fault rules already; delete some", FAULT_RULES_MAX);
    struct fault_rule *rule = fault_rule_new(description, error);
    if (rule == NULL)
        return false;
    rule->fault.id = ++faults->last_id;
    rule->fault.set_mono_ms = mono_ms;
    faults->rules[faults->count++] = rule;
    *id = rule->fault.id;
    return true;
}

bool faults_remove(struct faults *faults, uint64_t id)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->rules[i]->fault.id != id)
            continue;
        fault_rule_free(faults->rules[i]);
        faults->count--;
        memmove(&faults->rules[i], &faults->rules[i + 1],
                (faults->count - i) * sizeof faults->rules[0]);
        return true;
    }
    return false;
}

static bool is_live(const struct fault_rule *rule, int64_t mono_ms)
{
    if (rule->count >= 0 && rule->struck >= (uint64_t)rule->count)
        return false;
    return rule->for_ms < 0 || mono_ms - rule->fault.set_mono_ms < rule->for_ms;
}

bool faults_any_live(const struct faults *faults, int64_t mono_ms)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (is_live(faults->rules[i], mono_ms))
            return true;
    }
    return false;
}

json_t *faults_list(const struct faults *faults, int64_t mono_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault_rule *rule = faults->rules[i];
        json_array_append_new(
            list, json_pack("{s:I, s:O, s:I, s:I, s:b}", "id", (json_int_t)rule->fault.id, "fault",
                            rule->description, "matched", (json_int_t)rule->matched, "struck",
                            (json_int_t)rule->struck, "live", (int)is_live(rule, mono_ms)));
    }
    return list;
}

/* SplitMix64 (Steele, Lea, Flood 2014): small, and good from any seed. */
static double next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static bool same_or_any(const char *wanted, const char *seen)
{
    return wanted == NULL || (seen != NULL && strcmp(wanted, seen) == 0);
}

static bool prefix_or_any(const char *wanted, const char *seen)
{
    return wanted == NULL || (seen != NULL && strncmp(seen, wanted, strlen(wanted)) == 0);
}

static bool matches(const struct fault_rule *rule, const struct fault_subject *subject)
{
    if (rule->api != API_COUNT && rule->api != subject->api)
        return false;
    if (!same_or_any(rule->method, subject->method) || !prefix_or_any(rule->path, subject->path))
        return false;
    if (rule->regex_compiled &&
        (subject->path == NULL || regexec(&rule->regex, subject->path, 0, NULL, 0) != 0))
        return false;
    return prefix_or_any(rule->server, subject->server) &&
           same_or_any(rule->server_type, subject->server_type) &&
           same_or_any(rule->location, subject->location);
}

/* A rule that is live and matches is drawn for once: the draw is made for each match, so that the
 * same seed strikes the same requests. */
static bool strikes(struct fault_rule *rule, const struct fault_subject *subject, int64_t mono_ms)
{
    if (!is_live(rule, mono_ms) || !matches(rule, subject))
        return false;
    rule->matched++;
    if (rule->matched <= (uint64_t)rule->skip)
        return false;
    if (rule->probability < 1.0 && next_random(&rule->random) >= rule->probability)
        return false;
    rule->struck++;
    return true;
}

const struct fault *faults_strike_stage(struct faults *faults, enum fault_stage stage,
                                        const struct fault_subject *subject, int64_t mono_ms)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct fault_rule *rule = faults->rules[i];
        if (effects[rule->fault.effect].stage == stage && strikes(rule, subject, mono_ms))
            return &rule->fault;
    }
    return NULL;
}

const struct fault *faults_strike(struct faults *faults, enum fault_effect effect,
                                  const struct fault_subject *subject, int64_t mono_ms)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->rules[i]->fault.effect == effect && strikes(faults->rules[i], subject, mono_ms))
            return &faults->rules[i]->fault;
    }
    return NULL;
}
