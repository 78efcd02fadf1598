/* What an HTTP status means to all three APIs, and the form of the sentence. May not: do I/O, log.
 */
#include "common/api_trouble.h"

#include <stdio.h>
#include <string.h>

#define URL_SHOWN     160
#define MESSAGE_SHOWN 160

struct meaning {
    unsigned least, most; /* statuses */
    enum trouble trouble;
};

/* The first row that holds wins. */
static const struct meaning meanings[] = {
    {200, 299, TROUBLE_NONE},         {300, 399, TROUBLE_BAD_ANSWER},
    {401, 401, TROUBLE_UNAUTHORIZED}, {403, 403, TROUBLE_UNAUTHORIZED},
    {407, 407, TROUBLE_UNAUTHORIZED}, {408, 408, TROUBLE_TIMEOUT},
    {409, 409, TROUBLE_LOCKED},       {423, 423, TROUBLE_LOCKED},
    {429, 429, TROUBLE_RATE_LIMITED}, {400, 499, TROUBLE_INVALID},
    {504, 504, TROUBLE_TIMEOUT},      {500, 599, TROUBLE_SERVER_ERROR},
    {0, 999, TROUBLE_BAD_ANSWER},
};

static enum trouble status_meaning(unsigned status)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (status >= meanings[i].least && status <= meanings[i].most)
            return meanings[i].trouble;
    return TROUBLE_BAD_ANSWER;
}

bool api_trouble_begin(const struct http_answer *answer, const char *doing, struct api_trouble *out)
{
    *out = (struct api_trouble){.http_status = answer->status};
    if (answer->retry_after_ms > 0)
        out->retry_after_ms = answer->retry_after_ms;
    if (answer->trouble != TROUBLE_NONE) {
        out->trouble = answer->trouble;
        out->error = answer->error;
        error_wrap(&out->error, "cannot %s", doing);
        return false;
    }
    out->trouble = status_meaning(answer->status);
    out->gone = answer->status == 404;
    if (answer->status >= 300 && answer->status <= 399) {
        api_trouble_say(answer, doing, "a redirect, which is not followed",
                        "write the address it leads to into the configuration", out);
        return false;
    }
    return out->trouble != TROUBLE_NONE;
}

void api_trouble_say(const struct http_answer *answer, const char *doing, const char *message,
                     const char *advice, struct api_trouble *out)
{
    char said[API_CODE_BYTES_MAX + MESSAGE_SHOWN + 8] = "";
    bool code = out->code[0] != '\0', text = message[0] != '\0';
    if (code || text)
        snprintf(said, sizeof said, " (%s%s%.*s)", out->code, code && text ? ": " : "",
                 MESSAGE_SHOWN, message);
    else if (answer->content_type[0] != '\0')
        snprintf(said, sizeof said, " (%.64s)", answer->content_type);
    error_set(&out->error, "cannot %s: %.*s%s answered %u%s%s%s", doing, URL_SHOWN, answer->url,
              strlen(answer->url) > URL_SHOWN ? "..." : "", answer->status, said,
              advice[0] == '\0' ? "" : "; ", advice);
}

void api_trouble_body(const struct http_answer *answer, const char *doing, const char *setting,
                      const struct error *why, struct api_trouble *out)
{
    *out = (struct api_trouble){.trouble = TROUBLE_BAD_ANSWER, .http_status = answer->status};
    const char *kind = answer->content_type[0] == '\0' ? "no content type" : answer->content_type;
    error_set(&out->error,
              "cannot %s: %.*s%s answered %u (%.64s), but %.160s; check that %s.%s has the "
              "API's own address",
              doing, URL_SHOWN, answer->url, strlen(answer->url) > URL_SHOWN ? "..." : "",
              answer->status, kind, why->text, setting, http_address_key(setting));
}
