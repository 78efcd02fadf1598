/* What a role promises, tried from inside: a child enters it and makes an attempt; the parent sees
 * what came of it. Builds with sanitizers let some calls pass that their runtime makes; those
 * attempts are left out there. */
#include "tests/unit/cunit_main.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/role.h"
#include "common/sandbox_table.h"
#include "common/words.h"

#define NOT_ENTERED         250
#define SYSCALL_OF_TOMORROW 9999

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif

typedef int attempt(void); /* 0, or the errno */

static uint16_t port_allowed, port_forbidden;
static struct role_report probe_report;

/* The wait status of a child that makes the attempt in this role. */
static int inside(enum role role, attempt *tried)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct role_wish wish = {.role = role, .port = {port_allowed}, .port_count = 1};
        struct role_report report;
        struct error error;
        if (!role_enter(&wish, &report, &error)) {
            fprintf(stderr, "    %s\n", error.text);
            _exit(NOT_ENTERED);
        }
        _exit(tried());
    }
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return status;
}

static void comes_back(enum role role, attempt *tried, int number)
{
    int status = inside(role, tried);
    CU_ASSERT_TRUE(WIFEXITED(status));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != number)
        fprintf(stderr, "    %s: wait status 0x%x, expected errno %d (%s)\n", role_words[role],
                (unsigned)status, number, strerror(number));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), number);
}

static void dies(enum role role, attempt *tried, int signal)
{
    int status = inside(role, tried);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
        fprintf(stderr, "    %s: wait status 0x%x, expected signal %d\n", role_words[role],
                (unsigned)status, signal);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

static void each_worker(void (*check)(enum role, attempt *, int), attempt *tried, int number)
{
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1))
        check(role, tried, number);
}

static int result_of(long result)
{
    return result < 0 ? errno : 0;
}

/* ---------------------------------------------------------------------------------- attempts */

