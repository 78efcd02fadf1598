/* The shell's promise: what could not be performed, the core is told, also where it changes while
 * the core is being told; so that one failed write stops renting for that moment and no longer.
 * The core is the real one; the disk, the channels and the clock are this test's. */
#include "cunit_main.h"

#include <string.h>

#include "common/clock.h"
#include "reconciler/perform.h"
#include "reconciler/shell.h"

#define MONO_MS 1000000
#define WALL_MS INT64_C(1780000000000)

static struct {
    struct shell shell;
    struct config *config;
    struct event_base *base;
    int64_t now_ms;
    uint64_t sequence;
    const char *disk; /* what comes of the next writes: Fails, or Good; the last letter holds on */
    unsigned writes, sent;
    bool channel_breaks;
} it;

/* ---------------------------------------------------------------- in the place of the real ones */

int64_t __wrap_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void)
{
    return MONO_MS + it.now_ms;
}

int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
    return WALL_MS + it.now_ms;
}

struct event_base *worker_base(struct worker *worker)
{
    (void)worker;
    return it.base;
}

uint64_t worker_epoch(const struct worker *worker)
{
    (void)worker;
    return 1;
}

bool worker_has_peer(const struct worker *worker, enum role peer)
{
    (void)worker, (void)peer;
    return true;
}

bool worker_send(struct worker *worker, enum role peer, enum message_id id, const void *body,
                 struct error *error)
{
    (void)worker, (void)body;
    if (peer != ROLE_ACTUATOR || id != MESSAGE_action)
        return true;
    if (it.channel_breaks)
        return error_set(error, "the channel breaks");
    it.sent++;
    return true;
}

bool checkpoint_file_write(struct checkpoint_file *file, const struct checkpoint *checkpoint,
                           struct error *error)
{
    (void)file, (void)checkpoint;
    it.writes++;
    bool fails = *it.disk == 'F';
    it.disk += it.disk[1] != '\0';
    return fails ? error_set(error, "the checkpoint cannot be written") : true;
}

bool checkpoint_file_read(struct checkpoint_file *file, struct message **message,
                          struct error *note, struct error *error)
{
    (void)file, (void)error;
    *message = NULL;
    *note = (struct error){""};
    return true;
}

void checkpoint_file_close(struct checkpoint_file *file)
{
    (void)file;
}

/* ---------------------------------------------------------------------------- what happens to it
 */

static void begin(const char *disk)
{
    static const char *const set[][2] = {{"mode", "act"},
                                         {"pools[0].name", "linux"},
                                         {"pools[0].label_sets[0]", "[linux]"},
                                         {"pools[0].offers[0].server_type", "ccx33"},
                                         {"pools[0].offers[0].location", "nbg1"}};
    struct error error = {""};
    memset(&it, 0, sizeof it);
    it.disk = disk;
    it.base = event_base_new();
    it.config = config_new();
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        CU_ASSERT_TRUE_FATAL(config_set(it.config, set[i][0], set[i][1], &error));
    capture_init(&it.shell.capture);
    CU_ASSERT_TRUE_FATAL(shell_start(&it.shell, NULL, it.config, &error));
    shell_recall(&it.shell);
    struct actuator_state state = {.epoch = 0};
    struct core_event event = {.kind = CORE_ACTUATOR_STATE, .u.actuator_state = &state};
    shell_step(&it.shell, &event);
}

static void end(void)
{
    shell_free(&it.shell);
    config_free(it.config);
    event_base_free(it.base);
}

static struct snapshot_head head(void)
{
    return (struct snapshot_head){.sequence = ++it.sequence,
                                  .began_mono_ms = clock_mono_ms(),
                                  .ended_mono_ms = clock_mono_ms(),
                                  .wall_ms = clock_wall_ms(),
                                  .api_ms = clock_wall_ms(),
                                  .requests = 1};
}

