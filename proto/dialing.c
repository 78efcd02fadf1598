/* Between the engine and the dialer's channel. May not: make a connection. */
#include "proto/dialing.h"

#include <unistd.h>

#include "common/descriptors.h"
#include "common/log.h"

static bool ask(void *argument, uint64_t id, enum source source, struct error *error)
{
    struct worker *worker = argument;
    const struct dial dial = {.id = id, .source = source};
    /* Before its hello came the channel would take it, and be asked again when it is open. */
    if (!worker_has_peer(worker, ROLE_DIALER))
        return error_set(error, "the dialer is not there");
    return worker_send(worker, ROLE_DIALER, MESSAGE_dial, &dial, error);
}

struct http_way dialing_way(struct worker *worker)
{
    return (struct http_way){.dial = ask, .argument = worker};
}

uint32_t dialing_ports(const struct config *config, struct http_endpoint *const *endpoints,
                       uint32_t count, uint16_t *out)
{
    const struct config_sandbox *sandbox = &config->sandbox;
    uint32_t ports = 0;
    if ((sandbox_parts_of(sandbox->without, sandbox->without_count) & PART_BIT(PART_SECCOMP)) == 0)
        return 0;
    for (uint32_t i = 0; i < count && ports < ROLE_PORTS_MAX; i++)
        if (endpoints[i] != NULL)
            out[ports++] = http_endpoint_port(endpoints[i]);
    return ports;
}

bool dialing_message(struct http *http, struct message *message)
{
    if (message->id != MESSAGE_dial_failed)
        return false;
    const struct dial_failed *failed = message_dial_failed(message);
    if (http != NULL)
        http_dial_failed(http, failed->id, failed->failure, failed->text);
    message_free(message);
    return true;
}

void dialing_passed(struct http *http, struct message *message, int descriptor, bool *lied)
{
    struct error error = {""};
    bool good = message->id == MESSAGE_dialed ||
                error_set(&error, "%s carries no connection", message_name(message->id));
    good = good &&
           descriptor_is(descriptor, DESCRIPTOR_CONNECTION, "what the dialer handed over", &error);
    if (good && http != NULL)
        http_dialed(http, message_dialed(message)->id, descriptor);
    else
        close(descriptor);
    message_free(message);
    if (good || *lied)
        return;
    *lied = true;
    log_warning("%s; it is closed, and so are others like it", error.text);
}

void dialing_peer_open(struct http *http, enum role peer)
{
    if (http != NULL && peer == ROLE_DIALER)
        http_dial_again(http);
}
