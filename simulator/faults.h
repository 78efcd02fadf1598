/* Injected faults: rules that a test sets through the control endpoint, and the questions that the
 * servers and the Hetzner handlers ask of them.
 *
 * A rule has an effect, what it matches, and how often: a number of times, until a time, with a
 * probability from a seed of its own (the same seed strikes the same requests). Request effects are
 * asked by server.c; world effects are asked by the handler that would make the thing happen.
 * May not: answer a request, change the world. */
#ifndef EBBTIDE_SIMULATOR_FAULTS_H
#define EBBTIDE_SIMULATOR_FAULTS_H

#include "common/error.h"
#include "simulator/server.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define FAULT_RULES_MAX 256

/* The effects, from faults.def: FAULT_STATUS, FAULT_DELAY, ... */
enum fault_effect {
#define FAULT(symbol, word, stage, help) FAULT_##symbol,
#include "simulator/faults.def"
#undef FAULT
    FAULT_EFFECT_COUNT,
};

/* When an effect is asked for. */
enum fault_stage {
    STAGE_BEFORE, /* instead of the handler */
    STAGE_ANSWER, /* the handler has run; the answer is changed */
    STAGE_WORLD,  /* asked by a handler about a server that is being made */
};

/* What a rule is matched against. Members that do not apply are NULL. */
struct fault_subject {
    enum api api;
    const char *method;
    const char *path;        /* with its query */
    const char *server;      /* server name (world effects) */
    const char *server_type; /* name */
    const char *location;    /* name */
};

/* A rule as the asker sees it; borrowed, valid until faults_clear or faults_add. */
struct fault {
    uint64_t id;
    enum fault_effect effect;
    int status;            /* FAULT_STATUS, FAULT_ANSWER_STATUS, FAULT_RATE_LIMIT */
    int64_t delay_ms;      /* FAULT_DELAY; FAULT_ACTION_FAILS: after how long */
    bool before_effect;    /* FAULT_DELAY: wait before the handler runs, not after */
    int64_t age_ms;        /* FAULT_STALE: how old; -1: as it was when the rule was set */
    int64_t set_mono_ms;   /* when the rule was set */
    int64_t length_delta;  /* FAULT_WRONG_LENGTH */
    int64_t bytes;         /* FAULT_LARGE */
    int64_t skew_s;        /* FAULT_DATE_SKEW */
    int64_t retry_after_s; /* Retry-After of the answer, -1: none */
    const char *body;      /* text to answer with, or NULL: the API's own words; FAULT_RAW and
                              FAULT_ANSWER_RAW: characters up to U+00FF, each one byte */
    const char *content_type;
    json_t *headers; /* object of strings to add, or NULL */
};

struct faults;

bool faults_init(struct faults **out, struct error *error);
void faults_free(struct faults *faults);

/* Adds the rule that a JSON object describes (docs/simulator.md "Faults"); an unknown key, a wrong
 * type or a bad pattern is an error that names the key. */
bool faults_add(struct faults *faults, const json_t *description, int64_t mono_ms, uint64_t *id,
                struct error *error);

/* Removes one rule (false: there is none), or all. */
bool faults_remove(struct faults *faults, uint64_t id);
void faults_clear(struct faults *faults);

/* Whether a rule is still to strike. */
bool faults_any_live(const struct faults *faults, int64_t mono_ms);

/* All rules, spent ones too, with "struck": how often each has hit; a new array. */
json_t *faults_list(const struct faults *faults, int64_t mono_ms);

/* The first live rule of this stage that matches, counted as struck; NULL where there is none. */
const struct fault *faults_strike_stage(struct faults *faults, enum fault_stage stage,
                                        const struct fault_subject *subject, int64_t mono_ms);

/* The same for one effect. The Hetzner create handler asks, in this order: FAULT_NO_CAPACITY
 * (answer 412 resource_unavailable), FAULT_ACTION_FAILS (the create action ends in error after
 * delay_ms), FAULT_NEVER_BOOTS (the server stays "initializing", no node), FAULT_NO_NODE (boots,
 * node never joins), FAULT_NO_RUNNER (node joins, its runner never registers). */
const struct fault *faults_strike(struct faults *faults, enum fault_effect effect,
                                  const struct fault_subject *subject, int64_t mono_ms);

/* The word of an effect ("delay"). */
const char *fault_word(enum fault_effect effect);

#endif
