/* Renders a server's user data from its template. */
#include "common/cloud_init.h"

#include <stdlib.h>
#include <string.h>

#include "common/cloud_init_shape.h"

#define VARIABLE_BYTES_MAX 32

/* Where the result grows: never moved, so that no copy of the token stays behind. */
struct output {
    char *text;
    size_t length;
    bool full;
};

/* What is rendered and how: harmless takes an `x` for each character of a value, to learn the
 * template's own structure, and where each of its parts stands. */
struct rendering {
    const struct cloud_init_values *values;
    struct output *out;
    bool harmless;
    struct error *error;
};

static void put(struct output *out, const char *text, size_t length)
{
    if (length > CLOUD_INIT_BYTES_MAX - out->length) {
        out->full = true;
        return;
    }
    memcpy(out->text + out->length, text, length);
    out->length += length;
}

static void put_text(struct output *out, const char *text)
{
    put(out, text, strlen(text));
}

/* Why a value cannot stand in single quotes, or NULL. */
static const char *unquotable(const char *value)
{
    for (; *value; value++) {
        if (*value == '\'')
            return "holds a single quote";
        if ((unsigned char)*value < 32 || *value == 127)
            return "holds a control character";
    }
    return NULL;
}

/* As many `x` as the value has characters: all bytes but those that continue one (UTF-8). */
static void put_masked(struct output *out, const char *value)
{
    for (; *value; value++)
        if (((unsigned char)*value & 0xc0) != 0x80)
            put(out, "x", 1);
}

/* One value in single quotes. The value itself is not shown: it may be the token. */
static bool put_value(struct rendering *r, const char *what, const char *value)
{
    const char *why = unquotable(value);
    if (why)
        return error_set(r->error, "the value of %s %s and cannot be written safely", what, why);
    put_text(r->out, "'");
    if (r->harmless)
        put_masked(r->out, value);
    else
        put_text(r->out, value);
    put_text(r->out, "'");
    return true;
}

static bool put_name(struct rendering *r)
{
    return put_value(r, "name", r->values->name);
}

static bool put_server_url(struct rendering *r)
{
    return put_value(r, "server_url", r->values->pool->server_url);
}

static bool put_token_file(struct rendering *r)
{
    return put_value(r, "token_file", CLOUD_INIT_TOKEN_FILE);
}

static bool put_token(struct rendering *r)
{
    return put_value(r, "token", r->values->token ? r->values->token : CLOUD_INIT_MASK);
}

static bool put_k3s_version(struct rendering *r)
{
    return put_value(r, "k3s_version", r->values->pool->k3s_version);
}

/* ['managed-by=ebbtide', 'team=ci']: kube.node_label and the pool's. */
static bool put_labels(struct rendering *r)
{
    const struct config_pool *pool = r->values->pool;
    char label[LABEL_KEY_BYTES_MAX + LABEL_VALUE_BYTES_MAX + 2];
    put_text(r->out, "[");
    if (!put_value(r, "labels", r->values->config->kube.node_label))
        return false;
    for (uint32_t i = 0; i < pool->labels_count; i++) {
        snprintf(label, sizeof label, "%s=%s", pool->labels[i].key, pool->labels[i].value);
        put_text(r->out, ", ");
        if (!put_value(r, "labels", label))
            return false;
    }
    put_text(r->out, "]");
    return true;
}

static bool put_taints(struct rendering *r)
{
    const struct config_pool *pool = r->values->pool;
    put_text(r->out, "[");
    for (uint32_t i = 0; i < pool->taints_count; i++) {
        put_text(r->out, i ? ", " : "");
        if (!put_value(r, "taints", pool->taints[i]))
            return false;
    }
    put_text(r->out, "]");
    return true;
}

/* Shell words: '--a=b' '--c'. */
static bool put_agent_args(struct rendering *r)
{
    const struct config_pool *pool = r->values->pool;
    for (uint32_t i = 0; i < pool->agent_args_count; i++) {
        put_text(r->out, i ? " " : "");
        if (!put_value(r, "agent_args", pool->agent_args[i]))
            return false;
    }
    return true;
}

static const struct {
    const char *name;
    bool (*put)(struct rendering *);
} variables[] = {
    {"name", put_name},     {"server_url", put_server_url},   {"token_file", put_token_file},
    {"token", put_token},   {"k3s_version", put_k3s_version}, {"labels", put_labels},
    {"taints", put_taints}, {"agent_args", put_agent_args},
};

static bool put_variable(struct rendering *r, const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (strlen(variables[i].name) == length && memcmp(variables[i].name, name, length) == 0)
            return variables[i].put(r);
    return error_set(
        r->error,
        "there is no variable {{%.*s}}; there are name, server_url, token_file, token, "
        "k3s_version, labels, taints, agent_args",
        (int)(length < VARIABLE_BYTES_MAX ? length : VARIABLE_BYTES_MAX), name);
}

