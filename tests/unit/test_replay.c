/* ebbtide-replay as a person runs it, on captures that this test writes: the same is called the
 * same; one changed word is found and named; what cannot be replayed is said, with who can. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core_play.h"
#include "cunit_main.h"
#include "reconciler/capture.h"
#include "reconciler/capture/file.h"

#define OUTPUT_BYTES_MAX 262144
#define ROUNDS           60

static char folder[] = "/tmp/ebbtide-replay-XXXXXX";
static char output[OUTPUT_BYTES_MAX];

/* Writes a life into FOLDER/capture.NUMBER, a new segment every `each` rounds. */
struct recording {
    struct world *world;
    struct capture capture;
    unsigned segments;
};

static int make_file(unsigned number)
{
    char path[128];
    snprintf(path, sizeof path, "%s/capture.%06u", folder, number);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(file >= 0);
    return file;
}

static void give_segment(struct recording *recording)
{
    struct error error = {""};
    unsigned number = ++recording->segments;
    CU_ASSERT_TRUE(
        capture_take(&recording->capture, number, "a segment", make_file(number), &error));
}

static void before(const struct core_event *event, void *argument)
{
    struct recording *recording = argument;
    capture_event(&recording->capture, recording->world->core, event);
}

static void after(const struct core_event *event, void *argument)
{
    struct recording *recording = argument;
    capture_output(&recording->capture, recording->world->out, event->mono_ms);
}

/* world_start makes the core: what comes before it is not captured, so the world is made by hand.
 */
static void record(unsigned each, uint64_t seed)
{
    struct recording recording = {.segments = 0};
    struct core_play dice = {.seed = seed};
    recording.world = core_play_world();
    world_configure(recording.world, "capture.enabled", "true");
    capture_init(&recording.capture);
    capture_configure(&recording.capture, recording.world->config, 2);
    give_segment(&recording);
    recording.world->before = before;
    recording.world->after = after;
    recording.world->argument = &recording;
    world_start(recording.world, NULL); /* its second life: epoch 2, from its first event */
    for (unsigned round = 1; round <= ROUNDS; round++) {
        core_play_round(recording.world, &dice);
        if (round % each == 0)
            give_segment(&recording);
    }
    capture_close(&recording.capture);
    world_free(recording.world);
}

/* Runs it with these words in the folder; its status, and all that it said in `output`. */
static int replay(const char *words)
{
    char command[512];
    snprintf(command, sizeof command, "cd %s && %s %s 2>&1", folder, REPLAY_PROGRAM, words);
    FILE *pipe = popen(command, "r"); /* NOLINT: a fixed command of this test */
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    size_t length = fread(output, 1, sizeof output - 1, pipe);
    output[length] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(const char *words, int status, const char *said)
{
    int found = replay(words);
    if (found != status || strstr(output, said) == NULL)
        printf("\n    %s: status %d, wanted %d and \"%s\"; said:\n%.2000s\n", words, found, status,
               said, output);
    CU_ASSERT_EQUAL(found, status);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, said));
}

static void clean(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -f %s/*", folder);
    (void)!system(command); /* NOLINT: a fixed folder of this test */
}

static int unlink_segment(unsigned number)
{
    char path[128];
    snprintf(path, sizeof path, "%s/capture.%06u", folder, number);
    return unlink(path);
}

static void test_a_life_is_the_same_whole_and_in_parts(void)
{
    clean();
    record(20, 21);
    expect(".", 0, "the same: each was decided as it was then, byte for byte");
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "3 segments, 1 life"));
    expect("capture.000002", 0, "the same"); /* from the memory alone */
    expect("capture.000003 capture.000002", 0, "2 segments");
    expect("capture.000001 capture.000003", 0, "a segment is missing in between");
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "the same"));
    expect("capture.000001 capture.000001", 0, "the same segment");
    expect(". --json", 0, "\"differing_events\": 0");
}

static void rename_all(const char *from, const char *to)
{
    char command[256];
    snprintf(command, sizeof command,
             "cd %s && for f in capture.%s*; do mv $f capture.%s${f#capture.%s}; done", folder,
             from, to, from);
    CU_ASSERT_EQUAL(system(command), 0); /* NOLINT: fixed names of this test */
}

/* Two installations' captures in one folder are not one life, whichever files are longer. */
static void test_two_daemons_are_not_one_life(void)
{
    clean();
    record(20, 21);
    rename_all("0", "1");
    record(17, 23);
    expect(".", 2, "captures of two daemons?");
    clean();
    record(20, 21);
    CU_ASSERT_EQUAL(unlink_segment(1), 0);
    rename_all("0", "1");
    record(1000, 23);
    expect(".", 2, "captures of two daemons?");
}

