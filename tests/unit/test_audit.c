/* The audit log: nothing is done without its line, and a crash leaves a log that can be read.
 * May not: keep files. */
#include "actuator/audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cunit_main.h"

#define WALL INT64_C(1795764000000)

static const struct audit_limits limits = {.max_bytes = 1 << 20, .reserve_bytes = 65536};
static int kept; /* a descriptor of the log that survives audit_close */
static struct audit *audit;
static struct error error;

static int new_file(void)
{
    char path[] = "/tmp/ebbtide-audit-XXXXXX", copy[sizeof path];
    int made = mkstemp(path);
    memcpy(copy, path, sizeof path);
    int opened = open(copy, O_RDWR | O_APPEND | O_CLOEXEC);
    close(made);
    unlink(copy);
    return opened;
}

static void reopen(const struct audit_limits *with)
{
    audit_close(audit);
    audit = NULL;
    CU_ASSERT_TRUE_FATAL(audit_open(&audit, dup(kept), "audit.jsonl", with, NULL, &error));
}

static void begin(const struct audit_limits *with)
{
    kept = new_file();
    reopen(with);
}

static void end(void)
{
    audit_close(audit);
    audit = NULL;
    close(kept);
}

static struct action action_of(uint64_t counter, enum action_kind kind)
{
    return (struct action){.id = {2, counter},
                           .kind = kind,
                           .text = "why",
                           .node = {.name = "n", .pool = "p", .node_uid = "", .provider_id = ""},
                           .server_type = "t",
                           .location = "l",
                           .image = "i",
                           .gitea_sequence = 3};
}

static bool intend(uint64_t counter, enum action_kind kind)
{
    struct action action = action_of(counter, kind);
    return audit_intent(audit, &action, WALL, &error);
}

static bool conclude(uint64_t counter)
{
    struct action action = action_of(counter, ACTION_DRAIN_NODE);
    struct action_result result = {
        .id = action.id, .kind = action.kind, .outcome = OUTCOME_DONE, .text = "\"quoted\"\n"};
    return audit_outcome(audit, &action, &result, WALL, &error);
}

static uint32_t open_count(void)
{
    static struct unknown_action out[UNKNOWN_ACTIONS_MAX];
    return audit_open_intents(audit, out, UNKNOWN_ACTIONS_MAX);
}

