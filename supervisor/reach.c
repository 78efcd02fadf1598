/* Where the dialer is to connect with Kubernetes: only kubeconfigs name it, and they hold tokens,
 * which the dialer never sees. Its other places stand in the configuration. May not: keep a secret,
 * take a place from a worker. */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/supervisor.h"

static const enum role callers[] = {ROLE_POLLER_KUBE, ROLE_ACTUATOR};

#define CALLERS (sizeof callers / sizeof callers[0])

/* What a kubeconfig says now; where it cannot be read, what it said last: its worker, which needs
 * all of it, says what is wrong. True where it is another place. */
static bool read_again(struct supervisor *supervisor, unsigned which)
{
    struct error error = {""};
    char url[URL_BYTES_MAX + 1];
    bool write = callers[which] == ROLE_ACTUATOR;
    if (write && supervisor->config->mode != MODE_ACT)
        return false;
    if (!kube_server_of(supervisor->config, write, url, sizeof url, &error)) {
        log_debug("%s", error.text);
        return false;
    }
    if (strcmp(url, supervisor->reach.kube[which]) == 0)
        return false;
    memcpy(supervisor->reach.kube[which], url, sizeof url);
    return true;
}

/* A worker that runs keeps the server that it began with, whatever its kubeconfig says now, and is
 * to be connected there: only its own start changes that. */
static bool begins(const struct life *life, enum role caller)
{
    const struct life *asks = life_of(life->supervisor, caller);
    return life == asks || (life->row->role == ROLE_DIALER && !life_is_reachable(asks));
}

void reach_look(struct life *life)
{
    struct supervisor *supervisor = life->supervisor;
    struct life *dialer = life_of(supervisor, ROLE_DIALER);
    bool changed = false;
    for (unsigned i = 0; i < CALLERS; i++)
        if (begins(life, callers[i]))
            changed = read_again(supervisor, i) || changed;
    if (!changed || life == dialer || !life_is_reachable(dialer))
        return;
    log_info("the %s's kubeconfig names another server: the dialer starts anew",
             role_word(life->row->role));
    life_stop(dialer, clock_mono_ms() + supervisor->config->supervisor.stop_timeout_ms, true);
}

bool reach_tell(struct life *life, struct error *error)
{
    const struct reach *reach = &life->supervisor->reach;
    for (unsigned i = 0; i < CALLERS && life->row->role == ROLE_DIALER; i++) {
        const struct kube_server told = {.role = callers[i], .url = reach->kube[i]};
        if (told.url[0] != '\0' &&
            !channel_send(life->channel, MESSAGE_kube_server, &told, -1, error))
            return false;
    }
    return true;
}
