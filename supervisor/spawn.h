/* Starts one worker as a process: fork and exec, its control socket as descriptor 3, the log on
 * standard error, an empty environment, and nothing else of ours. May not: wait for it, talk to it.
 */
#ifndef EBBTIDE_SUPERVISOR_SPAWN_H
#define EBBTIDE_SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include "common/error.h"

#define SPAWN_PATH_BYTES_MAX 4096

/* The folder of this very program, found once at start; "" where it cannot be told. */
void spawn_find_folder(char out[SPAWN_PATH_BYTES_MAX]);

/* Where the program `name` lies: in `folder`, else in the compiled-in libexec folder. False with a
 * sentence where in neither. */
bool spawn_find(const char *folder, const char *name, char out[SPAWN_PATH_BYTES_MAX],
                struct error *error);

/* Starts `path` with one argument or none (NULL). `control` becomes its descriptor 3; the caller
 * keeps and closes its own. False with a sentence, also where exec itself fails. The child is in a
 * session of its own (Ctrl-C reaches the supervisor alone) and dies with its parent. */
bool spawn_worker(const char *path, const char *argument, int control, pid_t *pid,
                  struct error *error);

#endif
