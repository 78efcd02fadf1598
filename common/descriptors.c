/* What a descriptor is. May not: read from it, close it. */
#include "common/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool has_option(int descriptor, int option, int wanted)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

static bool is_local(int descriptor)
{
    return has_option(descriptor, SO_DOMAIN, AF_UNIX);
}

static bool is_internet(int descriptor)
{
    return has_option(descriptor, SO_DOMAIN, AF_INET) ||
           has_option(descriptor, SO_DOMAIN, AF_INET6);
}

static bool is_stream(int descriptor, bool listens)
{
    return has_option(descriptor, SO_TYPE, SOCK_STREAM) &&
           has_option(descriptor, SO_ACCEPTCONN, listens ? 1 : 0);
}

/* Linux gives /dev/null this number everywhere. [Documentation/admin-guide/devices.txt] */
static bool is_nothing(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == makedev(1, 3);
}

static bool is_file(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

/* A file in memory is open for writing where it was made, and sealed when it is handed over. */
static bool is_read_only(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    int seals = fcntl(descriptor, F_GET_SEALS);
    return flags >= 0 &&
           ((flags & O_ACCMODE) == O_RDONLY || (seals > 0 && (seals & F_SEAL_WRITE) != 0));
}

static bool is_read_and_write(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) == O_RDWR;
}

bool descriptor_is(int descriptor, enum descriptor_kind kind, const char *name, struct error *error)
{
    bool good = false;
    const char *expected = "";
    switch (kind) {
    case DESCRIPTOR_NOTHING:
        expected = "/dev/null";
        good = is_nothing(descriptor);
        break;
    case DESCRIPTOR_CHANNEL:
        expected = "a connected local stream socket";
        good = is_local(descriptor) && is_stream(descriptor, false);
        break;
    case DESCRIPTOR_READ:
        expected = "a regular file that can only be read";
        good = is_file(descriptor) && is_read_only(descriptor);
        break;
    case DESCRIPTOR_WRITE:
        expected = "a regular file that can be read and written";
        good = is_file(descriptor) && is_read_and_write(descriptor);
        break;
    case DESCRIPTOR_LISTENER:
        expected = "a socket that listens on TCP";
        good = is_internet(descriptor) && is_stream(descriptor, true);
        break;
    case DESCRIPTOR_CONNECTION:
        expected = "a connection over TCP";
        good = is_internet(descriptor) && is_stream(descriptor, false);
        break;
    case DESCRIPTOR_CONTROL:
        expected = "a local socket that listens";
        good = is_local(descriptor) && is_stream(descriptor, true);
        break;
    }
    return good || error_set(error, "%s: descriptor %d is not %s", name, descriptor, expected);
}

enum descriptor_kind descriptor_kind_of(enum file_kind kind)
{
    switch ((int)kind) { /* most are files to be read */
    case FILE_CHECKPOINT:
    case FILE_AUDIT:
    case FILE_AUDIT_KEY:
    case FILE_CAPTURE: return DESCRIPTOR_WRITE;
    case FILE_LISTENER: return DESCRIPTOR_LISTENER;
    case FILE_CONTROL_LISTENER: return DESCRIPTOR_CONTROL;
    default: return DESCRIPTOR_READ;
    }
}
