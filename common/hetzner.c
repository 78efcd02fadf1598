/* Hetzner Cloud's paths, and what its errors mean. May not: do I/O, log. */
#include "common/hetzner.h"

#include "common/json_read.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------- paths */

static void begin(struct url_path *out, const char *text)
{
    *out = (struct url_path)URL_PATH_EMPTY;
    url_add(out, text);
}

static void add_page(struct url_path *out, unsigned page)
{
    url_add(out, "page=");
    url_add_u64(out, page);
    url_add(out, "&per_page=");
    url_add_u64(out, HETZNER_PAGE_MAX);
}

void hetzner_path_servers(struct url_path *out, const char *selector, unsigned page)
{
    begin(out, "/servers?label_selector=");
    url_add_escaped(out, selector);
    url_add(out, "&sort=id:asc&");
    add_page(out, page);
}

void hetzner_path_server_by_name(struct url_path *out, const char *name)
{
    begin(out, "/servers?name=");
    url_add_escaped(out, name);
}

void hetzner_path_server(struct url_path *out, uint64_t id)
{
    begin(out, "/servers/");
    url_add_u64(out, id);
}

void hetzner_path_create(struct url_path *out)
{
    begin(out, "/servers");
}

void hetzner_path_action(struct url_path *out, uint64_t id)
{
    begin(out, "/actions/");
    url_add_u64(out, id);
}

void hetzner_path_server_types(struct url_path *out, unsigned page)
{
    begin(out, "/server_types?");
    add_page(out, page);
}

void hetzner_path_failed_actions(struct url_path *out)
{
    begin(out, "/servers/actions?status=error&sort=id:desc&");
    add_page(out, 1);
}

void hetzner_path_pricing(struct url_path *out)
{
    begin(out, "/pricing");
}

/* ---------------------------------------------------------------------------------- refusals */

struct code {
    const char *word;
    enum trouble trouble;
    const char *advice;
};

static const struct code codes[] = {
#define CODE(word, trouble, advice) {word, trouble, advice},
#include "common/hetzner_codes.def"
#undef CODE
};

static const struct code *find_code(const char *word)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i].word, word) == 0)
            return &codes[i];
    return NULL;
}

/* "server type is invalid: server_type must be ..." from details.fields and details.limits. */
static void say_details(const json_t *details, char *out, size_t size)
{
    size_t length = strlen(out), index;
    const json_t *list = json_array_of(details, "fields"), *element;
    if (list == NULL)
        list = json_array_of(details, "limits");
    json_array_foreach(list, index, element) {
        const char *name = json_text_of(element, "name");
        const char *why = json_string_value(json_array_get(json_array_of(element, "messages"), 0));
        int added = snprintf(out + length, size - length, "%s %.40s%s%.80s", index == 0 ? ":" : ",",
                             name, why == NULL ? "" : " ", why == NULL ? "" : why);
        if (added < 0 || (size_t)added >= size - length)
            return;
        length += (size_t)added;
    }
}

static void judge(const struct http_answer *answer, const char *doing, const json_t *top,
                  struct api_trouble *out)
{
    const json_t *error = json_object_of(top, "error");
    const char *word = json_text_of(error, "code");
    const struct code *code = find_code(word);
    snprintf(out->code, sizeof out->code, "%s", word);
    if (code != NULL)
        out->trouble = code->trouble;
    out->gone = strcmp(word, "not_found") == 0 || (word[0] == '\0' && answer->status == 404);
    char message[256];
    snprintf(message, sizeof message, "%s", json_text_of(error, "message"));
    say_details(json_object_of(error, "details"), message, sizeof message);
    const char *advice = answer->status == 404 ? find_code("not_found")->advice : "";
    api_trouble_say(answer, doing, message, code != NULL ? code->advice : advice, out);
}

void hetzner_trouble(const struct http_answer *answer, const char *doing, struct api_trouble *out)
{
    if (!api_trouble_begin(answer, doing, out))
        return;
    struct error ignored;
    json_t *top = json_parse_object(answer->body, answer->length, &ignored);
    judge(answer, doing, top, out);
    json_decref(top);
}
