/* A person's side of the control socket. May not print. */
#include "supervisor/client.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
    struct event_base *base;
    struct event *limit; /* pending only while an answer is awaited */
    struct channel *channel;
    struct message *answer;
    struct error why; /* the channel's end */
};

static void on_message(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    (void)channel;
    struct client *client = argument;
    if (descriptor >= 0)
        close(descriptor);
    message_free(client->answer);
    client->answer = message;
    (void)event_base_loopbreak(client->base);
}

static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    struct client *client = argument;
    client->why = *why;
    client->channel = NULL;
    channel_free(channel);
    (void)event_base_loopbreak(client->base);
}

static void on_limit(evutil_socket_t descriptor, short what, void *argument)
{
    (void)descriptor;
    (void)what;
    struct client *client = argument;
    (void)event_base_loopbreak(client->base);
}

static int connect_to(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        error_set(error, "%s is longer than a socket's name may be", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        error_set_errno(error, errno, "no socket");
        return -1;
    }
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0)
        return descriptor;
    const char *advice = "";
    if (errno == ENOENT || errno == ECONNREFUSED)
        advice = " (no ebbtide runs with this configuration: start it with `ebbtide run`)";
    else if (errno == EACCES)
        advice = " (ask as root, as the daemon's user, or as a member of files.control_group)";
    error_set_errno(error, errno, "cannot ask the daemon at %s%s", path, advice);
    close(descriptor);
    return -1;
}

struct client *client_open(const char *path, struct error *error)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        error_set(error, "no memory to ask the daemon");
        return NULL;
    }
    const struct channel_identity identity = {
        .self = ROLE_CLIENT, .peer = ROLE_RECONCILER, .generation = 1};
    const struct channel_callbacks callbacks = {.message = on_message, .closed = on_closed};
    int descriptor = connect_to(path, error);
    client->base = descriptor < 0 ? NULL : event_base_new();
    client->limit = client->base == NULL ? NULL : evtimer_new(client->base, on_limit, client);
    if (client->limit != NULL) {
        client->channel =
            channel_open(client->base, descriptor, &identity, &callbacks, client, error);
    } else if (descriptor >= 0) {
        error_set(error, "no memory to ask the daemon");
        close(descriptor);
    }
    if (client->channel != NULL)
        return client;
    client_free(client);
    return NULL;
}

struct message *client_status(struct client *client, struct error *error)
{
    const struct timeval limit = {.tv_sec = CLIENT_MS_MAX / 1000};
    struct status_request request = {0};
    if (client->channel == NULL) {
        *error = client->why;
        return NULL;
    }
    if (!channel_send(client->channel, MESSAGE_status_request, &request, -1, error))
        return NULL;
    if (evtimer_add(client->limit, &limit) != 0) {
        error_set(error, "no memory to ask the daemon");
        return NULL;
    }
    (void)event_base_dispatch(client->base);
    /* The client is asked again: this wait's limit must not end a later one. */
    (void)evtimer_del(client->limit);
    struct message *answer = client->answer;
    client->answer = NULL;
    if (answer == NULL && client->channel == NULL)
        error_set(error, "the daemon closed the connection: %s", client->why.text);
    else if (answer == NULL)
        error_set(error, "the daemon has not answered within %d s", CLIENT_MS_MAX / 1000);
    return answer;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    message_free(client->answer);
    channel_free(client->channel);
    if (client->limit != NULL)
        event_free(client->limit);
    if (client->base != NULL)
        event_base_free(client->base);
    free(client);
}
