/* A run's capture, as the reconciler's shell would write it and the supervisor would hand out its
 * segments: `simulate --seed N --capture FOLDER`, for `ebbtide replay FOLDER`.
 * May not: change anything of the run. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/capture.h"
#include "sim.h"

#define SEGMENT_BYTES (512 * 1024)

struct sim_keep {
    struct capture capture;
    unsigned segments;
};

static void give_segment(struct sim *sim)
{
    struct sim_keep *keep = sim->keep;
    struct error error = {""};
    char path[4096];
    snprintf(path, sizeof path, "%s/capture.%06u", sim->options.capture, ++keep->segments);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) {
        error_set_errno(&error, errno, "cannot make %s", path);
        sim_die(error.text);
    }
    if (!capture_take(&keep->capture, keep->segments, path, file, &error))
        sim_die(error.text);
}

void keep_begin(struct sim *sim)
{
    if (sim->options.capture == NULL)
        return;
    if (sim->keep == NULL)
        sim->keep = sim_alloc(sizeof *sim->keep);
    else
        capture_close(&sim->keep->capture); /* of the life before */
    capture_init(&sim->keep->capture);
    sim->keep->capture.enabled = true;
    sim->keep->capture.segment_bytes = SEGMENT_BYTES;
    sim->keep->capture.epoch = sim->epoch;
    give_segment(sim);
}

void keep_event(struct sim *sim, const struct core_event *event)
{
    if (sim->keep != NULL)
        capture_event(&sim->keep->capture, sim->core, event);
}

void keep_output(struct sim *sim, const struct core_event *event)
{
    if (sim->keep == NULL)
        return;
    capture_output(&sim->keep->capture, sim->output, event->mono_ms);
    if (capture_wants(&sim->keep->capture, event->mono_ms))
        give_segment(sim);
}

void keep_end(struct sim *sim)
{
    if (sim->keep == NULL)
        return;
    if (sim->keep->capture.missed > 0)
        sim_die("an event is in no segment");
    capture_close(&sim->keep->capture);
    free(sim->keep);
    sim->keep = NULL;
}
