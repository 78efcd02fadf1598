/* The end in order: who decides stops first, then who acts (it finishes or safely abandons what is
 * in flight), then who shows. Each phase has a part of supervisor.stop_timeout; what has not ended
 * by then is killed. May not: start anything. */
#include <event2/event.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/supervisor.h"

/* Up to which part of stop_timeout each phase may last: the reconciler only writes its checkpoint;
 * the actuator gets most. */
static const struct {
    int64_t share, of;
} phase_ends[STOP_PHASES] = {{1, 4}, {9, 10}, {1, 1}};

static void ask_phase(struct supervisor *supervisor)
{
    int64_t timeout = supervisor->config->supervisor.stop_timeout_ms;
    int64_t began = supervisor->stop_deadline_ms - timeout;
    unsigned phase = (unsigned)supervisor->stop_phase;
    int64_t deadline = began + timeout * phase_ends[phase].share / phase_ends[phase].of;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        struct life *life = &supervisor->life[i];
        if (life->row->stop_phase == phase)
            life_stop(life, deadline, false);
    }
}

static bool phase_is_over(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        const struct life *life = &supervisor->life[i];
        if ((int)life->row->stop_phase == supervisor->stop_phase && life->pid != 0)
            return false;
    }
    return true;
}

void stopping_begin(struct supervisor *supervisor, int status)
{
    if (supervisor->status < status)
        supervisor->status = status;
    if (supervisor->stopping)
        return;
    supervisor->stopping = true;
    supervisor->stop_phase = 0;
    supervisor->stop_deadline_ms = clock_mono_ms() + supervisor->config->supervisor.stop_timeout_ms;
    if (supervisor->next == NULL) {
        reload_drop(supervisor, "the daemon ends");
        notify_stopping(&supervisor->notify);
        notify_status(&supervisor->notify, "ending; servers stay rented");
    }
    log_info("the workers are ended in order");
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++)
        if (supervisor->life[i].pid == 0)
            supervisor->life[i].state = LIFE_OFF; /* nobody is started any more */
    ask_phase(supervisor);
    stopping_look(supervisor);
}

void stopping_look(struct supervisor *supervisor)
{
    if (!supervisor->stopping)
        return;
    while (phase_is_over(supervisor)) {
        if (++supervisor->stop_phase == STOP_PHASES) {
            supervisor->over = true;
            (void)event_base_loopbreak(supervisor->base);
            return;
        }
        ask_phase(supervisor);
    }
}
