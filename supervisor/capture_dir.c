/* Looks through the directory, takes the oldest away, makes the next. May not: log. */
#include "supervisor/capture_dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct segment {
    uint32_t number;
    uint64_t bytes;
    char name[32];
};

struct segments {
    struct segment *segment;
    size_t count;
};

/* The number of `capture.000012`; false for any other name. */
static bool parse_name(const char *name, uint32_t *number)
{
    const char *digits = name + strlen(CAPTURE_FILE_PREFIX);
    if (strncmp(name, CAPTURE_FILE_PREFIX, strlen(CAPTURE_FILE_PREFIX)) != 0 ||
        strspn(digits, "0123456789") != strlen(digits) || strlen(digits) < 6 || strlen(digits) > 10)
        return false;
    uintmax_t value = strtoumax(digits, NULL, 10);
    *number = (uint32_t)value;
    return value <= UINT32_MAX;
}

static int is_segment(const struct dirent *entry)
{
    uint32_t number;
    return parse_name(entry->d_name, &number);
}

static int older_first(const void *a, const void *b)
{
    uint32_t one = ((const struct segment *)a)->number;
    uint32_t other = ((const struct segment *)b)->number;
    return one < other ? -1 : one > other;
}

/* What is known of one name; what vanished meanwhile holds nothing. */
static void add(int directory, struct segments *list, const char *name)
{
    struct segment *segment = &list->segment[list->count];
    struct stat status;
    if (!parse_name(name, &segment->number) ||
        fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    segment->bytes = (uint64_t)status.st_size;
    snprintf(segment->name, sizeof segment->name, "%.20s", name);
    list->count++;
}

static bool list_segments(int directory, struct segments *list, struct error *error)
{
    struct dirent **entry = NULL;
    int count = scandirat(directory, ".", &entry, is_segment, NULL);
    if (count < 0)
        return error_set_errno(error, errno, "files.state_dir cannot be listed");
    list->segment = calloc((size_t)count + 1, sizeof *list->segment);
    for (int i = 0; i < count; i++) {
        if (list->segment != NULL)
            add(directory, list, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    if (list->segment == NULL)
        return error_set(error, "no memory for the names of the capture's segments");
    qsort(list->segment, list->count, sizeof *list->segment, older_first);
    return true;
}

/* Takes the oldest away until one more whole segment fits. The newest is still written to: it
 * counts as whole. */
static bool make_room(int directory, const struct segments *list, const struct config *config,
                      struct error *error)
{
    uint64_t whole = config->capture.segment_bytes, total = whole;
    if (list->count > 0 && list->segment[list->count - 1].bytes < whole)
        list->segment[list->count - 1].bytes = whole;
    for (size_t i = 0; i < list->count; i++)
        total += list->segment[i].bytes;
    for (size_t i = 0; i < list->count; i++) {
        if (total <= config->capture.keep_bytes && list->count - i < CAPTURE_SEGMENTS_MAX)
            break;
        if (unlinkat(directory, list->segment[i].name, 0) != 0 && errno != ENOENT)
            return error_set_errno(error, errno, "files.state_dir/%s cannot be taken away",
                                   list->segment[i].name);
        total -= list->segment[i].bytes;
    }
    return true;
}

static int make_next(int directory, const struct config *config, uint32_t number, char *name,
                     size_t size, struct error *error)
{
    char file[32];
    snprintf(file, sizeof file, CAPTURE_FILE_PREFIX "%06" PRIu32, number);
    if (!config_state_path(config, file, name, size)) {
        error_set(error, "files: the name %s is too long", file);
        return -1;
    }
    int descriptor = openat(directory, file,
                            O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        error_set_errno(error, errno, "%s cannot be made", name);
    return descriptor;
}

int capture_dir_next(struct state_dir *state, const struct config *config, uint32_t *number,
                     char *name, size_t size, struct error *error)
{
    assert(state->directory >= 0);
    struct segments list = {NULL, 0};
    int descriptor = -1;
    if (list_segments(state->directory, &list, error)) {
        uint32_t last = list.count > 0 ? list.segment[list.count - 1].number : 0;
        *number = last + 1;
        if (last == UINT32_MAX)
            error_set(error,
                      "the capture's segments have no number after %" PRIu32 ": move them away",
                      last);
        else if (make_room(state->directory, &list, config, error))
            descriptor = make_next(state->directory, config, *number, name, size, error);
    }
    free(list.segment);
    return descriptor;
}
