/* The monitor's listeners and the control socket's. May not accept or read. */
#include "supervisor/listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

#define BACKLOG         128
#define GROUP_BYTES_MAX 65536 /* its members included */

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un local;
};

/* Where the configuration puts each of the monitor's. */
struct place {
    const char *address; /* "" where it is not wanted */
    uint64_t port;
    const char *address_key, *port_key, *what;
};

static struct place place_of(const struct config *config, enum monitor_listener which)
{
    const struct config_monitor *monitor = &config->monitor;
    if (which == LISTENER_WEBHOOKS)
        return (struct place){monitor->webhook_listen_address, monitor->webhook_listen_port,
                              "monitor.webhook_listen_address", "monitor.webhook_listen_port",
                              "the monitor takes webhooks"};
    return (struct place){monitor->listen_address, monitor->listen_port, "monitor.listen_address",
                          "monitor.listen_port", "the monitor listens"};
}

static bool read_address(const struct place *place, union address *out, socklen_t *size)
{
    memset(out, 0, sizeof *out);
    uint16_t port = htons((uint16_t)place->port);
    if (inet_pton(AF_INET, place->address, &out->four.sin_addr) == 1) {
        out->four.sin_family = AF_INET;
        out->four.sin_port = port;
        *size = sizeof out->four;
        return true;
    }
    if (inet_pton(AF_INET6, place->address, &out->six.sin6_addr) == 1) {
        out->six.sin6_family = AF_INET6;
        out->six.sin6_port = port;
        *size = sizeof out->six;
        return true;
    }
    return false;
}

static int listen_on(const union address *address, socklen_t size)
{
    int listener = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -1;
    int yes = 1;
    if (address->any.sa_family != AF_UNIX)
        (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, &address->any, size) == 0 && listen(listener, BACKLOG) == 0)
        return listener;
    int number = errno;
    close(listener);
    errno = number;
    return -1;
}

static unsigned port_of(int listener)
{
    union address address;
    memset(&address, 0, sizeof address);
    socklen_t size = sizeof address;
    if (getsockname(listener, &address.any, &size) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port : address.four.sin_port);
}

bool listener_wanted(const struct config *config, enum monitor_listener which)
{
    return config->monitor.enabled && place_of(config, which).address[0] != '\0';
}

bool listener_same(const struct config *one, const struct config *other,
                   enum monitor_listener which)
{
    const struct place a = place_of(one, which), b = place_of(other, which);
    return listener_wanted(one, which) && listener_wanted(other, which) && a.port == b.port &&
           strcmp(a.address, b.address) == 0;
}

/* What to do where a listener cannot be made. `before` as in listener_open_monitor. */
static const char *advice(int number, const struct config *before, const struct place *place,
                          enum monitor_listener which)
{
    if (number == EACCES)
        return "; take a port of 1024 or above";
    if (number == EADDRNOTAVAIL)
        return "; it is not an address of this machine (`ip address` shows them)";
    if (number != EADDRINUSE)
        return "";
    if (before != NULL && listener_wanted(before, which) &&
        place_of(before, which).port == place->port)
        return "; Ebbtide itself has this port, on its old address: restart it, or choose another "
               "port";
    return "; end the program that has it, or choose another port";
}

bool listener_open_monitor(const struct config *config, const struct config *before,
                           enum monitor_listener which, struct made_listener *out,
                           struct error *error)
{
    const struct place place = place_of(config, which);
    union address address;
    socklen_t size;
    if (!read_address(&place, &address, &size))
        return error_set(error, "%s: %s is no IPv4 or IPv6 address", place.address_key,
                         place.address);
    out->descriptor = listen_on(&address, size);
    int number = errno;
    if (out->descriptor < 0)
        return error_set(error, "%s: cannot listen on %s port %u: %s%s",
                         number == EADDRNOTAVAIL ? place.address_key : place.port_key,
                         place.address, (unsigned)place.port, strerror(number),
                         advice(number, before, &place, which));
    snprintf(out->name, sizeof out->name, "%s port %u", place.address, port_of(out->descriptor));
    return true;
}

bool listener_is_loopback(const struct config *config, enum monitor_listener which)
{
    const struct place place = place_of(config, which);
    union address address;
    socklen_t size;
    if (!read_address(&place, &address, &size))
        return false;
    if (address.any.sa_family == AF_INET)
        return ntohl(address.four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&address.six.sin6_addr);
}

void listener_say(const struct config *config, enum monitor_listener which,
                  const struct made_listener *made)
{
    const struct place place = place_of(config, which);
    if (listener_is_loopback(config, which))
        log_info("%s on %s", place.what, made->name);
    else
        log_warning("%s on %s, which is not loopback: other machines reach it as far as their way "
                    "is open, and nothing on it is encrypted%s",
                    place.what, made->name,
                    which == LISTENER_PAGES ? "; it shows names of jobs and machines to all" : "");
}

/* ---------------------------------------------------------------------------- control socket */

/* Makes the socket's folder, 0755, where its own parent is there. */
static void make_folder_of(const char *path)
{
    char folder[sizeof((struct sockaddr_un){0}).sun_path];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        (void)mkdir(folder, 0755); /* bind says what is wrong where this fails */
    }
}

/* Whether somebody answers on the socket that lies there; removes it when nobody does. */
static bool is_alive(const union address *address)
{
    struct stat status;
    if (lstat(address->local.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false; /* bind fails on anything else, and says so */
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive =
        probe < 0 || connect(probe, &address->any, sizeof address->local) == 0 || errno == EAGAIN;
    if (probe >= 0)
        close(probe);
    if (!alive)
        (void)unlink(address->local.sun_path);
    return alive;
}

static bool give_to_group(const char *path, const char *name, struct error *error)
{
    if (name[0] == '\0')
        return chmod(path, 0600) == 0 ||
               error_set_errno(error, errno, "files.control_socket: cannot chmod %s", path);
    struct group entry;
    struct group *group = NULL;
    char memory[GROUP_BYTES_MAX];
    int number = getgrnam_r(name, &entry, memory, sizeof memory, &group);
    if (number != 0)
        return error_set_errno(error, number, "files.control_group: cannot look up group %s", name);
    if (group == NULL)
        return error_set(error, "files.control_group: there is no group %s on this machine", name);
    if (chown(path, (uid_t)-1, entry.gr_gid) != 0 || chmod(path, 0660) != 0)
        return error_set_errno(error, errno, "files.control_group: cannot give %s to %s", path,
                               name);
    return true;
}

int listener_open_control(const struct config *config, struct error *error)
{
    const char *path = config->files.control_socket;
    union address address;
    memset(&address, 0, sizeof address);
    address.local.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.local.sun_path) {
        error_set(error, "files.control_socket: %s is longer than a socket's name may be", path);
        return -1;
    }
    memcpy(address.local.sun_path, path, strlen(path));
    make_folder_of(path);
    if (is_alive(&address)) {
        error_set(error,
                  "files.control_socket: another ebbtide answers on %s; end it first, or "
                  "give this one a socket of its own",
                  path);
        return -1;
    }
    mode_t old = umask(0177); /* nobody else may ask between bind and chmod */
    int listener = listen_on(&address, sizeof address.local);
    int number = errno;
    umask(old);
    if (listener < 0) {
        error_set_errno(error, number, "files.control_socket: cannot listen on %s", path);
        return -1;
    }
    if (!give_to_group(path, config->files.control_group, error)) {
        close(listener);
        return -1;
    }
    return listener;
}
