/* The supervisor's parts that need no process: restarts, the epoch and the lock, topology. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cunit_main.h"
#include "supervisor/audit_steps.h"
#include "supervisor/listeners.h"
#include "supervisor/restarts.h"
#include "supervisor/state_dir.h"
#include "supervisor/topology.h"
#include "supervisor/verdict.h"

static const struct restart_limits limits = {
    .restarts_max = 4, .within_ms = 60000, .first_ms = 100, .most_ms = 300};

static void test_pauses_double_up_to_the_most(void)
{
    static struct restarts restarts;
    const int64_t expected[] = {100, 200, 300, 300};
    int64_t pause = 0;
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_TRUE(restarts_note(&restarts, &limits, (int64_t)i, &pause));
        CU_ASSERT_EQUAL(pause, expected[i]);
    }
    CU_ASSERT_FALSE(restarts_note(&restarts, &limits, 10, &pause));
}

static void test_old_restarts_are_forgotten(void)
{
    static struct restarts restarts;
    int64_t pause = 0;
    for (int64_t i = 0; i < 4; i++)
        CU_ASSERT_TRUE(restarts_note(&restarts, &limits, i * 1000, &pause));
    CU_ASSERT_FALSE(restarts_note(&restarts, &limits, 59999, &pause));
    CU_ASSERT_TRUE(restarts_note(&restarts, &limits, 60000, &pause)); /* the first is 60 s old */
    CU_ASSERT_EQUAL(pause, 300);
    CU_ASSERT_TRUE(restarts_note(&restarts, &limits, 200000, &pause));
    CU_ASSERT_EQUAL(pause, 100);
}

static void test_the_most_restarts_that_can_be_configured(void)
{
    static struct restarts restarts;
    const struct restart_limits most = {RESTARTS_KEPT_MAX, 86400000, 10, 3600000};
    int64_t pause = 0;
    for (int64_t i = 0; i < RESTARTS_KEPT_MAX; i++)
        CU_ASSERT_TRUE_FATAL(restarts_note(&restarts, &most, i, &pause));
    CU_ASSERT_EQUAL(pause, 3600000);
    CU_ASSERT_FALSE(restarts_note(&restarts, &most, RESTARTS_KEPT_MAX, &pause));
}

/* -------------------------------------------------------------------------- state directory */

static char folder[] = "/tmp/ebbtide-state-XXXXXX";
static struct config *config;

static void write_epoch(const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/epoch", folder);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void test_the_epoch_rises_and_is_kept(void)
{
    struct state_dir state;
    struct error error = {""};
    uint64_t first = 0, second = 0;
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    CU_ASSERT_TRUE(state_dir_raise_epoch(&state, INT64_C(1767225600000) + 120000, &first, &error));
    CU_ASSERT_EQUAL(first, 3); /* two minutes into 2026: no name of a lost state comes back */
    state_dir_close(&state);
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    CU_ASSERT_TRUE(state_dir_raise_epoch(&state, 0, &second, &error)); /* whatever the clock says */
    CU_ASSERT_EQUAL(second, 4);
    state_dir_close(&state);
}

static void test_an_epoch_that_is_none_is_an_error_and_stays(void)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "7",
                                      "-7\n",
                                      "7x\n",
                                      "0\n",
                                      "x\n",
                                      " \n",
                                      "99999999999999999999999\n",
                                      "18446744073709551615\n"};
    struct state_dir state;
    struct error error = {""};
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t epoch = 0;
        write_epoch(bad[i]);
        CU_ASSERT_FALSE(state_dir_raise_epoch(&state, 1, &epoch, &error));
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "epoch"));
    }
    write_epoch("41\n");
    uint64_t epoch = 0;
    CU_ASSERT_TRUE(state_dir_raise_epoch(&state, 1, &epoch, &error));
    CU_ASSERT_EQUAL(epoch, 42);
    state_dir_close(&state);
}

/* A lock is a process's: the other one is a child. */
static void test_two_processes_cannot_have_it(void)
{
    struct state_dir state;
    struct error error = {""};
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    pid_t child = fork();
    if (child == 0) {
        struct state_dir other;
        int64_t holder = 0;
        char name[32];
        snprintf(name, sizeof name, "process %ld", (long)getppid());
        bool refused = !state_dir_open(&other, config, &error) && strstr(error.text, name) != NULL;
        bool found = state_dir_holder(config, &holder, &error) && holder == getppid();
        _exit(refused && found ? 0 : 1);
    }
    int status = 1;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    state_dir_close(&state);
}

