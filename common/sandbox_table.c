/* sandbox.def as data. May not: put anything in force. */
#include "common/sandbox_table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define SUPERVISOR ROLE_BIT(ROLE_SUPERVISOR)
#define RECONCILER ROLE_BIT(ROLE_RECONCILER)
#define MONITOR    ROLE_BIT(ROLE_MONITOR)
#define WORKERS    ROLES_WORKERS
#define EVERYONE   (WORKERS | SUPERVISOR)
#define CALLERS    ROLES_CALLERS
#define DIALER     ROLE_BIT(ROLE_DIALER)
#define NOT_DIALER (WORKERS & ~DIALER)
#define WRITERS    (RECONCILER | ROLE_BIT(ROLE_ACTUATOR))
#define LISTENERS  (RECONCILER | MONITOR)

/* Without SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define SOCKET_TYPE_BITS UINT64_C(0xf)
/* Protocols that are neither 0 nor TCP; IGMP and IPIP pass too, and the kernel has no streams of
 * them. */
#define NOT_TCP_BITS (UINT64_C(0xffffffff) & ~(uint64_t)IPPROTO_TCP)

#define CLONE_NAMESPACES                                                                           \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

/* clang-format off */
#define ALLOW(call_, roles_, reason_) {.call = #call_, .action = ACTION_ALLOW, .roles = (roles_), .words = "", .reason = reason_},
#define ALLOW_IF(call_, roles_, words_, reason_, ...) {.call = #call_, .action = ACTION_ALLOW, .roles = (roles_), .words = words_, .reason = reason_, .test = {__VA_ARGS__}},
#define REFUSE(call_, roles_, number_, reason_) {.call = #call_, .action = ACTION_REFUSE, .roles = (roles_), .number = (number_), .words = "", .reason = reason_},
#define KILL(call_, roles_, reason_) {.call = #call_, .action = ACTION_KILL, .roles = (roles_), .words = "", .reason = reason_},
#define KILL_IF(call_, roles_, words_, reason_, ...) {.call = #call_, .action = ACTION_KILL, .roles = (roles_), .words = words_, .reason = reason_, .test = {__VA_ARGS__}},
#define SANITIZER(call_, reason_) {.call = #call_, .action = ACTION_SANITIZER, .roles = EVERYONE, .words = "", .reason = reason_},
#define LIMIT(resource, word, roles, value, reason)
static const struct sandbox_row rows[] = {
#include "common/sandbox.def"
};
#undef ALLOW
#undef ALLOW_IF
#undef REFUSE
#undef KILL
#undef KILL_IF
#undef SANITIZER
#undef LIMIT

#define ALLOW(call, roles, reason)
#define ALLOW_IF(call, roles, words, reason, ...)
#define REFUSE(call, roles, number, reason)
#define KILL(call, roles, reason)
#define KILL_IF(call, roles, words, reason, ...)
#define SANITIZER(call, reason)
#define LIMIT(resource_, word_, roles_, value_, reason_) {.resource = (int)(resource_), .word = word_, .roles = (roles_), .value = (value_), .reason = reason_},
static const struct sandbox_limit limits[] = {
#include "common/sandbox.def"
};
/* clang-format on */

const struct sandbox_row *sandbox_rows(size_t *count)
{
    *count = COUNT_OF(rows);
    return rows;
}

const struct sandbox_limit *sandbox_limits(size_t *count)
{
    *count = COUNT_OF(limits);
    return limits;
}

bool sandbox_has_sanitizers(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

static bool is_of(const struct sandbox_row *row, enum role role)
{
    bool inherited = role == ROLE_SUPERVISOR && row->action == ACTION_ALLOW;
    return inherited || (row->roles & ROLE_BIT(role)) != 0;
}

/* Whether it lets its call pass whatever the arguments are. */
static bool is_free(const struct sandbox_row *row, enum role role)
{
    if (row->action == ACTION_SANITIZER
            ? !sandbox_has_sanitizers()
            : row->action != ACTION_ALLOW || row->test[0].kind != TEST_NONE)
        return false;
    return is_of(row, role);
}

/* The first row that lets this call pass freely; NULL where none does. */
static const struct sandbox_row *first_free(const char *call, enum role role)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].call, call) == 0 && is_free(&rows[i], role))
            return &rows[i];
    return NULL;
}

bool sandbox_row_applies(const struct sandbox_row *row, enum role role)
{
    if (!is_of(row, role) || (row->action == ACTION_SANITIZER && !sandbox_has_sanitizers()))
        return false;
    const struct sandbox_row *first = first_free(row->call, role);
    return first == NULL || first == row;
}
