/* The sandbox's table holds together: every row has its reason, none stands twice, nobody has a
 * call that is never right, and docs/sandbox.md equals the table. */
#include "tests/unit/cunit_main.h"

#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/config.h"
#include "common/sandbox_parts.h"
#include "common/sandbox_table.h"
#include "common/secret.h"
#include "common/words.h"
#include "tests/unit/sandbox_page.h"

#define PAGE     TEST_SOURCE_DIR "/../docs/sandbox.md"
#define EVERYONE (ROLES_WORKERS | ROLE_BIT(ROLE_SUPERVISOR))

static const struct sandbox_row *rows;
static size_t row_count;

/* Newer than the libseccomp of Debian 12 may be. */
static const char *const newer[] = {"process_madvise"};

static bool is_known(const char *call)
{
    for (size_t i = 0; i < sizeof newer / sizeof newer[0]; i++)
        if (strcmp(newer[i], call) == 0)
            return true;
    return seccomp_syscall_resolve_name(call) != __NR_SCMP_ERROR;
}

static void each_row_says_what_and_why(void)
{
    for (size_t i = 0; i < row_count; i++) {
        const struct sandbox_row *row = &rows[i];
        bool tested = row->test[0].kind != TEST_NONE;
        if (!is_known(row->call))
            fprintf(stderr, "    no system call is named %s\n", row->call);
        CU_ASSERT_TRUE(is_known(row->call));
        CU_ASSERT_TRUE(strlen(row->reason) > 4);
        CU_ASSERT_NOT_EQUAL(row->roles, 0);
        CU_ASSERT_EQUAL(row->roles & ~EVERYONE, 0);
        CU_ASSERT_EQUAL(tested, row->words[0] != '\0');
        CU_ASSERT_EQUAL(row->action == ACTION_REFUSE, row->number != 0);
    }
}

static bool same_tests(const struct sandbox_row *one, const struct sandbox_row *other)
{
    for (size_t i = 0; i < SANDBOX_TESTS_MAX; i++) {
        const struct sandbox_test *a = &one->test[i], *b = &other->test[i];
        if (a->kind != b->kind || a->argument != b->argument || a->mask != b->mask ||
            a->value != b->value)
            return false;
    }
    return true;
}

static bool overlap(const struct sandbox_row *one, const struct sandbox_row *other)
{
    bool sanitizers = one->action == ACTION_SANITIZER || other->action == ACTION_SANITIZER;
    return strcmp(one->call, other->call) == 0 && (one->roles & other->roles) != 0 && !sanitizers;
}

/* Two rows for one call of one process: only where both test arguments, and differently. */
static void no_row_stands_twice_or_widens_another(void)
{
    for (size_t i = 0; i < row_count; i++)
        for (size_t j = i + 1; j < row_count; j++) {
            if (!overlap(&rows[i], &rows[j]))
                continue;
            bool apart = rows[i].test[0].kind != TEST_NONE && rows[j].test[0].kind != TEST_NONE &&
                         !same_tests(&rows[i], &rows[j]);
            if (!apart)
                fprintf(stderr, "    %s stands twice for one process\n", rows[i].call);
            CU_ASSERT_TRUE(apart);
        }
}

static bool is_killed(const char *call, enum role role)
{
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].action == ACTION_KILL && rows[i].test[0].kind == TEST_NONE &&
            strcmp(rows[i].call, call) == 0 && (rows[i].roles & ROLE_BIT(role)) != 0)
            return true;
    return false;
}

static bool is_allowed(const char *call, enum role role)
{
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].action == ACTION_ALLOW && strcmp(rows[i].call, call) == 0 &&
            (rows[i].roles & ROLE_BIT(role)) != 0)
            return true;
    return false;
}

static void nobody_has_what_is_never_right(void)
{
    static const char *const bad[] = {"ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "execveat",
                                      "io_uring_setup",
                                      "io_uring_enter",
                                      "io_uring_register",
                                      "bpf",
                                      "mount",
                                      "umount2",
                                      "move_mount",
                                      "open_tree",
                                      "fsopen",
                                      "fsmount",
                                      "pivot_root",
                                      "chroot",
                                      "setns",
                                      "unshare",
                                      "kexec_load",
                                      "kexec_file_load",
                                      "init_module",
                                      "finit_module",
                                      "delete_module",
                                      "keyctl",
                                      "add_key",
                                      "request_key",
                                      "userfaultfd",
                                      "perf_event_open",
                                      "pidfd_getfd",
                                      "open_by_handle_at",
                                      "reboot",
                                      "swapon",
                                      "clock_settime",
                                      "settimeofday",
                                      "syslog",
                                      "iopl"};
    for (enum role role = ROLE_SUPERVISOR; role <= ROLE_MONITOR; role = (enum role)(role + 1))
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            if (!is_killed(bad[i], role) || is_allowed(bad[i], role))
                fprintf(stderr, "    %s has %s\n", role_words[role], bad[i]);
            CU_ASSERT_TRUE(is_killed(bad[i], role));
            CU_ASSERT_FALSE(is_allowed(bad[i], role));
        }
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1)) {
        CU_ASSERT_TRUE(is_killed("execve", role));
        CU_ASSERT_TRUE(is_killed("setresuid", role));
        CU_ASSERT_TRUE(is_killed("capset", role));
        CU_ASSERT_FALSE(is_allowed("clone", role));
        CU_ASSERT_FALSE(is_allowed("clone3", role));
        CU_ASSERT_FALSE(is_allowed("bind", role));
        CU_ASSERT_FALSE(is_allowed("openat", role));
        CU_ASSERT_FALSE(is_allowed("open", role));
        CU_ASSERT_FALSE(is_allowed("prctl", role));
        CU_ASSERT_FALSE(is_allowed("kill", role));
    }
}

