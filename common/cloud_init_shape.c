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

/* The characters of a scalar as its reader gets it. An escape that a value brought into a scalar in
 * double quotes makes it shorter than its mask. */
static size_t characters_of(const yaml_event_t *event)
{
    size_t characters = 0;
    for (size_t i = 0; i < event->data.scalar.length; i++)
        characters += (event->data.scalar.value[i] & 0xc0) != 0x80;
    return characters;
}

static bool same_place(const yaml_mark_t *left, const yaml_mark_t *right)
{
    return left->index == right->index && left->line == right->line;
}

/* Both texts have a character for a character: an event must begin and end where the other does. */
static bool same_event(const yaml_event_t *left, const yaml_event_t *right)
{
    if (left->type != right->type || !same_place(&left->start_mark, &right->start_mark) ||
        !same_place(&left->end_mark, &right->end_mark))
        return false;
    return left->type != YAML_SCALAR_EVENT ||
           (left->data.scalar.style == right->data.scalar.style &&
            characters_of(left) == characters_of(right));
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