static void tell(enum message_id id, const void *body)
{
    struct error error = {""};
    struct message *message = message_copy(id, body, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    enum role peer = id == MESSAGE_gitea_snapshot     ? ROLE_POLLER_GITEA
                     : id == MESSAGE_hetzner_snapshot ? ROLE_POLLER_HETZNER
                                                      : ROLE_POLLER_KUBE;
    shell_message(&it.shell, peer, message);
    CU_ASSERT_EQUAL(it.shell.untold.storage_told, it.shell.untold.storage_failed);
    CU_ASSERT_EQUAL(it.shell.untold.unsent_count, 0);
}

/* Hetzner and Kubernetes are read, a second later: nothing of ours is there. */
static void poll_others(void)
{
    struct hetzner_price price = {
        .server_type = "ccx33", .location = "nbg1", .hourly_micro = 100000};
    it.now_ms += 1000;
    struct hetzner_snapshot hetzner = {
        .head = head(), .currency = "EUR", .prices = &price, .prices_count = 1};
    struct kube_snapshot kube = {.head = head()};
    tell(MESSAGE_hetzner_snapshot, &hetzner);
    tell(MESSAGE_kube_snapshot, &kube);
}

/* Gitea is read: a job waits. */
static void poll_gitea(void)
{
    static const char *const labels[] = {"linux"};
    struct gitea_job job = {.id = 1,
                            .run_id = 1,
                            .repository = "acme/app",
                            .name = "build",
                            .status = JOB_RUNNABLE,
                            .labels = labels,
                            .labels_count = 1,
                            .runner_name = ""};
    struct gitea_snapshot gitea = {
        .head = head(), .version = "1.26.0", .jobs = &job, .jobs_count = 1};
    tell(MESSAGE_gitea_snapshot, &gitea);
}

static void poll(void)
{
    poll_others();
    poll_gitea();
}

static bool alarmed(void)
{
    const struct status *status = it.shell.output->status;
    for (uint32_t i = 0; status != NULL && i < status->alarms_count; i++)
        if (status->alarms[i].kind == ALARM_STORAGE)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------ the tests */

static void test_one_failed_write_stops_renting_for_a_moment(void)
{
    begin("FG");
    CU_ASSERT(it.writes >= 2); /* that write, and the one that went well */
    CU_ASSERT_FALSE(alarmed());
    poll();
    CU_ASSERT_EQUAL(it.sent, 1);
    unsigned writes = it.writes;
    for (unsigned i = 0; i < 5; i++)
        poll();
    CU_ASSERT(it.writes - writes < 5); /* it is not written with each event as while it fails */
    end();
}

/* Each step writes once as long as it fails: nothing of it makes the next one at once. */
static void test_a_disk_that_fails_is_tried_with_each_event(void)
{
    begin("F");
    unsigned writes = it.writes;
    poll();
    CU_ASSERT_EQUAL(it.writes - writes, 3);
    CU_ASSERT_EQUAL(it.sent, 0);
    CU_ASSERT_TRUE(alarmed());
    it.disk = "G";
    poll();
    CU_ASSERT_FALSE(alarmed());
    CU_ASSERT_EQUAL(it.sent, 1);
    end();
}

/* It works again, a server is asked for in the very step that hears of it, and that cannot be
 * written: nothing more is rented, and what could not be written is tried again. */
static void test_a_failure_while_the_core_is_told(void)
{
    begin("F");
    poll();
    CU_ASSERT_EQUAL(it.sent, 0);
    it.disk = "GF";
    poll();
    CU_ASSERT_EQUAL(it.sent, 1);
    CU_ASSERT_TRUE(alarmed());
    it.disk = "G";
    poll();
    CU_ASSERT_FALSE(alarmed());
    end();
}

/* ... and there it cannot be sent: the core hears of that as well, and asks again a second later
 * and not when it gives up waiting for a result. */
static void test_an_action_that_never_left_while_the_core_is_told(void)
{
    begin("F");
    poll();
    it.channel_breaks = true;
    it.disk = "G";
    poll();
    CU_ASSERT_EQUAL(it.sent, 0);
    it.channel_breaks = false;
    for (unsigned i = 0; i < 5; i++)
        poll();
    CU_ASSERT_EQUAL(it.sent, 1);
    end();
}

/* The turns were not enough, as with a disk that fails in one write and not in the next: nothing is
 * decided before the core knows the rest. */
static void test_the_rest_is_told_before_the_next_event(void)
{
    begin("G");
    poll_others();
    it.shell.untold.storage_failed = true;
    error_set(&it.shell.untold.storage_why, "the disk is full");
    it.disk = "F";
    poll_gitea();
    CU_ASSERT_EQUAL(it.sent, 0);
    CU_ASSERT_TRUE(alarmed());
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"one failed write stops renting for a moment",
         test_one_failed_write_stops_renting_for_a_moment},
        {"a disk that fails is tried with each event",
         test_a_disk_that_fails_is_tried_with_each_event},
        {"a failure while the core is told", test_a_failure_while_the_core_is_told},
        {"an action that never left while the core is told",
         test_an_action_that_never_left_while_the_core_is_told},
        {"the rest is told before the next event", test_the_rest_is_told_before_the_next_event},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("shell", tests);
}
