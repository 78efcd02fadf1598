/* Attempts by system calls. Each returns 0 where the kernel let it, else its errno. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/breakin/attempts.h"

#define PAGE_BYTES     4096
#define UNUSED         (void)attack
#define IPPROTO_MPTCP_ 262
#define DESCRIPTORS    128

static int outcome(long result)
{
    return result >= 0 ? BOARD_WORKED : errno;
}

/* ------------------------------------------------------------------ files and other processes */

int open_path(const struct attack *attack)
{
    return outcome(open(attack->board->with, O_RDONLY | O_CLOEXEC));
}

int open_path_anew(const struct attack *attack)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
    return outcome(syscall(SYS_openat2, AT_FDCWD, attack->board->with, &how, sizeof how));
}

int open_by_handle(const struct attack *attack)
{
    UNUSED;
    unsigned handle[8] = {8, 1};
    return outcome(syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY));
}

int make_file(const struct attack *attack)
{
    return outcome(open(attack->board->with, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

int make_folder(const struct attack *attack)
{
    return outcome(syscall(SYS_mkdirat, AT_FDCWD, attack->board->with, 0700));
}

int make_link(const struct attack *attack)
{
    return outcome(symlink("/etc/passwd", attack->board->with));
}

int remove_file(const struct attack *attack)
{
    return outcome(syscall(SYS_unlinkat, AT_FDCWD, attack->board->with, 0));
}

int file_in_memory(const struct attack *attack)
{
    UNUSED;
    return outcome(memfd_create("planted", 0));
}

int trace_sibling(const struct attack *attack)
{
    return outcome(ptrace(PTRACE_ATTACH, (pid_t)attack->board->pid, NULL, NULL));
}

int read_sibling(const struct attack *attack)
{
    char bytes[16];
    struct iovec here = {bytes, sizeof bytes}, there = {bytes, sizeof bytes};
    return outcome(process_vm_readv((pid_t)attack->board->pid, &here, 1, &there, 1, 0));
}

int take_descriptor(const struct attack *attack)
{
    UNUSED;
    return outcome(syscall(SYS_pidfd_getfd, 3, 3, 0));
}

int kill_sibling(const struct attack *attack)
{
    return outcome(kill((pid_t)attack->board->pid, SIGKILL));
}

int signal_sibling(const struct attack *attack)
{
    pid_t pid = (pid_t)attack->board->pid;
    return outcome(syscall(SYS_tgkill, pid, pid, SIGKILL));
}

/* -------------------------------------------------------------------------------- network */

static struct sockaddr_in loopback(const struct attack *attack)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(attack->board->with, NULL, 10)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connect_by(const struct attack *attack, int protocol)
{
    struct sockaddr_in to = loopback(attack);
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    if (door < 0)
        return errno;
    int result = outcome(connect(door, (const struct sockaddr *)&to, sizeof to));
    close(door);
    return result;
}

int connect_tcp(const struct attack *attack)
{
    return connect_by(attack, 0);
}

/* Where a stranger listens, at the port of the API. */
static struct sockaddr_in other_host(const struct attack *attack)
{
    struct sockaddr_in to = loopback(attack);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    return to;
}

int connect_other_host(const struct attack *attack)
{
    struct sockaddr_in to = other_host(attack);
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return errno;
    int result = outcome(connect(door, (const struct sockaddr *)&to, sizeof to));
    close(door);
    return result;
}

int turn_connection(const struct attack *attack)
{
    struct sockaddr_in to = other_host(attack);
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    for (int door = 3; door < DESCRIPTORS; door++) {
        int domain = 0;
        socklen_t size = sizeof domain;
        if (getsockopt(door, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_INET)
            continue;
        (void)connect(door, &nowhere, sizeof nowhere);
        return outcome(connect(door, (const struct sockaddr *)&to, sizeof to));
    }
    return BOARD_NONE;
}

int connect_mptcp(const struct attack *attack)
{
    return connect_by(attack, IPPROTO_MPTCP_);
}

int connect_fastopen(const struct attack *attack)
{
    struct sockaddr_in to = loopback(attack);
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return errno;
    int result =
        outcome(sendto(door, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&to, sizeof to));
    close(door);
    return result;
}

int connect_fastopen_message(const struct attack *attack)
{
    struct sockaddr_in to = loopback(attack);
    struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof to};
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return errno;
    int result = outcome(sendmsg(door, &message, MSG_FASTOPEN));
    close(door);
    return result;
}

int ping_socket(const struct attack *attack)
{
    UNUSED;
    return outcome(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP));
}

int send_datagram(const struct attack *attack)
{
    struct sockaddr_in to = loopback(attack);
    int door = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return errno;
    int result = outcome(sendto(door, "x", 1, 0, (const struct sockaddr *)&to, sizeof to));
    close(door);
    return result;
}

int abstract_socket(const struct attack *attack)
{
    UNUSED;
    return outcome(socket(AF_UNIX, SOCK_STREAM, 0));
}

int netlink_socket(const struct attack *attack)
{
    UNUSED;
    return outcome(socket(AF_NETLINK, SOCK_RAW, 0));
}

int packet_socket(const struct attack *attack)
{
    UNUSED;
    return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

int raw_socket(const struct attack *attack)
{
    UNUSED;
    return outcome(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

int listen_tcp(const struct attack *attack)
{
    struct sockaddr_in at = loopback(attack);
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return errno;
    int result = outcome(bind(door, (const struct sockaddr *)&at, sizeof at));
    close(door);
    return result;
}

int listen_anywhere(const struct attack *attack)
{
    (void)attack;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return errno;
    int result = outcome(listen(door, 1));
    close(door);
    return result;
}

/* --------------------------------------------------------------- programs, code, the kernel */

static int child_or(long result)
{
    if (result == 0)
        _exit(0);
    return outcome(result);
}

int fork_child(const struct attack *attack)
{
    UNUSED;
    return child_or(fork());
}

int clone_newer(const struct attack *attack)
{
    UNUSED;
    uint64_t arguments[8] = {0, 0, 0, 0, SIGCHLD};
    return child_or(syscall(SYS_clone3, arguments, sizeof arguments));
}

int clone_namespaces(const struct attack *attack)
{
    UNUSED;
    return child_or(syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
}

int run_program(const struct attack *attack)
{
    char *arguments[] = {attack->board->with, NULL}, *environment[] = {NULL};
    return outcome(execve(attack->board->with, arguments, environment));
}

int map_code(const struct attack *attack)
{
    UNUSED;
    void *code = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        return errno;
    munmap(code, PAGE_BYTES);
    return BOARD_WORKED;
}

int turn_into_code(const struct attack *attack)
{
    UNUSED;
    void *data = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return BOARD_NONE;
    int result = outcome(mprotect(data, PAGE_BYTES, PROT_READ | PROT_EXEC));
    munmap(data, PAGE_BYTES);
    return result;
}

int implied_code(const struct attack *attack)
{
    UNUSED;
    return outcome(syscall(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */));
}

/* getpid by i386's number. */
int other_numbers(const struct attack *attack)
{
    UNUSED;
#if defined(__x86_64__)
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "cc", "r8", "r9", "r10", "r11");
    return result > 0 ? BOARD_WORKED : (int)-result;
#else
    return ENOSYS;
#endif
}

int io_uring(const struct attack *attack)
{
    UNUSED;
    char parameters[256] = {0};
    return outcome(syscall(SYS_io_uring_setup, 1, parameters));
}

int faults_of_memory(const struct attack *attack)
{
    UNUSED;
    return outcome(syscall(SYS_userfaultfd, 0));
}

int kernel_code(const struct attack *attack)
{
    UNUSED;
    char parameters[128] = {0};
    return outcome(syscall(SYS_bpf, 0, parameters, sizeof parameters));
}

int performance_events(const struct attack *attack)
{
    UNUSED;
    char parameters[128] = {0};
    return outcome(syscall(SYS_perf_event_open, parameters, 0, -1, -1, 0));
}

int kernel_keys(const struct attack *attack)
{
    UNUSED;
    return outcome(syscall(SYS_keyctl, 0, -3, 1));
}

int new_namespaces(const struct attack *attack)
{
    UNUSED;
    return outcome(unshare(CLONE_NEWUSER));
}

int other_root(const struct attack *attack)
{
    UNUSED;
    return outcome(chroot("/"));
}

int become_root(const struct attack *attack)
{
    UNUSED;
    return outcome(setuid(0));
}

int become_root_again(const struct attack *attack)
{
    UNUSED;
    return outcome(setresuid(0, 0, 0));
}

int take_capabilities(const struct attack *attack)
{
    UNUSED;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    return outcome(syscall(SYS_capset, &head, data));
}

int be_dumped(const struct attack *attack)
{
    UNUSED;
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

int raise_limits(const struct attack *attack)
{
    UNUSED;
    const struct rlimit many = {100, 100};
    return outcome(setrlimit(RLIMIT_NPROC, &many));
}

int type_for_terminal(const struct attack *attack)
{
    UNUSED;
    return outcome(ioctl(2, TIOCSTI, "x"));
}
