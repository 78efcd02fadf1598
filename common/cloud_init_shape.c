/* Compares two YAML texts event by event. */
#include "common/cloud_init_shape.h"

#include <string.h>
#include <yaml.h>

static bool next_event(yaml_parser_t *parser, yaml_event_t *event, const char *name,
                       struct error *error)
{
    if (yaml_parser_parse(parser, event))
        return true;
    return error_set(error, "%s: rendered, it is no YAML: %s at line %zu", name,
                     parser->problem ? parser->problem : "unreadable",
                     parser->problem_mark.line + 1);
}

/* Lines in block scalars count as structure: a value must not add one. */
static size_t lines_of(const yaml_event_t *event)
{
    size_t lines = 0;
    if (event->type == YAML_SCALAR_EVENT)
        for (size_t i = 0; i < event->data.scalar.length; i++)
            lines += event->data.scalar.value[i] == '\n';
    return lines;
}

static bool same_event(const yaml_event_t *left, const yaml_event_t *right)
{
    return left->type == right->type && left->start_mark.line == right->start_mark.line &&
           lines_of(left) == lines_of(right) &&
           (left->type != YAML_SCALAR_EVENT || left->data.scalar.style == right->data.scalar.style);
}

/* Walks both until their ends, or until they differ. */
static bool walk(yaml_parser_t *left, yaml_parser_t *right, const char *name, struct error *error)
{
    bool ended = false;
    while (!ended) {
        yaml_event_t a;
        yaml_event_t b;
        if (!next_event(left, &a, name, error))
            return false;
        if (!next_event(right, &b, name, error)) {
            yaml_event_delete(&a);
            return false;
        }
        bool same = same_event(&a, &b);
        size_t line = b.start_mark.line + 1;
        ended = a.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&a);
        yaml_event_delete(&b);
        if (!same)
            return error_set(
                error,
                "%s: a value breaks out of its place at line %zu of the result; put the "
                "variable into a block (|) or alone after its key",
                name, line);
    }
    return true;
}

bool cloud_init_same_shape(const char *template_text, size_t template_length, const char *made,
                           size_t made_length, const char *name, struct error *error)
{
    yaml_parser_t left;
    yaml_parser_t right;
    if (!yaml_parser_initialize(&left))
        return error_set(error, "%s: out of memory", name);
    if (!yaml_parser_initialize(&right)) {
        yaml_parser_delete(&left);
        return error_set(error, "%s: out of memory", name);
    }
    yaml_parser_set_input_string(&left, (const unsigned char *)template_text, template_length);
    yaml_parser_set_input_string(&right, (const unsigned char *)made, made_length);
    bool same = walk(&left, &right, name, error);
    yaml_parser_delete(&left);
    yaml_parser_delete(&right);
    return same;
}
