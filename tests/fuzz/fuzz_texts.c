/* Fuzzes the small texts that come from outside: the note of a fence, times and durations, action
 * ids, paths with queries, URLs of loopback. Whatever comes, it is read or refused; what was read
 * is written again and reads the same. */
#include "actuator/audit.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/fence_note.h"
#include "common/url.h"
#include "tests/fuzz/fuzz.h"

#define LABEL_TEXT_BYTES 64 /* a label's value with its NUL */
#define YEAR_10000_MS    INT64_C(253402300800000)

static void try_fence_note(const char *text)
{
    struct fence_note note, whole, cut;
    char at_node[512], at_server[LABEL_TEXT_BYTES];
    if (!fence_note_parse(text, &note))
        return;
    PROMISE(note.since_wall_ms >= 0 && note.id_count <= RUNNERS_PER_NODE_MAX);
    fence_note_format(&note, at_node, sizeof at_node);
    fence_note_format(&note, at_server, sizeof at_server);
    PROMISE(strlen(at_server) < sizeof at_server);
    PROMISE(fence_note_parse(at_node, &whole) && fence_note_parse(at_server, &cut));
    PROMISE(whole.since_wall_ms == note.since_wall_ms && cut.since_wall_ms == note.since_wall_ms);
    PROMISE(whole.all == note.all);
    /* However short it was cut: nobody whom we fenced is forgotten. */
    for (uint32_t i = 0; i < note.id_count; i++)
        PROMISE(fence_note_covers(&whole, note.id[i]) && fence_note_covers(&cut, note.id[i]));
}

static void try_times(const char *text)
{
    int64_t ms = 0, again = 0;
    char out[CLOCK_TEXT_BYTES];
    if (clock_parse_rfc3339(text, &ms)) {
        clock_format_rfc3339(ms, out);
        PROMISE(strlen(out) < sizeof out);
        if (ms >= 0 && ms < YEAR_10000_MS)
            PROMISE(clock_parse_rfc3339(out, &again) && again == ms);
    }
    if (clock_parse_http_date(text, &ms))
        PROMISE(ms % 1000 == 0);
}

static void try_duration(const char *text)
{
    int64_t ms = 0, again = 0;
    char out[CLOCK_TEXT_BYTES];
    if (!clock_parse_duration(text, &ms))
        return;
    PROMISE(ms >= 0 && ms <= INT64_C(100) * 366 * 24 * 3600 * 1000);
    clock_format_duration(ms, out);
    PROMISE(strlen(out) < sizeof out);
    PROMISE(clock_parse_duration(out, &again) && again == ms);
}

static void try_action_id(const char *text)
{
    struct action_id id, again;
    char out[ACTION_ID_TEXT_BYTES];
    if (!action_id_parse(text, &id))
        return;
    action_id_text(id, out);
    PROMISE(action_id_parse(out, &again) && action_id_compare(id, again) == 0);
}

static unsigned hex_digit(char c)
{
    PROMISE((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
    return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* What was escaped is only what a path may hold, and reads back as it was; or nothing of it stays.
 */
static void try_url(const char *text)
{
    struct url_path path = URL_PATH_EMPTY;
    url_add_escaped(&path, text);
    PROMISE(strlen(path.text) == path.length && path.length < URL_PATH_BYTES_MAX);
    if (path.cut) {
        PROMISE(path.length == 0);
        return;
    }
    const char *at = path.text;
    for (const char *c = text; *c != '\0'; c++) {
        unsigned byte = (unsigned char)*at++;
        PROMISE(byte > 0x20 && byte < 0x7f && strchr("/?#&=+ ", (int)byte) == NULL);
        if (byte == '%') {
            byte = hex_digit(at[0]) << 4 | hex_digit(at[1]);
            at += 2;
        }
        PROMISE(byte == (unsigned char)*c);
    }
    PROMISE(*at == '\0');
    url_add(&path, "?page=");
    url_add_u64(&path, UINT64_MAX);
    PROMISE(path.cut == (path.length == 0));
}

/* http:// is for loopback alone: the text that says so names nothing else. */
static void try_loopback(const char *text)
{
    if (!config_url_is_loopback(text))
        return;
    const char *host = strstr(text, "://");
    PROMISE(host != NULL);
    host += 3;
    PROMISE(strncmp(host, "127.", 4) == 0 || strncasecmp(host, "localhost", 9) == 0 ||
            strncmp(host, "[::1]", 5) == 0);
    size_t authority = strcspn(host, "/?#");
    PROMISE(memchr(host, '@', authority) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct error error = {""};
    try_fence_note(text);
    try_times(text);
    try_duration(text);
    try_action_id(text);
    try_url(text);
    try_loopback(text);
    error_set(&error, "cannot read %s", text);
    error_wrap(&error, "%s", text);
    promise_words(error.text);
    free(text);
    return 0;
}
