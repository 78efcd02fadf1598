/* Whose rights each worker gets. May not change anybody's rights. */
#include "supervisor/users.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Numbers that neither Debian (to 29999, and 60000 on) nor systemd (61184 on) gives to anybody, and
 * far from where people begin. [Debian Policy 9.2.2; systemd.io/UIDS-GIDS] */
#define UNUSED_FIRST 58000u
#define UNUSED_LAST  59999u

#define ENTRY_BYTES_MAX 65536 /* of the list of users or groups, members included */

static bool is_ambient(unsigned long capability)
{
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1;
}

bool users_can_switch(void)
{
    return geteuid() == 0 || (is_ambient(CAP_SETUID) && is_ambient(CAP_SETGID));
}

/* kill(2) asks for the same real user. SETUID lends it, so that KILL, with which one could end
 * anybody's process, is not needed. For that moment the worker could signal us; but it hangs, and
 * neither its seccomp list nor Landlock lets it. */
bool users_kill(const struct worker_user *user, pid_t pid)
{
    uid_t own = getuid();
    if (kill(pid, SIGKILL) == 0)
        return true;
    if (errno != EPERM || user->uid == 0 || setresuid(user->uid, (uid_t)-1, (uid_t)-1) != 0)
        return false;
    bool ended = kill(pid, SIGKILL) == 0;
    int number = errno;
    if (setresuid(own, (uid_t)-1, (uid_t)-1) != 0)
        abort(); /* systemd starts it again; to go on as the worker's user is worse */
    errno = number;
    return ended;
}

/* Whether a user or a group has this number. Where the machine's list cannot be read it counts as
 * taken: a number that belongs to somebody would give a worker that somebody's files. */
static bool is_taken(uint32_t id)
{
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;
    char memory[ENTRY_BYTES_MAX];
    return getpwuid_r(id, &user, memory, sizeof memory, &found_user) != 0 || found_user != NULL ||
           getgrgid_r(id, &group, memory, sizeof memory, &found_group) != 0 || found_group != NULL;
}

static uint32_t unused_from(uint32_t first)
{
    for (uint32_t id = first; id <= UNUSED_LAST; id++)
        if (!is_taken(id))
            return id;
    return 0;
}

/* False where there is no such user. */
static bool look_up(const char *name, struct worker_user *out)
{
    struct passwd user, *found = NULL;
    char memory[ENTRY_BYTES_MAX];
    if (getpwnam_r(name, &user, memory, sizeof memory, &found) != 0 || found == NULL)
        return false;
    *out = (struct worker_user){user.pw_uid, user.pw_gid};
    return true;
}

static bool find_configured(const struct worker_row *row, const char *name, struct worker_user *out,
                            struct error *error)
{
    if (!look_up(name, out))
        return error_set(error,
                         "%s: there is no user %s on this machine: make it, or leave the key "
                         "out",
                         row->users_key, name);
    if (out->uid == 0 || out->gid == 0)
        return error_set(error,
                         "%s: %s is root or of root's group; a worker is to have fewer rights",
                         row->users_key, name);
    return true;
}

bool users_find(const struct config *config, struct worker_user out[TOPOLOGY_WORKERS],
                unsigned *made, struct error *error)
{
    memset(out, 0, TOPOLOGY_WORKERS * sizeof out[0]);
    *made = 0;
    if (!users_can_switch())
        return true;
    uint32_t next = UNUSED_FIRST;
    for (unsigned i = 0; i < TOPOLOGY_WORKERS; i++) {
        const struct worker_row *row = topology_worker(i);
        const char *name = topology_user(row, config);
        if (name[0] != '\0') {
            if (!find_configured(row, name, &out[i], error))
                return false;
            continue;
        }
        if (look_up(row->account, &out[i]) && out[i].uid != 0 && out[i].gid != 0)
            continue;
        uint32_t id = unused_from(next);
        if (id == 0)
            return error_set(error,
                             "%s: no number between %u and %u is free for this worker; make "
                             "the user %s",
                             row->users_key, UNUSED_FIRST, UNUSED_LAST, row->account);
        out[i] = (struct worker_user){id, id};
        next = id + 1;
        (*made)++;
    }
    return true;
}
