/* Reads a configuration file: YAML, then the table, then what fits together. Every mistake is kept
 * with its place, and all are given back in the order of the file. */
#include "common/config_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --------------------------------------------------------------------------------- mistakes */

static void keep_problem(struct config_problems *problems, unsigned line, unsigned column,
                         const char *text)
{
    if (problems->count == CONFIG_PROBLEMS_MAX) {
        problems->dropped++;
        return;
    }
    struct config_problem *problem = &problems->problem[problems->count++];
    problem->line = line;
    problem->column = column;
    snprintf(problem->text, sizeof problem->text, "%s", text);
    for (char *c = problem->text; *c; c++) /* a key may hold anything: it must not forge a line */
        if ((unsigned char)*c < 32 || *c == 127)
            *c = '?';
}

static void problem_at(struct config_problems *problems, unsigned line, unsigned column,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

static void problem_at(struct config_problems *problems, unsigned line, unsigned column,
                       const char *format, ...)
{
    char text[CONFIG_PROBLEM_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    keep_problem(problems, line, column, text);
}

void config_reader_problem_at(struct config_reader *reader, const yaml_node_t *node,
                              const char *format, ...)
{
    char text[CONFIG_PROBLEM_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    keep_problem(reader->problems, node ? (unsigned)node->start_mark.line + 1 : 1,
                 node ? (unsigned)node->start_mark.column + 1 : 1, text);
}

void config_reader_mark(struct config_reader *reader, const void *field, const yaml_node_t *node,
                        bool bad)
{
    if (reader->mark_count == reader->mark_room) {
        size_t room = reader->mark_room ? reader->mark_room * 2 : 128;
        struct config_mark *more = realloc(reader->mark, room * sizeof *more);
        if (!more) {
            config_reader_problem_at(reader, node, "out of memory");
            return;
        }
        reader->mark = more;
        reader->mark_room = room;
    }
    reader->mark[reader->mark_count++] = (struct config_mark){
        field, (unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1, bad};
}

/* The last mark of a field; a section's first value shares its address and is marked later. */
static const struct config_mark *find_mark(const struct config_reader *reader, const void *field)
{
    for (size_t i = reader->mark_count; i > 0; i--)
        if (reader->mark[i - 1].field == field)
            return &reader->mark[i - 1];
    return NULL;
}

void config_reader_problem(struct config_reader *reader, const void *field, const void *section,
                           const char *format, ...)
{
    const struct config_mark *mark = find_mark(reader, field);
    if (!mark)
        mark = find_mark(reader, section);
    char text[CONFIG_PROBLEM_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    keep_problem(reader->problems, mark ? mark->line : 1, mark ? mark->column : 1, text);
}

bool config_reader_fine(const struct config_reader *reader, const void *field)
{
    const struct config_mark *mark = find_mark(reader, field);
    return !mark || !mark->bad;
}

static int by_place(const void *left, const void *right)
{
    const struct config_problem *a = left;
    const struct config_problem *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return strcmp(a->text, b->text);
}

/* ------------------------------------------------------------------------------------- YAML */

static void yaml_problem(const yaml_parser_t *parser, struct config_problems *problems)
{
    const char *what = parser->problem ? parser->problem : "it cannot be read";
    const yaml_mark_t *mark = &parser->problem_mark;
    if (parser->error == YAML_READER_ERROR)
        problem_at(problems, 0, 0, "not YAML: %s (at byte %zu); the file must be UTF-8", what,
                   parser->problem_offset);
    else if (parser->error == YAML_MEMORY_ERROR)
        problem_at(problems, 0, 0, "out of memory");
    else
        problem_at(problems, (unsigned)mark->line + 1, (unsigned)mark->column + 1,
                   "not YAML: %s%s%s", what, parser->context ? ", " : "",
                   parser->context ? parser->context : "");
}

/* Whether nothing but the end follows the first document. */
static void only_one_document(yaml_parser_t *parser, struct config_problems *problems)
{
    yaml_document_t second;
    if (!yaml_parser_load(parser, &second)) {
        yaml_problem(parser, problems);
        return;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    if (root)
        problem_at(problems, (unsigned)root->start_mark.line + 1,
                   (unsigned)root->start_mark.column + 1,
                   "a second document begins here; the configuration is one");
    yaml_document_delete(&second);
}

static void read_document(yaml_document_t *document, struct config *config,
                          struct config_problems *problems)
{
    struct config_reader reader = {.document = document, .config = config, .problems = problems};
    const yaml_node_t *root = yaml_document_get_root_node(document);
    config_read_section(&reader, config_root(), config, root, root, "");
    config_combine(&reader, config);
    free(reader.mark);
}

static void read_text(const char *text, size_t length, struct config *config,
                      struct config_problems *problems)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (!yaml_parser_initialize(&parser)) {
        problem_at(problems, 0, 0, "out of memory");
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    if (yaml_parser_load(&parser, &document)) {
        read_document(&document, config, problems);
        yaml_document_delete(&document);
        only_one_document(&parser, problems);
    } else {
        yaml_problem(&parser, problems);
    }
    yaml_parser_delete(&parser);
}

bool config_parse(const char *text, size_t length, struct config **config,
                  struct config_problems *problems)
{
    problems->count = 0;
    problems->dropped = 0;
    *config = NULL;
    struct config *made = length <= CONFIG_FILE_BYTES_MAX ? config_new() : NULL;
    if (made)
        read_text(text, length, made, problems);
    else if (length > CONFIG_FILE_BYTES_MAX)
        problem_at(problems, 0, 0, "longer than %zu bytes", CONFIG_FILE_BYTES_MAX);
    else
        problem_at(problems, 0, 0, "out of memory");
    if (problems->count == 0) {
        *config = made;
        return true;
    }
    config_free(made);
    qsort(problems->problem, problems->count, sizeof *problems->problem, by_place);
    return false;
}

/* ------------------------------------------------------------------------------------- file */

/* All of a regular file, at most a byte more than a configuration may have; NULL with errno set. */
static char *read_file(int descriptor, size_t *length)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return NULL;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    ssize_t got = 1;
    for (*length = 0; text && got > 0 && *length <= CONFIG_FILE_BYTES_MAX; *length += (size_t)got) {
        got = read(descriptor, text + *length, CONFIG_FILE_BYTES_MAX + 1 - *length);
        if (got < 0) {
            free(text);
            return NULL;
        }
    }
    return text;
}

bool config_load(const char *path, struct config **config, struct config_problems *problems)
{
    problems->count = 0;
    problems->dropped = 0;
    *config = NULL;
    size_t length = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = descriptor >= 0 ? read_file(descriptor, &length) : NULL;
    int number = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (!text) {
        problem_at(problems, 0, 0, "cannot be read: %s%s", strerror(number),
                   number == ENOENT ? "; copy /etc/ebbtide/ebbtide.example.yaml, or what `ebbtide "
                                      "example-config` prints, and go on with docs/first-hour.md"
                                    : "");
        return false;
    }
    bool fine = config_parse(text, length, config, problems);
    free(text);
    return fine;
}

void config_problems_print(const struct config_problems *problems, const char *path, FILE *out)
{
    for (uint32_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->problem[i];
        if (problem->line)
            fprintf(out, "%s:%u:%u: %s\n", path, problem->line, problem->column, problem->text);
        else
            fprintf(out, "%s: %s\n", path, problem->text);
    }
    if (problems->dropped)
        fprintf(out, "%s: %" PRIu32 " more mistakes are not shown\n", path, problems->dropped);
}