static void the_reconciler_reaches_nothing(void)
{
    static const char *const calls[] = {"socket",   "socketpair", "connect", "bind",   "listen",
                                        "open",     "openat",     "openat2", "creat",  "sendto",
                                        "recvfrom", "accept",     "unlink",  "rename", "mlock"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        CU_ASSERT_FALSE(is_allowed(calls[i], ROLE_RECONCILER));
}

/* The supervisor's filter holds in its workers: it must let pass what they need. */
static void the_supervisor_has_what_its_workers_have(void)
{
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].action != ACTION_ALLOW)
            continue;
        bool there = false;
        for (size_t j = 0; j < row_count && !there; j++)
            there = strcmp(rows[i].call, rows[j].call) == 0 &&
                    sandbox_row_applies(&rows[j], ROLE_SUPERVISOR) &&
                    rows[j].action != ACTION_KILL && rows[j].action != ACTION_REFUSE &&
                    (rows[j].test[0].kind == TEST_NONE || same_tests(&rows[i], &rows[j]));
        CU_ASSERT_TRUE(there);
    }
}

/* Calls that arm64 does not have, and the one that libc makes there. */
static const struct {
    const char *call, *there;
} on_arm64[] = {
    {"access", "faccessat"},
    {"chmod", "fchmodat"},
    {"chown", "fchownat"},
    {"dup2", "dup3"},
    {"epoll_wait", "epoll_pwait"},
    {"getpgrp", "getpgid"},
    {"epoll_create", "epoll_create1"},
    {"lstat", "newfstatat"},
    {"mkdir", "mkdirat"},
    {"open", "openat"},
    {"pipe", "pipe2"},
    {"poll", "ppoll"},
    {"readlink", "readlinkat"},
    {"rename", "renameat"},
    {"select", "pselect6"},
    {"stat", "newfstatat"},
    {"time", "clock_gettime"},
    {"unlink", "unlinkat"},
    {"vfork", "clone"},
    {"arch_prctl", "brk"},
};

static const char *name_on_arm64(const char *call)
{
    if (seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, call) >= 0)
        return call;
    for (size_t i = 0; i < sizeof on_arm64 / sizeof on_arm64[0]; i++)
        if (strcmp(on_arm64[i].call, call) == 0)
            return on_arm64[i].there;
    return NULL;
}

static void arm64_has_what_it_needs(void)
{
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].action != ACTION_ALLOW)
            continue;
        const char *call = name_on_arm64(rows[i].call);
        if (call == NULL)
            fprintf(stderr, "    %s: what does libc call on arm64?\n", rows[i].call);
        CU_ASSERT_PTR_NOT_NULL_FATAL(call);
        for (enum role role = ROLE_SUPERVISOR; role <= ROLE_MONITOR; role = (enum role)(role + 1))
            if ((rows[i].roles & ROLE_BIT(role)) != 0)
                CU_ASSERT_TRUE(is_allowed(call, role) ||
                               (role == ROLE_SUPERVISOR && is_allowed(call, ROLE_ACTUATOR)));
    }
}

/* Room for one that is read, at its longest, while the one before still holds. */
static void whoever_has_a_secret_may_lock_its_successor(void)
{
    size_t count, found = 0;
    const struct sandbox_limit *limits = sandbox_limits(&count);
    for (size_t i = 0; i < count; i++) {
        if (limits[i].resource != RLIMIT_MEMLOCK || limits[i].value == 0)
            continue;
        CU_ASSERT_TRUE(limits[i].value >= 3 * (SECRET_BYTES_MAX + 4096));
        found++;
    }
    CU_ASSERT_EQUAL(found, 2);
}

