/* Finding and sorting segments. May not: read beyond their heads, but to compare two that call
 * themselves the same. */
#include "replay/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct search {
    struct segments *found;
    segments_note *note;
    void *argument;
    struct error *error;
};

struct capture_reader *segment_open(const char *path, struct error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) {
        error_set_errno(error, errno, "it cannot be opened");
        return NULL;
    }
    return capture_reader_new(descriptor, error);
}

static bool add(const struct search *search, const char *path, const struct capture_head *head)
{
    if (search->found->count == SEGMENTS_MAX)
        return error_set(search->error, "more than %d segments: name fewer", SEGMENTS_MAX);
    char *copy = strdup(path);
    if (copy == NULL)
        return error_set(search->error, "no memory for the names of the segments");
    struct segment *segment = &search->found->segment[search->found->count++];
    segment->path = copy;
    segment->head = *head;
    return true;
}

static bool look_at(const struct search *search, const char *path)
{
    struct error why = {""};
    struct capture_head head;
    struct capture_reader *reader = segment_open(path, &why);
    bool fits = reader != NULL && capture_head_parse(capture_reader_head(reader), &head, &why) &&
                capture_head_fits(&head, &why);
    capture_reader_free(reader);
    if (fits)
        return add(search, path, &head);
    search->note(path, why.text, true, search->argument);
    return true;
}

static int is_segment_name(const struct dirent *entry)
{
    static const char prefix[] = "capture.";
    const char *digits = entry->d_name + sizeof prefix - 1;
    return strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0 && digits[0] != '\0' &&
           strspn(digits, "0123456789") == strlen(digits);
}

/* The next segment of a daemon that runs: made already, and nothing is in it yet. */
static bool is_waiting(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}

static bool look_into(const struct search *search, const char *folder)
{
    struct dirent **entry = NULL;
    bool good = true;
    int count = scandir(folder, &entry, is_segment_name, alphasort);
    if (count <= 0)
        search->note(folder,
                     count < 0 ? strerror(errno) : "there is no capture.NUMBER in this folder",
                     true, search->argument);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        good = good && asprintf(&path, "%s/%s", folder, entry[i]->d_name) >= 0;
        if (good && !is_waiting(path))
            good = look_at(search, path);
        free(path);
        free(entry[i]);
    }
    free(entry);
    return good;
}

static int by_life(const void *a, const void *b)
{
    const struct capture_head *one = &((const struct segment *)a)->head;
    const struct capture_head *other = &((const struct segment *)b)->head;
    if (one->epoch != other->epoch)
        return one->epoch < other->epoch ? -1 : 1;
    if (one->events != other->events)
        return one->events < other->events ? -1 : 1;
    return one->segment < other->segment ? -1 : one->segment > other->segment;
}

/* What two files share from their beginning on. */
enum likeness { LIKE_SAME, LIKE_FIRST_IS_LONGER, LIKE_SECOND_IS_LONGER, LIKE_NONE };

static enum likeness likeness_of(FILE *first, FILE *second)
{
    static unsigned char one[65536], other[65536];
    for (;;) {
        size_t a = fread(one, 1, sizeof one, first), b = fread(other, 1, sizeof other, second);
        if (memcmp(one, other, a < b ? a : b) != 0 || ferror(first) || ferror(second))
            return LIKE_NONE;
        if (a != b)
            return a > b ? LIKE_FIRST_IS_LONGER : LIKE_SECOND_IS_LONGER;
        if (a == 0)
            return LIKE_SAME;
    }
}

static enum likeness compare_files(const char *first, const char *second)
{
    FILE *one = fopen(first, "re"), *other = fopen(second, "re");
    enum likeness likeness = one != NULL && other != NULL ? likeness_of(one, other) : LIKE_NONE;
    if (one != NULL)
        fclose(one);
    if (other != NULL)
        fclose(other);
    return likeness;
}

/* `segment` calls itself what `kept` is: the longer of two copies stays. */
static void choose_twin(const struct search *search, struct segment *kept, struct segment *segment)
{
    enum likeness likeness = compare_files(kept->path, segment->path);
    if (likeness == LIKE_SECOND_IS_LONGER) {
        struct segment longer = *segment;
        *segment = *kept;
        *kept = longer;
    }
    if (likeness == LIKE_NONE)
        search->note(segment->path,
                     "it calls itself the same segment as another that is named, and holds "
                     "something else: captures of two daemons? Name those of one only",
                     true, search->argument);
    else
        search->note(segment->path, "it is the same segment as another that is named", false,
                     search->argument);
    free(segment->path);
}

static void leave_out_twins(const struct search *search)
{
    struct segments *found = search->found;
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct segment *segment = &found->segment[i];
        if (kept > 0 && by_life(&found->segment[kept - 1], segment) == 0) {
            choose_twin(search, &found->segment[kept - 1], segment);
        } else {
            found->segment[kept++] = *segment;
        }
    }
    found->count = kept;
}

bool segments_find(struct segments *segments, char *const *name, size_t count, segments_note *note,
                   void *argument, struct error *error)
{
    const struct search search = {segments, note, argument, error};
    segments->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        bool folder = stat(name[i], &status) == 0 && S_ISDIR(status.st_mode);
        if (!(folder ? look_into(&search, name[i]) : look_at(&search, name[i])))
            return false;
    }
    qsort(segments->segment, segments->count, sizeof segments->segment[0], by_life);
    leave_out_twins(&search);
    return true;
}

void segments_free(struct segments *segments)
{
    for (size_t i = 0; i < segments->count; i++)
        free(segments->segment[i].path);
    segments->count = 0;
}
