/* Groups, user and capabilities. setresuid(2), setgroups(2), capabilities(7). May not: gain
 * anything. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/role_parts.h"

#define SET_WORDS 2 /* of 32 bits: _LINUX_CAPABILITY_VERSION_3 */

struct capabilities {
    uint64_t effective, permitted, inheritable;
};

#define CAP(name) (UINT64_C(1) << (name))

/* What the supervisor keeps where it has it: workers change to users of their own, lose what they
 * inherit, and are ended; as root it reads secrets and keeps state whoever they belong to, and the
 * monitor may listen below port 1024. */
#define KEPT_BY_SUPERVISOR                                                                         \
    (CAP(CAP_SETUID) | CAP(CAP_SETGID) | CAP(CAP_KILL) | CAP(CAP_SETPCAP) | CAP(CAP_CHOWN) |       \
     CAP(CAP_DAC_OVERRIDE) | CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_FOWNER) |                          \
     CAP(CAP_NET_BIND_SERVICE))

static uint64_t kept_by(enum role role)
{
    return role == ROLE_SUPERVISOR ? KEPT_BY_SUPERVISOR : 0;
}

/* ----------------------------------------------------------------------------- capabilities */

static bool get_capabilities(struct capabilities *out)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[SET_WORDS];
    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    *out = (struct capabilities){
        .effective = data[0].effective | (uint64_t)data[1].effective << 32,
        .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
        .inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
    };
    return true;
}

static bool set_capabilities(const struct capabilities *set)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[SET_WORDS];
    for (unsigned i = 0; i < SET_WORDS; i++)
        data[i] = (struct __user_cap_data_struct){
            .effective = (uint32_t)(set->effective >> (32 * i)),
            .permitted = (uint32_t)(set->permitted >> (32 * i)),
            .inheritable = (uint32_t)(set->inheritable >> (32 * i)),
        };
    return syscall(SYS_capset, &header, data) == 0;
}

/* The ambient set follows: it is never more than what is both permitted and inheritable. */
bool role_capabilities(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    struct capabilities now;
    uint64_t kept = kept_by(wish->role);
    if (!get_capabilities(&now))
        return role_cannot(why, "%s", strerror(errno));
    struct capabilities wanted = {.effective = now.effective & kept,
                                  .permitted = now.permitted & kept,
                                  .inheritable = now.inheritable & kept};
    if (!set_capabilities(&wanted))
        return role_cannot(why, "%s", strerror(errno));
    if (wish->uid != 0 && (setuid(0) == 0 || setresuid((uid_t)-1, 0, (uid_t)-1) == 0))
        return role_cannot(why, "user %u could become root again", (unsigned)wish->uid);
    return true;
}

/* How many capabilities this kernel knows: prctl refuses the first that it does not. */
bool role_bounding(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    for (unsigned long capability = 0; capability < 64; capability++) {
        int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (held < 0)
            break;
        if (held == 0 || (kept_by(wish->role) & CAP(capability)) != 0)
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return role_cannot(why, errno == EPERM ? "SETPCAP is not among the capabilities" : "%s",
                               strerror(errno));
    }
    return true;
}

/* ------------------------------------------------------------------------------ groups, user */

bool role_groups(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    (void)wish;
    int count = getgroups(0, NULL);
    if (count == 0 || setgroups(0, NULL) == 0)
        return true;
    return role_cannot(why,
                       errno == EPERM ? "not root, and SETGID is not among the capabilities" : "%s",
                       strerror(errno));
}

bool role_user(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    if (wish->uid == 0)
        return role_cannot(why, "the supervisor is not root: it runs as user %u, as all do",
                           (unsigned)getuid());
    if (wish->gid != 0 && setresgid(wish->gid, wish->gid, wish->gid) != 0)
        return role_cannot(why, "cannot become group %u: %s", (unsigned)wish->gid, strerror(errno));
    if (setresuid(wish->uid, wish->uid, wish->uid) != 0)
        return role_cannot(why, "cannot become user %u: %s", (unsigned)wish->uid, strerror(errno));
    return true;
}
