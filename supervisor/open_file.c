/* Opens one file for a worker and checks what it is. May not read it, log. */
#include "supervisor/open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct file_mark mark_from(const struct stat *status)
{
    return (struct file_mark){
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size,
        .changed_s = status->st_ctim.tv_sec,
        .changed_ns = status->st_ctim.tv_nsec,
        .written_s = status->st_mtim.tv_sec,
        .written_ns = status->st_mtim.tv_nsec,
    };
}

/* Root could do anything anyway. */
static bool is_trusted(uid_t owner)
{
    return owner == 0 || owner == geteuid();
}

/* Who may write in the folder can put another file in this one's place; where it is sticky (/tmp),
 * only the file's own owner. */
static bool check_folder(const char *key, const char *path, struct error *error)
{
    struct stat status;
    char *copy = strdup(path);
    if (copy == NULL)
        return error_set(error, "%s: no memory for the name %s", key, path);
    const char *folder = dirname(copy);
    bool good = stat(folder, &status) == 0 ||
                error_set_errno(error, errno, "%s: cannot look at the folder %s", key, folder);
    if (good && !is_trusted(status.st_uid))
        good =
            error_set(error,
                      "%s: the folder %s belongs to user %u, who could put another secret there: "
                      "it is to belong to root or to the user that Ebbtide runs as (%u)",
                      key, folder, (unsigned)status.st_uid, (unsigned)geteuid());
    else if (good && (status.st_mode & 0022) != 0 && (status.st_mode & S_ISVTX) == 0)
        good = error_set(error,
                         "%s: the folder %s has mode %04o, so others may put another secret there: "
                         "take that away (chmod go-w FOLDER)",
                         key, folder, (unsigned)(status.st_mode & 07777));
    free(copy);
    return good;
}

/* The folder that the name stands in, and where it is a link, the one that the file lies in. */
static bool check_folders(const char *key, const char *path, struct error *error)
{
    struct stat status;
    if (!check_folder(key, path, error))
        return false;
    if (lstat(path, &status) != 0 || !S_ISLNK(status.st_mode))
        return true;
    char *real = realpath(path, NULL);
    bool good = real == NULL ? error_set_errno(error, errno, "%s: cannot follow %s", key, path)
                             : check_folder(key, real, error);
    free(real);
    return good;
}

/* Who could have put another secret there, or read this one. */
static bool check_secret(const char *key, const char *path, const struct stat *status,
                         struct error *error)
{
    /* systemd lets the service's user read a credential by an entry that looks like a group's. */
    mode_t others = file_is_credential(path) ? 0037 : 0077;
    if ((status->st_mode & others) != 0)
        return error_set(error,
                         "%s: %s has mode %04o, so others may read or change this secret: give it "
                         "mode 0400 (chmod 0400 FILE)",
                         key, path, (unsigned)(status->st_mode & 07777));
    if (!is_trusted(status->st_uid))
        return error_set(error,
                         "%s: %s belongs to user %u, who could change this secret: it is to belong "
                         "to the user that Ebbtide runs as (%u), with mode 0400",
                         key, path, (unsigned)status->st_uid, (unsigned)geteuid());
    return check_folders(key, path, error);
}

static bool check(const char *key, const char *path, unsigned traits, const struct stat *status,
                  struct error *error)
{
    if (!S_ISREG(status->st_mode))
        return error_set(error, "%s: %s is not a regular file", key, path);
    if ((traits & SECRET) != 0 && !check_secret(key, path, status, error))
        return false;
    if (status->st_size == 0 && (traits & MAY_BE_EMPTY) == 0)
        return error_set(error, "%s: %s is empty%s", key, path,
                         (traits & SECRET) != 0 ? ": write the secret into it, with mode 0400"
                                                : "");
    return true;
}

int open_file(const char *key, const char *path, unsigned traits, struct file_mark *mark,
              struct error *error)
{
    error->text[0] = '\0';
    /* Not blocking: a FIFO in its place must not stop the supervisor. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0 && errno == ENOENT && (traits & MAY_MISS) != 0)
        return -1;
    if (descriptor < 0) {
        int number = errno;
        char hint[128] = "";
        if ((traits & SECRET) != 0 && number == EACCES)
            snprintf(hint, sizeof hint,
                     " (Ebbtide runs as user %u: chown the file to it, mode 0400)",
                     (unsigned)geteuid());
        else if ((traits & SECRET) != 0)
            snprintf(hint, sizeof hint, " (a file of mode 0400 with the secret)");
        error_set_errno(error, number, "%s: cannot open %s%s", key, path, hint);
        return -1;
    }
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        error_set_errno(error, errno, "%s: cannot look at %s", key, path);
        close(descriptor);
        return -1;
    }
    if (!check(key, path, traits, &status, error)) {
        close(descriptor);
        return -1;
    }
    *mark = mark_from(&status);
    return descriptor;
}

struct file_mark file_mark_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return (struct file_mark){.device = 0};
    return mark_from(&status);
}

bool file_mark_same(const struct file_mark *one, const struct file_mark *other)
{
    return one->device == other->device && one->inode == other->inode && one->size == other->size &&
           one->changed_s == other->changed_s && one->changed_ns == other->changed_ns &&
           one->written_s == other->written_s && one->written_ns == other->written_ns;
}

bool file_is_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t length = folder == NULL ? 0 : strlen(folder);
    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/';
}
