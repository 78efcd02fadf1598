/* Limits by the table, and the two flags that keep a process's memory its own. setrlimit(2),
 * prctl(2). May not: raise a limit. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/role_parts.h"
#include "common/sandbox_table.h"

static rlim_t lower(rlim_t one, rlim_t other)
{
    return one < other ? one : other;
}

static bool set_limit(const struct sandbox_limit *limit, char why[ROLE_WHY_BYTES_MAX])
{
    struct rlimit now;
    __rlimit_resource_t resource = (__rlimit_resource_t)limit->resource;
    if (getrlimit(resource, &now) != 0)
        return role_cannot(why, "%s: %s", limit->word, strerror(errno));
    struct rlimit wanted = {.rlim_cur = lower(limit->value, now.rlim_max),
                            .rlim_max = lower(limit->value, now.rlim_max)};
    if (setrlimit(resource, &wanted) != 0)
        return role_cannot(why, "%s: %s", limit->word, strerror(errno));
    return true;
}

/* A leak finder begins a thread beside the process, and keeps files open of its own. */
static bool is_of_this_build(const struct sandbox_limit *limit)
{
    return !sandbox_has_sanitizers() || limit->resource != (int)RLIMIT_NPROC;
}

bool role_limits(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    size_t count;
    const struct sandbox_limit *limits = sandbox_limits(&count);
    for (size_t i = 0; i < count; i++)
        if ((limits[i].roles & ROLE_BIT(wish->role)) != 0 && is_of_this_build(&limits[i]) &&
            !set_limit(&limits[i], why))
            return false;
    return true;
}

bool role_no_new_privs(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    (void)wish;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return role_cannot(why, "%s", strerror(errno));
    return true;
}

/* A change of user makes the process dumpable again, where the machine says so. */
bool role_no_dump(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    const struct rlimit none = {0, 0};
    (void)wish;
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return role_cannot(why, "%s", strerror(errno));
    return true;
}
