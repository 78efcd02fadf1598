/* An audit log for tests that bend it. May not: know what is to be found. */
#include "audit_fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/seal_store.h"
#include "cunit_main.h"

#define WALL INT64_C(1795764000000)

struct verify_keys fixture_keys;
struct noted_heads fixture_head;

int fixture_file(void)
{
    int file = memfd_create("audit", MFD_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(file >= 0 && fcntl(file, F_SETFL, O_APPEND) == 0);
    return file;
}

/* ----------------------------------------------------------------------------------- the life */

static void one_action(struct audit *audit, uint64_t counter, enum action_kind kind)
{
    struct error error;
    struct action action = {.id = {2, counter},
                            .kind = kind,
                            .reason = REASON_HOUR_ENDS,
                            .text = "paid until 10:41:00, \"quoted\"",
                            .node = {.name = "n", .pool = "p", .node_uid = "u", .server_id = 42},
                            .server_type = "t",
                            .location = "l",
                            .image = "i"};
    struct action_result result = {.id = action.id,
                                   .kind = kind,
                                   .outcome = OUTCOME_DONE,
                                   .http_status = 200,
                                   .duration_ms = 7,
                                   .server_id = 42,
                                   .text = "the server is gone"};
    CU_ASSERT_TRUE_FATAL(audit_intent(audit, &action, WALL + 1000 * (int64_t)counter, &error));
    CU_ASSERT_TRUE_FATAL(
        audit_outcome(audit, &action, &result, WALL + 1000 * (int64_t)counter + 7, &error));
}

static struct audit *open_log(int file, const int slot[SEAL_SLOTS])
{
    static const struct audit_limits limits = {
        .max_bytes = 1 << 20, .reserve_bytes = 65536, .epoch_ms = 900000};
    struct audit *audit = NULL;
    struct error error;
    CU_ASSERT_TRUE_FATAL(audit_open(&audit, dup(file), "audit.jsonl", &limits, NULL, &error));
    audit_take_keys(audit, dup(slot[0]), dup(slot[1]));
    CU_ASSERT_TRUE_FATAL(audit_sealed(audit) && audit_settle(audit, WALL, &error));
    return audit;
}

static void seal(struct audit *audit, enum audit_seal_why why, int64_t after_ms)
{
    struct error error;
    CU_ASSERT_TRUE_FATAL(audit_seal(audit, why, WALL + after_ms, &error));
}

static void live(int first, int second, const int slot[SEAL_SLOTS])
{
    struct error error;
    struct audit *audit = open_log(first, slot);
    one_action(audit, 1, ACTION_CREATE_SERVER);
    seal(audit, SEAL_EPOCH, 2000);
    one_action(audit, 2, ACTION_DRAIN_NODE);
    audit_close(audit); /* killed */
    audit = open_log(first, slot);
    seal(audit, SEAL_START, 3000);
    one_action(audit, 3, ACTION_REMOVE_NODE);
    CU_ASSERT_TRUE_FATAL(audit_next(audit, dup(second), "audit.jsonl.1", NULL, &error));
    one_action(audit, 4, ACTION_CREATE_SERVER);
    seal(audit, SEAL_EPOCH, 5000);
    one_action(audit, 5, ACTION_REMOVE_NODE);
    seal(audit, SEAL_EPOCH, 6000);
    one_action(audit, 6, ACTION_DRAIN_NODE);
    fixture_head = (struct noted_heads){
        .some = true, .count = 1, .head = {{.link = audit_head(audit), .wall_ms = WALL + 7000}}};
    CU_ASSERT_STRING_EQUAL(audit_trouble(audit), "");
    audit_close(audit);
}

static void read_lines(struct bent_log *log, int file)
{
    static char text[65536];
    ssize_t got = pread(file, text, sizeof text - 1, 0);
    CU_ASSERT_TRUE_FATAL(got > 0);
    text[got] = '\0';
    for (char *at = text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        *end = '\0';
        log->line[log->count++] = strdup(at);
    }
}

void fixture_log(struct bent_log *out)
{
    int first = fixture_file(), second = fixture_file();
    int slot[SEAL_SLOTS] = {memfd_create("key", 0), memfd_create("key", 0)};
    struct chain_hash random;
    struct error error;
    memset(random.byte, 7, sizeof random.byte);
    fixture_keys.count = 1;
    seal_first(&random, &fixture_keys.key[0]);
    CU_ASSERT_TRUE_FATAL(seal_slots_write(slot, &fixture_keys.key[0], 0, &error));
    live(first, second, slot);
    *out = (struct bent_log){.count = 0};
    read_lines(out, first);
    out->second = out->count;
    read_lines(out, second);
    close(first);
    close(second);
    close(slot[0]);
    close(slot[1]);
}

/* ------------------------------------------------------------------------------------- bending */

void log_copy(const struct bent_log *from, struct bent_log *out)
{
    *out = *from;
    for (unsigned i = 0; i < from->count; i++)
        out->line[i] = strdup(from->line[i]);
}

void log_free(struct bent_log *log)
{
    for (unsigned i = 0; i < log->count; i++)
        free(log->line[i]);
    log->count = 0;
}

void log_drop(struct bent_log *log, unsigned line)
{
    free(log->line[line]);
    log->count--;
    log->second -= line < log->second ? 1 : 0;
    memmove(&log->line[line], &log->line[line + 1], (log->count - line) * sizeof log->line[0]);
}

void log_insert(struct bent_log *log, unsigned line, const char *text)
{
    CU_ASSERT_TRUE_FATAL(log->count < LOG_LINES_MAX);
    memmove(&log->line[line + 1], &log->line[line], (log->count - line) * sizeof log->line[0]);
    log->line[line] = strdup(text);
    log->count++;
    log->second += line < log->second ? 1 : 0;
}

void log_replace(struct bent_log *log, unsigned line, const char *text)
{
    char *copy = strdup(text);
    free(log->line[line]);
    log->line[line] = copy;
}

static void link_before(const struct bent_log *log, unsigned line, struct chain_link *out)
{
    struct chain_frame frame;
    struct error error;
    *out = (struct chain_link){.seq = 0};
    if (line == 0)
        return;
    CU_ASSERT_TRUE_FATAL(
        chain_read(log->line[line - 1], strlen(log->line[line - 1]), &frame, &error));
    *out = frame.link;
}

/* The line's body, {...} without its frame; its mac's text, "" where it has none. */
static void take_apart(const char *line, char *body, char mac[CHAIN_HEX_BYTES + 1])
{
    const char *begin = strchr(line, ',') + 1, *end = strstr(line, ",\"prev\":\"");
    const char *found = strstr(line, ",\"mac\":\"");
    CU_ASSERT_TRUE_FATAL(end != NULL);
    sprintf(body, "{%.*s}", (int)(end - begin), begin);
    sprintf(mac, "%.64s", found == NULL ? "" : found + strlen(",\"mac\":\""));
}

static void link_again(struct bent_log *log, unsigned line, const struct seal_key *key)
{
    char body[CHAIN_LINE_BYTES_MAX], mac[CHAIN_HEX_BYTES + 1], made[CHAIN_LINE_BYTES_MAX];
    char hex[CHAIN_HEX_BYTES + 1];
    struct chain_link before, after;
    take_apart(log->line[line], body, mac);
    link_before(log, line, &before);
    size_t length = chain_make(&before, body, strlen(body), key == NULL ? NULL : &key->key, made,
                               sizeof made, &after);
    CU_ASSERT_TRUE_FATAL(length > 0);
    made[length - 1] = '\0';
    if (key == NULL && mac[0] != '\0') { /* the old mac goes back into its place */
        struct chain_hash sum;
        char *at = strstr(made, ",\"hash\":\"");
        sprintf(at, ",\"mac\":\"%s\"", mac);
        chain_sum(made, strlen(made), &sum);
        sprintf(made + strlen(made), ",\"hash\":\"%s\"}", chain_hex(&sum, hex));
    }
    log_replace(log, line, made);
}

void log_chain_again(struct bent_log *log, unsigned from)
{
    for (unsigned i = from; i < log->count; i++)
        link_again(log, i, NULL);
}

void log_seal_again(struct bent_log *log, unsigned line, const struct seal_key *key)
{
    link_again(log, line, key);
}

/* ----------------------------------------------------------------------------------- verifying */

char *log_bytes(const struct bent_log *log, size_t *first, size_t *length)
{
    char *bytes = malloc((size_t)LOG_LINES_MAX * CHAIN_LINE_BYTES_MAX);
    CU_ASSERT_TRUE_FATAL(bytes != NULL);
    *first = *length = 0;
    for (unsigned i = 0; i < log->count; i++) {
        *length += (size_t)sprintf(bytes + *length, "%s\n", log->line[i]);
        *first = i + 1 == log->second ? *length : *first;
    }
    return bytes;
}

static void give(struct verify *verify, const char *name, const char *bytes, size_t length)
{
    static int file = -1;
    struct error error;
    if (file < 0)
        file = memfd_create("bent", MFD_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(ftruncate(file, 0) == 0 &&
                         pwrite(file, bytes, length, 0) == (ssize_t)length);
    CU_ASSERT_TRUE_FATAL(verify_file(verify, file, name, &error));
}

struct verify_result verify_bytes(const char *bytes, size_t first, size_t length,
                                  const struct verify_keys *keys, const struct noted_heads *head)
{
    struct verify_result result;
    struct verify *verify = verify_new(keys, head, false, NULL, NULL);
    CU_ASSERT_TRUE_FATAL(verify != NULL);
    give(verify, "audit.jsonl", bytes, first);
    give(verify, "audit.jsonl.1", bytes + first, length - first);
    verify_end(verify, &result);
    verify_free(verify);
    return result;
}

struct verify_result verify_log(const struct bent_log *log, const struct verify_keys *keys,
                                const struct noted_heads *head)
{
    size_t first, length;
    char *bytes = log_bytes(log, &first, &length);
    struct verify_result result = verify_bytes(bytes, first, length, keys, head);
    free(bytes);
    return result;
}
