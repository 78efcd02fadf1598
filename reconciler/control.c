/* The control socket's side of the reconciler. May not: trust what a client says of itself. */
#include "reconciler/control.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define PEER_GROUPS_MAX 256
#define GROUP_BYTES_MAX 65536 /* an entry of the list of groups, its members included */

struct client {
    struct control *control;
    struct channel *channel;
};

struct control {
    struct shell *shell;
    int listener;
    struct event *readable;
    uid_t owner; /* the daemon's user */
    bool has_group;
    gid_t group;
    struct client client[CONTROL_CLIENTS_MAX];
};

static bool in_group(int socket, gid_t wanted, gid_t primary)
{
    gid_t groups[PEER_GROUPS_MAX];
    socklen_t size = sizeof groups;
    if (primary == wanted)
        return true;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (size_t i = 0; i < size / sizeof groups[0]; i++) {
        if (groups[i] == wanted)
            return true;
    }
    return false;
}

static bool may_ask(const struct control *control, int socket)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    if (peer.uid == 0 || peer.uid == control->owner ||
        (control->has_group && in_group(socket, control->group, peer.gid)))
        return true;
    log_warning("user %u (pid %d) may not ask for the status: it is neither root, nor the daemon's "
                "user, nor in files.control_group",
                (unsigned)peer.uid, (int)peer.pid);
    return false;
}

static void on_message(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    struct client *client = argument;
    struct shell *shell = client->control->shell;
    struct error error = {""};
    if (descriptor >= 0)
        close(descriptor);
    capture_heard(&shell->capture, clock_mono_ms(), clock_wall_ms(), message);
    message_free(message); /* the table lets a client send status_request, nothing else */
    struct core_event event = {.kind = CORE_TICK}; /* so that the ages in it are of now */
    shell_step(shell, &event);
    if (shell->output->status != NULL &&
        !channel_send(channel, MESSAGE_status, shell->output->status, -1, &error))
        log_debug("%s", error.text);
}

static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    struct client *client = argument;
    log_debug("%s", why->text);
    channel_free(channel);
    client->channel = NULL;
}

static struct client *free_client(struct control *control)
{
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->client[i].channel == NULL)
            return &control->client[i];
    }
    return NULL;
}

static void on_connection(evutil_socket_t listener, short what, void *argument)
{
    (void)what;
    static const struct channel_callbacks callbacks = {.message = on_message, .closed = on_closed};
    static const struct channel_identity identity = {.self = ROLE_RECONCILER, .peer = ROLE_CLIENT};
    struct control *control = argument;
    struct error error = {""};
    /* cppcheck-suppress nullPointer ; accept4(2): NULL asks for no address */
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            log_warning("the control socket cannot accept: %s", strerror(errno));
        return;
    }
    struct client *client = free_client(control);
    if (client == NULL || !may_ask(control, socket)) {
        close(socket);
        return;
    }
    client->control = control;
    client->channel = channel_open(worker_base(control->shell->worker), socket, &identity,
                                   &callbacks, client, &error);
    if (client->channel == NULL)
        log_warning("%s", error.text);
}

static bool find_group(struct control *control, const char *name, struct error *error)
{
    if (name[0] == '\0')
        return true;
    struct group entry, *group = NULL;
    char memory[GROUP_BYTES_MAX];
    int number = getgrnam_r(name, &entry, memory, sizeof memory, &group);
    if (number != 0)
        return error_set_errno(error, number, "files.control_group: cannot look up %s", name);
    if (group == NULL)
        return error_set(error, "files.control_group: there is no group %s", name);
    control->has_group = true;
    control->group = group->gr_gid;
    return true;
}

struct control *control_open(struct shell *shell, int listener, const char *group,
                             struct error *error)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        close(listener);
        error_set(error, "no memory for the control socket");
        return NULL;
    }
    control->shell = shell;
    control->listener = listener;
    control->owner = getuid();
    control->readable = event_new(worker_base(shell->worker), listener, EV_READ | EV_PERSIST,
                                  on_connection, control);
    if (!find_group(control, group, error)) {
        control_close(control);
        return NULL;
    }
    if (control->readable == NULL || evutil_make_socket_nonblocking(listener) != 0 ||
        event_add(control->readable, NULL) != 0) {
        error_set(error, "the control socket cannot be listened on");
        control_close(control);
        return NULL;
    }
    return control;
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
        channel_free(control->client[i].channel);
    if (control->readable != NULL)
        event_free(control->readable);
    close(control->listener);
    free(control);
}
