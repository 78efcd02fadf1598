/* The reader of a configuration file, for config_read.c, config_nodes.c and config_combine.c only:
 * the YAML document, the configuration being made, where each value stands, and the mistakes so
 * far. May not: be kept after the reading. */
#ifndef EBBTIDE_COMMON_CONFIG_READ_H
#define EBBTIDE_COMMON_CONFIG_READ_H

#include <yaml.h>

#include "common/config_table.h"

/* Where the file says a value; bad when it was refused. */
struct config_mark {
    const void *field;
    unsigned line, column;
    bool bad;
};

struct config_reader {
    yaml_document_t *document;
    struct config *config;
    struct config_problems *problems;
    struct config_mark *mark;
    size_t mark_count, mark_room;
};

/* Remembers where a value (or a section's struct) stands. */
void config_reader_mark(struct config_reader *reader, const void *field, const yaml_node_t *node,
                        bool bad);

/* Reports a mistake at a node; NULL: at the file's beginning. */
void config_reader_problem_at(struct config_reader *reader, const yaml_node_t *node,
                              const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Reads a section's mapping into the struct at base. node NULL: the file does not have the section;
 * at: where to report what is missing. path: "" or "gitea.". (config_nodes.c) */
void config_read_section(struct config_reader *reader, const struct config_section *section,
                         void *base, const yaml_node_t *node, const yaml_node_t *at,
                         const char *path);

#endif
