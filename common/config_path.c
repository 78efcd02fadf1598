/* Values by their path: what a worker is sent, and how it takes it. May not: do I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"

/* Where a path has led so far. */
struct place {
    const struct config_section *section;
    void *base;
    const char *rest;
    uint32_t *grown; /* count that this path raised, to be lowered again when it fails */
};

/* Reads `[n]`. */
static bool read_index(const char **text, uint32_t *index)
{
    char *end = NULL;
    if (**text != '[' || (*text)[1] < '0' || (*text)[1] > '9')
        return false;
    unsigned long number = strtoul(*text + 1, &end, 10);
    if (*end != ']' || number > UINT16_MAX)
        return false;
    *text = end + 1;
    *index = (uint32_t)number;
    return true;
}

/* Enters element `index`, which is made with its defaults where it is the next one. */
static bool enter_element(struct config *config, struct place *place, const struct config_row *row,
                          uint32_t index, struct error *error)
{
    uint32_t *count = config_count(row, place->base);
    if (index > *count || index >= row->list_most)
        return error_set(error, "%s has %" PRIu32 " elements of at most %" PRIu32, row->key, *count,
                         row->list_most);
    void *element = config_element(row, place->base, index);
    if (index == *count) {
        memset(element, 0, row->element->size);
        if (!config_defaults(config, row->element, element))
            return error_set(error, "out of memory");
        (*count)++;
        if (!place->grown)
            place->grown = count;
    }
    place->base = element;
    place->section = row->element;
    return true;
}

/* Follows one section's name. The row of a value is left for the caller: *row. */
static bool follow(struct config *config, struct place *place, const struct config_row **row,
                   struct error *error)
{
    size_t length = strcspn(place->rest, ".[");
    uint32_t index = 0;
    *row = config_row_find(place->section, place->rest, length);
    if (!*row)
        return error_set(error, "there is no key %.*s in %s", (int)length, place->rest,
                         *place->section->name ? place->section->name : "the configuration");
    place->rest += length;
    if ((*row)->kind == KIND_SECTION) {
        place->base = config_at(*row, place->base);
        place->section = (*row)->element;
    } else if ((*row)->kind == KIND_SECTIONS) {
        if (!read_index(&place->rest, &index))
            return error_set(error, "%s needs a place as %s[0]", (*row)->key, (*row)->key);
        if (!enter_element(config, place, *row, index, error))
            return false;
    } else {
        return true;
    }
    *row = NULL;
    if (*place->rest != '.')
        return error_set(error, "it names no value");
    place->rest++;
    return true;
}

/* Sets the value that the path has led to. */
static bool put(struct config *config, struct place *place, const struct config_row *row,
                const char *value, struct error *error)
{
    uint32_t index = 0;
    bool list = config_is_list(row);
    if (list && !read_index(&place->rest, &index))
        return error_set(error, "%s needs a place as %s[0]", row->key, row->key);
    if (*place->rest)
        return error_set(error, "nothing comes after %s", row->key);
    return list ? config_list_put(config, row, place->base, index, value, error)
                : config_value_set(config, row, place->base, value, error);
}

bool config_set(struct config *config, const char *path, const char *value, struct error *error)
{
    struct place place = {config_root(), config, path, NULL};
    const struct config_row *row = NULL;
    bool fine = true;
    while (fine && !row)
        fine = follow(config, &place, &row, error);
    if (fine && row && put(config, &place, row, value, error))
        return true;
    if (place.grown)
        (*place.grown)--;
    return error_wrap(error, "%.100s", path);
}

/* ------------------------------------------------------------------------------------ export */

struct export
{
    struct config_settings *out;
    uint32_t room;
    enum role role;
    struct error *error;
    char value[SETTING_BYTES_MAX + 2];
};

static bool make_room(struct export *export)
{
    struct config_settings *out = export->out;
    if (out->count < export->room)
        return true;
    uint32_t room = export->room ? export->room * 2 : 64;
    struct setting *more = realloc(out->setting, room * sizeof *more);
    if (!more)
        return error_set(export->error, "out of memory for the settings of a worker");
    out->setting = more;
    export->room = room;
    return true;
}

static bool add_setting(struct export *export, const char *path, const char *value)
{
    if (export->out->count >= SETTINGS_MAX)
        return error_set(export->error,
                         "a worker can be sent %d values at most: fewer pools, or shorter lists in "
                         "them",
                         SETTINGS_MAX);
    if (strlen(value) > SETTING_BYTES_MAX)
        return error_set(export->error, "%s is longer than %d bytes", path, SETTING_BYTES_MAX);
    if (!make_room(export))
        return false;
    struct setting setting = {strdup(path), strdup(value)};
    export->out->setting[export->out->count++] = setting;
    if (!setting.path || !setting.value)
        return error_set(export->error, "out of memory for the settings of a worker");
    return true;
}

static bool export_list(struct export *export, const struct config_row *row, const void *base,
                        const char *path)
{
    char place[SETTING_PATH_BYTES_MAX + 1];
    uint32_t count = config_count_of(row, base);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(place, sizeof place, "%s[%" PRIu32 "]", path, i);
        if (!config_list_text(row, base, i, export->value, sizeof export->value))
            return error_set(export->error, "%s is longer than %d bytes", place, SETTING_BYTES_MAX);
        if (!add_setting(export, place, export->value))
            return false;
    }
    return true;
}

static bool export_row(const struct config_row *row, const void *base, const char *path,
                       void *argument)
{
    struct export *export = argument;
    if (!(row->readers & ROLE_BIT(export->role)))
        return true;
    if (config_is_list(row))
        return export_list(export, row, base, path);
    if (!config_value_text(row, base, export->value, sizeof export->value))
        return error_set(export->error, "%s is longer than %d bytes", path, SETTING_BYTES_MAX);
    return add_setting(export, path, export->value);
}

bool config_export(const struct config *config, enum role role, struct config_settings *out,
                   struct error *error)
{
    *out = (struct config_settings){NULL, 0};
    struct export export = {.out = out, .role = role, .error = error};
    if (config_walk(config, export_row, &export))
        return true;
    config_settings_free(out);
    return false;
}

void config_settings_free(struct config_settings *settings)
{
    for (uint32_t i = 0; i < settings->count; i++) {
        free((void *)(uintptr_t)settings->setting[i].path);
        free((void *)(uintptr_t)settings->setting[i].value);
    }
    free(settings->setting);
    *settings = (struct config_settings){NULL, 0};
}

struct config *config_import(const struct setting *setting, uint32_t count, struct error *error)
{
    struct config *config = config_new();
    if (config == NULL) {
        error_set(error, "no memory for the configuration");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!config_set(config, setting[i].path, setting[i].value, error)) {
            config_free(config);
            return NULL;
        }
    }
    return config;
}
