/* What has to happen when one configuration takes the place of another. May not: do I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config_table.h"

#define VALUE_BYTES (SETTING_BYTES_MAX + 2)

static void note_text(struct config_changes *changes, const char *path)
{
    size_t used = strlen(changes->text);
    size_t room = sizeof changes->text - used;
    int written = snprintf(changes->text + used, room, "%s%s", used ? ", " : "", path);
    if ((size_t)written >= room) {
        static const char cut[] = "...";
        memcpy(changes->text + sizeof changes->text - sizeof cut, cut, sizeof cut);
    }
}

/* What a change of this row needs. */
static void note_row(struct config_changes *changes, const struct config_row *row)
{
    if (row->reload == RELOAD_ALL)
        changes->restart_roles |= ROLES_WORKERS;
    else if (row->reload == RELOAD_WORKERS)
        changes->restart_roles |= row->readers;
    else
        changes->hot_roles |= row->readers;
    if (row->form == FORM_PATH && row->readers == 0)
        changes->files = true;
}

/* An element came or went: all that it holds changed. */
static void note_element(struct config_changes *changes, const struct config_section *section)
{
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].element)
            note_element(changes, rows[i].element);
        else
            note_row(changes, &rows[i]);
}

static bool same_list(const struct config_row *row, const void *before, const void *after)
{
    char left[VALUE_BYTES];
    char right[VALUE_BYTES];
    uint32_t count = config_count_of(row, before);
    if (count != config_count_of(row, after))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        config_list_text(row, before, i, left, sizeof left);
        config_list_text(row, after, i, right, sizeof right);
        if (strcmp(left, right) != 0)
            return false;
    }
    return true;
}

static bool same_value(const struct config_row *row, const void *before, const void *after)
{
    char left[VALUE_BYTES];
    char right[VALUE_BYTES];
    config_value_text(row, before, left, sizeof left);
    config_value_text(row, after, right, sizeof right);
    return strcmp(left, right) == 0;
}

static void compare(const struct config_section *section, const void *before, const void *after,
                    const char *prefix, struct config_changes *changes);

static void compare_elements(const struct config_row *row, const void *before, const void *after,
                             const char *path, struct config_changes *changes)
{
    char below[CONFIG_PLACE_BYTES_MAX + 16];
    uint32_t old = config_count_of(row, before);
    uint32_t new = config_count_of(row, after);
    for (uint32_t i = 0; i < old && i < new; i++) {
        snprintf(below, sizeof below, "%s[%" PRIu32 "].", path, i);
        compare(row->element, config_element_const(row, before, i),
                config_element_const(row, after, i), below, changes);
    }
    if (old != new) {
        changes->changed++;
        note_text(changes, path);
        note_element(changes, row->element);
    }
}

static void compare_row(const struct config_row *row, const void *before, const void *after,
                        const char *path, struct config_changes *changes)
{
    char below[CONFIG_PLACE_BYTES_MAX + 2];
    if (row->kind == KIND_SECTIONS) {
        compare_elements(row, before, after, path, changes);
    } else if (row->kind == KIND_SECTION) {
        snprintf(below, sizeof below, "%s.", path);
        compare(row->element, config_at_const(row, before), config_at_const(row, after), below,
                changes);
    } else if (config_is_list(row) ? !same_list(row, before, after)
                                   : !same_value(row, before, after)) {
        changes->changed++;
        note_text(changes, path);
        note_row(changes, row);
    }
}

static void compare(const struct config_section *section, const void *before, const void *after,
                    const char *prefix, struct config_changes *changes)
{
    char path[CONFIG_PLACE_BYTES_MAX + 1];
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s%s", prefix, rows[i].key);
        compare_row(&rows[i], before, after, path, changes);
    }
}

void config_differences(const struct config *before, const struct config *after,
                        struct config_changes *changes)
{
    memset(changes, 0, sizeof *changes);
    compare(config_root(), before, after, "", changes);
    changes->hot_roles &= ~changes->restart_roles;
}
