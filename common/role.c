/* The order in which a process gives up what it does not need, and what came of it. May not: log.
 */
#include "common/role.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/role_parts.h"

/* Each leaves to the later ones what they need: the bounding set is emptied while SETPCAP is there,
 * groups while SETGID is, and seccomp comes last, since the others make calls that it forbids. */
static role_part *const parts[sandbox_part_count] = {
    [PART_LIMITS] = role_limits,
    [PART_BOUNDING] = role_bounding,
    [PART_GROUPS] = role_groups,
    [PART_USER] = role_user,
    [PART_CAPABILITIES] = role_capabilities,
    [PART_NO_NEW_PRIVS] = role_no_new_privs,
    [PART_NO_DUMP] = role_no_dump,
    [PART_LANDLOCK_FILES] = role_landlock_files,
    [PART_LANDLOCK_TCP] = role_landlock_tcp,
    [PART_LANDLOCK_SCOPE] = role_landlock_scope,
    [PART_SECCOMP] = role_seccomp,
};

/* Of the supervisor: its user, and the groups by which it may read what it hands over, are the
 * service manager's to choose; Landlock's rules would hold in its workers too, and a reload may
 * name any file and any port. */
#define PARTS_OF_SUPERVISOR                                                                        \
    (PARTS_ALL & ~(PART_BIT(PART_USER) | PART_BIT(PART_GROUPS) | PART_BIT(PART_LANDLOCK_FILES) |   \
                   PART_BIT(PART_LANDLOCK_TCP) | PART_BIT(PART_LANDLOCK_SCOPE)))

/* What every kernel gives to everybody. */
#define PARTS_ALWAYS (PART_BIT(PART_NO_NEW_PRIVS) | PART_BIT(PART_NO_DUMP))

uint32_t role_parts(enum role role)
{
    return role == ROLE_SUPERVISOR ? PARTS_OF_SUPERVISOR : PARTS_ALL;
}

#ifdef __clang_analyzer__
#undef role_cannot
#endif

bool role_cannot(char why[ROLE_WHY_BYTES_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, ROLE_WHY_BYTES_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* ------------------------------------------------------------------------------------ begin */

/* Changing the user clears the wish, so it is said twice; the parent may have died before it. */
static bool end_with_parent(pid_t parent, struct error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "the end of the parent cannot be watched");
    if (getppid() != parent)
        return error_set(error, "the parent has ended already");
    return true;
}

static bool no_core_dumps(struct error *error)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return error_set_errno(error, errno, "core dumps cannot be forbidden");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "tracing of this process cannot be forbidden");
    return true;
}

bool role_begin(int last, struct error *error)
{
    pid_t parent = getppid();
    umask(077);
    if (close_range((unsigned)last + 1, ~0U, 0) != 0)
        return error_set_errno(error, errno, "descriptors that were not given cannot be closed");
    return descriptor_is(STDIN_FILENO, DESCRIPTOR_NOTHING, "standard input", error) &&
           descriptor_is(STDOUT_FILENO, DESCRIPTOR_NOTHING, "standard output", error) &&
           descriptor_is(last, DESCRIPTOR_CHANNEL, "the control channel", error) &&
           no_core_dumps(error) && end_with_parent(parent, error);
}

/* ------------------------------------------------------------------------------------ enter */

/* Whoever was to become somebody must not go on as who it was. */
static uint32_t must_have(const struct role_wish *wish)
{
    uint32_t always = PARTS_ALWAYS;
    if (wish->uid != 0 || wish->gid != 0)
        always |= PART_BIT(PART_USER) | PART_BIT(PART_GROUPS) | PART_BIT(PART_CAPABILITIES);
    return wish->required | (always & ~wish->without);
}

static bool lacks(enum sandbox_part part, const char *why, struct error *error)
{
    return error_set(error, "the sandbox lacks %s (%s). %s", sandbox_part(part)->word, why,
                     sandbox_part(part)->remedy);
}

static bool take(const struct role_wish *wish, enum sandbox_part part, struct role_report *report,
                 struct error *error)
{
    char *why = report->why[part];
    if ((wish->without & PART_BIT(part)) != 0) {
        report->left_out |= PART_BIT(part);
        role_cannot(why, "left out by sandbox.without");
    } else if (parts[part](wish, why)) {
        report->in_force |= PART_BIT(part);
        return true;
    }
    report->missing |= PART_BIT(part);
    return (must_have(wish) & PART_BIT(part)) == 0 || lacks(part, why, error);
}

bool role_enter(const struct role_wish *wish, struct role_report *report, struct error *error)
{
    pid_t parent = getppid();
    *report = (struct role_report){.uid = getuid(), .gid = getgid()};
    assert(wish->port_count <= ROLE_PORTS_MAX);
    for (unsigned i = 0; i < sandbox_part_count; i++) {
        enum sandbox_part part = (enum sandbox_part)i;
        /* After the last change of user, and before what forbids prctl. */
        if (part == PART_LANDLOCK_FILES && wish->role != ROLE_SUPERVISOR &&
            !end_with_parent(parent, error))
            return false;
        if ((role_parts(wish->role) & PART_BIT(part)) != 0 && !take(wish, part, report, error))
            return false;
        if (part == PART_USER) { /* asked now: the last part forbids to ask */
            report->uid = getuid();
            report->gid = getgid();
        }
    }
    return true;
}

bool role_suffices(const struct role_report *report, uint32_t required, uint32_t without,
                   struct error *error)
{
    uint32_t unknown = report->left_out & ~without;
    for (unsigned i = 0; i < sandbox_part_count; i++)
        if ((required & report->missing & ~unknown & PART_BIT(i)) != 0)
            return lacks((enum sandbox_part)i, report->why[i], error);
    return true;
}

/* ------------------------------------------------------------------------------------ words */

/* Adds to what stands in out; what does not fit is cut. */
static void __attribute__((format(printf, 3, 4)))
add(char *out, size_t size, const char *format, ...)
{
    size_t used = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out + used, size - used, format, arguments);
    va_end(arguments);
}

static void add_ports(const struct role_wish *wish, char *out, size_t size)
{
    if (wish->port_count == 0)
        add(out, size, "; no TCP");
    for (uint32_t i = 0; i < wish->port_count; i++)
        add(out, size, "%s%u", i == 0 ? "; TCP to port " : ", ", (unsigned)wish->port[i]);
}

void role_describe(const struct role_wish *wish, const struct role_report *report, char *out,
                   size_t size)
{
    char words[256];
    out[0] = '\0';
    add(out, size, "user %u, group %u; in force: %s", (unsigned)report->uid, (unsigned)report->gid,
        sandbox_parts_text(report->in_force, words, sizeof words));
    if ((report->in_force & PART_BIT(PART_LANDLOCK_TCP)) != 0)
        add_ports(wish, out, size);
    if (report->missing == 0)
        return;
    add(out, size, "; missing: ");
    const char *between = "";
    for (unsigned i = 0; i < sandbox_part_count; i++) {
        if ((report->missing & PART_BIT(i)) == 0)
            continue;
        add(out, size, "%s%s (%s)", between, sandbox_part((enum sandbox_part)i)->word,
            report->why[i]);
        between = ", ";
    }
}
