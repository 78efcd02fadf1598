/* The rows of configuration.def as data, for the files common/config_*.c only: where each key lies
 * in its struct, its type, bounds, default, what a change needs and who reads it. May not: hold
 * values. */
#ifndef EBBTIDE_COMMON_CONFIG_TABLE_H
#define EBBTIDE_COMMON_CONFIG_TABLE_H

#include "common/config.h"

enum config_kind {
    KIND_BOOL,
    KIND_ENUM,
    KIND_COUNT,
    KIND_DURATION,
    KIND_BYTES,
    KIND_PERCENT,
    KIND_MONEY,
    KIND_TEXT,
    KIND_TEXTS,
    KIND_PAIRS,
    KIND_LABEL_SETS,
    KIND_SECTION,
    KIND_SECTIONS,
};

/* What a text must look like (config_form.c). */
enum config_form {
    FORM_ANY,     /* printable UTF-8 */
    FORM_URL,     /* http:// or https://, no user, no query */
    FORM_SCOPE,   /* name or owner/name */
    FORM_PATH,    /* absolute */
    FORM_FILE,    /* absolute, or a name below files.state_dir */
    FORM_LABEL,   /* key=value */
    FORM_NAME,    /* RFC 1123 label */
    FORM_WORD,    /* letters, digits, . _ + - */
    FORM_TAINT,   /* key=value:Effect or key:Effect */
    FORM_ADDRESS, /* IPv4 or IPv6 */
    FORM_PART,    /* of the sandbox */
    FORM_HOST,    /* a DNS name */
    config_form_count,
};

struct config_section;

struct config_row {
    const char *key;
    enum config_kind kind;
    enum config_form form;    /* KIND_TEXT, KIND_TEXTS */
    uint64_t least, most;     /* of the value, or of a text's bytes */
    uint32_t list_most;       /* elements, in lists and sections */
    uint32_t list_least;      /* KIND_SECTIONS */
    const char *unit;         /* KIND_COUNT */
    const char *const *words; /* KIND_ENUM */
    unsigned word_count;      /* KIND_ENUM */
    const char *standard;     /* NULL: the file must say it */
    enum reload reload;       /* not of sections */
    uint32_t readers;         /* ROLE_BIT set, not of sections */
    const char *help;
    size_t offset;                        /* of the value in its section's struct */
    size_t count_offset;                  /* of KEY_count, in lists */
    const struct config_section *element; /* KIND_SECTION, KIND_SECTIONS */
};

struct config_section {
    const char *name, *doc;
    const struct config_row *(*rows)(size_t *count);
    size_t size; /* of its struct */
};

/* The whole file. */
const struct config_section *config_root(void);

/* The row of a key, or NULL. length: of key, which need not end in NUL. */
const struct config_row *config_row_find(const struct config_section *section, const char *key,
                                         size_t length);

/* The value of a row, and the count of a list, in the struct at base. */
void *config_at(const struct config_row *row, void *base);
const void *config_at_const(const struct config_row *row, const void *base);
uint32_t *config_count(const struct config_row *row, void *base);
uint32_t config_count_of(const struct config_row *row, const void *base);

/* Element `index` of KIND_SECTIONS. */
void *config_element(const struct config_row *row, void *base, uint32_t index);
const void *config_element_const(const struct config_row *row, const void *base, uint32_t index);

/* Whether it is a list of values (not of sections), and whether it holds one value. */
bool config_is_list(const struct config_row *row);
bool config_is_scalar(const struct config_row *row);

/* ------------------------------------------------------------------------- config_value.c */

#define CONFIG_EXPECTED_BYTES_MAX 256

/* Sets one value from its text, as it stands in a file. False with *error saying what was expected
 * (and what was found, unless it may be a secret); nothing is changed then. */
bool config_value_set(struct config *config, const struct config_row *row, void *base,
                      const char *text, struct error *error);

/* The value as it would stand in the file. False when it does not fit. */
bool config_value_text(const struct config_row *row, const void *base, char *out, size_t size);

/* "a duration from 200ms to 10m, such as 5s, 10m or 1h". */
void config_expected(const struct config_row *row, char *out, size_t size);

/* Sizes as people write them: 64KiB. */
bool config_parse_bytes(const char *text, uint64_t *bytes);
void config_format_bytes(uint64_t bytes, char *out, size_t size);
void config_format_money(uint64_t micro, char *out, size_t size);

/* -------------------------------------------------------------------------- config_list.c */

/* Puts element `index` of a list of values (index at most its count; the count then grows by one).
 */
bool config_list_put(struct config *config, const struct config_row *row, void *base,
                     uint32_t index, const char *text, struct error *error);

/* A pair, as its two halves. */
bool config_pair_put(struct config *config, const struct config_row *row, void *base,
                     uint32_t index, const char *key, const char *value, struct error *error);

/* One more label of the label set `index`, which exists. */
bool config_label_add(struct config *config, struct config_label_set *set, const char *label,
                      struct error *error);

/* Element `index` as it would stand in the file. False when it does not fit. */
bool config_list_text(const struct config_row *row, const void *base, uint32_t index, char *out,
                      size_t size);

/* -------------------------------------------------------------------------- config_form.c */

/* Whether a text has the form; an empty one always has (its bounds say whether it may be empty). */
bool config_form_fits(enum config_form form, const char *text);

/* "an absolute path", "https://host[:port][/path]". */
const char *config_form_words(enum config_form form);

/* Whether a value that does not fit may be shown: what stands in the place of a path may be a
 * secret. */
bool config_form_may_show(enum config_form form);

bool config_label_key_fits(const char *key, size_t length);
bool config_label_value_fits(const char *value, size_t length);

/* A label of a job: printable, without white space and , [ ] { } and quotes. */
bool config_job_label_fits(const char *label);

/* ------------------------------------------------------------------------ config_memory.c */

/* A copy that is freed with the configuration; NULL when memory is out. */
const char *config_keep(struct config *config, const char *text);

/* Sets a section to its defaults, the sections below it included. False when memory is out. */
bool config_defaults(struct config *config, const struct config_section *section, void *base);

/* -------------------------------------------------------------------------- config_walk.c */

#define CONFIG_PLACE_BYTES_MAX SETTING_PATH_BYTES_MAX

/* Called for each row that is no section, in the table's order; path is `pools[0].max`. False ends
 * the walk. */
typedef bool config_visit(const struct config_row *row, const void *base, const char *path,
                          void *argument);

bool config_walk(const struct config *config, config_visit *visit, void *argument);

/* ----------------------------------------------------------------------- config_combine.c */

struct config_reader;

/* Reports every impossible combination of values. */
void config_combine(struct config_reader *reader, const struct config *config);

/* Its parts in config_pools.c: pools, and labels of servers and nodes. */
void config_combine_pools(struct config_reader *reader, const struct config *config);
void config_combine_labels(struct config_reader *reader, const struct config *config);

/* -------------------------------------------------------------------------- config_read.c */

/* Reports a mistake at the place where the file says `field` (an address inside the configuration);
 * where it does not, at `section` (the address of the struct that field lies in), else at the
 * file's beginning. */
void config_reader_problem(struct config_reader *reader, const void *field, const void *section,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether the file said this value rightly, or left it at its default: a value that was refused
 * takes part in no combination. */
bool config_reader_fine(const struct config_reader *reader, const void *field);

#endif
