/* What the capture adds to a step at 10, 100 and 1,000 nodes with ten times the jobs, beside what
 * the step itself costs in the same run; and how large an hour of it is at polls of 5 s. Prints
 * lines, judges nothing. May not: do I/O but printing and an unnamed file. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fleet.h"
#include "reconciler/capture/chunks.h"

#define POLLS_MEASURED 100
#define POLL_MS        5000
#define POLLS_AN_HOUR  (3600000.0 / POLL_MS)

struct bench {
    struct fleet fleet;
    struct core *core;
    struct core_output *output;
    struct capture_writer *writer;
    uint64_t number;
    double step_s, capture_s;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void must(enum capture_put put, const struct error *error)
{
    if (put == CAPTURE_WRITTEN)
        return;
    fprintf(stderr, "bench_capture: %s\n", error->text);
    exit(1);
}

static void step(struct bench *bench, struct core_event *event)
{
    struct error error = {""};
    bench->number++;
    double began = now();
    must(capture_put_event(bench->writer, bench->number, 2, event, &error), &error);
    double stepped = now();
    core_step(bench->core, event, bench->output);
    double ended = now();
    must(capture_put_output(bench->writer, bench->number, bench->output, &error), &error);
    bench->step_s += ended - stepped;
    bench->capture_s += now() - ended + stepped - began;
}

/* A poll of each source, in which one job has ended and another has come, as in real work. */
static void poll(struct bench *bench, int64_t mono_ms, uint32_t turn)
{
    struct fleet *fleet = &bench->fleet;
    struct core_event event = {
        .mono_ms = mono_ms, .wall_ms = FLEET_WALL_MS + mono_ms, .owner = fleet};
    struct gitea_job *job =
        (struct gitea_job *)(uintptr_t)&fleet->gitea.jobs[turn * 7 % fleet->jobs];
    job->id = 1000000 + turn;
    fleet->hetzner.head = fleet->kube.head = fleet->gitea.head = fleet_head(mono_ms);
    event.kind = CORE_HETZNER;
    event.u.hetzner = &fleet->hetzner;
    step(bench, &event);
    event.kind = CORE_KUBE;
    event.u.kube = &fleet->kube;
    step(bench, &event);
    event.kind = CORE_GITEA;
    event.u.gitea = &fleet->gitea;
    step(bench, &event);
}

static void begin(struct bench *bench, const struct config *config, int file)
{
    struct error error = {""};
    struct actuator_state state = {.epoch = 1};
    struct core_event checkpoint = {
        .mono_ms = 1000, .wall_ms = FLEET_WALL_MS, .kind = CORE_CHECKPOINT};
    struct core_event actuator = {.mono_ms = 1000,
                                  .wall_ms = FLEET_WALL_MS,
                                  .kind = CORE_ACTUATOR_STATE,
                                  .u.actuator_state = &state};
    struct capture_head head = capture_head_here();
    char text[CAPTURE_HEAD_BYTES_MAX + 1];
    head.epoch = 2;
    capture_head_format(&head, text);
    bench->writer = capture_writer_new(file, UINT64_MAX, text, &error);
    bench->core = core_init(fleet_memory(1, core_size(config)), config, 2);
    if (bench->writer == NULL)
        must(CAPTURE_FAILED, &error);
    must(capture_put_beginning(bench->writer, 2, bench->core, false, &error), &error);
    step(bench, &checkpoint);
    step(bench, &actuator);
}

static void measure(const struct config *config, struct core_output *output, uint32_t nodes)
{
    struct bench bench = {.output = output};
    int file = memfd_create("capture", MFD_CLOEXEC);
    fleet_make(&bench.fleet, nodes, nodes * 10);
    begin(&bench, config, file);
    poll(&bench, 2000, 0);
    bench.step_s = bench.capture_s = 0;
    uint64_t before = capture_writer_size(bench.writer);
    for (uint32_t i = 1; i <= POLLS_MEASURED; i++)
        poll(&bench, 2000 + (int64_t)i * POLL_MS, i);
    double bytes = (double)(capture_writer_size(bench.writer) - before) / POLLS_MEASURED;
    printf("capture: %4u nodes, %5u jobs: step %8.1f us, capture adds %8.1f us (%.1f of a step); "
           "first pictures %llu KiB, then %.1f KiB a poll of all three, %.1f MiB an hour\n",
           nodes, nodes * 10, bench.step_s * 1e6 / (3 * POLLS_MEASURED),
           bench.capture_s * 1e6 / (3 * POLLS_MEASURED), bench.capture_s / bench.step_s,
           (unsigned long long)(before / 1024), bytes / 1024, bytes * POLLS_AN_HOUR / 1024 / 1024);
    capture_writer_free(bench.writer);
    close(file);
}

int main(void)
{
    struct core_output *output = fleet_memory(1, sizeof *output);
    struct config *config = fleet_configuration();
    for (uint32_t nodes = 10; nodes <= 1000; nodes *= 10)
        measure(config, output, nodes);
    config_free(config);
    free(output);
    return 0;
}
