/* The heads of the audit log as the supervisor notes them: none goes back, and each is there for an
 * epoch. May not: start a process. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "cunit_main.h"
#include "supervisor/audit_note.h"
#include "supervisor/state_dir.h"

static struct config *config;
static char folder[] = "/tmp/ebbtide_note_XXXXXX";

static int set_up(void)
{
    config = config_new();
    struct error error;
    return config != NULL && mkdtemp(folder) != NULL &&
                   config_set(config, "files.state_dir", folder, &error)
               ? 0
               : 1;
}

static int tear_down(void)
{
    static const char *const names[] = {"epoch", "epoch.new", "lock", "audit.head"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    config_free(config);
    return rmdir(folder);
}
#define EPOCH_MS 900000 /* as configured where nothing is */

static void tell(struct audit_note *note, uint64_t sequence, char digit)
{
    char hash[AUDIT_HASH_BYTES + 1];
    memset(hash, digit, AUDIT_HASH_BYTES);
    hash[AUDIT_HASH_BYTES] = '\0';
    audit_note_take(note, &(struct audit_head){.sequence = sequence, .hash = hash});
}

static struct noted_heads heads;

/* Its newest; all of them are in `heads`. */
static uint64_t noted_on_disk(struct state_dir *state)
{
    char name[CONFIG_PATH_BYTES_MAX];
    struct error error;
    int file = state_dir_audit_head(state, config, O_RDONLY, name, sizeof name, &error);
    CU_ASSERT_TRUE_FATAL(file >= 0);
    CU_ASSERT_TRUE(heads_read(file, name, &heads, &error));
    CU_ASSERT_EQUAL(write(file, "x", 1), -1); /* who is handed it cannot write it */
    close(file);
    return heads_newest(&heads).link.seq;
}

static void test_the_noted_head_never_goes_back(void)
{
    struct state_dir state;
    struct audit_note note;
    struct error error = {""};
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    CU_ASSERT_TRUE_FATAL(audit_note_open(&note, &state, config, &error));
    CU_ASSERT_EQUAL(noted_on_disk(&state), 0);
    CU_ASSERT_FALSE(heads.some); /* the room that is kept for it is no note */
    tell(&note, 7, 'a');
    CU_ASSERT_EQUAL(noted_on_disk(&state), 7);
    tell(&note, 8, 'b'); /* not at once again, however often it tells */
    CU_ASSERT_EQUAL(noted_on_disk(&state), 7);
    audit_note_look(&note, EPOCH_MS, note.written_ms + AUDIT_NOTE_MS_MIN);
    CU_ASSERT_EQUAL(noted_on_disk(&state), 8);
    tell(&note, 3, 'c');
    tell(&note, 8, 'd');
    tell(&note, 9, 'Z'); /* no hash */
    audit_note_close(&note);
    CU_ASSERT_EQUAL(noted_on_disk(&state), 8);
    CU_ASSERT_TRUE_FATAL(audit_note_open(&note, &state, config, &error)); /* the next daemon */
    tell(&note, 8, 'b');
    tell(&note, 2, 'c');
    CU_ASSERT_FALSE(note.changed);
    audit_note_close(&note);
    state_dir_close(&state);
}

/* A byte of a record that is another is seen, and the others stand; two of them are what an older
 * version wrote. */
static void test_a_torn_note_leaves_the_one_before(void)
{
    char bytes[2 * HEAD_RECORD_BYTES];
    head_print(&(struct noted_head){.link = {.seq = 7}, .wall_ms = 7000}, bytes);
    head_print(&(struct noted_head){.link = {.seq = 8}, .wall_ms = 8000},
               bytes + HEAD_RECORD_BYTES);
    for (size_t at = 0; at < HEAD_RECORD_BYTES; at++) {
        char kept = bytes[HEAD_RECORD_BYTES + at];
        bytes[HEAD_RECORD_BYTES + at] ^= 1;
        heads_parse(bytes, sizeof bytes, &heads);
        uint64_t newest = heads_newest(&heads).link.seq;
        CU_ASSERT_TRUE(newest == 7 || (newest == 8 && at >= 127)); /* blanks say nothing */
        bytes[HEAD_RECORD_BYTES + at] = kept;
    }
    heads_parse(bytes, sizeof bytes - 1, &heads); /* torn while it grew */
    CU_ASSERT_EQUAL(heads_newest(&heads).link.seq, 7);
    heads_parse(bytes, sizeof bytes, &heads);
    CU_ASSERT_TRUE(heads.count == 2 && heads.slot == 1);
}

/* One head each second, as fast as is written: whatever was noted is there for an epoch. */
static void test_a_note_stays_for_an_epoch_however_much_is_told(void)
{
    static const int64_t epochs[] = {1000, EPOCH_MS, 86400000};
    struct state_dir state;
    struct audit_note note;
    struct error error = {""};
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    uint64_t sequence = 100;
    for (unsigned i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        int64_t every_ms = epochs[i] / 900 > 1000 ? epochs[i] / 900 : 1000;
        CU_ASSERT_TRUE_FATAL(audit_note_open(&note, &state, config, &error));
        audit_note_look(&note, epochs[i], 0);
        int64_t begin_ms = note.written_ms = clock_mono_ms(); /* only look writes */
        uint64_t first = sequence + 1;
        for (int64_t ms = every_ms; ms <= epochs[i] + every_ms; ms += every_ms) {
            note.written_ms = clock_mono_ms();
            tell(&note, ++sequence, 'a');
            note.written_ms = 0;
            audit_note_look(&note, epochs[i], begin_ms + ms);
        }
        CU_ASSERT_EQUAL(noted_on_disk(&state), sequence);
        unsigned old = 0;
        for (unsigned k = 0; k < heads.count; k++)
            old += heads.head[k].link.seq >= first && heads.head[k].link.seq <= first + 1;
        CU_ASSERT_TRUE(old > 0);
        CU_ASSERT_TRUE(heads.count <= HEAD_RECORDS);
        audit_note_close(&note);
    }
    for (unsigned turn = 0; turn < 2 * HEAD_RECORDS; turn++) { /* and the file stays as it is */
        CU_ASSERT_TRUE_FATAL(audit_note_open(&note, &state, config, &error));
        tell(&note, ++sequence, 'b');
        audit_note_close(&note);
    }
    CU_ASSERT_EQUAL(noted_on_disk(&state), sequence);
    CU_ASSERT_EQUAL(heads.count, HEAD_RECORDS);
    CU_ASSERT_EQUAL(heads.head[0].link.seq, sequence - HEAD_RECORDS + 1); /* the last so many */
    state_dir_close(&state);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the noted head never goes back", test_the_noted_head_never_goes_back},
        {"a torn note leaves the one before", test_a_torn_note_leaves_the_one_before},
        {"a note stays for an epoch", test_a_note_stays_for_an_epoch_however_much_is_told},
        CU_TEST_INFO_NULL,
    };
    int failed = set_up();
    if (failed == 0)
        failed = cunit_run("audit_note", tests);
    return tear_down() != 0 ? 1 : failed;
}
