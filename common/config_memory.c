/* A configuration's memory: its texts in one chain, its defaults from the table. May not: do I/O.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"

/* The first has no text; each further one holds one. */
struct config_memory {
    struct config_memory *next;
    char text[];
};

const char *config_keep(struct config *config, const char *text)
{
    if (!*text)
        return "";
    size_t length = strlen(text);
    struct config_memory *kept = malloc(sizeof *kept + length + 1);
    if (!kept)
        return NULL;
    memcpy(kept->text, text, length + 1);
    kept->next = config->memory;
    config->memory = kept;
    return kept->text;
}

/* The least elements that a list of sections has, each with its defaults. */
static bool default_elements(struct config *config, const struct config_row *row, void *base)
{
    *config_count(row, base) = row->list_least;
    for (uint32_t i = 0; i < row->list_least; i++)
        if (!config_defaults(config, row->element, config_element(row, base, i)))
            return false;
    return true;
}

static bool default_value(struct config *config, const struct config_row *row, void *base)
{
    if (row->kind == KIND_SECTION)
        return config_defaults(config, row->element, config_at(row, base));
    if (row->kind == KIND_SECTIONS)
        return default_elements(config, row, base);
    if (config_is_list(row)) { /* every list is empty by default: tests hold it */
        *config_count(row, base) = 0;
        return true;
    }
    if (!row->standard || (row->kind == KIND_TEXT && !*row->standard)) {
        if (row->kind == KIND_TEXT)
            memcpy(config_at(row, base), &(const char *){""}, sizeof(const char *));
        return true;
    }
    return config_value_set(config, row, base, row->standard, NULL);
}

bool config_defaults(struct config *config, const struct config_section *section, void *base)
{
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    for (size_t i = 0; i < count; i++)
        if (!default_value(config, &rows[i], base))
            return false;
    return true;
}

struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof *config);
    if (config && !config_defaults(config, config_root(), config)) {
        config_free(config);
        return NULL;
    }
    return config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    while (config->memory) {
        struct config_memory *next = config->memory->next;
        free(config->memory);
        config->memory = next;
    }
    free(config);
}
