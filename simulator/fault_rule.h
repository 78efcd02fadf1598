/* One fault rule as it is kept, and how it is read from JSON: private to faults.c and fault_rule.c.
 * May not: decide when a rule strikes (faults.c does). */
#ifndef EBBTIDE_SIMULATOR_FAULT_RULE_H
#define EBBTIDE_SIMULATOR_FAULT_RULE_H

#include "simulator/faults.h"

#include <regex.h>

struct fault_rule {
    struct fault fault;
    json_t *description; /* a copy of its own; every string below points into it */
    char *body_text;     /* a body that was given as JSON, dumped */
    enum api api;        /* API_COUNT: any */
    const char *api_word;
    const char *method;      /* NULL: any */
    const char *path;        /* a prefix, NULL: any */
    const char *path_regex;  /* POSIX extended, anywhere in the path and query, NULL: any */
    const char *server;      /* a prefix of the server's name, NULL: any */
    const char *server_type; /* NULL: any */
    const char *location;    /* NULL: any */
    regex_t regex;
    bool regex_compiled;
    int64_t count;  /* strikes left at the start, -1: without end */
    int64_t skip;   /* matches that pass before the first strike */
    int64_t for_ms; /* -1: without end */
    double probability;
    int64_t seed;
    uint64_t random;
    uint64_t matched;
    uint64_t struck;
};

/* Makes a rule from its description; NULL with the reason in error. */
struct fault_rule *fault_rule_new(const json_t *description, struct error *error);

void fault_rule_free(struct fault_rule *rule);

#endif
