/* The noted head's records. May not: do I/O. */
#include "audit/head.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool head_read(const char *bytes, size_t length, struct noted_head *out)
{
    bool found = false;
    for (size_t at = 0; at + HEAD_RECORD_BYTES <= length && at < HEAD_FILE_BYTES;
         at += HEAD_RECORD_BYTES) {
        struct noted_head one;
        if (!read_record(bytes + at, &one) || (found && one.link.seq < out->link.seq))
            continue;
        *out = one;
        found = true;
    }
    return found;
}
