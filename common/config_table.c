/* configuration.def as data. May not: hold values. */
#include "common/config_table.h"

#include <string.h>

#include "common/words.h"

/* Who may read a key. A worker that talks to an API reads that API's keys: its poller and the
 * actuator. */
#define READ_NONE     0u
#define READ_ACTUATOR ROLE_BIT(ROLE_ACTUATOR)
#define READ_CORE     ROLE_BIT(ROLE_RECONCILER)
#define READ_MONITOR  ROLE_BIT(ROLE_MONITOR)
#define READ_DIALER   ROLE_BIT(ROLE_DIALER)
#define READ_GITEA    (ROLE_BIT(ROLE_POLLER_GITEA) | READ_ACTUATOR)
#define READ_HETZNER  (ROLE_BIT(ROLE_POLLER_HETZNER) | READ_ACTUATOR)
#define READ_KUBE     (ROLE_BIT(ROLE_POLLER_KUBE) | READ_ACTUATOR)
#define READ_POLLERS  ROLES_POLLERS
#define READ_APIS     ROLES_CALLERS
#define READ_ALL      ROLES_WORKERS

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* clang-format off */
/* First reading: the sections are named, because rows speak of sections that come later. */
#define SECTION_BEGIN(it, doc_) static const struct config_row *rows_of_##it(size_t *count); static const struct config_section section_##it = {#it, doc_, rows_of_##it, sizeof(struct config_##it)};
#define SECTION_END(section_)
#define ROOT_BEGIN(doc_)
#define ROOT_END
#define C_BOOL(key_, standard_, reload_, readers_, help_)
#define C_ENUM(key_, type_, standard_, reload_, readers_, help_)
#define C_COUNT(key_, unit_, least_, most_, standard_, reload_, readers_, help_)
#define C_DURATION(key_, least_, most_, standard_, reload_, readers_, help_)
#define C_BYTES(key_, least_, most_, standard_, reload_, readers_, help_)
#define C_PERCENT(key_, least_, most_, standard_, reload_, readers_, help_)
#define C_MONEY(key_, least_, most_, standard_, reload_, readers_, help_)
#define C_TEXT(key_, form_, least_, most_, standard_, reload_, readers_, help_)
#define C_TEXTS(key_, form_, most_, each_, standard_, reload_, readers_, help_)
#define C_PAIRS(key_, most_, standard_, reload_, readers_, help_)
#define C_LABEL_SETS(key_, most_, reload_, readers_, help_)
#define C_SECTION(key_, help_)
#define C_SECTIONS(key_, element_, least_, most_, help_)
#include "common/configuration.def"
#include "common/undef_keys.h"

/* Second reading: the rows. `here` is the struct that they lie in. */
#define SECTION_BEGIN(it, doc_) static const struct config_row *rows_of_##it(size_t *count) { typedef struct config_##it here; static const struct config_row rows[] = {
#define SECTION_END(section_)         }; *count = COUNT_OF(rows); return rows; }
#define ROOT_BEGIN(doc_)              static const struct config_row *rows_of_root(size_t *count) { typedef struct config here; static const struct config_row rows[] = {
#define ROOT_END                      }; *count = COUNT_OF(rows); return rows; }
#define C_BOOL(key_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_BOOL, .offset = offsetof(here, key_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_ENUM(key_, type_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_ENUM, .offset = offsetof(here, key_), .words = type_##_words, .word_count = type_##_count, .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_COUNT(key_, unit_, least_, most_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_COUNT, .offset = offsetof(here, key_), .unit = unit_, .least = (least_), .most = (most_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_DURATION(key_, least_, most_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_DURATION, .offset = offsetof(here, key_##_ms), .least = (least_), .most = (most_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_BYTES(key_, least_, most_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_BYTES, .offset = offsetof(here, key_##_bytes), .least = (least_), .most = (most_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_PERCENT(key_, least_, most_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_PERCENT, .offset = offsetof(here, key_##_percent), .least = (least_), .most = (most_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_MONEY(key_, least_, most_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_MONEY, .offset = offsetof(here, key_##_micro), .least = (least_), .most = (most_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_TEXT(key_, form_, least_, most_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_TEXT, .form = form_, .offset = offsetof(here, key_), .least = (least_), .most = (most_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_TEXTS(key_, form_, most_, each_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_TEXTS, .form = form_, .offset = offsetof(here, key_), .count_offset = offsetof(here, key_##_count), .list_most = (most_), .most = (each_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_PAIRS(key_, most_, standard_, reload_, readers_, help_) {.key = #key_, .kind = KIND_PAIRS, .offset = offsetof(here, key_), .count_offset = offsetof(here, key_##_count), .list_most = (most_), .standard = standard_, .reload = (reload_), .readers = (readers_), .help = help_},
#define C_LABEL_SETS(key_, most_, reload_, readers_, help_) {.key = #key_, .kind = KIND_LABEL_SETS, .offset = offsetof(here, key_), .count_offset = offsetof(here, key_##_count), .list_most = (most_), .standard = "[]", .reload = (reload_), .readers = (readers_), .help = help_},
#define C_SECTION(key_, help_) {.key = #key_, .kind = KIND_SECTION, .offset = offsetof(here, key_), .element = &section_##key_, .standard = "", .help = help_},
#define C_SECTIONS(key_, element_, least_, most_, help_) {.key = #key_, .kind = KIND_SECTIONS, .offset = offsetof(here, key_), .count_offset = offsetof(here, key_##_count), .list_least = (least_), .list_most = (most_), .element = &section_##element_, .standard = "", .help = help_},
#include "common/configuration.def"
#include "common/undef_keys.h"
/* clang-format on */

const struct config_section *config_root(void)
{
    static const struct config_section root = {"", "Ebbtide.", rows_of_root, sizeof(struct config)};
    return &root;
}

const struct config_row *config_row_find(const struct config_section *section, const char *key,
                                         size_t length)
{
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].key) == length && memcmp(rows[i].key, key, length) == 0)
            return &rows[i]; /* cppcheck-suppress returnDanglingLifetime ; rows are static tables */
    return NULL;
}

void *config_at(const struct config_row *row, void *base)
{
    return (char *)base + row->offset;
}

const void *config_at_const(const struct config_row *row, const void *base)
{
    return (const char *)base + row->offset;
}

uint32_t *config_count(const struct config_row *row, void *base)
{
    return (void *)((char *)base + row->count_offset);
}

uint32_t config_count_of(const struct config_row *row, const void *base)
{
    uint32_t count = 0;
    memcpy(&count, (const char *)base + row->count_offset, sizeof count);
    return count;
}

void *config_element(const struct config_row *row, void *base, uint32_t index)
{
    return (char *)config_at(row, base) + index * row->element->size;
}

const void *config_element_const(const struct config_row *row, const void *base, uint32_t index)
{
    return (const char *)config_at_const(row, base) + index * row->element->size;
}

bool config_is_list(const struct config_row *row)
{
    return row->kind == KIND_TEXTS || row->kind == KIND_PAIRS || row->kind == KIND_LABEL_SETS;
}

bool config_is_scalar(const struct config_row *row)
{
    return row->kind < KIND_TEXTS;
}
