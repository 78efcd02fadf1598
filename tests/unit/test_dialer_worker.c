/* The real ebbtide-dialer as a child of the test: what one caller does to the others. May not:
 * leave loopback. */
#include "common/clock.h"
#include "common/config.h"
#include "proto/channel_internal.h"
#include "proto/worker.h"
#include "tests/unit/cunit_main.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KUBE        "https://127.0.0.1:6443" /* the actuator's, where it does not matter */
#define DESCRIPTORS 256 /* fewer than the dialer's own limit: the same sooner */

static struct {
    struct event_base *base;
    struct evconnlistener *listener;
    uint16_t port;
    pid_t pid;
    struct channel *control, *gitea, *kube;
    bool ready, stopped, closed;
    unsigned dialed, failed; /* the kube poller's */
} rig;

/* ----------------------------------------------------------------------------------- the API */

static void on_accept(struct evconnlistener *listener, evutil_socket_t descriptor,
                      struct sockaddr *from, int length, void *argument)
{
    (void)listener, (void)from, (void)length, (void)argument;
    close(descriptor);
}

static void listen_anywhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    rig.listener = evconnlistener_new_bind(rig.base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 512,
                                           (struct sockaddr *)&at, sizeof at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig.listener);
    getsockname(evconnlistener_get_fd(rig.listener), (struct sockaddr *)&at, &size);
    rig.port = ntohs(at.sin_port);
}

/* -------------------------------------------------------------------------------- its channels */

static void on_control(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    (void)channel, (void)descriptor, (void)argument;
    rig.ready = rig.ready || message->id == MESSAGE_ready;
    message_free(message);
}

static void on_answer(struct channel *channel, struct message *message, int descriptor,
                      void *argument)
{
    (void)argument;
    if (descriptor >= 0)
        close(descriptor);
    if (channel == rig.kube && message->id == MESSAGE_dialed)
        rig.dialed++;
    if (channel == rig.kube && message->id == MESSAGE_dial_failed)
        rig.failed++;
    message_free(message);
}

static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    (void)argument;
    if (channel == rig.gitea || rig.stopped)
        return;
    fprintf(stderr, "    a channel to the dialer was closed: %s\n", why->text);
    rig.closed = true;
}

