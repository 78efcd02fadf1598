/* Parts of a role one by one, with seccomp left out: what Landlock and no-dump refuse by
 * themselves, where the list of system calls would hide that they do nothing. Each probe is also
 * tried without its part, which shows that it can tell the difference. */
#include "tests/unit/cunit_main.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/role.h"
#include "common/words.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#define CREATE_VERSION 1U
#define NOT_ENTERED    250
#define MISSING        251

typedef int attempt(void); /* 0, or the errno; of can_be_dumped whether it can */

static struct sockaddr_un outside; /* an abstract socket of the parent's */

/* Whether the kernel's own word is that it has the part: Landlock's version, asked past the code
 * that is looked at. */
static bool kernel_gives(enum sandbox_part part)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    if (part == PART_LANDLOCK_TCP)
        return version >= 4;
    return part != PART_LANDLOCK_SCOPE || version >= 6;
}

/* What the attempt comes to in a child that took these parts, and no_new_privs, without which
 * Landlock is for root alone. */
static int with_parts(enum role role, uint32_t parts, attempt *tried)
{
    parts |= PART_BIT(PART_NO_NEW_PRIVS);
    pid_t pid = fork();
    if (pid == 0) {
        const struct role_wish wish = {.role = role, .without = PARTS_ALL & ~parts};
        struct role_report report;
        struct error error;
        if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 || !role_enter(&wish, &report, &error))
            _exit(NOT_ENTERED);
        _exit((report.in_force & parts) == parts ? tried() : MISSING);
    }
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Every worker, with this part alone and without it. */
static void the_part_does_it(enum sandbox_part part, attempt *tried, int with, int without)
{
    if (!kernel_gives(part)) {
        fprintf(stderr, "    NOT TESTED here: %s, which this kernel does not give. %s\n",
                sandbox_part(part)->word, sandbox_part(part)->remedy);
        return;
    }
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1)) {
        int came = with_parts(role, PART_BIT(part), tried);
        if (came != with)
            fprintf(stderr, "    %s with %s alone: %d, expected %d\n", role_words[role],
                    sandbox_part(part)->word, came, with);
        CU_ASSERT_EQUAL(came, with);
        CU_ASSERT_EQUAL(with_parts(role, 0, tried), without);
    }
}

/* ---------------------------------------------------------------------------------- attempts */

static int bind_a_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return ENOTSOCK;
    return bind(door, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

static int connect_outside(void)
{
    int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (local < 0)
        return ENOTSOCK;
    return connect(local, (const struct sockaddr *)&outside, sizeof outside) == 0 ? 0 : errno;
}

static int signal_the_parent(void)
{
    return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int can_be_dumped(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

/* ------------------------------------------------------------------------------------- tests */

static void landlock_lets_nobody_bind(void)
{
    the_part_does_it(PART_LANDLOCK_TCP, bind_a_port, EACCES, 0);
}

static void landlock_keeps_local_sockets_apart(void)
{
    the_part_does_it(PART_LANDLOCK_SCOPE, connect_outside, EPERM, 0);
}

static void landlock_keeps_signals_inside(void)
{
    the_part_does_it(PART_LANDLOCK_SCOPE, signal_the_parent, EPERM, 0);
}

static void nobody_is_dumped(void)
{
    the_part_does_it(PART_NO_DUMP, can_be_dumped, 0, 1);
}

/* Of a name that no other test has; to the end. */
static bool listen_outside(void)
{
    outside.sun_family = AF_UNIX;
    snprintf(outside.sun_path + 1, sizeof outside.sun_path - 1, "ebbtide-test-%d", (int)getpid());
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return door >= 0 && bind(door, (const struct sockaddr *)&outside, sizeof outside) == 0 &&
           listen(door, 64) == 0; /* cppcheck-suppress resourceLeak ; it listens to the end */
}

int main(void)
{
    if (!listen_outside()) {
        perror("an abstract socket");
        return 1;
    }
    CU_TestInfo tests[] = {
        {"Landlock alone lets nobody bind", landlock_lets_nobody_bind},
        {"Landlock alone keeps local sockets apart", landlock_keeps_local_sockets_apart},
        {"Landlock alone keeps signals inside", landlock_keeps_signals_inside},
        {"nobody is dumped", nobody_is_dumped},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("role parts", tests);
}