/* What `ebbtide reload` waits for: one line, numbered on over restarts, whatever the sentence. */
static void test_the_verdict_of_a_reload(void)
{
    struct state_dir state;
    struct error error;
    struct verdict verdict;
    char sentence[VERDICT_BYTES * 2];
    memset(sentence, 'x', sizeof sentence - 1);
    sentence[sizeof sentence - 1] = '\0';
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    CU_ASSERT_TRUE(verdict_read(config, &verdict, &error));
    CU_ASSERT_EQUAL(verdict.number, 0);
    CU_ASSERT_TRUE(verdict_write(&state, true, "changed: a\nb", &error));
    CU_ASSERT_TRUE(verdict_read(config, &verdict, &error));
    CU_ASSERT_EQUAL(verdict.number, 1);
    CU_ASSERT_TRUE(verdict.taken);
    CU_ASSERT_STRING_EQUAL(verdict.text, "changed: a b");
    state_dir_close(&state);
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    CU_ASSERT_TRUE(verdict_write(&state, false, sentence, &error));
    CU_ASSERT_TRUE(verdict_read(config, &verdict, &error));
    CU_ASSERT_EQUAL(verdict.number, 2);
    CU_ASSERT_FALSE(verdict.taken);
    CU_ASSERT_TRUE(strlen(verdict.text) > VERDICT_BYTES / 2);
    CU_ASSERT_EQUAL(pwrite(state.lock, "3 maybe ", 8, 0), 8);
    CU_ASSERT_TRUE(verdict_read(config, &verdict, &error));
    CU_ASSERT_EQUAL(verdict.number, 0);
    state_dir_close(&state);
}

static unsigned last_segment(const struct state_dir *state)
{
    struct error error;
    unsigned last = UINT_MAX;
    CU_ASSERT_TRUE(state_dir_last_segment(state, config, "audit.jsonl", &last, &error));
    return last;
}

static void test_segments_are_found_by_their_number(void)
{
    struct state_dir state;
    struct error error = {""};
    char name[CONFIG_PATH_BYTES_MAX];
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    CU_ASSERT_EQUAL(last_segment(&state), 0);
    for (unsigned index = 0; index < 3; index++) {
        int descriptor =
            state_dir_segment(&state, config, "audit.jsonl", index, name, sizeof name, &error);
        struct stat file;
        CU_ASSERT_FATAL(descriptor >= 0 && fstat(descriptor, &file) == 0);
        CU_ASSERT_EQUAL(file.st_mode & 0777, 0600);
        close(descriptor);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(name, "/audit.jsonl.2"));
    CU_ASSERT_EQUAL(last_segment(&state), 2);
    CU_ASSERT_EQUAL(state_dir_segment(&state, config, "audit.jsonl", STATE_SEGMENTS_MAX + 1, name,
                                      sizeof name, &error),
                    -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "audit.jsonl"));
    state_dir_close(&state);
}