static int open_a_file(void)
{
    return result_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int make_a_file(void)
{
    return result_of(open("/tmp/ebbtide-test-role", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int run_a_program(void)
{
    char *const words[] = {(char[]){"true"}, NULL};
    return result_of(execve("/bin/true", words, words + 1));
}

static int trace_the_parent(void)
{
    return result_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int map_code(void)
{
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return errno;
    munmap(page, 4096);
    return 0;
}

static int turn_data_into_code(void)
{
    static char data[2 * 4096];
    void *page = data + (4096 - (uintptr_t)data % 4096) % 4096;
    return result_of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int map_data(void)
{
    void *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : result_of(munmap(page, 1 << 20));
}

static int become_root(void)
{
    return result_of(syscall(SYS_setresuid, 0, 0, 0));
}

static int use_io_uring(void)
{
    return result_of(syscall(SYS_io_uring_setup, 4, NULL));
}

static int new_namespace(void)
{
    return result_of(syscall(SYS_unshare, 0x10000000));
}

static int ask_for_tomorrow(void)
{
    return result_of(syscall(SYSCALL_OF_TOMORROW));
}

static int fork_a_child(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result_of(pid);
}

static int fork_by_clone3(void)
{
    uint64_t arguments[8] = {0};
    return result_of(syscall(SYS_clone3, arguments, sizeof arguments));
}

static int signal_the_parent(void)
{
    return result_of(syscall(SYS_kill, 1, 0));
}

static int fail_an_assertion(void)
{
    abort();
}

static int local_socket(void)
{
    return result_of(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int packet_socket(void)
{
    return result_of(socket(AF_PACKET, SOCK_DGRAM, 0));
}

static int raw_socket(void)
{
    return result_of(socket(AF_INET, SOCK_RAW, 1));
}

static int stream_socket(void)
{
    return result_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

static int datagram_socket(void)
{
    return result_of(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return errno;
    return result_of(connect(descriptor, (struct sockaddr *)&address, sizeof address));
}

static int connect_to_the_api(void)
{
    return connect_to(port_allowed);
}

static int connect_elsewhere(void)
{
    return connect_to(port_forbidden);
}

static int connect_a_descriptor(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    return result_of(connect(0, (struct sockaddr *)&address, sizeof address));
}

static int bind_a_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    return result_of(bind(0, (struct sockaddr *)&address, sizeof address));
}

/* ------------------------------------------------------------------------------------- tests */

static void nobody_opens_a_file(void)
{
    if (sandbox_has_sanitizers())
        return;
    each_worker(comes_back, open_a_file, EACCES);
    each_worker(comes_back, make_a_file, EACCES);
}

static void what_is_never_right_ends_the_process(void)
{
    each_worker(dies, run_a_program, SIGSYS);
    each_worker(dies, map_code, SIGSYS);
    each_worker(dies, turn_data_into_code, SIGSYS);
    each_worker(dies, become_root, SIGSYS);
    each_worker(dies, use_io_uring, SIGSYS);
    each_worker(dies, new_namespace, SIGSYS);
    if (!sandbox_has_sanitizers())
        each_worker(dies, trace_the_parent, SIGSYS);
}

static void what_is_not_known_is_refused(void)
{
    each_worker(comes_back, ask_for_tomorrow, ENOSYS);
    each_worker(comes_back, fork_by_clone3, ENOSYS);
    each_worker(comes_back, signal_the_parent, ENOSYS);
    if (!sandbox_has_sanitizers())
        each_worker(comes_back, fork_a_child, ENOSYS);
}

static void what_is_needed_works(void)
{
    each_worker(comes_back, map_data, 0);
    each_worker(dies, fail_an_assertion, SIGABRT);
}

static void sockets_are_the_dialer_s(void)
{
    comes_back(ROLE_DIALER, stream_socket, 0);
    comes_back(ROLE_DIALER, datagram_socket, 0);
    comes_back(ROLE_DIALER, local_socket, ENOSYS);
    comes_back(ROLE_DIALER, packet_socket, ENOSYS);
    comes_back(ROLE_DIALER, raw_socket, ENOSYS);
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1)) {
        bool calls = (ROLES_CALLERS & ROLE_BIT(role)) != 0;
        if (role == ROLE_DIALER)
            continue;
        comes_back(role, stream_socket, EACCES);
        comes_back(role, datagram_socket, EACCES);
        comes_back(role, local_socket, EACCES);
        /* No connection comes of either; sandbox.def says why it is not one number. */
        comes_back(role, connect_a_descriptor, calls ? EINPROGRESS : EACCES);
    }
    each_worker(comes_back, bind_a_port, EACCES);
}

static void only_the_api_is_called(void)
{
    comes_back(ROLE_DIALER, connect_to_the_api, 0);
    if ((probe_report.in_force & PART_BIT(PART_LANDLOCK_TCP)) == 0) {
        fprintf(stderr, "    NOT TESTED here: landlock-tcp (%s)\n",
                probe_report.why[PART_LANDLOCK_TCP]);
        return;
    }
    comes_back(ROLE_DIALER, connect_elsewhere, EACCES);
    comes_back(ROLE_ACTUATOR, connect_elsewhere, EACCES);
}

static void rights_are_gone(void)
{
    uint32_t always = PART_BIT(PART_LIMITS) | PART_BIT(PART_CAPABILITIES) |
                      PART_BIT(PART_NO_NEW_PRIVS) | PART_BIT(PART_NO_DUMP) | PART_BIT(PART_SECCOMP);
    CU_ASSERT_EQUAL(probe_report.in_force & always, always);
    CU_ASSERT_EQUAL(probe_report.in_force & probe_report.missing, 0);
    CU_ASSERT_EQUAL(probe_report.in_force | probe_report.missing, PARTS_ALL);
}

/* Enters in a child; returns its report by the pipe, or the error's text in *error. */
static bool enter(const struct role_wish *wish, struct role_report *report, struct error *error)
{
    struct {
        struct role_report report;
        struct error error;
        bool entered;
    } all;
    int ends[2], status;
    memset(&all, 0, sizeof all);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        all.entered = role_enter(wish, &all.report, &all.error);
        _exit(write(ends[1], &all, sizeof all) == (ssize_t)sizeof all ? 0 : 1);
    }
    close(ends[1]);
    CU_ASSERT_EQUAL(read(ends[0], &all, sizeof all), (ssize_t)sizeof all);
    close(ends[0]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    *report = all.report;
    *error = all.error;
    return all.entered;
}

static void what_is_missing_is_said(void)
{
    struct role_wish wish = {.role = ROLE_MONITOR, .without = PART_BIT(PART_SECCOMP)};
    struct role_report report;
    struct error error;
    char text[TEXT_BYTES_MAX];
    CU_ASSERT_TRUE(enter(&wish, &report, &error));
    CU_ASSERT_EQUAL(report.left_out, PART_BIT(PART_SECCOMP));
    role_describe(&wish, &report, text, sizeof text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "in force: limits, "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "seccomp (left out by sandbox.without)"));
    wish.required = PART_BIT(PART_SECCOMP);
    CU_ASSERT_FALSE(enter(&wish, &report, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "the sandbox lacks seccomp (left out"));
}

static void a_user_that_was_asked_for_is_had_or_nothing(void)
{
    const struct role_wish wish = {.role = ROLE_MONITOR, .uid = 59990, .gid = 59990};
    struct role_report report;
    struct error error;
    bool entered = enter(&wish, &report, &error);
    CU_ASSERT_EQUAL(entered, geteuid() == 0);
    CU_ASSERT_EQUAL(report.uid, entered ? 59990 : geteuid());
    CU_ASSERT_EQUAL(strstr(error.text, "the sandbox lacks") != NULL, !entered);
}

static void a_reload_knows_what_is_missing(void)
{
    struct role_report report = {.missing = PART_BIT(PART_USER) | PART_BIT(PART_SECCOMP),
                                 .left_out = PART_BIT(PART_SECCOMP)};
    struct error error;
    CU_ASSERT_TRUE(role_suffices(&report, PART_BIT(PART_LIMITS), 0, &error));
    CU_ASSERT_FALSE(role_suffices(&report, PART_BIT(PART_USER), 0, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "lacks user"));
    /* It was left out, and would not be now: the next start tells. */
    CU_ASSERT_TRUE(role_suffices(&report, PART_BIT(PART_SECCOMP), 0, &error));
    CU_ASSERT_FALSE(role_suffices(&report, PART_BIT(PART_SECCOMP), PART_BIT(PART_SECCOMP), &error));
}

/* ------------------------------------------------------------------------------- descriptors */

static void descriptors_are_looked_at(void)
{
    struct error error;
    int pair[2], ends[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    CU_ASSERT_TRUE(descriptor_is(nothing, DESCRIPTOR_NOTHING, "it", &error));
    CU_ASSERT_FALSE(descriptor_is(file, DESCRIPTOR_NOTHING, "it", &error));
    CU_ASSERT_FALSE(descriptor_is(nothing, DESCRIPTOR_READ, "it", &error));
    int memory = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT_TRUE(descriptor_is(pair[0], DESCRIPTOR_CHANNEL, "it", &error));
    CU_ASSERT_FALSE(descriptor_is(ends[0], DESCRIPTOR_CHANNEL, "it", &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is not a connected local stream socket"));
    CU_ASSERT_FALSE(descriptor_is(pair[0], DESCRIPTOR_CONTROL, "it", &error));
    CU_ASSERT_FALSE(descriptor_is(pair[0], DESCRIPTOR_LISTENER, "it", &error));
    CU_ASSERT_TRUE(descriptor_is(file, DESCRIPTOR_READ, "it", &error));
    CU_ASSERT_FALSE(descriptor_is(file, DESCRIPTOR_WRITE, "it", &error));
    CU_ASSERT_FALSE(descriptor_is(ends[0], DESCRIPTOR_READ, "it", &error));
    CU_ASSERT_TRUE(descriptor_is(memory, DESCRIPTOR_WRITE, "it", &error));
    CU_ASSERT_FALSE(descriptor_is(memory, DESCRIPTOR_READ, "it", &error));
    CU_ASSERT_EQUAL(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE), 0);
    CU_ASSERT_TRUE(descriptor_is(memory, DESCRIPTOR_READ, "it", &error));
    const int all[] = {pair[0], pair[1], ends[0], ends[1], file, nothing, memory};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        close(all[i]);
}

/* A port of loopback on which somebody listens for the rest of the test. */
static uint16_t listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        perror("listen");
    return ntohs(address.sin_port); /* cppcheck-suppress resourceLeak ; it listens to the end */
}

static void what_this_machine_has(void)
{
    struct role_wish wish = {.role = ROLE_ACTUATOR};
    struct error error;
    CU_ASSERT_TRUE(enter(&wish, &probe_report, &error));
}

int main(void)
{
    port_allowed = listen_somewhere();
    port_forbidden = listen_somewhere();
    CU_TestInfo tests[] = {
        {"what this machine has is told", what_this_machine_has},
        {"nobody opens a file", nobody_opens_a_file},
        {"what is never right ends the process", what_is_never_right_ends_the_process},
        {"what is not known is refused", what_is_not_known_is_refused},
        {"what is needed works", what_is_needed_works},
        {"sockets are for the dialer", sockets_are_the_dialer_s},
        {"only the API is called", only_the_api_is_called},
        {"rights are gone", rights_are_gone},
        {"what is missing is said", what_is_missing_is_said},
        {"a user that was asked for is had, or nothing",
         a_user_that_was_asked_for_is_had_or_nothing},
        {"a reload knows what is missing", a_reload_knows_what_is_missing},
        {"descriptors are looked at", descriptors_are_looked_at},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("role", tests);
}
