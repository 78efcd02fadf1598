/* The header lines that matter: Date, Content-Type, Retry-After, RateLimit-*. May not: log. */
#include "common/http_parts.h"

#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NUMBER_MOST INT64_C(9007199254740991) /* 2^53 - 1: what JSON numbers hold too */
/* RateLimit-Reset above this is a point in time (Hetzner), below it seconds from now (the draft).
 */
#define RESET_IS_A_TIME INT64_C(1000000000)

void http_headers_reset(struct http_headers *headers)
{
    *headers = (struct http_headers){
        .bytes = headers->bytes,
        .date_ms = HTTP_NONE,
        .rate_limit = HTTP_NONE,
        .rate_remaining = HTTP_NONE,
        .rate_reset = HTTP_NONE,
    };
}

/* Decimal digits only; what follows a ';' or ',' is a parameter. */
static int64_t parse_number(const char *text)
{
    int64_t number = 0;
    if (*text < '0' || *text > '9')
        return HTTP_NONE;
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (*text - '0');
        if (number > NUMBER_MOST)
            return HTTP_NONE;
    }
    return *text == '\0' || *text == ';' || *text == ',' ? number : HTTP_NONE;
}

static void keep(struct http_headers *headers, const char *name, const char *value)
{
    if (strcasecmp(name, "date") == 0) {
        if (!clock_parse_http_date(value, &headers->date_ms))
            headers->date_ms = HTTP_NONE;
    } else if (strcasecmp(name, "content-type") == 0) {
        snprintf(headers->content_type, sizeof headers->content_type, "%s", value);
    } else if (strcasecmp(name, "retry-after") == 0) {
        snprintf(headers->retry_after, sizeof headers->retry_after, "%s", value);
    } else if (strcasecmp(name, "ratelimit-limit") == 0) {
        headers->rate_limit = parse_number(value);
    } else if (strcasecmp(name, "ratelimit-remaining") == 0) {
        headers->rate_remaining = parse_number(value);
    } else if (strcasecmp(name, "ratelimit-reset") == 0) {
        headers->rate_reset = parse_number(value);
    }
}

bool http_headers_line(struct http_headers *headers, const char *line, size_t length)
{
    char text[512];
    headers->bytes += length;
    if (headers->bytes > HTTP_HEADER_BYTES_MAX)
        return false;
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
        http_headers_reset(headers);
    if (length >= sizeof text)
        return true; /* none of ours is that long */
    memcpy(text, line, length);
    text[length] = '\0';
    char *colon = strchr(text, ':');
    if (colon == NULL)
        return true;
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t end = strlen(value);
    while (end > 0 && strchr(" \t\r\n", value[end - 1]) != NULL)
        value[--end] = '\0';
    keep(headers, text, value);
    return true;
}

int64_t http_retry_after(const struct http_headers *headers, int64_t wall_ms)
{
    int64_t seconds = parse_number(headers->retry_after), at_ms = 0, wait_ms;
    if (seconds != HTTP_NONE)
        wait_ms =
            seconds > HTTP_RETRY_AFTER_MS_MAX / 1000 ? HTTP_RETRY_AFTER_MS_MAX : seconds * 1000;
    else if (headers->retry_after[0] != '\0' && clock_parse_http_date(headers->retry_after, &at_ms))
        wait_ms = at_ms - (headers->date_ms != HTTP_NONE ? headers->date_ms : wall_ms);
    else
        return HTTP_NONE;
    if (wait_ms < 0)
        return 0;
    return wait_ms > HTTP_RETRY_AFTER_MS_MAX ? HTTP_RETRY_AFTER_MS_MAX : wait_ms;
}

int64_t http_rate_reset(const struct http_headers *headers, int64_t wall_ms)
{
    if (headers->rate_reset == HTTP_NONE)
        return HTTP_NONE;
    if (headers->rate_reset >= RESET_IS_A_TIME)
        return headers->rate_reset * 1000;
    int64_t now_ms = headers->date_ms != HTTP_NONE ? headers->date_ms : wall_ms;
    return now_ms + headers->rate_reset * 1000;
}