/* A copy that was made while the segment was written: the whole one is played, in either order. */
static void test_of_two_copies_the_longer_is_played(void)
{
    char command[256], events[64];
    clean();
    record(1000, 21);
    expect("capture.000001 --json", 0, "\"events\"");
    snprintf(events, sizeof events, "%.40s", strstr(output, "\"events\":"));
    *strchr(events, ',') = '\0';
    snprintf(command, sizeof command, "cd %s && head -c 3000 capture.000001 >capture.000000",
             folder);
    CU_ASSERT_EQUAL(system(command), 0); /* NOLINT: fixed names of this test */
    expect("capture.000000 capture.000001 --json", 0, events);
    expect("capture.000001 capture.000000 --json", 0, events);
}

/* --------------------------------------------------------------------- one word is another */

enum change { CHANGE_LINE, CHANGE_STATUS };

/* Writes a copy of segment 1 with one output changed, as if another core had decided. */
static void forge(enum change change, uint64_t number)
{
    char path[128];
    struct error error = {""};
    struct capture_chunk chunk;
    snprintf(path, sizeof path, "%s/capture.000001", folder);
    struct capture_reader *reader = capture_reader_new(open(path, O_RDONLY | O_CLOEXEC), &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
    int file = make_file(9);
    struct capture_writer *writer =
        capture_writer_new(file, UINT64_MAX, capture_reader_head(reader), &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
    while (capture_next_chunk(reader, &chunk, &error) == CAPTURE_CHUNK) {
        if (chunk.table != NULL)
            capture_writer_item(writer, CAPTURE_TABLE, (unsigned char *)chunk.table,
                                strlen(chunk.table), &error);
        for (uint32_t i = 0; i < chunk.count; i++) {
            unsigned char *bytes = NULL;
            size_t length = chunk.length[i];
            const struct message *message = chunk.message[i];
            if (message->id == MESSAGE_captured_output &&
                message_captured_output(message)->number == number) {
                struct captured_output forged = *message_captured_output(message);
                if (change == CHANGE_LINE)
                    forged.wake_ms += 1;
                else
                    forged.status_sum = "00000000000000000000000000000000";
                CU_ASSERT_TRUE(message_encode(message->id, &forged, &bytes, &length, &error));
            }
            capture_writer_item(writer, CAPTURE_MESSAGE, bytes != NULL ? bytes : chunk.bytes[i],
                                length, &error);
            free(bytes);
        }
        CU_ASSERT_EQUAL(capture_writer_end(writer, &error), CAPTURE_WRITTEN);
        capture_chunk_free(&chunk);
    }
    capture_writer_free(writer);
    capture_reader_free(reader);
    close(file);
}

static void test_one_changed_word_is_found_and_named(void)
{
    clean();
    record(1000, 22);
    forge(CHANGE_LINE, 50);
    expect("capture.000009", 1, "event 50 of capture.000009 differs: captured_output.wake_ms: ");
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "DIFFERENT: 1 of "));
    forge(CHANGE_STATUS, 51);
    expect("capture.000009", 1, "event 51 of capture.000009 differs: captured_output.status_sum");
    expect("capture.000009 --until 50", 0, "the same");
    expect("capture.000009 --json", 1, "\"event\": 51");
}

/* ------------------------------------------------------------------------ what is no capture */

static void write_text(const char *name, const char *text, size_t length)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_EQUAL(write(file, text, length), (ssize_t)length);
    close(file);
}

static void write_foreign(const char *name, void (*change)(struct capture_head *head))
{
    char path[128], text[CAPTURE_HEAD_BYTES_MAX + 1];
    struct error error = {""};
    struct capture_head head = capture_head_here();
    head.epoch = 1;
    change(&head);
    capture_head_format(&head, text);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    struct capture_writer *writer = capture_writer_new(file, UINT64_MAX, text, &error);
    CU_ASSERT_PTR_NOT_NULL(writer);
    capture_writer_free(writer);
    close(file);
}

static void another_table(struct capture_head *head)
{
    snprintf(head->version, sizeof head->version, "0.0.7");
    memset(head->form, 'e', 64);
}

static void another_format(struct capture_head *head)
{
    snprintf(head->version, sizeof head->version, "3.0.0");
    head->format = 77;
}