static struct channel *open_channel(int descriptor, enum role self,
                                    void (*message)(struct channel *, struct message *, int,
                                                    void *))
{
    struct error error = {""};
    const struct channel_identity identity = {.self = self, .peer = ROLE_DIALER, .generation = 1};
    const struct channel_callbacks callbacks = {.message = message, .closed = on_closed};
    struct channel *channel =
        channel_open(rig.base, descriptor, &identity, &callbacks, NULL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    return channel;
}

static void tell(struct channel *channel, enum message_id id, const void *body, int descriptor)
{
    struct error error = {""};
    CU_ASSERT_TRUE(channel_send(channel, id, body, descriptor, &error));
    CU_ASSERT_STRING_EQUAL(error.text, "");
}

static struct channel *give_peer(enum role peer)
{
    int pair[2];
    int size = channel_buffer_bytes(peer, ROLE_DIALER); /* as the supervisor makes it */
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    tell(rig.control, MESSAGE_peer, &(struct peer){.role = peer, .generation = 1, .epoch = 1},
         pair[1]);
    close(pair[1]);
    return open_channel(pair[0], peer, on_answer);
}

static void ask_gitea(unsigned count)
{
    static uint64_t id;
    for (unsigned i = 0; i < count; i++) {
        id++;
        tell(rig.gitea, MESSAGE_dial, &(struct dial){.id = id, .source = SOURCE_GITEA}, -1);
    }
}

static void run_for(int64_t ms)
{
    const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_base_loopexit(rig.base, &time);
    event_base_dispatch(rig.base);
}

/* ----------------------------------------------------------------------------- begin and end */

static void start_program(void)
{
    int pair[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    rig.pid = fork();
    if (rig.pid == 0) {
        const struct rlimit few = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(pair[1], WORKER_CONTROL_FD);
        fcntl(WORKER_CONTROL_FD, F_SETFD, 0);
        setrlimit(RLIMIT_NOFILE, &few);
        execl(DIALER_PROGRAM, role_word(ROLE_DIALER), (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    rig.control = open_channel(pair[0], ROLE_SUPERVISOR, on_control);
}

static void send_settings(const char *actuator_url)
{
    char url[64];
    struct error error = {""};
    struct config *config = config_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig.port);
    CU_ASSERT_TRUE(config_set(config, "http.allow_http_on_loopback", "true", &error));
    CU_ASSERT_TRUE(config_set(config, "gitea.url", url, &error));
    struct config_settings exported;
    CU_ASSERT_TRUE_FATAL(config_export(config, ROLE_DIALER, &exported, &error));
    const struct configure configure = {.generation = 1,
                                        .epoch = 1,
                                        .settings = exported.setting,
                                        .settings_count = exported.count};
    tell(rig.control, MESSAGE_configure, &configure, -1);
    tell(rig.control, MESSAGE_kube_server,
         &(struct kube_server){.role = ROLE_POLLER_KUBE, .url = url}, -1);
    tell(rig.control, MESSAGE_kube_server,
         &(struct kube_server){.role = ROLE_ACTUATOR, .url = actuator_url}, -1);
    config_settings_free(&exported);
    config_free(config);
}

static void begin(const char *actuator_url)
{
    memset(&rig, 0, sizeof rig);
    rig.base = event_base_new();
    listen_anywhere();
    start_program();
    send_settings(actuator_url);
    rig.gitea = give_peer(ROLE_POLLER_GITEA);
    rig.kube = give_peer(ROLE_POLLER_KUBE);
    tell(rig.control, MESSAGE_enter, &(struct enter){.uid = 0}, -1);
    for (unsigned i = 0; i < 100 && !rig.ready; i++)
        run_for(100);
    CU_ASSERT_TRUE_FATAL(rig.ready);
}

/* In order: what it has lost, its sanitizer tells with the status. */
static void end(void)
{
    int status = -1;
    tell(rig.control, MESSAGE_stop, &(struct stop){.deadline_mono_ms = clock_mono_ms() + 5000}, -1);
    rig.stopped = true;
    run_for(200);
    CU_ASSERT_EQUAL(waitpid(rig.pid, &status, 0), rig.pid);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    channel_free(rig.gitea);
    channel_free(rig.kube);
    channel_free(rig.control);
    evconnlistener_free(rig.listener);
    event_base_free(rig.base);
}

/* ---------------------------------------------------------------------------------- the tests */

/* It asks as fast as it may and takes no answer: the connections that wait for it use up neither
 * the dialer's descriptors nor what may be on the way between processes, and others are served. */
static void test_who_takes_no_answer_holds_up_nobody(void)
{
    begin(KUBE);
    event_del(rig.gitea->readable);
    for (unsigned i = 0; i < 40; i++) {
        ask_gitea(18);
        run_for(100);
    }
    for (unsigned i = 1; i <= 20; i++) {
        tell(rig.kube, MESSAGE_dial, &(struct dial){.id = i, .source = SOURCE_KUBE}, -1);
        run_for(50);
    }
    run_for(500);
    CU_ASSERT_FALSE(rig.closed);
    CU_ASSERT_EQUAL(rig.dialed, 20);
    CU_ASSERT_EQUAL(rig.failed, 0);
    end();
}

/* Questions without end, of which few can be answered: others are served meanwhile. */
static void test_a_flood_holds_up_nobody(void)
{
    begin(KUBE);
    for (unsigned i = 1; i <= 20; i++) {
        ask_gitea(2000);
        tell(rig.kube, MESSAGE_dial, &(struct dial){.id = i, .source = SOURCE_KUBE}, -1);
        run_for(100);
    }
    run_for(500);
    CU_ASSERT_FALSE(rig.closed);
    CU_ASSERT_EQUAL(rig.dialed, 20);
    end();
}

/* A kubeconfig that names no address keeps one process from Kubernetes, and no other from anything:
 * a dialer that ended for it would end the daemon. */
static void test_a_server_that_is_none_is_one_worker_s_trouble(void)
{
    begin("https://somebody@k3s.example.org:6443");
    for (unsigned i = 1; i <= 3; i++)
        tell(rig.kube, MESSAGE_dial, &(struct dial){.id = i, .source = SOURCE_KUBE}, -1);
    run_for(500);
    CU_ASSERT_EQUAL(rig.dialed, 3);
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"who takes no answer holds up nobody", test_who_takes_no_answer_holds_up_nobody},
        {"a flood holds up nobody", test_a_flood_holds_up_nobody},
        {"a server that is none is one worker's trouble",
         test_a_server_that_is_none_is_one_worker_s_trouble},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("dialer_worker", tests);
}
