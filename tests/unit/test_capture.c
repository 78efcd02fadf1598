/* The reconciler's capture: segments follow each other without a gap, each stays within its bound,
 * and trouble with the disk pauses it, is said once, and ends. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core_play.h"
#include "cunit_main.h"
#include "reconciler/capture.h"

#define SEGMENTS_MAX 64
#define SEGMENT      "64KiB"
#define SEGMENT_MAX  65536

/* A supervisor that hands out segments, and a disk that can be full. */
struct stage {
    struct world *world;
    struct capture capture;
    int segment[SEGMENTS_MAX]; /* what was handed out */
    unsigned segments, asked;
    bool disk_full, answers;
};

static void hand_over(struct stage *stage)
{
    struct error error = {""};
    char name[32];
    CU_ASSERT_FATAL(stage->segments < SEGMENTS_MAX);
    int file = stage->disk_full ? open("/dev/full", O_RDWR | O_CLOEXEC)
                                : memfd_create("segment", MFD_CLOEXEC);
    CU_ASSERT_FATAL(file >= 0);
    (void)fcntl(file, F_SETFL, O_APPEND); /* as the supervisor opens it */
    stage->segment[stage->segments++] = file;
    snprintf(name, sizeof name, "capture.%06u", stage->segments);
    CU_ASSERT_TRUE(capture_take(&stage->capture, stage->segments, name, dup(file), &error));
}

static void before(const struct core_event *event, void *argument)
{
    struct stage *stage = argument;
    capture_event(&stage->capture, stage->world->core, event);
}

static void after(const struct core_event *event, void *argument)
{
    struct stage *stage = argument;
    capture_output(&stage->capture, stage->world->out, event->mono_ms);
    if (capture_wants(&stage->capture, event->mono_ms)) {
        stage->asked++;
        if (stage->answers)
            hand_over(stage);
    }
}

static void begin(struct stage *stage)
{
    *stage = (struct stage){.answers = true};
    capture_init(&stage->capture);
    stage->world = core_play_world();
    world_configure(stage->world, "capture.enabled", "true");
    world_configure(stage->world, "capture.segment", SEGMENT);
    stage->world->before = before;
    stage->world->after = after;
    stage->world->argument = stage;
    capture_configure(&stage->capture, stage->world->config, 1);
}

static void end(struct stage *stage)
{
    capture_close(&stage->capture);
    for (unsigned i = 0; i < stage->segments; i++)
        close(stage->segment[i]);
    world_free(stage->world);
}

/* What a segment holds: its head, and how many whole events. */
static uint64_t look(int file, struct capture_head *head)
{
    struct error error = {""};
    struct capture_chunk chunk;
    uint64_t events = 0;
    struct capture_reader *reader = capture_reader_new(dup(file), &error);
    if (reader == NULL)
        return 0;
    CU_ASSERT_TRUE(capture_head_parse(capture_reader_head(reader), head, &error));
    enum capture_read read;
    while ((read = capture_next_chunk(reader, &chunk, &error)) == CAPTURE_CHUNK) {
        events += capture_chunk_find(&chunk, MESSAGE_captured_output) != NULL;
        capture_chunk_free(&chunk);
    }
    CU_ASSERT_EQUAL(read, CAPTURE_END);
    capture_reader_free(reader);
    return events;
}

static void test_segments_follow_each_other_without_a_gap(void)
{
    struct stage stage;
    struct core_play dice = {.seed = 11};
    begin(&stage);
    hand_over(&stage);
    for (int round = 0; round < 600; round++)
        core_play_round(stage.world, &dice);
    uint64_t expected = 0;
    CU_ASSERT(stage.segments > 3);
    for (unsigned i = 0; i < stage.segments; i++) {
        struct capture_head head = {.epoch = 0};
        uint64_t events = look(stage.segment[i], &head);
        CU_ASSERT(lseek(stage.segment[i], 0, SEEK_END) <= SEGMENT_MAX);
        if (events == 0)
            continue; /* the one that waits for its turn */
        CU_ASSERT_EQUAL(head.events, expected);
        CU_ASSERT_EQUAL(head.image, expected > 0);
        CU_ASSERT_EQUAL(head.segment, i + 1);
        expected += events;
    }
    CU_ASSERT_EQUAL(expected, stage.capture.events);
    CU_ASSERT_EQUAL(stage.capture.missed, 0);
    end(&stage);
}

/* No next one comes: it stops at its bound, and goes on where one comes at last. */
static void test_a_full_segment_waits_for_the_next(void)
{
    struct stage stage;
    struct core_play dice = {.seed = 12};
    begin(&stage);
    hand_over(&stage);
    stage.answers = false;
    for (int round = 0; round < 400; round++)
        core_play_round(stage.world, &dice);
    CU_ASSERT_TRUE(stage.capture.paused);
    CU_ASSERT(stage.capture.missed > 0);
    CU_ASSERT(stage.asked > 1); /* and it asks again, less and less often */
    CU_ASSERT(stage.asked < 40);
    stage.answers = true;
    for (int round = 0; round < 100 && stage.capture.paused; round++)
        core_play_round(stage.world, &dice);
    CU_ASSERT_FALSE(stage.capture.paused);
    struct capture_head first = {.epoch = 0}, second = {.epoch = 0};
    uint64_t events = look(stage.segment[0], &first);
    (void)look(stage.segment[1], &second);
    CU_ASSERT(lseek(stage.segment[0], 0, SEEK_END) <= SEGMENT_MAX);
    CU_ASSERT(second.events > events); /* the gap shows */
    CU_ASSERT_TRUE(second.image);
    end(&stage);
}