static void test_what_cannot_be_replayed_is_said(void)
{
    clean();
    expect("nowhere", 2, "cannot be opened");
    expect(".", 2, "no capture.NUMBER in this folder");
    write_text("ebbtide.yaml", "mode: act\n", 10);
    expect("ebbtide.yaml", 2, "it is no capture");
    write_text("capture.000001", "", 0);
    expect("capture.000001", 2, "it is empty");
    write_foreign("old", another_table);
    expect("old", 2, "written by ebbtide 0.0.7");
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "replay it with the build that wrote it"));
    write_foreign("new", another_format);
    expect("new", 2, "replay it with version 3.0.0");
    expect("", 2, "which FILE?");
    expect("x --explain a --config b", 2, "not both");
    expect("x --what", 2, "does not know --what");
    expect("x -xy", 2, "does not know -x\n");
    expect("x --until", 2, "nothing follows --until");
}

/* Changes a byte in the payload of the first record that ends behind `at`. */
static void change_a_payload(int file, off_t at)
{
    unsigned char frame[CAPTURE_FRAME_BYTES], byte = 0;
    off_t record = CAPTURE_MAGIC_BYTES, length = 0;
    do {
        record += length;
        CU_ASSERT_EQUAL_FATAL(pread(file, frame, sizeof frame, record), (ssize_t)sizeof frame);
        length = (off_t)sizeof frame +
                 ((off_t)frame[0] << 24 | frame[1] << 16 | frame[2] << 8 | frame[3]);
    } while (record + length <= at);
    record += (off_t)sizeof frame;
    CU_ASSERT_EQUAL(pread(file, &byte, 1, record), 1);
    byte ^= 1;
    CU_ASSERT_EQUAL(pwrite(file, &byte, 1, record), 1);
}

/* What a segment holds that ends anywhere: replayed up to there. */
static void test_a_torn_capture_is_replayed_up_to_the_tear(void)
{
    char path[128];
    clean();
    record(1000, 23);
    snprintf(path, sizeof path, "%s/capture.000001", folder);
    int file = open(path, O_RDWR | O_CLOEXEC);
    off_t size = lseek(file, 0, SEEK_END);
    for (int i = 1; i <= 12; i++) {
        CU_ASSERT_EQUAL(ftruncate(file, size - i * 7), 0);
        expect("capture.000001", 0, "the same");
        CU_ASSERT(strstr(output, "ends inside a record") != NULL ||
                  strstr(output, "is not in the capture") != NULL);
    }
    change_a_payload(file, size / 2);
    expect("capture.000001", 2, "it is damaged");
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "the same")); /* as far as it could be read */
    close(file);
}

static void test_until_shows_the_table_of_that_moment(void)
{
    clean();
    record(20, 24);
    expect(". --until 30", 0, "after event 30 (epoch 2)");
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "no servers"));
    expect(". --until 192", 0, "after event 192 (epoch 2)");
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "NODE"));
    expect(". --until 2.30", 0, "after event 30 (epoch 2)");
    expect(". --until 2026-11-27T07:25:00Z", 0, "after event ");
    expect(". --until 999999", 2, "there is no event 999999");
    expect(". --until 1.30", 2, "there is nothing up to 1.30: what was named begins with event 1 ");
    expect(". --until 2020-01-01T00:00:00Z", 2, "there is nothing up to 2020-01-01T00:00:00Z");
    expect(". --until 3.30", 2, "there is no event 3.30: what was named ends with event ");
    expect(". --until 3.30 --explain x", 2, "there is no event 3.30");
    expect(". --until soon", 2, "not soon");
    expect(". --until 30 --json", 0, "\"status\": {");
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a life is the same whole and in parts", test_a_life_is_the_same_whole_and_in_parts},
        {"two daemons are not one life", test_two_daemons_are_not_one_life},
        {"of two copies the longer is played", test_of_two_copies_the_longer_is_played},
        {"one changed word is found and named", test_one_changed_word_is_found_and_named},
        {"what cannot be replayed is said", test_what_cannot_be_replayed_is_said},
        {"a torn capture is replayed up to the tear",
         test_a_torn_capture_is_replayed_up_to_the_tear},
        {"until shows the table of that moment", test_until_shows_the_table_of_that_moment},
        CU_TEST_INFO_NULL,
    };
    if (mkdtemp(folder) == NULL)
        return 2;
    int status = cunit_run("replay", tests);
    clean();
    rmdir(folder);
    return status;
}
