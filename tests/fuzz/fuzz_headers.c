/* Fuzzes the header lines of the APIs' answers. Whatever comes, the lines together are bounded; a
 * wait that is taken from them is between 0 and an hour; and numbers make sense or are none. The
 * input: header lines, as they came. */
#include "common/http_parts.h"
#include "tests/fuzz/fuzz.h"

#define WALL_MS INT64_C(1795764000000)

static void promise_number(int64_t number)
{
    PROMISE(number == HTTP_NONE || (number >= 0 && number <= INT64_C(9007199254740991)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_headers headers = {0};
    const uint8_t *at = data, *end = data + size;
    size_t taken = 0;
    bool fits = true;
    http_headers_reset(&headers);
    while (at < end && fits) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop == NULL ? end : stop + 1) - at);
        char *line = fuzz_copy(at, length); /* as libcurl gives it: without a NUL */
        fits = http_headers_line(&headers, line, length);
        free(line);
        taken += length;
        PROMISE(fits == (taken <= HTTP_HEADER_BYTES_MAX));
        at += length;
    }
    promise_text(headers.content_type, sizeof headers.content_type - 1);
    promise_text(headers.retry_after, sizeof headers.retry_after - 1);
    promise_number(headers.rate_limit);
    promise_number(headers.rate_remaining);
    promise_number(headers.rate_reset);
    int64_t wait_ms = http_retry_after(&headers, WALL_MS);
    PROMISE(wait_ms == HTTP_NONE || (wait_ms >= 0 && wait_ms <= HTTP_RETRY_AFTER_MS_MAX));
    int64_t reset_ms = http_rate_reset(&headers, WALL_MS);
    PROMISE(reset_ms == HTTP_NONE || reset_ms >= 0);
    return 0;
}
