/* How many messages a second are encoded and decoded: a Gitea snapshot of many jobs, the largest
 * that is common, and an action, the one that matters. Prints a table; asserts nothing. May not: be
 * a test (times differ from machine to machine). */
#include "common/clock.h"
#include "proto/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JOBS        1000u
#define RUN_SECONDS 0.5

static const char *const labels[] = {"linux", "x86-64"};
static struct gitea_job jobs[JOBS];

static struct gitea_snapshot make_snapshot(void)
{
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i] = (struct gitea_job){.id = i + 1,
                                     .run_id = i / 8 + 1,
                                     .status = i % 3 == 0 ? JOB_RUNNING : JOB_RUNNABLE,
                                     .labels = labels,
                                     .labels_count = 2,
                                     .name = "build (debian-12, gcc, debug)",
                                     .repository = "acme/application",
                                     .created_ms = 1764000000000,
                                     .runner_name = ""};
    }
    return (struct gitea_snapshot){
        .head = {.sequence = 1, .requests = 20, .ended_mono_ms = 2, .began_mono_ms = 1},
        .version = "1.26.0",
        .jobs = jobs,
        .jobs_count = JOBS};
}

static struct action make_action(void)
{
    return (struct action){.id = {.epoch = 7, .counter = 42},
                           .kind = ACTION_DRAIN_NODE,
                           .reason = REASON_HOUR_ENDS,
                           .text = "idle for 11m, the paid hour ends in 4m50s",
                           .node = {.name = "ebb-linux-7-16",
                                    .pool = "linux",
                                    .server_id = 4242,
                                    .node_uid = "2b1c2a52-6b0e-4f0e-9b5a-0f2f8a2f6f11",
                                    .provider_id = "hcloud://4242"},
                           .gitea_sequence = 100,
                           .hetzner_sequence = 101,
                           .kube_sequence = 102};
}

/* CPU seconds of this process: other work on the machine does not count. */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, const struct error *error)
{
    fprintf(stderr, "bench_messages: %s: %s\n", what, error->text);
    exit(1);
}

static double encodes_a_second(enum message_id id, const void *body, size_t *length)
{
    struct error error = {""};
    double began = cpu_seconds(), spent = 0;
    size_t rounds = 0;
    for (; spent < RUN_SECONDS; spent = cpu_seconds() - began, rounds++) {
        unsigned char *bytes;
        if (!message_encode(id, body, &bytes, length, &error))
            die("encoding", &error);
        free(bytes);
    }
    return (double)rounds / spent;
}

static double decodes_a_second(enum message_id id, const void *body)
{
    struct error error = {""};
    unsigned char *bytes;
    size_t length;
    if (!message_encode(id, body, &bytes, &length, &error))
        die("encoding", &error);
    double began = cpu_seconds(), spent = 0;
    size_t rounds = 0;
    for (; spent < RUN_SECONDS; spent = cpu_seconds() - began, rounds++) {
        struct message *message;
        if (!message_decode(bytes, length, &message, &error))
            die("decoding", &error);
        message_free(message);
    }
    free(bytes);
    return (double)rounds / spent;
}

static void show(const char *what, enum message_id id, const void *body)
{
    size_t length = 0;
    double encoded = encodes_a_second(id, body, &length);
    double decoded = decodes_a_second(id, body);
    printf("%-28s %8zu %14.0f %14.0f %10.0f %10.0f\n", what, length, encoded, decoded,
           encoded * (double)length / 1e6, decoded * (double)length / 1e6);
}

int main(void)
{
    struct gitea_snapshot snapshot = make_snapshot();
    struct action action = make_action();
    printf("%-28s %8s %14s %14s %10s %10s\n", "message", "bytes", "encoded/s", "decoded/s",
           "enc MB/s", "dec MB/s");
    show("gitea_snapshot, 1,000 jobs", MESSAGE_gitea_snapshot, &snapshot);
    show("action", MESSAGE_action, &action);
    return 0;
}
