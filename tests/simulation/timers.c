/* Virtual time in place of the clocks (common/clock.c) and of libevent's timers, at link time: what
 * the actuator's actions wait for, they wait for here. May not: wait. */
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "sim.h"

int64_t clock_mono_ms(void)
{
    return sim_mono_ms(sim_now);
}

int64_t clock_wall_ms(void)
{
    return sim_wall_ms(sim_now);
}

/* A one-shot timer. It outlives event_free until its last item has passed. */
struct event {
    event_callback_fn callback;
    void *argument;
    uint64_t generation; /* of the pending wait; 0 none */
    uint64_t last;
    uint32_t items; /* in the queue */
    bool freed;
};

static void drop_item(void *argument)
{
    struct event *event = argument;
    if (--event->items == 0 && event->freed)
        free(event);
}

static void fire(void *argument, uint64_t generation)
{
    struct event *event = argument;
    bool due = !event->freed && event->generation == generation;
    if (due)
        event->generation = 0;
    /* The callback may free the event: the item is let go only after it. */
    if (due)
        event->callback(-1, EV_TIMEOUT, event->argument);
    drop_item(event);
}

struct event *event_new(struct event_base *base, evutil_socket_t socket, short what,
                        event_callback_fn callback, void *argument)
{
    (void)base;
    (void)socket;
    (void)what;
    struct event *event = sim_alloc(sizeof *event);
    event->callback = callback;
    event->argument = argument;
    return event;
}

int event_add(struct event *event, const struct timeval *time)
{
    event->generation = ++event->last;
    event->items++;
    sim_at(sim_now, time->tv_sec * 1000 + time->tv_usec / 1000, fire, drop_item, event,
           event->generation);
    return 0;
}

int event_del(struct event *event)
{
    event->generation = 0;
    return 0;
}

void event_free(struct event *event)
{
    event->generation = 0;
    event->freed = true;
    if (event->items == 0)
        free(event);
}