/* What was moved away leaves a gap below, and no gap above. */
static void test_older_segments_may_be_moved_away(void)
{
    struct state_dir state;
    struct error error = {""};
    char path[128];
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    for (unsigned index = 0; index < 2; index++) {
        snprintf(path, sizeof path, index == 0 ? "%s/audit.jsonl" : "%s/audit.jsonl.1", folder);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
    CU_ASSERT_EQUAL(last_segment(&state), 2);
    CU_ASSERT_EQUAL(state_dir_segment_bytes(&state, config, "audit.jsonl", 1), -1);
    CU_ASSERT_EQUAL(state_dir_segment_bytes(&state, config, "audit.jsonl", 2), 0);
    state_dir_close(&state);
}

static void test_an_old_segment_is_for_reading(void)
{
    struct state_dir state;
    struct error error = {""};
    char name[CONFIG_PATH_BYTES_MAX];
    CU_ASSERT_TRUE_FATAL(state_dir_open(&state, config, &error));
    int file = state_dir_old_segment(&state, config, "audit.jsonl", 2, name, sizeof name, &error);
    CU_ASSERT_TRUE_FATAL(file >= 0);
    CU_ASSERT_EQUAL(fcntl(file, F_GETFL) & O_ACCMODE, O_RDONLY);
    CU_ASSERT_NOT_EQUAL(ftruncate(file, 0), 0);
    close(file);
    state_dir_close(&state);
}

/* ---------------------------------------------------------- the next segment of the audit log */

#define MAX_BYTES 65536

static void test_only_the_last_segment_or_the_next_is_given(void)
{
    struct audit_steps steps = {.last = 3};
    struct error error;
    for (uint64_t index = 0; index < 3; index++)
        CU_ASSERT_FALSE(audit_steps_take(&steps, index, MAX_BYTES, MAX_BYTES, 0, &error));
    CU_ASSERT_FALSE(audit_steps_take(&steps, 5, MAX_BYTES, MAX_BYTES, 0, &error));
    CU_ASSERT_FALSE(audit_steps_take(&steps, 65535, MAX_BYTES, MAX_BYTES, 0, &error));
    CU_ASSERT_TRUE(audit_steps_take(&steps, 3, 0, MAX_BYTES, 0, &error));
    CU_ASSERT_TRUE(audit_steps_take(&steps, 4, MAX_BYTES, MAX_BYTES, 0, &error));
    CU_ASSERT_EQUAL(steps.last, 4);
    CU_ASSERT_FALSE(audit_steps_take(&steps, 3, MAX_BYTES, MAX_BYTES, 9000, &error));
}

static void test_an_empty_segment_is_left_once_an_hour(void)
{
    struct audit_steps steps = {.last = 0};
    const int64_t hour_ms = 3600000;
    struct error error;
    CU_ASSERT_TRUE(audit_steps_take(&steps, 1, 10, MAX_BYTES, 5, &error)); /* it does not verify */
    CU_ASSERT_FALSE(audit_steps_take(&steps, 2, MAX_BYTES / 8 - 1, MAX_BYTES, 2000, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "segment 1 holds only 8191 bytes"));
    CU_ASSERT_TRUE(audit_steps_take(&steps, 2, MAX_BYTES / 8, MAX_BYTES, 2000, &error));
    CU_ASSERT_FALSE(audit_steps_take(&steps, 3, MAX_BYTES, MAX_BYTES, 2999, &error));
    CU_ASSERT_TRUE(audit_steps_take(&steps, 3, 0, MAX_BYTES, 2000 + hour_ms, &error));
}

/* --------------------------------------------------------------------------------- topology */

static void test_nobody_reaches_whom_it_must_not(void)
{
    const uint32_t of_callers =
        ROLE_BIT(ROLE_RECONCILER) | ROLE_BIT(ROLE_DIALER) | ROLE_BIT(ROLE_MONITOR);
    CU_ASSERT_EQUAL(topology_peers(ROLE_POLLER_GITEA), of_callers);
    CU_ASSERT_EQUAL(topology_peers(ROLE_POLLER_HETZNER), of_callers);
    CU_ASSERT_EQUAL(topology_peers(ROLE_POLLER_KUBE), of_callers);
    CU_ASSERT_EQUAL(topology_peers(ROLE_ACTUATOR), of_callers);
    CU_ASSERT_EQUAL(topology_peers(ROLE_DIALER), ROLES_CALLERS | ROLE_BIT(ROLE_MONITOR));
    CU_ASSERT_EQUAL(topology_peers(ROLE_RECONCILER), ROLES_CALLERS | ROLE_BIT(ROLE_MONITOR));
    CU_ASSERT_EQUAL(topology_peers(ROLE_MONITOR), ROLES_WORKERS & ~ROLE_BIT(ROLE_MONITOR));
}

/* ---------------------------------------------------------------------------------- listeners */

/* What start-up warns of, and what a reload makes anew. */
static void test_open_listeners_are_told_apart(void)
{
    static const struct {
        const char *address;
        bool loopback;
    } cases[] = {{"127.0.0.1", true}, {"127.9.9.9", true},       {"::1", true},
                 {"0.0.0.0", false},  {"10.0.0.5", false},       {"128.0.0.1", false},
                 {"::", false},       {"::ffff:10.0.0.5", false}};
    struct config *one = config_new(), *other = config_new();
    struct error error;
    CU_ASSERT_TRUE(listener_is_loopback(one, LISTENER_PAGES));
    CU_ASSERT_TRUE(listener_wanted(one, LISTENER_PAGES));
    CU_ASSERT_FALSE(listener_wanted(one, LISTENER_WEBHOOKS)); /* off unless asked for */
    CU_ASSERT_TRUE(listener_same(one, other, LISTENER_PAGES));
    CU_ASSERT_FALSE(listener_same(one, other, LISTENER_WEBHOOKS));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_TRUE(
            config_set(other, "monitor.webhook_listen_address", cases[i].address, &error));
        CU_ASSERT_EQUAL(listener_is_loopback(other, LISTENER_WEBHOOKS), cases[i].loopback);
        CU_ASSERT_TRUE(listener_wanted(other, LISTENER_WEBHOOKS));
        CU_ASSERT_FALSE(listener_same(one, other, LISTENER_WEBHOOKS));
    }
    CU_ASSERT_TRUE(config_set(other, "monitor.listen_port", "9999", &error));
    CU_ASSERT_FALSE(listener_same(one, other, LISTENER_PAGES));
    CU_ASSERT_TRUE(config_set(other, "monitor.enabled", "false", &error));
    CU_ASSERT_FALSE(listener_wanted(other, LISTENER_WEBHOOKS));
    config_free(one);
    config_free(other);
}

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
    static const char *const names[] = {"epoch",       "epoch.new",     "lock",
                                        "audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    config_free(config);
    return rmdir(folder);
}