static const char *text_of(int descriptor)
{
    static char text[65536];
    ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static void test_open_intents_are_unknown_after_a_crash(void)
{
    begin(&limits);
    CU_ASSERT_TRUE(intend(1, ACTION_DRAIN_NODE) && conclude(1) && intend(7, ACTION_DRAIN_NODE));
    reopen(&limits);
    struct unknown_action out[4];
    CU_ASSERT_EQUAL(audit_open_intents(audit, out, 4), 1);
    CU_ASSERT_EQUAL(out[0].id.counter, 7);
    CU_ASSERT_EQUAL(out[0].kind, ACTION_DRAIN_NODE);
    CU_ASSERT_STRING_EQUAL(out[0].node, "n");
    CU_ASSERT_EQUAL(audit_highest(audit).epoch, 2);
    CU_ASSERT_EQUAL(audit_highest(audit).counter, 7);
    reopen(&limits); /* died again before it could be reported: reported again */
    CU_ASSERT_EQUAL(open_count(), 1);
    CU_ASSERT_TRUE(audit_close_found(audit, WALL, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(text_of(kept), "\"outcome\":\"unknown\""));
    reopen(&limits);
    CU_ASSERT_EQUAL(open_count(), 0);
    end();
}

/* A create whose outcome could not be written stays open in the log; once its node is removed for
 * good, nobody may take that name up again. */
static void test_a_removed_node_uses_up_its_name(void)
{
    begin(&limits);
    CU_ASSERT_TRUE(intend(1, ACTION_CREATE_SERVER) && intend(2, ACTION_REMOVE_NODE));
    struct action action = action_of(2, ACTION_REMOVE_NODE);
    struct action_result result = {
        .id = action.id, .kind = action.kind, .outcome = OUTCOME_REFUSED, .text = "busy"};
    CU_ASSERT_TRUE(audit_outcome(audit, &action, &result, WALL, &error));
    reopen(&limits);
    CU_ASSERT_EQUAL(open_count(), 1); /* refused: the node is still there */
    CU_ASSERT_FALSE(audit_name_used(audit, "n"));

    CU_ASSERT_TRUE(intend(3, ACTION_REMOVE_NODE));
    action.id.counter = result.id.counter = 3;
    result.outcome = OUTCOME_DONE;
    CU_ASSERT_TRUE(audit_outcome(audit, &action, &result, WALL, &error));
    CU_ASSERT_EQUAL(open_count(), 0);
    CU_ASSERT_TRUE(audit_name_used(audit, "n"));
    reopen(&limits);
    CU_ASSERT_EQUAL(open_count(), 0);
    CU_ASSERT_TRUE(audit_name_used(audit, "n"));
    CU_ASSERT_FALSE(audit_name_used(audit, "m"));
    end();
}

/* What a line says of a server is enough: its removal may be known to nobody. */
static void test_a_name_that_had_a_server_is_used_up(void)
{
    begin(&limits);
    struct action create = action_of(1, ACTION_CREATE_SERVER),
                  look = action_of(2, ACTION_DRAIN_NODE);
    create.node.server_id = look.node.server_id = 0;
    CU_ASSERT_TRUE(audit_intent(audit, &create, WALL, &error));
    CU_ASSERT_FALSE(audit_name_used(audit, "n"));
    struct action_result result = {.id = create.id,
                                   .kind = create.kind,
                                   .outcome = OUTCOME_FAILED,
                                   .server_id = 7,
                                   .text = ""};
    CU_ASSERT_TRUE(audit_outcome(audit, &create, &result, WALL, &error));
    CU_ASSERT_TRUE(audit_name_used(audit, "n"));
    reopen(&limits);
    CU_ASSERT_TRUE(audit_name_used(audit, "n"));
    look.node.name = "m";
    look.node.server_id = 8;
    CU_ASSERT_TRUE(audit_intent(audit, &look, WALL, &error));
    CU_ASSERT_TRUE(audit_name_used(audit, "m"));
    reopen(&limits);
    CU_ASSERT_TRUE(audit_name_used(audit, "m"));
    CU_ASSERT_FALSE(audit_name_used(audit, "o"));
    end();
}

static void test_a_torn_line_is_cut_off(void)
{
    begin(&limits);
    CU_ASSERT_TRUE(intend(1, ACTION_DRAIN_NODE) && conclude(1));
    size_t whole = strlen(text_of(kept));
    CU_ASSERT_EQUAL(write(kept, "{\"event\":\"inte", 14), 14);
    reopen(&limits);
    CU_ASSERT_EQUAL(strlen(text_of(kept)), whole);
    CU_ASSERT_EQUAL(open_count(), 0);
    CU_ASSERT_TRUE(intend(2, ACTION_DRAIN_NODE));
    reopen(&limits);
    CU_ASSERT_EQUAL(audit_highest(audit).counter, 2);
    end();
}

static void test_strange_lines_are_skipped(void)
{
    begin(&limits);
    CU_ASSERT_EQUAL(write(kept, "hello\n[1]\n{\"id\":\"9-9\"}\n", 23), 23);
    CU_ASSERT_TRUE(intend(1, ACTION_DRAIN_NODE));
    reopen(&limits);
    CU_ASSERT_EQUAL(open_count(), 1);
    end();
}

static void test_no_id_below_an_open_one_is_the_highest(void)
{
    static const char line[] = "{\"event\":\"segment\",\"id\":\"1-1\",\"open\":[{\"id\":\"2-9\","
                               "\"kind\":\"drain_node\",\"node\":\"n\"}]}\n";
    begin(&limits);
    CU_ASSERT_EQUAL(write(kept, line, strlen(line)), (ssize_t)strlen(line));
    reopen(&limits);
    CU_ASSERT_EQUAL(open_count(), 1);
    CU_ASSERT_EQUAL(audit_highest(audit).epoch, 2);
    CU_ASSERT_EQUAL(audit_highest(audit).counter, 9);
    end();
}

static void test_creates_stop_first_then_everything(void)
{
    struct audit_limits small = {.max_bytes = 65536, .reserve_bytes = 65536};
    begin(&small);
    uint64_t counter = 1, creates = 0, drains = 0;
    while (counter < 5000 && intend(counter++, ACTION_CREATE_SERVER) && conclude(counter - 1))
        creates++;
    CU_ASSERT_TRUE(creates > 0 && counter < 5000);
    CU_ASSERT_TRUE(audit_wants_next(audit));
    CU_ASSERT_TRUE(audit_wants_next(audit)); /* the first wish may have been in vain */
    while (counter < 5000 && intend(counter++, ACTION_DRAIN_NODE) && conclude(counter - 1))
        drains++;
    CU_ASSERT_TRUE(drains > 0 && counter < 5000);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "full"));
    end();
}

