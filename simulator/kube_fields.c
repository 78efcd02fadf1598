/* What a list or watch selects: namespace, labels, fields. Works on the objects' JSON, so that
 * lists and watches agree. May not touch the world. */
#include "simulator/kube_private.h"

#include <stdio.h>
#include <string.h>

static const json_t *value_at(const json_t *object, const char *path)
{
    while (object != NULL) {
        char key[48];
        size_t length = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        object = json_object_get(object, key);
        if (path[length] == '\0')
            return object;
        path += length + 1;
    }
    return NULL;
}

const char *kube_text_at(const json_t *object, const char *path)
{
    const json_t *value = value_at(object, path);
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    const char *text = json_string_value(value);
    if (text != NULL)
        return text;
    return strcmp(path, "spec.unschedulable") == 0 ? "false" : "";
}

static bool is_known(const struct kube_kind *kind, const char *path)
{
    for (size_t i = 0; kind->fields != NULL && kind->fields[i] != NULL; i++) {
        if (strcmp(kind->fields[i], path) == 0)
            return true;
    }
    return false;
}

static bool refuse(struct exchange *exchange, const char *message)
{
    kube_status(exchange, 400, "BadRequest", message, NULL);
    return false;
}

/* One `path=value`, `path==value` or `path!=value`. */
static bool add_field(struct exchange *exchange, struct kube_selection *out, const char *term,
                      size_t length)
{
    size_t i = out->field_count, key = strcspn(term, "=!");
    char text[200];
    if (key >= length || i == KUBE_FIELD_TERMS_MAX || key >= sizeof out->fields[i].path ||
        (term[key] == '!' && term[key + 1] != '='))
        return refuse(exchange, "invalid field selector");
    size_t value = key + (term[key] == '!' || term[key + 1] == '=' ? 2 : 1);
    if (length - value >= sizeof out->fields[i].value)
        return refuse(exchange, "invalid field selector");
    snprintf(out->fields[i].path, sizeof out->fields[i].path, "%.*s", (int)key, term);
    snprintf(out->fields[i].value, sizeof out->fields[i].value, "%.*s", (int)(length - value),
             term + value);
    out->fields[i].negated = term[key] == '!';
    if (!is_known(out->kind, out->fields[i].path)) {
        snprintf(text, sizeof text, "field label not supported: %s", out->fields[i].path);
        return refuse(exchange, text);
    }
    out->field_count++;
    return true;
}

static bool read_fields(struct exchange *exchange, struct kube_selection *out)
{
    const char *at = exchange_query(exchange, "fieldSelector");
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, ",");
        if (length > 0 && !add_field(exchange, out, at, length))
            return false;
        at += length + (at[length] == ',');
    }
    return true;
}

bool kube_read_selection(struct exchange *exchange, const struct kube_kind *kind,
                         struct kube_selection *out)
{
    const char *space = exchange_parameter(exchange, "namespace");
    const char *labels = exchange_query(exchange, "labelSelector");
    char text[400];
    *out = (struct kube_selection){.kind = kind};
    if (space != NULL)
        snprintf(out->namespace_name, sizeof out->namespace_name, "%s", space);
    if (!selector_parse(&out->labels, labels)) {
        snprintf(text, sizeof text, "unable to parse requirement: invalid label selector %.200s",
                 labels);
        return refuse(exchange, text);
    }
    return read_fields(exchange, out);
}

bool kube_selects(const struct kube_selection *selection, const json_t *object)
{
    struct world_pair pairs[WORLD_MAP_PAIRS_MAX];
    struct world_map labels;
    if (selection->namespace_name[0] != '\0' &&
        strcmp(kube_text_at(object, "metadata.namespace"), selection->namespace_name) != 0)
        return false;
    if (selection->labels.term_count > 0) {
        api_read_map(value_at(object, "metadata.labels"), pairs, &labels);
        if (!selector_matches(&selection->labels, &labels))
            return false;
    }
    for (size_t i = 0; i < selection->field_count; i++) {
        bool same = strcmp(kube_text_at(object, selection->fields[i].path),
                           selection->fields[i].value) == 0;
        if (same == selection->fields[i].negated)
            return false;
    }
    return true;
}