/* Whether listening fails, and *error then says why. */
static bool cannot_listen(const struct config *on, struct error *error)
{
    struct made_listener made = {.descriptor = -1};
    bool listens = listener_open_monitor(on, NULL, LISTENER_PAGES, &made, error);
    if (listens)
        close(made.descriptor);
    return !listens;
}

static int try_low_port(const struct config *on)
{
    struct error error;
    if (geteuid() == 0 && setuid(65534) != 0)
        return 2;
    return cannot_listen(on, &error) && strstr(error.text, "1024 or above") == NULL ? 1 : 0;
}

static void test_where_nobody_can_listen_the_way_out_is_said(void)
{
    struct config *on = config_new();
    struct error error;
    int status;
    CU_ASSERT_TRUE(config_set(on, "monitor.listen_port", "80", &error));
    pid_t child = fork();
    CU_ASSERT_TRUE_FATAL(child >= 0);
    if (child == 0)
        _exit(try_low_port(on));
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_TRUE(config_set(on, "monitor.listen_address", "192.0.2.77", &error));
    CU_ASSERT_TRUE(cannot_listen(on, &error)); /* RFC 5737: nobody's address */
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "monitor.listen_address"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "not an address of this machine"));
    config_free(on);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"pauses double up to the most", test_pauses_double_up_to_the_most},
        {"old restarts are forgotten", test_old_restarts_are_forgotten},
        {"the most restarts that can be configured", test_the_most_restarts_that_can_be_configured},
        {"the epoch rises and is kept", test_the_epoch_rises_and_is_kept},
        {"an epoch that is none is an error", test_an_epoch_that_is_none_is_an_error_and_stays},
        {"two processes cannot have it", test_two_processes_cannot_have_it},
        {"the verdict of a reload", test_the_verdict_of_a_reload},
        {"segments are found by their number", test_segments_are_found_by_their_number},
        {"older segments may be moved away", test_older_segments_may_be_moved_away},
        {"an old segment is for reading", test_an_old_segment_is_for_reading},
        {"only the last segment or the next is given",
         test_only_the_last_segment_or_the_next_is_given},
        {"an empty segment is left once an hour", test_an_empty_segment_is_left_once_an_hour},
        {"nobody reaches whom it must not", test_nobody_reaches_whom_it_must_not},
        {"open listeners are told apart", test_open_listeners_are_told_apart},
        {"where nobody can listen", test_where_nobody_can_listen_the_way_out_is_said},
        CU_TEST_INFO_NULL,
    };
    int failed = set_up();
    if (failed == 0)
        failed = cunit_run("supervisor_parts", tests);
    return tear_down() != 0 ? 1 : failed;
}