static void each_limit_stands_once(void)
{
    size_t count;
    const struct sandbox_limit *limits = sandbox_limits(&count);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_TRUE(strlen(limits[i].reason) > 4);
        CU_ASSERT_NOT_EQUAL(limits[i].roles, 0);
        for (size_t j = i + 1; j < count; j++)
            CU_ASSERT_FALSE(limits[i].resource == limits[j].resource &&
                            (limits[i].roles & limits[j].roles) != 0);
    }
}

static void parts_have_words(void)
{
    char text[256];
    for (unsigned i = 0; i < sandbox_part_count; i++) {
        const struct sandbox_part_row *row = sandbox_part((enum sandbox_part)i);
        enum sandbox_part found;
        CU_ASSERT_TRUE(sandbox_part_find(row->word, &found));
        CU_ASSERT_EQUAL(found, i);
        CU_ASSERT_TRUE(strlen(row->doc) > 4 && strlen(row->remedy) > 4);
    }
    CU_ASSERT_TRUE(sandbox_part_count <= SANDBOX_PARTS_MAX);
    CU_ASSERT_STRING_EQUAL(
        sandbox_parts_text(PART_BIT(PART_USER) | PART_BIT(PART_SECCOMP), text, sizeof text),
        "user, seccomp");
    CU_ASSERT_STRING_EQUAL(sandbox_parts_text(0, text, sizeof text), "");
    CU_ASSERT_TRUE(strlen(sandbox_parts_text(PARTS_ALL, text, 20)) < 20);
}

/* Whether a file with this section is taken; what is wrong with it goes to said. */
static struct config *parsed(const char *section, char *said, size_t size)
{
    static struct config_problems problems;
    struct config *config = NULL;
    char text[512];
    snprintf(text, sizeof text,
             "gitea: {url: https://git.example.org, token_file: /t}\n"
             "hetzner: {token_file: /t}\n"
             "kube: {kubeconfig_file: /k}\n"
             "sandbox: %s\n",
             section);
    said[0] = '\0';
    if (!config_parse(text, strlen(text), &config, &problems))
        snprintf(said, size, "%s", problems.problem[0].text);
    return config;
}

static void the_configuration_names_parts(void)
{
    char said[CONFIG_PROBLEM_BYTES_MAX];
    struct config *config =
        parsed("{required: [user, landlock-tcp], without: [seccomp]}", said, sizeof said);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL(sandbox_parts_of(config->sandbox.required, config->sandbox.required_count),
                    PART_BIT(PART_USER) | PART_BIT(PART_LANDLOCK_TCP));
    CU_ASSERT_EQUAL(sandbox_parts_of(config->sandbox.without, config->sandbox.without_count),
                    PART_BIT(PART_SECCOMP));
    config_free(config);
    CU_ASSERT_PTR_NULL(parsed("{required: [user, landlock]}", said, sizeof said));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "one of: limits bounding "));
    CU_ASSERT_PTR_NULL(parsed("{required: [seccomp], without: [seccomp]}", said, sizeof said));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "leaves out what sandbox.required asks for: seccomp"));
}

static void the_page_equals_the_tables(void)
{
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    sandbox_page_print(out);
    fclose(out);
    char *kept = calloc(1, size + 2);
    FILE *file = fopen(PAGE, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
    kept[fread(kept, 1, size + 1, file)] = '\0';
    fclose(file);
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1))
        CU_ASSERT_TRUE(sandbox_page_has(role));
    CU_ASSERT_STRING_EQUAL(made, kept);
    if (strcmp(made, kept) != 0)
        fprintf(stderr, "docs/sandbox.md differs; test_sandbox --write makes it anew\n");
    free(made);
    free(kept);
}

int main(int argc, char **argv)
{
    rows = sandbox_rows(&row_count);
    CU_TestInfo tests[] = {
        {"each row says what and why", each_row_says_what_and_why},
        {"no row stands twice or widens another", no_row_stands_twice_or_widens_another},
        {"nobody has what is never right", nobody_has_what_is_never_right},
        {"the reconciler reaches nothing", the_reconciler_reaches_nothing},
        {"the supervisor has what its workers have", the_supervisor_has_what_its_workers_have},
        {"arm64 has what it needs", arm64_has_what_it_needs},
        {"whoever has a secret may lock its successor",
         whoever_has_a_secret_may_lock_its_successor},
        {"each limit stands once", each_limit_stands_once},
        {"parts have words", parts_have_words},
        {"the configuration names parts", the_configuration_names_parts},
        {"the page equals the tables", the_page_equals_the_tables},
        CU_TEST_INFO_NULL,
    };
    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        FILE *out = fopen(PAGE, "w");
        if (!out)
            return 1;
        sandbox_page_print(out);
        return fclose(out) == 0 ? 0 : 1;
    }
    return cunit_run("sandbox", tests);
}
