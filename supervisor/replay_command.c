/* `ebbtide replay`: a program of its own, which links the core. May not: look at its words. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/commands.h"
#include "supervisor/spawn.h"

#define REPLAY_PROGRAM     "ebbtide-replay"
#define REPLAY_WORDS_MAX   1000
#define REPLAY_NOT_STARTED 2 /* as its own status for what cannot be replayed */

int command_replay(const struct command_words *words)
{
    char folder[SPAWN_PATH_BYTES_MAX], path[SPAWN_PATH_BYTES_MAX];
    static char name[] = REPLAY_PROGRAM;
    static char *arguments[REPLAY_WORDS_MAX + 2] = {name};
    struct error error = {""};
    size_t count = 0;
    while (count < REPLAY_WORDS_MAX && words->rest[count] != NULL) {
        arguments[count + 1] = words->rest[count];
        count++;
    }
    if (words->rest[count] != NULL)
        error_set(&error, "more than %d words: name the folder instead of its files",
                  REPLAY_WORDS_MAX);
    else {
        spawn_find_folder(folder);
        if (spawn_find(folder, REPLAY_PROGRAM, path, &error)) {
            execv(path, arguments);
            error_set_errno(&error, errno, "cannot start %s", path);
        }
    }
    fprintf(stderr, "ebbtide replay: %s\n", error.text);
    return REPLAY_NOT_STARTED;
}
