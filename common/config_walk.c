/* Every row of a configuration, one after the other, with its path; what a change needs; what
 * follows from a configuration. May not: do I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config_table.h"
#include "common/names.h"

struct walk {
    config_visit *visit;
    void *argument;
};

static bool walk_section(const struct walk *walk, const struct config_section *section,
                         const void *base, const char *prefix);

static bool walk_elements(const struct walk *walk, const struct config_row *row, const void *base,
                          const char *path)
{
    char place[CONFIG_PLACE_BYTES_MAX + 16];
    uint32_t count = config_count_of(row, base);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(place, sizeof place, "%s[%" PRIu32 "].", path, i);
        if (!walk_section(walk, row->element, config_element_const(row, base, i), place))
            return false;
    }
    return true;
}

static bool walk_row(const struct walk *walk, const struct config_row *row, const void *base,
                     const char *path)
{
    char below[CONFIG_PLACE_BYTES_MAX + 2];
    if (row->kind == KIND_SECTIONS)
        return walk_elements(walk, row, base, path);
    if (row->kind != KIND_SECTION)
        return walk->visit(row, base, path, walk->argument);
    snprintf(below, sizeof below, "%s.", path);
    return walk_section(walk, row->element, config_at_const(row, base), below);
}

/* prefix: "" or what stands before its keys, the dot included. Sections lie in sections at most
 * twice. */
static bool walk_section(const struct walk *walk, const struct config_section *section,
                         const void *base, const char *prefix)
{
    char path[CONFIG_PLACE_BYTES_MAX + 1];
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s%s", prefix, rows[i].key);
        if (!walk_row(walk, &rows[i], base, path))
            return false;
    }
    return true;
}

bool config_walk(const struct config *config, config_visit *visit, void *argument)
{
    struct walk walk = {visit, argument};
    return walk_section(&walk, config_root(), config, "");
}

/* --------------------------------------------------------------------- what follows from it */

bool config_server_selector(const struct config *config, char *out, size_t size)
{
    int written = snprintf(out, size, "%s=%s,%s=%s", SERVER_LABEL_MANAGED,
                           SERVER_LABEL_MANAGED_VALUE, SERVER_LABEL_CLUSTER, config->cluster);
    size_t used = (size_t)written;
    for (uint32_t i = 0; i < config->hetzner.labels_count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, ",%s=%s", config->hetzner.labels[i].key,
                                 config->hetzner.labels[i].value);
    return used < size;
}

bool config_state_path(const struct config *config, const char *name, char *out, size_t size)
{
    int written = name[0] == '/' ? snprintf(out, size, "%s", name)
                                 : snprintf(out, size, "%s/%s", config->files.state_dir, name);
    return written > 0 && (size_t)written < size;
}
