/* Fuzzes the rendering of a server's user data. Whatever the template and the values are, rendering
 * ends; it says why where it refuses, without the token; what it makes is YAML of at most 32 KiB,
 * of the structure that harmless values give, and the join token stands in it whole, exactly where
 * another token would.
 *
 * The input: eight lines of values (name, token, server_url, k3s_version, node label, a pool label
 * KEY=VALUE, taint, agent argument), then the template. */
#include "common/cloud_init.h"

#include <yaml.h>

#include "tests/fuzz/fuzz.h"

#define VALUES      8
#define VALUE_BYTES 240
/* A token that no YAML and no template changes; and the least length of one that is looked for. */
#define PLAIN_TOKEN       "K10hushhushhush"
#define TOKEN_BYTES_LEAST 6

enum { NAME, TOKEN, SERVER_URL, K3S_VERSION, NODE_LABEL, LABEL, TAINT, ARGUMENT };

struct input {
    char value[VALUES][VALUE_BYTES + 1];
    const char *template_text;
    size_t template_length;
};

static void read_input(struct input *in, const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    memset(in, 0, sizeof *in);
    for (unsigned i = 0; i < VALUES && at < end; i++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop == NULL ? end : stop) - at);
        memcpy(in->value[i], at, length < VALUE_BYTES ? length : VALUE_BYTES);
        at = stop == NULL ? end : stop + 1;
    }
    in->template_text = at;
    in->template_length = (size_t)(end - at);
}

/* ------------------------------------------------------------------------- what is looked at */

/* A count of each kind of YAML event, and how often a text stands in scalars. */
struct found {
    bool is_yaml;
    size_t events[YAML_MAPPING_END_EVENT + 1];
    size_t texts;
};

static size_t times(const void *bytes, size_t length, const char *text)
{
    size_t count = 0;
    const char *at = bytes, *end = at + length;
    while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
        at += strlen(text);
        count++;
    }
    return count;
}

static struct found look(const char *yaml, size_t length, const char *text)
{
    struct found found = {.is_yaml = true};
    yaml_parser_t parser;
    yaml_event_t event;
    bool ended = false;
    PROMISE(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, length);
    while (!ended && (found.is_yaml = yaml_parser_parse(&parser, &event) == 1)) {
        found.events[event.type]++;
        if (event.type == YAML_SCALAR_EVENT)
            found.texts += times(event.data.scalar.value, event.data.scalar.length, text);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return found;
}

/* ---------------------------------------------------------------------------------- rendering */

static void configure(struct input *in, struct config *config)
{
    struct config_pool *pool = &config->pools[0];
    char *sign = strchr(in->value[LABEL], '=');
    if (sign != NULL)
        *sign = '\0';
    config->pools_count = 1;
    config->kube.node_label = in->value[NODE_LABEL];
    pool->server_url = in->value[SERVER_URL];
    pool->k3s_version = in->value[K3S_VERSION];
    pool->labels[0] = (struct config_pair){in->value[LABEL], sign == NULL ? "" : sign + 1};
    pool->labels_count = in->value[LABEL][0] != '\0';
    pool->taints[0] = in->value[TAINT];
    pool->taints_count = in->value[TAINT][0] != '\0';
    pool->agent_args[0] = in->value[ARGUMENT];
    pool->agent_args_count = in->value[ARGUMENT][0] != '\0';
}

/* NULL where it was refused. */
static char *render(const struct input *in, const struct config *config, const char *token,
                    size_t *length)
{
    struct error error = {""};
    char *out = NULL, *copy = fuzz_copy(in->template_text, in->template_length);
    struct cloud_init_values values = {config, &config->pools[0], in->value[NAME], token};
    bool good = cloud_init_render(copy, in->template_length, "T", &values, &out, length, &error);
    PROMISE(good == (out != NULL));
    if (good)
        PROMISE(*length <= CLOUD_INIT_BYTES_MAX && strlen(out) == *length);
    else
        promise_words(error.text);
    /* The template and other values may be quoted; the token never is. */
    if (!good && token != NULL && strcmp(token, PLAIN_TOKEN) == 0 &&
        times(in->template_text, in->template_length, token) == 0)
        PROMISE(strstr(error.text, token) == NULL);
    free(copy);
    return out;
}

/* The token as it came stands where the plain one stands, as often, and nothing else has changed.
 */
static void compare(const struct input *in, const char *made, size_t made_length, const char *plain,
                    size_t plain_length)
{
    const char *token = in->value[TOKEN];
    struct found expected = look(plain, plain_length, PLAIN_TOKEN);
    struct found got = look(made, made_length, token);
    PROMISE(expected.is_yaml && got.is_yaml);
    PROMISE(memcmp(expected.events, got.events, sizeof got.events) == 0);
    PROMISE(times(made, made_length, token) == times(plain, plain_length, PLAIN_TOKEN));
    PROMISE(got.texts == expected.texts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct input in;
    struct config *config = config_new();
    PROMISE(config != NULL);
    read_input(&in, data, size);
    configure(&in, config);
    size_t made_length = 0, plain_length = 0;
    const char *token = in.value[TOKEN];
    char *made = render(&in, config, token, &made_length);
    char *plain = render(&in, config, PLAIN_TOKEN, &plain_length);
    /* Where the token's own bytes stand in what surrounds it they cannot be counted. */
    if (made != NULL && plain != NULL && strlen(token) >= TOKEN_BYTES_LEAST &&
        times(plain, plain_length, token) == 0 &&
        times(PLAIN_TOKEN, sizeof PLAIN_TOKEN, token) == 0 && times(data, size, PLAIN_TOKEN) == 0)
        compare(&in, made, made_length, plain, plain_length);
    cloud_init_free(made, made_length);
    cloud_init_free(plain, plain_length);
    config_free(config);
    return 0;
}
