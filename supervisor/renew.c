/* Files that change on the disk (tokens rotate): opened anew, checked, handed over. One that is bad
 * is not handed over, and said once; the worker keeps what it has. May not: restart a worker. */
#include <string.h>

#include "common/log.h"
#include "supervisor/supervisor.h"

static void hand_over_one(struct life *life, const struct worker_file *file)
{
    life_send(life, MESSAGE_file,
              &(struct file){.kind = file->kind, .index = file->index, .name = file->path},
              file->descriptor);
}

void renew_hand_over(struct life *life, struct worker_files *files)
{
    for (uint32_t i = 0; i < files->count; i++)
        if (!worker_files_hold(&life->files, &files->file[i]))
            hand_over_one(life, &files->file[i]);
    worker_files_free(&life->files);
    worker_files_close(files);
    life->files = *files; /* with the paths */
    files->count = 0;
}

static void say_once(struct life *life, const struct error *why)
{
    if (strcmp(life->renewal_trouble, why->text) == 0)
        return;
    memcpy(life->renewal_trouble, why->text, sizeof life->renewal_trouble);
    log_error("%s keeps the file that it has, because the new one cannot be used: %s",
              role_word(life->row->role), why->text);
}

void renew_look(struct life *life)
{
    if (life->state != LIFE_RUNNING || !worker_files_changed(&life->files))
        return;
    struct worker_files files;
    struct error error = {""};
    if (!worker_files_open(life->supervisor->config, life->row->role, &files, &error)) {
        say_once(life, &error);
        return;
    }
    life->renewal_trouble[0] = '\0';
    log_info("%s gets its files again: one has changed on the disk", role_word(life->row->role));
    renew_hand_over(life, &files);
}
