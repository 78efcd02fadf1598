/* Which files are the log. May not: read a line, write. */
#include "audit/log_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"

#define STANDARD_NAME "audit.jsonl"
#define NO_NUMBER     UINT32_MAX

void log_files_free(struct log_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->path[i]);
    free(files->path);
    free(files->head);
    *files = (struct log_files){NULL, 0, NULL};
}

static bool out_of_memory(struct error *error)
{
    return error_set(error, "no memory for the names of the files");
}

/* Takes path, which may be NULL. */
static bool add(struct log_files *files, char *path, struct error *error)
{
    char **more = NULL;
    if (files->count == LOG_FILES_MAX)
        error_set(error, "more than %d files: name fewer", LOG_FILES_MAX);
    else if (path != NULL)
        more = realloc(files->path, (files->count + 1) * sizeof *more);
    if (more == NULL) {
        free(path);
        return files->count == LOG_FILES_MAX ? false : out_of_memory(error);
    }
    files->path = more;
    files->path[files->count++] = path;
    return true;
}

/* The number behind the last dot: 0 where there is none. */
static uint32_t number_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    char *end;
    if (dot == NULL || dot[1] < '0' || dot[1] > '9')
        return 0;
    unsigned long number = strtoul(dot + 1, &end, 10);
    return *end == '\0' && number < NO_NUMBER ? (uint32_t)number : 0;
}

static int by_number(const void *one, const void *other)
{
    const char *const *left = one, *const *right = other;
    uint32_t first = number_of(*left), second = number_of(*right);
    return first != second ? (first > second) - (first < second) : strcmp(*left, *right);
}

/* base, or base.N */
static bool is_segment(const char *name, const char *base)
{
    size_t length = strlen(base);
    if (strncmp(name, base, length) != 0)
        return false;
    const char *rest = name + length;
    return rest[0] == '\0' ||
           (rest[0] == '.' && rest[1] != '\0' && rest[1 + strspn(rest + 1, "0123456789")] == '\0');
}

static char *joined(const char *folder, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static int is_name(const struct dirent *entry)
{
    return entry->d_name[0] != '\0';
}

static bool add_folder(struct log_files *files, const char *folder, const char *base,
                       struct error *error)
{
    struct dirent **entry;
    bool good = true;
    int count = scandir(folder, &entry, is_name, alphasort);
    if (count < 0)
        return error_set_errno(error, errno, "cannot look into %s", folder);
    for (int i = 0; i < count; i++) {
        if (good && is_segment(entry[i]->d_name, base))
            good = add(files, joined(folder, entry[i]->d_name), error);
        free(entry[i]);
    }
    free(entry);
    if (good && files->count == 0)
        return error_set(error, "there is no %s in %s", base, folder);
    return good;
}

/* ----------------------------------------------------------------------------- where they lie */

/* audit.head beside it, where there is one. */
static void find_head_beside(struct log_files *files, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path));
    files->head = folder == NULL ? NULL : joined(folder, HEAD_FILE_NAME);
    free(folder);
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool find_words(struct log_files *files, char *const *word, struct error *error)
{
    if (is_folder(word[0]) && word[1] == NULL) {
        files->head = joined(word[0], HEAD_FILE_NAME);
        return add_folder(files, word[0], STANDARD_NAME, error);
    }
    for (; *word != NULL; word++)
        if (!add(files, strdup(*word), error))
            return false;
    find_head_beside(files, files->path[files->count - 1]);
    return true;
}

static bool find_configured(struct log_files *files, const struct config *config,
                            struct error *error)
{
    char path[CONFIG_PATH_BYTES_MAX];
    files->head = joined(config->files.state_dir, HEAD_FILE_NAME);
    if (!config_state_path(config, config->files.audit_file, path, sizeof path))
        return error_set(error, "files.audit_file: the name is too long");
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return error_set(error, "files.audit_file: %.200s is no path", path);
    *slash = '\0';
    return add_folder(files, path, slash + 1, error);
}

static bool find_by_config(struct log_files *files, const char *path, struct error *error)
{
    struct config *config;
    struct config_problems problems;
    if (!config_load(path, &config, &problems)) {
        config_problems_print(&problems, path, stderr);
        return error_set(error, "which files are the log? Name them, or the folder they lie in");
    }
    bool good = find_configured(files, config, error);
    config_free(config);
    return good;
}

bool log_files_find(char *const *word, const char *config, const char *head, struct log_files *out,
                    struct error *error)
{
    *out = (struct log_files){NULL, 0, NULL};
    bool good = word[0] != NULL ? find_words(out, word, error) : find_by_config(out, config, error);
    if (good && head != NULL) {
        free(out->head);
        out->head = strdup(head);
        good = out->head != NULL || out_of_memory(error);
    }
    if (good)
        qsort(out->path, out->count, sizeof *out->path, by_number);
    else
        log_files_free(out);
    return good;
}

/* ------------------------------------------------------------------------------------- reading */

static int open_one(const char *path, struct error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;
    if (descriptor < 0)
        error_set_errno(error, errno, "cannot open %s", path);
    if (descriptor < 0 || (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)))
        return descriptor;
    error_set(error, "%s is no file of a log: copy it into a regular file", path);
    close(descriptor);
    return -1;
}

bool log_files_head(const struct log_files *files, struct noted_heads *out, bool *there,
                    struct error *error)
{
    *there = false;
    *out = (struct noted_heads){.count = 0};
    if (files->head == NULL || (access(files->head, F_OK) != 0 && errno == ENOENT))
        return true;
    int descriptor = open_one(files->head, error);
    if (descriptor < 0)
        return false;
    bool read = heads_read(descriptor, files->head, out, error);
    close(descriptor);
    if (!read)
        return false;
    *there = true;
    return !out->some || out->count > 0 ||
           error_set(error, "%s is no note of the audit log's head, or was changed", files->head);
}

bool log_files_verify(const struct log_files *files, struct verify *verify, struct error *error)
{
    for (size_t i = 0; i < files->count; i++) {
        int descriptor = open_one(files->path[i], error);
        bool good = descriptor >= 0 && verify_file(verify, descriptor, files->path[i], error);
        if (descriptor >= 0)
            close(descriptor);
        if (!good)
            return false;
    }
    return true;
}