static void test_a_full_disk_pauses_and_nothing_else(void)
{
    struct stage stage;
    struct core_play dice = {.seed = 13};
    begin(&stage);
    stage.disk_full = true;
    hand_over(&stage);
    for (int round = 0; round < 50; round++)
        core_play_round(stage.world, &dice);
    CU_ASSERT_TRUE(stage.capture.paused);
    CU_ASSERT_EQUAL(stage.segments,
                    1); /* it is kept and tried again, not thrown away for another */
    CU_ASSERT(stage.capture.events > 100);
    /* The disk has room again. */
    stage.disk_full = false;
    hand_over(&stage);
    core_play_round(stage.world, &dice);
    CU_ASSERT_FALSE(stage.capture.paused);
    struct capture_head head = {.epoch = 0};
    CU_ASSERT(look(stage.segment[1], &head) > 0);
    CU_ASSERT(head.events > 100);
    end(&stage);
}

static void test_switched_off_it_writes_nothing(void)
{
    struct stage stage;
    struct error error = {""};
    struct core_play dice = {.seed = 14};
    begin(&stage);
    hand_over(&stage);
    core_play_round(stage.world, &dice);
    off_t size = lseek(stage.segment[0], 0, SEEK_END);
    CU_ASSERT(size > 0);
    world_configure(stage.world, "capture.enabled", "false");
    capture_configure(&stage.capture, stage.world->config, 1);
    core_play_round(stage.world, &dice);
    CU_ASSERT_EQUAL(lseek(stage.segment[0], 0, SEEK_END), size);
    CU_ASSERT_EQUAL(stage.asked, 0);
    CU_ASSERT_FALSE(capture_take(&stage.capture, 2, "capture.000002",
                                 memfd_create("segment", MFD_CLOEXEC), &error));
    /* On again: the next segment begins with the memory, and no event is counted twice. */
    world_configure(stage.world, "capture.enabled", "true");
    capture_configure(&stage.capture, stage.world->config, 1);
    hand_over(&stage);
    uint64_t events = stage.capture.events;
    core_play_round(stage.world, &dice);
    struct capture_head head = {.epoch = 0};
    CU_ASSERT(look(stage.segment[1], &head) > 0);
    CU_ASSERT_EQUAL(head.events, events);
    CU_ASSERT_TRUE(head.image);
    end(&stage);
}

/* A peer that was taken over may make the core say what no message can hold: the capture goes on.
 */
static void test_what_cannot_be_encoded_does_not_end_it(void)
{
    struct error error = {""};
    struct capture_chunk chunk;
    struct core_output *output = calloc(1, sizeof *output);
    const struct status_node node = {.name = "\xff", .pool = "", .runners = "", .why = ""};
    const struct status status = {.nodes = &node, .nodes_count = 1};
    int file = memfd_create("segment", MFD_CLOEXEC);
    struct capture_writer *writer = capture_writer_new(file, UINT64_MAX, "head", &error);
    CU_ASSERT_FATAL(output != NULL && writer != NULL);
    output->line_count = 1;
    snprintf(output->line[0].text, sizeof output->line[0].text, "a name: \xff");
    output->status = &status;
    output->status_changed = true;
    CU_ASSERT_EQUAL(capture_put_output(writer, 7, output, &error), CAPTURE_WRITTEN);
    struct capture_reader *reader = capture_reader_new(file, &error);
    CU_ASSERT_EQUAL_FATAL(capture_next_chunk(reader, &chunk, &error), CAPTURE_CHUNK);
    const struct message *message = capture_chunk_find(&chunk, MESSAGE_captured_output);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    const struct captured_output *captured = message_captured_output(message);
    CU_ASSERT_EQUAL(captured->number, 7);
    CU_ASSERT_EQUAL_FATAL(captured->lines_count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(captured->lines[0].text, "cannot encode"));
    CU_ASSERT_STRING_EQUAL(captured->status_sum, "unencodable");
    CU_ASSERT_PTR_NULL(capture_chunk_find(&chunk, MESSAGE_status));
    capture_chunk_free(&chunk);
    capture_reader_free(reader);
    capture_writer_free(writer);
    free(output);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"segments follow each other without a gap", test_segments_follow_each_other_without_a_gap},
        {"a full segment waits for the next", test_a_full_segment_waits_for_the_next},
        {"a full disk pauses and nothing else", test_a_full_disk_pauses_and_nothing_else},
        {"switched off it writes nothing", test_switched_off_it_writes_nothing},
        {"what cannot be encoded does not end it", test_what_cannot_be_encoded_does_not_end_it},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("capture", tests);
}
