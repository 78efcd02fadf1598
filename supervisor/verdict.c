/* The record "NUMBER taken|dropped SENTENCE", a line, in the lock file. May not: take the lock. */
#include "supervisor/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAKEN   "taken"
#define DROPPED "dropped"

/* One word of what is left of a line, ended in place; NULL where there is none. */
static char *next_word(char **rest)
{
    char *word = strsep(rest, " ");
    return *rest == NULL ? NULL : word;
}

static void parse(char *record, struct verdict *out)
{
    char *end = strchr(record, '\n');
    char *rest = record, *stop = NULL;
    *out = (struct verdict){0};
    if (end == NULL)
        return;
    *end = '\0';
    const char *number = next_word(&rest);
    const char *word = number == NULL ? NULL : next_word(&rest);
    if (word == NULL || (strcmp(word, TAKEN) != 0 && strcmp(word, DROPPED) != 0))
        return;
    uint64_t value = strtoull(number, &stop, 10);
    if (*stop != '\0')
        return;
    out->number = value;
    out->taken = strcmp(word, TAKEN) == 0;
    snprintf(out->text, sizeof out->text, "%s", rest);
}

static bool read_from(int descriptor, struct verdict *out)
{
    char record[VERDICT_BYTES + 1] = {0};
    *out = (struct verdict){0};
    if (pread(descriptor, record, VERDICT_BYTES, 0) < 0)
        return false;
    parse(record, out);
    return true;
}

bool verdict_write(const struct state_dir *state, bool taken, const char *text, struct error *error)
{
    struct verdict last;
    char record[VERDICT_BYTES] = {0};
    if (!read_from(state->lock, &last))
        return error_set_errno(error, errno, "cannot read the last reload's verdict");
    int length = snprintf(record, sizeof record - 1, "%" PRIu64 " %s %s", last.number + 1,
                          taken ? TAKEN : DROPPED, text);
    size_t end = (size_t)length < sizeof record - 1 ? (size_t)length : sizeof record - 2;
    for (size_t i = 0; i < end; i++)
        if (record[i] == '\n')
            record[i] = ' ';
    record[end] = '\n';
    ssize_t wrote = pwrite(state->lock, record, sizeof record, 0);
    if (wrote != (ssize_t)sizeof record)
        return error_set_errno(error, wrote < 0 ? errno : ENOSPC,
                               "cannot write down what came of the reload");
    return true;
}

bool verdict_read(const struct config *config, struct verdict *out, struct error *error)
{
    char path[CONFIG_PATH_BYTES_MAX];
    *out = (struct verdict){0};
    if (!config_state_path(config, STATE_LOCK_NAME, path, sizeof path))
        return error_set(error, "files.state_dir: the name is too long");
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    bool good = read_from(descriptor, out);
    int number = errno;
    close(descriptor);
    return good || error_set_errno(error, number, "cannot read %s", path);
}