/* ------------------------------------------------------------------------------- the template */

/* The place of `needle` before end, or NULL. */
static const char *find(const char *at, const char *end, const char *needle)
{
    return memmem(at, (size_t)(end - at), needle, strlen(needle));
}

/* A variable that begins at `at` ({{). Returns what follows it, or NULL with the error set. */
static const char *render_variable(struct rendering *r, const char *at, const char *end)
{
    const char *name = at + 2;
    const char *close = find(name, end, "}}");
    if (!close || memchr(name, '\n', (size_t)(close - name))) {
        error_set(r->error, "{{ without }} on the same line");
        return NULL;
    }
    size_t length = (size_t)(close - name);
    while (length && *name == ' ')
        name++, length--;
    while (length && name[length - 1] == ' ')
        length--;
    return put_variable(r, name, length) ? close + 2 : NULL;
}

static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

static bool render(struct rendering *r, const char *text, size_t length, const char *name)
{
    const char *end = text + length;
    const char *at = text;
    while (at < end) {
        const char *variable = find(at, end, "{{");
        put(r->out, at, (size_t)((variable ? variable : end) - at));
        if (!variable)
            break;
        at = render_variable(r, variable, end);
        if (!at)
            return error_wrap(r->error, "%s:%u", name, line_of(text, variable));
    }
    if (r->out->full)
        return error_set(
            r->error,
            "%s: the user data is larger than %zu bytes, which is all that Hetzner takes; "
            "shorten the template, or the pool's labels, taints and agent_args",
            name, CLOUD_INIT_BYTES_MAX);
    r->out->text[r->out->length] = '\0';
    return true;
}

/* Renders into a new buffer; NULL with the error set. */
static char *render_one(const char *text, size_t length, const char *name,
                        const struct cloud_init_values *values, bool harmless, size_t *out_length,
                        struct error *error)
{
    struct output out = {malloc(CLOUD_INIT_BYTES_MAX + 1), 0, false};
    struct rendering r = {values, &out, harmless, error};
    if (!out.text) {
        error_set(error, "%s: out of memory", name);
        return NULL;
    }
    if (!render(&r, text, length, name)) {
        cloud_init_free(out.text, CLOUD_INIT_BYTES_MAX);
        return NULL;
    }
    *out_length = out.length;
    return out.text;
}

static bool begins_as_cloud_config(const char *text, size_t length)
{
    static const char start[] = "#cloud-config";
    size_t size = sizeof start - 1;
    return length > size && memcmp(text, start, size) == 0 &&
           (text[size] == '\n' || text[size] == '\r' || text[size] == ' ');
}

/* Whether the values left the template's structure as it is. */
static bool keeps_shape(const char *text, size_t length, const char *name,
                        const struct cloud_init_values *values, const char *made,
                        size_t made_length, struct error *error)
{
    size_t harmless_length = 0;
    char *harmless = render_one(text, length, name, values, true, &harmless_length, error);
    bool same = harmless &&
                cloud_init_same_shape(harmless, harmless_length, made, made_length, name, error);
    cloud_init_free(harmless, harmless_length);
    return same;
}

bool cloud_init_render(const char *template_text, size_t template_length,
                       const char *name_of_template, const struct cloud_init_values *values,
                       char **out, size_t *length, struct error *error)
{
    *out = NULL;
    *length = 0;
    if (!begins_as_cloud_config(template_text, template_length))
        return error_set(error,
                         "%s:1: expected #cloud-config as the first line, or cloud-init ignores it",
                         name_of_template);
    if (memchr(template_text, '\0', template_length))
        return error_set(error, "%s: holds a NUL character", name_of_template);
    size_t made_length = 0;
    char *made = render_one(template_text, template_length, name_of_template, values, false,
                            &made_length, error);
    if (!made)
        return false;
    if (!keeps_shape(template_text, template_length, name_of_template, values, made, made_length,
                     error)) {
        cloud_init_free(made, made_length);
        return false;
    }
    *out = made;
    *length = made_length;
    return true;
}

void cloud_init_free(char *text, size_t length)
{
    if (text)
        explicit_bzero(text, length);
    free(text);
}

bool cloud_init_check(const char *template_text, size_t template_length,
                      const char *name_of_template, const struct config *config,
                      const struct config_pool *pool, struct error *error)
{
    char longest_name[64];
    memset(longest_name, 'n', sizeof longest_name - 1);
    longest_name[sizeof longest_name - 1] = '\0';
    struct cloud_init_values values = {config, pool, longest_name, NULL};
    char *made = NULL;
    size_t length = 0;
    bool fine = cloud_init_render(template_text, template_length, name_of_template, &values, &made,
                                  &length, error);
    cloud_init_free(made, length);
    return fine;
}
