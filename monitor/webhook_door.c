/* Deliveries in, hints out. */
#include "monitor/webhook_door.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "monitor/door.h"
#include "monitor/webhook.h"

#define SAY_TROUBLE_MS 60000 /* of deliveries that are refused one is logged in this time */

struct webhook_door {
    struct door *door;
    struct webhook *webhook;
    struct event *timer;
    webhook_hint *hint;
    void *argument;
    int64_t hinted_ms; /* when the last hint went out; 0 none did */
    uint64_t owed;     /* the job of a hint that waits for its time; 0 none does */
    int64_t said_ms;   /* when a refused delivery was last logged */
};

/* --------------------------------------------------------------------------------------- hints */

static void send_hint(struct webhook_door *door, uint64_t job_id)
{
    door->hinted_ms = clock_mono_ms();
    door->owed = 0;
    metric_add(M_HINTS_SENT, 0, 0, 1);
    door->hint(job_id, door->argument);
}

static void on_time(evutil_socket_t socket, short what, void *argument)
{
    struct webhook_door *door = argument;
    (void)socket;
    (void)what;
    if (door->owed != 0)
        send_hint(door, door->owed);
}

/* The first at once; those that follow are one hint at the end of the gap. */
static void hint_about(struct webhook_door *door, uint64_t job_id)
{
    int64_t wait_ms = door->hinted_ms + HINT_GAP_MS - clock_mono_ms();
    if (door->hinted_ms == 0 || wait_ms <= 0) {
        send_hint(door, job_id);
        return;
    }
    if (wait_ms > HINT_GAP_MS)
        wait_ms = HINT_GAP_MS;
    const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
    if (door->owed == 0)
        event_add(door->timer, &wait);
    door->owed = job_id;
}

/* ---------------------------------------------------------------------------------- deliveries */

/* A person set something up wrong, or a stranger knocks: said, but not as often as they like. */
static void say_trouble(struct webhook_door *door, const struct webhook_verdict *verdict)
{
    int64_t now = clock_mono_ms();
    if (verdict->status < 400 || (door->said_ms != 0 && now - door->said_ms < SAY_TROUBLE_MS))
        return;
    door->said_ms = now;
    log_warning("a webhook is refused with %d: %s (others of this minute are only counted)",
                verdict->status, verdict->sentence);
}

static void take(struct webhook_door *door, struct visit *visit)
{
    size_t length = 0;
    const char *body = visit_body(visit, &length);
    if (body == NULL) {
        visit_say(visit, HTTP_SERVUNAVAIL, "out of memory");
        return;
    }
    const struct webhook_delivery delivery = {
        .type = visit_header(visit, "Content-Type"),
        .event = visit_header(visit, "X-Gitea-Event"),
        .id = visit_header(visit, "X-Gitea-Delivery"),
        .signature = visit_header(visit, "X-Gitea-Signature"),
        .body = body,
        .length = length,
    };
    struct webhook_verdict verdict = webhook_take(door->webhook, &delivery);
    metric_add(M_WEBHOOKS, verdict.outcome, 0, 1);
    say_trouble(door, &verdict);
    if (verdict.status == 401)
        visit_add_header(visit, "WWW-Authenticate", "X-Gitea-Signature");
    visit_say(visit, verdict.status, verdict.sentence);
    if (verdict.outcome == WEBHOOK_HINT)
        hint_about(door, verdict.job_id);
}

static void on_visit(struct visit *visit, void *argument)
{
    if (strcmp(visit_path(visit), WEBHOOK_PATH) != 0) {
        visit_refuse(visit, REFUSAL_PATH, HTTP_NOTFOUND, "there is only " WEBHOOK_PATH);
    } else if (!visit_method_is(visit, EVHTTP_REQ_POST)) {
        visit_add_header(visit, "Allow", "POST");
        visit_refuse(visit, REFUSAL_METHOD, HTTP_BADMETHOD,
                     "Gitea's webhooks are taken here, with the method POST");
    } else {
        take(argument, visit);
    }
}

/* --------------------------------------------------------------------------------------- whole */

/* Fills what was made; false with a sentence where a part is missing. */
static bool make_parts(struct webhook_door *door, struct event_base *base, int listener,
                       struct secret *secret, const struct config *config, struct error *error)
{
    const struct door_rules rules = {
        .body_bytes_max =
            2 * WEBHOOK_BODY_BYTES_MAX, /* so that most too large ones get our words */
        .any_host = true,
        .handler = on_visit,
        .argument = door};
    door->door = door_new(base, listener, config, &rules, error); /* takes the listener */
    door->webhook = webhook_new(secret, error);                   /* takes the secret */
    door->timer = evtimer_new(base, on_time, door);
    return door->door && door->webhook && door->timer;
}

struct webhook_door *webhook_door_new(struct event_base *base, int listener, struct secret *secret,
                                      const struct config *config, webhook_hint *hint,
                                      void *argument, struct error *error)
{
    struct webhook_door *door = calloc(1, sizeof *door);
    if (!door) {
        error_set(error, "webhooks cannot be taken: out of memory");
        evutil_closesocket(listener);
        secret_free(secret);
        return NULL;
    }
    error_set(error, "webhooks cannot be taken: out of memory"); /* unless it is another cause */
    if (!make_parts(door, base, listener, secret, config, error)) {
        webhook_door_free(door);
        return NULL;
    }
    door->hint = hint;
    door->argument = argument;
    return door;
}

void webhook_door_secret(struct webhook_door *door, struct secret *secret)
{
    webhook_secret(door->webhook, secret);
}

void webhook_door_limit(struct webhook_door *door, const struct config *config)
{
    if (door)
        door_limit(door->door, config);
}

void webhook_door_free(struct webhook_door *door)
{
    if (!door)
        return;
    door_free(door->door);
    webhook_free(door->webhook);
    if (door->timer)
        event_free(door->timer);
    free(door);
}
