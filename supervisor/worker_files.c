/* Which files a worker is handed, opened by the rows of files.def. May not send. */
#include "supervisor/worker_files.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/template_check.h"
#include "supervisor/worker_files_private.h"

enum file_place { AT_KEY, AT_PATH, AT_POOL };

struct file_row {
    enum file_kind kind;
    uint32_t receivers;
    enum file_place place;
    const char *name; /* key, or the path itself */
    size_t offset;    /* of the text in struct config, or in struct config_pool */
    unsigned traits;
};

static const struct file_row rows[] = {
#define FILE_KEY(kind, receivers, key, traits, doc)                                                \
    {kind, receivers, AT_KEY, #key, offsetof(struct config, key), traits},
#define FILE_FIXED(kind, receivers, path, traits, doc) {kind, receivers, AT_PATH, path, 0, traits},
#define FILE_POOL(kind, receivers, key, traits, doc)                                               \
    {kind, receivers, AT_POOL, #key, offsetof(struct config_pool, key), traits},
#include "supervisor/files.def"
#undef FILE_KEY
#undef FILE_FIXED
#undef FILE_POOL
};

bool worker_files_add(struct worker_files *files, enum file_kind kind, unsigned index,
                      const char *path, int descriptor, const struct file_mark *mark,
                      struct error *error)
{
    assert(files->count < WORKER_FILES_MAX);
    char *copy = strdup(path);
    if (copy == NULL) {
        close(descriptor);
        return error_set(error, "no memory for the name %s", path);
    }
    const struct file_mark none = {.device = 0};
    files->file[files->count++] = (struct worker_file){
        .kind = kind,
        .index = index,
        .path = copy,
        .made = mark == NULL,
        .mark = mark == NULL ? none : *mark,
        .descriptor = descriptor,
    };
    return true;
}

bool worker_files_open_one(struct worker_files *files, enum file_kind kind, unsigned index,
                           const char *key, const char *path, unsigned traits, struct error *error)
{
    struct file_mark mark;
    struct error why;
    int descriptor = open_file(key, path, traits, &mark, &why);
    if (descriptor >= 0)
        return worker_files_add(files, kind, index, path, descriptor, &mark, error);
    if (why.text[0] == '\0')
        return true;
    *error = why;
    return false;
}

static const char *text_at(const void *base, size_t offset)
{
    const char *const *text = (const char *const *)(const void *)((const char *)base + offset);
    return *text;
}

static bool open_at_key(struct worker_files *files, const struct file_row *row,
                        const struct config *config, struct error *error)
{
    const char *path = text_at(config, row->offset);
    unsigned traits = row->traits;
    if (path[0] == '\0' && (traits & ROOTS) == 0)
        return true; /* the loader has refused it where it is needed */
    if (path[0] == '\0') {
        path = SYSTEM_ROOTS;
        traits |= MAY_MISS;
    }
    return worker_files_open_one(files, row->kind, 0, row->name, path, traits, error);
}

static bool open_in_pools(struct worker_files *files, const struct file_row *row,
                          const struct config *config, struct error *error)
{
    for (uint32_t i = 0; i < config->pools_count; i++) {
        const char *path = text_at(&config->pools[i], row->offset);
        char key[64];
        snprintf(key, sizeof key, "pools[%u].%s", i, row->name);
        if (path[0] == '\0')
            continue; /* the loader has refused it where it is needed */
        if (!worker_files_open_one(files, row->kind, i, key, path, row->traits, error))
            return false;
        if ((row->traits & TEMPLATE) != 0 &&
            !template_check(files->file[files->count - 1].descriptor, key, config,
                            &config->pools[i], error))
            return false;
    }
    return true;
}

static bool open_row(struct worker_files *files, const struct file_row *row,
                     const struct config *config, struct error *error)
{
    switch (row->place) {
    case AT_KEY: return open_at_key(files, row, config, error);
    case AT_POOL: return open_in_pools(files, row, config, error);
    case AT_PATH:
        return worker_files_open_one(files, row->kind, 0, "system", row->name, row->traits, error);
    }
    return false;
}

static bool open_all(struct worker_files *files, const struct config *config, enum role role,
                     struct error *error)
{
    bool acts = config->mode == MODE_ACT;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct file_row *row = &rows[i];
        if ((row->receivers & ROLE_BIT(role)) == 0 || ((row->traits & WRITES) != 0 && !acts))
            continue;
        if (!open_row(files, row, config, error))
            return false;
    }
    if (role == ROLE_POLLER_KUBE || (role == ROLE_ACTUATOR && acts))
        return worker_files_kube(files, config, role == ROLE_ACTUATOR, error);
    return true;
}

bool worker_files_open(const struct config *config, enum role role, struct worker_files *out,
                       struct error *error)
{
    out->count = 0;
    if (open_all(out, config, role, error))
        return true;
    worker_files_free(out);
    return false;
}

void worker_files_close(struct worker_files *files)
{
    for (uint32_t i = 0; i < files->count; i++) {
        if (files->file[i].descriptor >= 0)
            close(files->file[i].descriptor);
        files->file[i].descriptor = -1;
    }
}

void worker_files_free(struct worker_files *files)
{
    worker_files_close(files);
    for (uint32_t i = 0; i < files->count; i++)
        free(files->file[i].path);
    files->count = 0;
}

bool worker_files_changed(const struct worker_files *files)
{
    for (uint32_t i = 0; i < files->count; i++) {
        const struct worker_file *file = &files->file[i];
        struct file_mark now = file_mark_of(file->path);
        if (!file->made && !file_mark_same(&now, &file->mark))
            return true;
    }
    return false;
}

bool worker_files_hold(const struct worker_files *files, const struct worker_file *file)
{
    for (uint32_t i = 0; i < files->count; i++) {
        const struct worker_file *one = &files->file[i];
        if (one->kind == file->kind && one->index == file->index && !one->made && !file->made &&
            strcmp(one->path, file->path) == 0 && file_mark_same(&one->mark, &file->mark))
            return true;
    }
    return false;
}

uint32_t worker_files_credentials(const struct worker_files *files)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < files->count; i++)
        if (!files->file[i].made && file_is_credential(files->file[i].path))
            count++;
    return count;
}
