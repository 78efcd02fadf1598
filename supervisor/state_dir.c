/* The directory of the state: lock, epoch, checkpoint slots, log segments. May not log, or read
 * what workers wrote. */
#include "supervisor/state_dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/head.h"

#define EPOCH_NAME     "epoch"
#define EPOCH_NEW_NAME "epoch.new"
#define EPOCH_TEXT_MAX 24
#define YEAR_2026_MS   INT64_C(1767225600000)
#define MINUTE_MS      60000

/* A POSIX lock: it ends with the process, and says who holds it. */
static struct flock whole_file(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static bool open_directory(struct state_dir *state, const char *path, struct error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set_errno(
            error, errno, "files.state_dir: cannot make %s; make it, owned by this user", path);
    state->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->directory < 0)
        return error_set_errno(error, errno, "files.state_dir: cannot open %s", path);
    return true;
}

static bool take_lock(struct state_dir *state, const char *path, struct error *error)
{
    state->lock =
        openat(state->directory, STATE_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->lock < 0)
        return error_set_errno(error, errno, "files.state_dir: cannot write in %s", path);
    struct flock lock = whole_file(F_WRLCK);
    if (fcntl(state->lock, F_SETLK, &lock) == 0)
        return true;
    struct flock holder = whole_file(F_WRLCK);
    if (fcntl(state->lock, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
        return error_set(error,
                         "files.state_dir: another ebbtide (process %ld) works in %s; end it "
                         "first, or give this one a state_dir of its own",
                         (long)holder.l_pid, path);
    return error_set_errno(error, errno, "files.state_dir: cannot lock %s/%s", path,
                           STATE_LOCK_NAME);
}

bool state_dir_open(struct state_dir *state, const struct config *config, struct error *error)
{
    *state = (struct state_dir){.directory = -1, .lock = -1};
    const char *path = config->files.state_dir;
    if (open_directory(state, path, error) && take_lock(state, path, error))
        return true;
    state_dir_close(state);
    return false;
}

void state_dir_close(struct state_dir *state)
{
    if (state->lock >= 0)
        close(state->lock);
    if (state->directory >= 0)
        close(state->directory);
    *state = (struct state_dir){.directory = -1, .lock = -1};
}

bool state_dir_holder(const struct config *config, int64_t *pid, struct error *error)
{
    *pid = 0;
    char path[CONFIG_PATH_BYTES_MAX];
    if (!config_state_path(config, STATE_LOCK_NAME, path, sizeof path))
        return error_set(error, "files.state_dir: the name is too long");
    int lock_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock_fd < 0 && errno == ENOENT)
        return true;
    if (lock_fd < 0)
        return error_set_errno(error, errno, "cannot look who works in %s",
                               config->files.state_dir);
    struct flock holder = whole_file(F_WRLCK);
    int result = fcntl(lock_fd, F_GETLK, &holder);
    int number = errno;
    close(lock_fd);
    if (result != 0)
        return error_set_errno(error, number, "cannot look who holds %s", path);
    if (holder.l_type != F_UNLCK)
        *pid = holder.l_pid;
    return true;
}

/* ------------------------------------------------------------------------------------ epoch */

/* 0 where there is no file. */
static bool read_epoch(const struct state_dir *state, uint64_t *epoch, struct error *error)
{
    *epoch = 0;
    int file = openat(state->directory, EPOCH_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT)
        return true;
    if (file < 0)
        return error_set_errno(error, errno, "cannot read the epoch in files.state_dir");
    char text[EPOCH_TEXT_MAX + 1];
    ssize_t length = read(file, text, EPOCH_TEXT_MAX);
    int number = errno;
    close(file);
    if (length < 0)
        return error_set_errno(error, number, "cannot read the epoch in files.state_dir");
    text[length] = '\0';
    char *end = text;
    errno = 0;
    *epoch = strtoumax(text, &end, 10);
    if (errno != 0 || end == text || strcmp(end, "\n") != 0 || text[0] == '-' || *epoch == 0)
        return error_set(error,
                         "files.state_dir/%s does not hold a number and a newline: restore "
                         "it, or remove it and a new epoch begins",
                         EPOCH_NAME);
    return true;
}

static bool write_whole(int file, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(file, text, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        left -= (size_t)written;
    }
    return true;
}

/* Writes the spare file anew, over what it held: on a full disk there is no room for another. */
static bool write_spare(const struct state_dir *state, const char *text)
{
    int file =
        openat(state->directory, EPOCH_NEW_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return false;
    bool written =
        write_whole(file, text) && ftruncate(file, (off_t)strlen(text)) == 0 && fsync(file) == 0;
    int number = errno;
    if (close(file) != 0 && written)
        return false;
    errno = number;
    return written;
}

/* The spare becomes the epoch, and the epoch the spare. The first time, or where the file system
 * cannot exchange, another spare is made; a disk without room for it is told of next time. */
static bool exchange(const struct state_dir *state, const char *text)
{
    int directory = state->directory;
    if (renameat2(directory, EPOCH_NEW_NAME, directory, EPOCH_NAME, RENAME_EXCHANGE) == 0)
        return true;
    if ((errno != ENOENT && errno != EINVAL && errno != ENOSYS) ||
        renameat(directory, EPOCH_NEW_NAME, directory, EPOCH_NAME) != 0)
        return false;
    (void)write_spare(state, text);
    return true;
}

/* Beside it, synced, then put into place and the directory synced: whole at any instant. */
static bool write_epoch(const struct state_dir *state, uint64_t epoch, struct error *error)
{
    char text[EPOCH_TEXT_MAX + 1];
    snprintf(text, sizeof text, "%" PRIu64 "\n", epoch);
    if (!write_spare(state, text) || !exchange(state, text) || fsync(state->directory) != 0)
        return error_set_errno(error, errno, "cannot keep the epoch %" PRIu64 " in files.state_dir",
                               epoch);
    return true;
}

bool state_dir_raise_epoch(struct state_dir *state, int64_t wall_ms, uint64_t *epoch,
                           struct error *error)
{
    uint64_t last;
    if (!read_epoch(state, &last, error))
        return false;
    if (last == UINT64_MAX)
        return error_set(error, "the epoch in files.state_dir has no number after it");
    if (last == 0 && wall_ms > YEAR_2026_MS)
        last = (uint64_t)((wall_ms - YEAR_2026_MS) / MINUTE_MS);
    *epoch = last + 1;
    return write_epoch(state, *epoch, error);
}

/* ------------------------------------------------------------------------- files of workers */

static int open_state_file(const struct config *config, const char *file, int flags, char *name,
                           size_t size, struct error *error)
{
    if (!config_state_path(config, file, name, size)) {
        error_set(error, "files: the name %s is too long", file);
        return -1;
    }
    int descriptor =
        open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
    if (descriptor < 0) {
        error_set_errno(error, errno, "files: cannot open %s to write", name);
        return -1;
    }
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        error_set(error, "files: %s is not a regular file: move it away", name);
        close(descriptor);
        return -1;
    }
    return descriptor;
}

int state_dir_checkpoint(struct state_dir *state, const struct config *config, unsigned slot,
                         char *name, size_t size, struct error *error)
{
    assert(state->directory >= 0 && slot <= 1);
    char file[CONFIG_PATH_BYTES_MAX];
    snprintf(file, sizeof file, "%s.%u", config->files.checkpoint_file, slot);
    return open_state_file(config, file, 0, name, size, error);
}

static void key_name(unsigned slot, char out[32])
{
    snprintf(out, 32, "audit.key.%u", slot);
}

bool state_dir_has_audit_key(const struct state_dir *state)
{
    char file[32];
    bool found = false;
    for (unsigned slot = 0; slot <= 1 && !found; slot++) {
        key_name(slot, file);
        found =
            faccessat(state->directory, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
    }
    return found;
}

int state_dir_audit_key(struct state_dir *state, const struct config *config, unsigned slot,
                        char *name, size_t size, struct error *error)
{
    assert(state->directory >= 0 && slot <= 1);
    char file[32];
    key_name(slot, file);
    return open_state_file(config, file, 0, name, size, error);
}

int state_dir_audit_head(struct state_dir *state, const struct config *config, int flags,
                         char *name, size_t size, struct error *error)
{
    assert(state->directory >= 0);
    int made = open_state_file(config, HEAD_FILE_NAME, 0, name, size, error);
    if (made < 0 || flags == O_RDWR)
        return made;
    close(made);
    int descriptor = open(name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
        error_set_errno(error, errno, "files: cannot open %s", name);
    return descriptor;
}

static void segment_name(const char *file, unsigned index, char *out, size_t size)
{
    if (index == 0)
        snprintf(out, size, "%s", file);
    else
        snprintf(out, size, "%s.%u", file, index);
}

int state_dir_segment(struct state_dir *state, const struct config *config, const char *file,
                      unsigned index, char *name, size_t size, struct error *error)
{
    assert(state->directory >= 0);
    if (index > STATE_SEGMENTS_MAX) {
        error_set(error, "files: %s has no segment after %u: move old ones away", file,
                  STATE_SEGMENTS_MAX);
        return -1;
    }
    char segment[CONFIG_PATH_BYTES_MAX];
    segment_name(file, index, segment, sizeof segment);
    int descriptor = open_state_file(config, segment, O_APPEND, name, size, error);
    /* The name must survive a crash as surely as the lines that will be synced into the file. */
    if (descriptor >= 0 && fsync(state->directory) != 0) {
        error_set_errno(error, errno, "files: cannot sync the directory of %s", name);
        close(descriptor);
        return -1;
    }
    return descriptor;
}

int state_dir_old_segment(struct state_dir *state, const struct config *config, const char *file,
                          unsigned index, char *name, size_t size, struct error *error)
{
    int made = state_dir_segment(state, config, file, index, name, size, error);
    if (made < 0)
        return -1;
    close(made); /* a regular file, and in its place */
    int descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
        error_set_errno(error, errno, "files: cannot open %s", name);
    return descriptor;
}

int64_t state_dir_segment_bytes(const struct state_dir *state, const struct config *config,
                                const char *file, unsigned index)
{
    char segment[CONFIG_PATH_BYTES_MAX], path[CONFIG_PATH_BYTES_MAX];
    struct stat status;
    assert(state->directory >= 0);
    segment_name(file, index, segment, sizeof segment);
    bool there = config_state_path(config, segment, path, sizeof path) && stat(path, &status) == 0;
    return there ? (int64_t)status.st_size : -1;
}

/* The N of `base`.N; 0 where the name is another one. */
static unsigned number_of(const char *name, const char *base)
{
    size_t length = strlen(base);
    char *end;
    if (strncmp(name, base, length) != 0 || name[length] != '.' || name[length + 1] < '1' ||
        name[length + 1] > '9')
        return 0;
    unsigned long number = strtoul(name + length + 1, &end, 10);
    return *end == '\0' && number <= STATE_SEGMENTS_MAX ? (unsigned)number : 0;
}

static int is_name(const struct dirent *entry)
{
    return entry->d_name[0] != '\0';
}

/* The highest number of the folder's entries, which are freed. */
static unsigned last_of(struct dirent **entry, int count, const char *base)
{
    unsigned last = 0;
    for (int i = 0; i < count; i++) {
        unsigned number = number_of(entry[i]->d_name, base);
        last = number > last ? number : last;
        free(entry[i]);
    }
    free(entry);
    return last;
}

bool state_dir_last_segment(const struct state_dir *state, const struct config *config,
                            const char *file, unsigned *last, struct error *error)
{
    char path[CONFIG_PATH_BYTES_MAX];
    struct dirent **entry;
    assert(state->directory >= 0);
    if (!config_state_path(config, file, path, sizeof path))
        return error_set(error, "files: the name %s is too long", file);
    char *base = strrchr(path, '/');
    if (base == NULL)
        return error_set(error, "files: %s is no path", path);
    *base++ = '\0';
    int count = scandir(path[0] == '\0' ? "/" : path, &entry, is_name, alphasort);
    if (count < 0)
        return error_set_errno(error, errno, "files: cannot look into %s", path);
    *last = last_of(entry, count, base);
    return true;
}
