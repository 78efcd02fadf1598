/* The real ebbtide-poller as a child of the test. */
#include "tests/unit/poller_fixture.h"

#include "common/clock.h"
#include "common/config.h"
#include "proto/channel.h"
#include "proto/worker.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig rig;

/* ------------------------------------------------------------------------------- the API */

static void on_request(struct evhttp_request *request, void *argument)
{
    (void)argument;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *query = evhttp_uri_get_query(uri);
    const char *token =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    rig.requests++;
    snprintf(rig.authorization, sizeof rig.authorization, "%s", token == NULL ? "" : token);
    snprintf(rig.last_query, sizeof rig.last_query, "%s", query == NULL ? "" : query);
    CU_ASSERT_EQUAL(evhttp_request_get_command(request), EVHTTP_REQ_GET);
    rig.handler(request, evhttp_uri_get_path(uri), query == NULL ? "" : query);
}

void reply(struct evhttp_request *request, int status, const char *const *headers, const char *body)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(request);
    struct evbuffer *buffer = evbuffer_new();
    evhttp_add_header(out, "Content-Type", body[0] == '<' ? "text/html" : "application/json");
    for (; headers != NULL && *headers != NULL; headers++) {
        char name[128];
        size_t length = strcspn(*headers, ":");
        snprintf(name, sizeof name, "%.*s", (int)length, *headers);
        evhttp_add_header(out, name, *headers + length + 2);
    }
    evbuffer_add(buffer, body, strlen(body));
    evhttp_send_reply(request, status, "x", buffer);
    evbuffer_free(buffer);
}

static void start_server(api_handler handler)
{
    rig.handler = handler;
    rig.server = evhttp_new(rig.base);
    evhttp_set_allowed_methods(rig.server, 0xffff);
    evhttp_set_gencb(rig.server, on_request, NULL);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(rig.server, "127.0.0.1", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bound);
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length);
    unsigned char port[2];
    memcpy(port, (unsigned char *)&address + 2, 2);
    rig.port = (unsigned)port[0] << 8 | port[1];
}

/* ------------------------------------------------------------------- supervisor and reconciler */

static void on_control(struct channel *channel, struct message *message, int descriptor,
                       void *argument)
{
    (void)channel, (void)descriptor, (void)argument;
    if (message->id == MESSAGE_ready)
        rig.ready = true;
    if (message->id == MESSAGE_stopped)
        rig.stopped = true;
    message_free(message);
    if (rig.stopped)
        event_base_loopbreak(rig.base);
}

static void on_report(struct channel *channel, struct message *message, int descriptor,
                      void *argument)
{
    (void)channel, (void)descriptor, (void)argument;
    if (rig.reports == REPORTS_MAX) {
        message_free(message);
        return;
    }
    rig.report[rig.reports++] = message;
    if (message->id == rig.wanted) {
        rig.arrived = true;
        event_base_loopbreak(rig.base);
    }
}

/* The dialer's part, to the one API that there is. */
static void on_dial(struct channel *channel, struct message *message, int descriptor,
                    void *argument)
{
    (void)channel, (void)descriptor, (void)argument;
    if (message->id == MESSAGE_dial)
        callers_ask(&rig.callers, rig.role, message_dial(message)->id,
                    message_dial(message)->source, clock_mono_ms());
    message_free(message);
}

static void on_dialed(enum role caller, uint64_t id, int descriptor, enum dial_failure failure,
                      const char *text, void *argument)
{
    (void)caller, (void)argument;
    struct error error = {""};
    const struct dialed dialed = {.id = id};
    const struct dial_failed failed = {.id = id, .failure = failure, .text = text};
    bool sent = descriptor >= 0
                    ? channel_send(rig.dialer, MESSAGE_dialed, &dialed, descriptor, &error)
                    : channel_send(rig.dialer, MESSAGE_dial_failed, &failed, -1, &error);
    CU_ASSERT_TRUE(sent);
    if (descriptor >= 0)
        close(descriptor);
}

static void on_closed(struct channel *channel, const struct error *why, void *argument)
{
    (void)channel, (void)argument;
    if (!rig.stopped)
        fprintf(stderr, "    a channel to the poller was closed: %s\n", why->text);
}

static void tell(enum message_id id, const void *body, int descriptor)
{
    struct error error = {""};
    if (!channel_send(rig.control, id, body, descriptor, &error))
        fprintf(stderr, "    %s\n", error.text);
    CU_ASSERT_STRING_EQUAL(error.text, "");
}

