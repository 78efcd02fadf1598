/* Landlock, by its three system calls: libc has no functions for them, and Debian 12's headers know
 * the first version only. Each part is a domain of its own, so that one that the kernel lacks takes
 * none of the others along. [Documentation/userspace-api/landlock.rst; landlock(7)]
 * May not: add a rule that lets a worker reach a file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/role_parts.h"
#include "common/sandbox_table.h"

#ifndef SYS_landlock_create_ruleset /* the same number on every machine */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

/* The kernel's ABI, under names of our own. */
#define CREATE_VERSION    UINT32_C(1) /* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT     2
#define NET_BIND_TCP      (UINT64_C(1) << 0)
#define NET_CONNECT_TCP   (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT    (UINT64_C(1) << 0)
#define SCOPE_SIGNAL      (UINT64_C(1) << 1)
#define ABI_NET           4
#define ABI_SCOPE         6

struct ruleset {
    uint64_t files, net, scope; /* handled_access_fs, handled_access_net, scoped */
};

struct rule_path {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

struct rule_port {
    uint64_t allowed, port;
};

/* How many bits of `files` each version of the ABI knows: all are handled, none is allowed. */
static const unsigned file_bits[] = {0, 13, 14, 15, 15, 16};

/* How much of struct ruleset: an older kernel wants to see only what it knows. */
static size_t ruleset_bytes(long abi)
{
    if (abi >= ABI_SCOPE)
        return sizeof(struct ruleset);
    return abi >= ABI_NET ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static uint64_t all_file_access(long abi)
{
    size_t known = sizeof file_bits / sizeof file_bits[0];
    return (UINT64_C(1) << file_bits[(size_t)abi < known ? (size_t)abi : known - 1]) - 1;
}

/* The kernel's version of Landlock; 0 with the reason where it has none. */
static long landlock_abi(char why[ROLE_WHY_BYTES_MAX])
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    if (abi > 0)
        return abi;
    if (errno == EOPNOTSUPP)
        role_cannot(why, "the kernel has Landlock, but it is not switched on");
    else if (errno == ENOSYS)
        role_cannot(why, "the kernel has no Landlock");
    else
        role_cannot(why, "Landlock: %s", strerror(errno));
    return 0;
}

static int create(const struct ruleset *ruleset, long abi, char why[ROLE_WHY_BYTES_MAX])
{
    int descriptor = (int)syscall(SYS_landlock_create_ruleset, ruleset, ruleset_bytes(abi), 0U);
    if (descriptor < 0)
        role_cannot(why, "no Landlock rules: %s", strerror(errno));
    return descriptor;
}

/* Takes the descriptor. */
static bool restrict_self(int ruleset, char why[ROLE_WHY_BYTES_MAX])
{
    bool done = syscall(SYS_landlock_restrict_self, ruleset, 0U) == 0;
    if (!done)
        role_cannot(why, "Landlock rules cannot be taken: %s", strerror(errno));
    close(ruleset);
    return done;
}

/* ------------------------------------------------------------------------------------ files */

/* Sanitizers read /proc and write their reports by name. */
static bool allow_all_below_root(int ruleset, uint64_t access)
{
    struct rule_path rule = {.allowed = access,
                             .parent = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    bool added = rule.parent >= 0 &&
                 syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0U) == 0;
    if (rule.parent >= 0)
        close(rule.parent);
    return added;
}

bool role_landlock_files(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    (void)wish;
    long abi = landlock_abi(why);
    if (abi == 0)
        return false;
    const struct ruleset rules = {.files = all_file_access(abi)};
    int ruleset = create(&rules, abi, why);
    if (ruleset < 0)
        return false;
    bool lax = sandbox_has_sanitizers();
    if (lax && !allow_all_below_root(ruleset, rules.files)) {
        close(ruleset);
        return role_cannot(why, "a Landlock rule is refused: %s", strerror(errno));
    }
    return restrict_self(ruleset, why) &&
           (!lax ||
            role_cannot(why, "a build with sanitizers, which read /proc and write reports"));
}

/* -------------------------------------------------------------------------------------- TCP */

static bool add_port(int ruleset, uint16_t port, char why[ROLE_WHY_BYTES_MAX])
{
    const struct rule_port rule = {.allowed = NET_CONNECT_TCP, .port = port};
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0U) == 0)
        return true;
    return role_cannot(why, "a Landlock rule for port %u is refused: %s", (unsigned)port,
                       strerror(errno));
}

bool role_landlock_tcp(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    long abi = landlock_abi(why);
    if (abi == 0)
        return false;
    if (abi < ABI_NET)
        return role_cannot(why, "this kernel's Landlock has version %ld, TCP came with %d", abi,
                           ABI_NET);
    const struct ruleset rules = {.net = NET_BIND_TCP | NET_CONNECT_TCP};
    int ruleset = create(&rules, abi, why);
    if (ruleset < 0)
        return false;
    for (uint32_t i = 0; i < wish->port_count; i++)
        if (!add_port(ruleset, wish->port[i], why)) {
            close(ruleset);
            return false;
        }
    return restrict_self(ruleset, why);
}

/* ------------------------------------------------------------------------------------ scope */

bool role_landlock_scope(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    (void)wish;
    long abi = landlock_abi(why);
    if (abi == 0)
        return false;
    if (abi < ABI_SCOPE)
        return role_cannot(why, "this kernel's Landlock has version %ld, scopes came with %d", abi,
                           ABI_SCOPE);
    const struct ruleset rules = {.scope = SCOPE_ABSTRACT | SCOPE_SIGNAL};
    int ruleset = create(&rules, abi, why);
    return ruleset >= 0 && restrict_self(ruleset, why);
}
