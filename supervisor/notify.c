/* sd_notify's protocol, without libsystemd. May not block. */
#include "supervisor/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    /* '@' is an abstract name; anything else but an absolute path is not of this protocol. */
    if ((path[0] != '/' && path[0] != '@') || length < 2 || length >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_fd < 0)
        return -1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (connect(socket_fd, (struct sockaddr *)&address, size) != 0) {
        close(socket_fd);
        return -1;
    }
    return socket_fd;
}

static int64_t number(const char *text)
{
    if (text == NULL || *text < '0' || *text > '9')
        return 0;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' ? (int64_t)value : 0;
}

void notify_open(struct notify *notify)
{
    *notify = (struct notify){.socket = -1};
    const char *path = getenv("NOTIFY_SOCKET");
    if (path != NULL)
        notify->socket = open_socket(path);
    const char *pid = getenv("WATCHDOG_PID");
    if (notify->socket >= 0 && (pid == NULL || number(pid) == (int64_t)getpid()))
        notify->watchdog_ms = number(getenv("WATCHDOG_USEC")) / 2000;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *notify)
{
    if (notify->socket >= 0)
        close(notify->socket);
    notify->socket = -1;
}

/* A full or dead socket is systemd's own trouble: WATCHDOG notices that nothing comes any more. */
static void tell(const struct notify *notify, const char *text)
{
    if (notify->socket >= 0)
        (void)!send(notify->socket, text, strlen(text), MSG_NOSIGNAL);
}

void notify_ready(struct notify *notify)
{
    tell(notify, "READY=1");
}

void notify_reloading(struct notify *notify)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char text[96];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(notify, text);
}

void notify_stopping(struct notify *notify)
{
    tell(notify, "STOPPING=1");
}

void notify_watchdog(struct notify *notify)
{
    tell(notify, "WATCHDOG=1");
}

void notify_status(struct notify *notify, const char *text)
{
    char status[sizeof notify->status];
    snprintf(status, sizeof status, "%s", text);
    for (char *at = status; *at != '\0'; at++)
        if (*at == '\n')
            *at = ' ';
    if (strcmp(status, notify->status) == 0)
        return;
    memcpy(notify->status, status, sizeof status);
    char line[sizeof status + 8];
    snprintf(line, sizeof line, "STATUS=%s", status);
    tell(notify, line);
}