static void test_the_next_segment_says_what_is_open(void)
{
    begin(&limits);
    CU_ASSERT_TRUE(intend(4, ACTION_REMOVE_NODE));
    int next = new_file();
    CU_ASSERT_FALSE(audit_wants_next(audit));
    CU_ASSERT_TRUE(audit_next(audit, dup(next), "audit.jsonl.1", NULL, &error));
    CU_ASSERT_TRUE(intend(5, ACTION_DRAIN_NODE));
    audit_close(audit);
    close(kept);
    audit = NULL;
    kept = next; /* only the newest is read after a crash */
    reopen(&limits);
    CU_ASSERT_EQUAL(open_count(), 2);
    CU_ASSERT_EQUAL(audit_highest(audit).counter, 5);
    end();
}

/* As the supervisor hands it over once a later one follows. */
static int read_only(int file)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(opened >= 0);
    return opened;
}

static void test_the_segment_before_is_only_read(void)
{
    begin(&limits);
    CU_ASSERT_TRUE(intend(4, ACTION_REMOVE_NODE));
    int next = new_file();
    CU_ASSERT_TRUE(audit_next(audit, dup(next), "audit.jsonl.1", NULL, &error));
    CU_ASSERT_EQUAL(write(kept, "torn", 4), 4);
    struct stat before, after;
    CU_ASSERT_EQUAL(fstat(kept, &before), 0);
    audit_close(audit);
    audit = NULL;
    int old = read_only(kept);
    CU_ASSERT_TRUE_FATAL(audit_open(&audit, old, "audit.jsonl", &limits, NULL, &error));
    CU_ASSERT_FALSE(intend(5, ACTION_DRAIN_NODE));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "reading alone"));
    CU_ASSERT_TRUE(audit_next(audit, next, "audit.jsonl.1", NULL, &error));
    CU_ASSERT_EQUAL(open_count(), 1);
    CU_ASSERT_TRUE(intend(5, ACTION_DRAIN_NODE));
    CU_ASSERT_EQUAL(fstat(kept, &after), 0);
    CU_ASSERT_EQUAL(after.st_size, before.st_size);
    end();
}

static void test_a_file_that_does_not_append_is_refused(void)
{
    int pipes[2];
    CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
    struct audit *refused = NULL;
    CU_ASSERT_FALSE(audit_open(&refused, pipes[1], "pipe", &limits, NULL, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "appending"));
    close(pipes[0]);
}

static void test_ids_are_read_strictly(void)
{
    struct action_id id;
    CU_ASSERT_TRUE(action_id_parse("12-34", &id));
    CU_ASSERT_EQUAL(id.epoch, 12);
    CU_ASSERT_EQUAL(id.counter, 34);
    CU_ASSERT_FALSE(action_id_parse("", &id));
    CU_ASSERT_FALSE(action_id_parse("1-", &id));
    CU_ASSERT_FALSE(action_id_parse("-1", &id));
    CU_ASSERT_FALSE(action_id_parse(" 1-2", &id));
    CU_ASSERT_FALSE(action_id_parse("1-2x", &id));
    CU_ASSERT_FALSE(action_id_parse("99999999999999999999-1", &id));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"open intents are unknown after a crash", test_open_intents_are_unknown_after_a_crash},
        {"a removed node uses up its name", test_a_removed_node_uses_up_its_name},
        {"a name that had a server is used up", test_a_name_that_had_a_server_is_used_up},
        {"a torn line is cut off", test_a_torn_line_is_cut_off},
        {"strange lines are skipped", test_strange_lines_are_skipped},
        {"no id below an open one is the highest", test_no_id_below_an_open_one_is_the_highest},
        {"creates stop first, then everything", test_creates_stop_first_then_everything},
        {"the next segment says what is open", test_the_next_segment_says_what_is_open},
        {"the segment before is only read", test_the_segment_before_is_only_read},
        {"a file that does not append", test_a_file_that_does_not_append_is_refused},
        {"ids are read strictly", test_ids_are_read_strictly},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("audit", tests);
}
