/* The noted head's records. May not: open a file, write to one. */
#include "audit/head.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define SEQ_BYTES  20
#define SUM_DIGITS 16
#define TIME_AT    (SEQ_BYTES + 1 + CHAIN_HEX_BYTES + 1)

static void sum_of(const char *text, size_t length, char out[CHAIN_HEX_BYTES + 1])
{
    struct chain_hash sum;
    chain_sum(text, length, &sum);
    chain_hex(&sum, out);
    out[SUM_DIGITS] = '\0';
}

void head_print(const struct noted_head *head, char out[HEAD_RECORD_BYTES])
{
    char hex[CHAIN_HEX_BYTES + 1], sum[CHAIN_HEX_BYTES + 1], time[CLOCK_TEXT_BYTES];
    memset(out, ' ', HEAD_RECORD_BYTES);
    size_t length = (size_t)snprintf(out, HEAD_RECORD_BYTES, "%020" PRIu64 " %s %s ",
                                     head->link.seq, chain_hex(&head->link.hash, hex),
                                     clock_format_rfc3339(head->wall_ms, time));
    sum_of(out, length, sum);
    memcpy(out + length, sum, SUM_DIGITS);
    out[length + SUM_DIGITS] = ' '; /* snprintf's NUL */
    out[HEAD_RECORD_BYTES - 1] = '\n';
}

static bool read_record(const char *bytes, struct noted_head *out)
{
    char text[HEAD_RECORD_BYTES + 1], sum[CHAIN_HEX_BYTES + 1], *end;
    memcpy(text, bytes, HEAD_RECORD_BYTES);
    text[HEAD_RECORD_BYTES] = '\0';
    char *time_end = strchr(text + TIME_AT, ' ');
    if (text[0] < '0' || text[0] > '9' || time_end == NULL ||
        text + HEAD_RECORD_BYTES - time_end < SUM_DIGITS + 1)
        return false;
    sum_of(text, (size_t)(time_end + 1 - text), sum);
    if (memcmp(time_end + 1, sum, SUM_DIGITS) != 0)
        return false;
    out->link.seq = strtoumax(text, &end, 10);
    *time_end = '\0';
    return end == text + SEQ_BYTES && chain_parse_hex(end + 1, &out->link.hash) &&
           clock_parse_rfc3339(text + TIME_AT, &out->wall_ms) && out->link.seq > 0;
}

static int by_number(const void *one, const void *other)
{
    const struct noted_head *left = one, *right = other;
    return (left->link.seq > right->link.seq) - (left->link.seq < right->link.seq);
}

void heads_parse(const char *bytes, size_t length, struct noted_heads *out)
{
    uint64_t highest = 0;
    *out = (struct noted_heads){.some = length > 0};
    for (unsigned slot = 0; slot < HEAD_RECORDS && (slot + 1) * (size_t)HEAD_RECORD_BYTES <= length;
         slot++) {
        struct noted_head *one = &out->head[out->count];
        if (!read_record(bytes + slot * (size_t)HEAD_RECORD_BYTES, one))
            continue;
        out->count++;
        out->slot = one->link.seq > highest ? slot : out->slot;
        highest = one->link.seq > highest ? one->link.seq : highest;
    }
    qsort(out->head, out->count, sizeof out->head[0], by_number);
}

bool heads_read(int descriptor, const char *name, struct noted_heads *out, struct error *error)
{
    size_t length = 0;
    ssize_t got = 1;
    *out = (struct noted_heads){.count = 0};
    char *bytes = malloc(HEAD_FILE_BYTES);
    if (bytes == NULL)
        return error_set(error, "out of memory for reading %s", name);
    while (length < HEAD_FILE_BYTES && got != 0) {
        got = pread(descriptor, bytes + length, HEAD_FILE_BYTES - length, (off_t)length);
        if (got < 0 && errno != EINTR)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    int failed = errno;
    if (got >= 0)
        heads_parse(bytes, length, out);
    free(bytes);
    return got >= 0 || error_set_errno(error, failed, "cannot read %s", name);
}

struct noted_head heads_newest(const struct noted_heads *heads)
{
    static const struct noted_head none;
    return heads == NULL || heads->count == 0 ? none : heads->head[heads->count - 1];
}

bool heads_contradict(const struct noted_heads *heads, const struct chain_link *line, bool *noted)
{
    const struct noted_head key = {.link = *line};
    const struct noted_head *found =
        heads == NULL ? NULL
                      : bsearch(&key, heads->head, heads->count, sizeof heads->head[0], by_number);
    *noted = found != NULL;
    return found != NULL && !chain_hash_same(&found->link.hash, &line->hash);
}
