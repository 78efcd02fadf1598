/* What the files of ebbtide-audit share: its words, its statuses. May not: be used elsewhere. */
#ifndef EBBTIDE_AUDIT_COMMAND_H
#define EBBTIDE_AUDIT_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "audit/log_files.h"

enum audit_status { AUDIT_GOOD = 0, AUDIT_BENT = 1, AUDIT_UNUSABLE = 2 };

struct audit_words {
    const char *config;
    const char *key;  /* verify: file of first keys, "-" standard input; NULL: none */
    const char *head; /* verify: file of the note; NULL: the one beside the log */
    const char *node, *server, *since; /* show; NULL: all */
    bool part, failed, json;
    char **file; /* NULL at the end */
};

int verify_command(const struct audit_words *words);
int show_command(const struct audit_words *words);

/* An intent and its outcome, either may be NULL, as one line for people. */
void show_line(const json_t *intent, const json_t *outcome, FILE *out);

/* One of the log's own lines: omitted, cut, bent. */
void show_own_line(const json_t *line, FILE *out);

#endif