static struct channel *open_channel(int descriptor, enum role self, enum role peer,
                                    void (*message)(struct channel *, struct message *, int,
                                                    void *))
{
    struct error error = {""};
    struct channel_identity identity = {.self = self, .peer = peer, .generation = 1};
    struct channel_callbacks callbacks = {.message = message, .closed = on_closed};
    struct channel *channel =
        channel_open(rig.base, descriptor, &identity, &callbacks, NULL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
    return channel;
}

static void start_program(enum role role)
{
    int pair[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    rig.pid = fork();
    if (rig.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(pair[1], WORKER_CONTROL_FD);
        fcntl(WORKER_CONTROL_FD, F_SETFD, 0);
        execl(POLLER_PROGRAM, role_word(role), (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    rig.control = open_channel(pair[0], ROLE_SUPERVISOR, role, on_control);
}

/* "URL" at the beginning of a value becomes the server's address. */
static void set(struct config *config, const char *path, const char *value)
{
    char text[512];
    struct error error = {""};
    bool url = strncmp(value, "URL", 3) == 0;
    snprintf(text, sizeof text, "http://127.0.0.1:%u%s", rig.port, value + (url ? 3 : 0));
    if (!config_set(config, path, url ? text : value, &error))
        fprintf(stderr, "    %s: %s\n", path, error.text);
    CU_ASSERT_STRING_EQUAL(error.text, "");
}

static void send_settings(enum role role, const char *const *settings)
{
    struct error error = {""};
    struct config *config = config_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    set(config, "http.allow_http_on_loopback", "true");
    set(config, "http.backoff_first", "50ms");
    set(config, "gitea.url", "URL");
    set(config, "hetzner.url", "URL/v1");
    for (; *settings != NULL; settings += 2)
        set(config, settings[0], settings[1]);
    struct config_settings exported;
    CU_ASSERT_TRUE_FATAL(config_export(config, role, &exported, &error));
    struct configure configure = {.generation = 1,
                                  .epoch = 1,
                                  .settings = exported.setting,
                                  .settings_count = exported.count};
    tell(MESSAGE_configure, &configure, -1);
    config_settings_free(&exported);
    config_free(config);
}

void rig_send_file(enum file_kind kind, const char *text)
{
    int descriptor = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT_EQUAL_FATAL(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    CU_ASSERT_EQUAL(fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE), 0);
    tell(MESSAGE_file, &(struct file){.kind = kind, .name = "the test's file"}, descriptor);
    close(descriptor);
}

static void send_files(enum role role)
{
    char kubeconfig[1024];
    if (role == ROLE_POLLER_GITEA)
        rig_send_file(FILE_GITEA_TOKEN, "read-token\n");
    if (role == ROLE_POLLER_HETZNER)
        rig_send_file(FILE_HETZNER_TOKEN, "read-token\n");
    snprintf(kubeconfig, sizeof kubeconfig,
             "current-context: c\n"
             "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
             "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%u'}}]\n"
             "users: [{name: u, user: {token: read-token}}]\n",
             rig.port);
    if (role == ROLE_POLLER_KUBE)
        rig_send_file(FILE_KUBECONFIG, kubeconfig);
}

static struct channel *send_peer(enum role role, enum role peer,
                                 void (*message)(struct channel *, struct message *, int, void *))
{
    int pair[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    tell(MESSAGE_peer, &(struct peer){.role = peer, .generation = 1, .epoch = 1}, pair[1]);
    close(pair[1]);
    return open_channel(pair[0], peer, role, message);
}

static void send_peers(enum role role)
{
    struct error error;
    rig.role = role;
    rig.callers = (struct callers){.base = rig.base, .limit_ms = 5000, .answer = on_dialed};
    CU_ASSERT_TRUE_FATAL(names_new(&rig.callers.names, rig.base, "", "", &error));
    for (unsigned i = 0; i < source_count; i++)
        rig.callers.destinations.of[role][i] =
            (struct destination){.host = "127.0.0.1", .port = (uint16_t)rig.port};
    rig.reconciler = send_peer(role, ROLE_RECONCILER, on_report);
    rig.dialer = send_peer(role, ROLE_DIALER, on_dial);
}

void rig_begin(void)
{
    rig = (struct rig){.base = event_base_new()};
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig.base);
}

void rig_start_poller(enum role role, const char *const *settings)
{
    start_program(role);
    send_settings(role, settings);
    send_files(role);
    send_peers(role);
    tell(MESSAGE_enter, &(struct enter){0}, -1);
}

void rig_start(enum role role, api_handler handler, const char *const *settings)
{
    rig_begin();
    start_server(handler);
    rig_start_poller(role, settings);
}

static void on_limit(evutil_socket_t socket, short what, void *argument)
{
    (void)socket, (void)what, (void)argument;
    event_base_loopbreak(rig.base);
}

/* Turns the loop until somebody leaves it, at most `ms`. */
static void turn(int ms)
{
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    struct event *timer = evtimer_new(rig.base, on_limit, NULL);
    event_add(timer, &limit);
    event_base_dispatch(rig.base);
    event_free(timer);
}

const struct message *rig_wait(enum message_id id, int ms)
{
    rig.wanted = id;
    rig.arrived = false;
    turn(ms);
    return rig.arrived ? rig.report[rig.reports - 1] : NULL;
}

void rig_poll_now(void)
{
    struct error error = {""};
    struct poll_now message = {.text = "the test says so"};
    CU_ASSERT_TRUE(channel_send(rig.reconciler, MESSAGE_poll_now, &message, -1, &error));
}

void rig_drop(void)
{
    channel_free(rig.control);
    channel_free(rig.reconciler);
    channel_free(rig.dialer);
    callers_forget(&rig.callers, rig.role);
    names_free(rig.callers.names);
    for (unsigned i = 0; i < rig.reports; i++)
        message_free(rig.report[i]);
    if (rig.server != NULL)
        evhttp_free(rig.server);
    if (rig.close_api != NULL)
        rig.close_api();
    event_base_free(rig.base);
}

void rig_end(void)
{
    int status = -1;
    tell(MESSAGE_stop, &(struct stop){.deadline_mono_ms = TIME_MS_MAX}, -1);
    turn(5000);
    CU_ASSERT_TRUE(rig.stopped);
    waitpid(rig.pid, &status, 0);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    rig_drop();
}
