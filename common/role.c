/* Dropping privileges. setresuid(2), prctl(2), close_range(2). */
#include "common/role.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static bool no_core_dumps(struct error *error)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return error_set_errno(error, errno, "core dumps cannot be forbidden");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "tracing of this process cannot be forbidden");
    return true;
}

/* Changing the user clears the wish, so it is said twice; the parent may have died before it. */
static bool end_with_parent(pid_t parent, struct error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "the end of the parent cannot be watched");
    if (getppid() != parent)
        return error_set(error, "the parent has ended already");
    return true;
}

bool role_begin(int last, struct error *error)
{
    pid_t parent = getppid();
    umask(077);
    if (close_range((unsigned)last + 1, ~0U, 0) != 0)
        return error_set_errno(error, errno, "descriptors that were not given cannot be closed");
    return no_core_dumps(error) && end_with_parent(parent, error);
}

static bool become(uint32_t uid, uint32_t gid, struct error *error)
{
    if (geteuid() == 0 && setgroups(0, NULL) != 0)
        return error_set_errno(error, errno, "the supplementary groups cannot be dropped");
    if (gid != 0 && setresgid(gid, gid, gid) != 0)
        return error_set_errno(error, errno, "cannot become group %u", gid);
    if (uid != 0 && setresuid(uid, uid, uid) != 0)
        return error_set_errno(error, errno, "cannot become user %u", uid);
    if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
        return error_set(error, "user %u could become root again", uid);
    return true;
}

bool role_enter(uint32_t uid, uint32_t gid, char *text, size_t size, struct error *error)
{
    pid_t parent = getppid();
    if ((uid != 0 || gid != 0) && !become(uid, gid, error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "no_new_privs cannot be set");
    if (!no_core_dumps(error) || !end_with_parent(parent, error))
        return false;
    if (uid != 0)
        snprintf(text, size, "user %u, group %u, no new privileges, no core dumps", uid, gid);
    else
        snprintf(text, size,
                 "no new privileges, no core dumps; missing: a user of its own (the supervisor is "
                 "not root), so it runs as user %u",
                 (unsigned)getuid());
    return true;
}
