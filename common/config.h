/* The configuration: its structs (made from configuration.def), the loader, what each worker is
 * sent, and what a change of it needs.
 *
 * The structs are plain data, and the pure core includes them. A configuration owns its texts; all
 * are freed with it. A text is never NULL in a configuration that config_new or the loader made.
 * May not: hold a secret, open any file but the one that config_load is given. */
#ifndef EBBTIDE_COMMON_CONFIG_H
#define EBBTIDE_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "tables/messages.h"

#define CONFIG_FILE_BYTES_MAX    ((size_t)256 * 1024)
#define CONFIG_PROBLEMS_MAX      50
#define CONFIG_PROBLEM_BYTES_MAX 400

struct config_pair {
    const char *key;
    const char *value;
};

/* One list of labels that a runner offers together. */
struct config_label_set {
    const char *label[JOB_LABELS_MAX];
    uint32_t label_count;
};

/* struct config_gitea { const char *url; ... }; ... and at the end struct config. */
/* clang-format off */
#define SECTION_BEGIN(section, doc)                                          struct config_##section {
#define SECTION_END(section)                                                 };
#define ROOT_BEGIN(doc)                                                      struct config {
#define ROOT_END                                                             struct config_memory *memory; };
#define C_BOOL(key, standard, reload, readers, help)                         bool key;
#define C_ENUM(key, type, standard, reload, readers, help)                   enum type key;
#define C_COUNT(key, unit, least, most, standard, reload, readers, help)     uint64_t key;
#define C_DURATION(key, least, most, standard, reload, readers, help)        int64_t key##_ms;
#define C_BYTES(key, least, most, standard, reload, readers, help)           uint64_t key##_bytes;
#define C_PERCENT(key, least, most, standard, reload, readers, help)         uint64_t key##_percent;
#define C_MONEY(key, least, most, standard, reload, readers, help)           uint64_t key##_micro;
#define C_TEXT(key, form, least, most, standard, reload, readers, help)      const char *key;
#define C_TEXTS(key, form, most, each, standard, reload, readers, help)      const char *key[most]; uint32_t key##_count;
#define C_PAIRS(key, most, standard, reload, readers, help)                  struct config_pair key[most]; uint32_t key##_count;
#define C_LABEL_SETS(key, most, reload, readers, help)                       struct config_label_set key[most]; uint32_t key##_count;
#define C_SECTION(key, help)                                                 struct config_##key key;
#define C_SECTIONS(key, element, least, most, help)                          struct config_##element key[most]; uint32_t key##_count;
#include "common/configuration.def"
#include "common/undef_keys.h"
/* clang-format on */

/* ------------------------------------------------------------------------------- a whole file */

/* One mistake: where and what; line and column count from 1, 0 where there is no place. */
struct config_problem {
    unsigned line, column;
    char text[CONFIG_PROBLEM_BYTES_MAX];
};

/* All mistakes of one file, in the order of the file. */
struct config_problems {
    uint32_t count;   /* kept in problem[] */
    uint32_t dropped; /* more than CONFIG_PROBLEMS_MAX */
    struct config_problem problem[CONFIG_PROBLEMS_MAX];
};

/* All defaults; texts without a default are "". NULL when memory is out. Freed with config_free. */
struct config *config_new(void);

/* Frees it with all its texts. NULL is fine. */
void config_free(struct config *config);

/* Reads and checks a file. On success *config is the caller's. On failure *config is NULL and
 * `problems` lists every mistake found (at least one). `problems` is overwritten. */
bool config_load(const char *path, struct config **config, struct config_problems *problems);

/* The same from memory; text need not end in NUL. */
bool config_parse(const char *text, size_t length, struct config **config,
                  struct config_problems *problems);

/* Prints `FILE:LINE:COLUMN: text` a line, and how many were dropped. */
void config_problems_print(const struct config_problems *problems, const char *path, FILE *out);

/* `ebbtide check-config FILE`: prints the problems to err and returns 1, or a summary of what holds
 * to out and returns 0. */
int config_check(const char *path, FILE *out, FILE *err);

/* ------------------------------------------------------------------------- what workers are sent
 */

struct config_settings {
    struct setting *setting; /* path and value, both owned by this struct */
    uint32_t count;
};

/* All settings that `role` may read, in the table's order. False with *error set when memory is
 * out or a bound of the message is broken. Freed with config_settings_free. */
bool config_export(const struct config *config, enum role role, struct config_settings *out,
                   struct error *error);

/* Frees what config_export made; the struct itself is the caller's. */
void config_settings_free(struct config_settings *settings);

/* A configuration from such settings, on top of the defaults: what a worker makes of `configure`.
 * NULL with *error set. Freed with config_free. */
struct config *config_import(const struct setting *setting, uint32_t count, struct error *error);

/* Sets one value by its path (`gitea.url`, `pools[0].max`, `pools[0].label_sets[1]`), as it would
 * stand in the file. Lists grow by one place at most. False with *error set, nothing changed. */
bool config_set(struct config *config, const char *path, const char *value, struct error *error);

/* ---------------------------------------------------------------------------------- a reload */

enum reload {
    RELOAD_HOT,     /* the workers that read it take it as it is */
    RELOAD_WORKERS, /* the workers that read it are restarted */
    RELOAD_ALL,     /* every worker is restarted */
};

#define CONFIG_CHANGES_BYTES_MAX 1024

struct config_changes {
    uint32_t changed;                    /* keys that differ */
    uint32_t restart_roles;              /* ROLE_BIT set of workers to restart */
    uint32_t hot_roles;                  /* workers (not in restart_roles) with new hot values */
    bool files;                          /* a path changed of a file that the supervisor opens */
    char text[CONFIG_CHANGES_BYTES_MAX]; /* "gitea.url, pools[0].max", cut with "..." */
};

/* What has to happen when `after` takes the place of `before`. */
void config_differences(const struct config *before, const struct config *after,
                        struct config_changes *changes);

/* ----------------------------------------------------------------------- what follows from it */

#define CONFIG_SELECTOR_BYTES_MAX 8192
#define CONFIG_PATH_BYTES_MAX     8192

/* Label selector of our servers: managed-by, cluster, and hetzner.labels, joined by ','. */
bool config_server_selector(const struct config *config, char *out, size_t size);

/* A name of `files` as a path: absolute as it is, else below files.state_dir. */
bool config_state_path(const struct config *config, const char *name, char *out, size_t size);

/* Whether an http(s) URL names 127.0.0.0/8, ::1 or localhost. */
bool config_url_is_loopback(const char *url);

/* deploy/ebbtide.example.yaml and docs/reference-configuration.md, from the table. */
void config_print_example(FILE *out);
void config_print_reference(FILE *out);

#endif
