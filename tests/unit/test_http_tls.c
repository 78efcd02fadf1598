/* What the HTTP engine promises of TLS and names: only the roots it was handed count, TLS 1.2 at
 * least, nothing is sent before the peer is known; names come from the texts it was handed. */
#include "common/clock.h"
#include "common/secret.h"
#include "common/whole_file.h"
#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct test_server secure, mutual, ancient;
static char directory[] = "/tmp/ebbtide-http-XXXXXX";

/* ---------------------------------------------------------------------------------- TLS */

static const char *in_directory(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *place = path[next++ % 4];
    snprintf(place, sizeof path[0], "%s/%s", directory, name);
    return place;
}

static void trust(struct http_endpoint *endpoint, const char *certificate)
{
    char *text;
    size_t length;
    struct error error;
    int file = open(in_directory(certificate), O_RDONLY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(whole_file_read(file, certificate, 65536, &text, &length, &error));
    CU_ASSERT_TRUE_FATAL(http_endpoint_roots(endpoint, text, length, certificate, &error));
    free(text);
    close(file);
}

static struct seen secure_get(unsigned port, const char *roots)
{
    struct http_settings settings = settings_for("https", "localhost", port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    if (roots != NULL)
        trust(endpoint, roots);
    struct seen seen = ask_path(endpoint, "/echo");
    http_endpoint_free(endpoint);
    return seen;
}

static void test_right_ca(void)
{
    CU_ASSERT_EQUAL(secure_get(secure.port, "server.pem").answer.trouble, TROUBLE_NONE);
}

static void test_wrong_ca(void)
{
    struct seen seen = secure_get(secure.port, "client.pem");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_FALSE(seen.answer.sent); /* no token left us */
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "gitea.ca_file"));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "client.pem"));
    seen = secure_get(secure.port, NULL); /* no roots: nobody is trusted, not the system's either */
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
}

static void test_old_tls_is_refused(void)
{
    struct seen seen = secure_get(ancient.port, "server.pem");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_FALSE(seen.answer.sent);
}

static struct secret *read_secret(const char *name)
{
    struct error error;
    int file = open(in_directory(name), O_RDONLY | O_CLOEXEC);
    struct secret *secret = secret_read(file, name, &error);
    close(file);
    CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
    return secret;
}

static void test_client_certificate(void)
{
    struct error error;
    struct http_settings settings = settings_for("https", "127.0.0.1", mutual.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    trust(endpoint, "server.pem");
    CU_ASSERT_NOT_EQUAL(ask_path(endpoint, "/echo").answer.trouble, TROUBLE_NONE);
    CU_ASSERT_TRUE_FATAL(http_endpoint_client(endpoint, read_secret("client.pem"),
                                              read_secret("client.key"), &error));
    CU_ASSERT_EQUAL(ask_path(endpoint, "/echo").answer.trouble, TROUBLE_NONE);
    CU_ASSERT_FALSE(http_endpoint_client(endpoint, read_secret("client.pem"), NULL, &error));
    http_endpoint_free(endpoint);
}

/* Roots that are replaced while a request is under way must live until it ends (ASan looks). */
static void test_roots_replaced_under_way(void)
{
    struct http_settings settings = settings_for("https", "127.0.0.1", secure.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = {0};
    struct error error;
    struct http_request request = {.path = "/echo", .done = keep, .argument = &seen};
    trust(endpoint, "server.pem");
    CU_ASSERT_PTR_NOT_NULL_FATAL(http_send(endpoint, &request, &error));
    trust(endpoint, "client.pem");
    event_base_dispatch(base);
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_NONE);
    CU_ASSERT_EQUAL(ask_path(endpoint, "/echo").answer.trouble, TROUBLE_UNREACHABLE);
    http_endpoint_free(endpoint);
}

/* --------------------------------------------------------------------------------- names */

static void answer_dns(struct evdns_server_request *request, void *argument)
{
    unsigned *asked = argument;
    uint32_t loopback = htonl(INADDR_LOOPBACK);
    bool known = false;
    for (int i = 0; i < request->nquestions; i++) {
        const struct evdns_server_question *question = request->questions[i];
        (*asked)++;
        if (question->type != EVDNS_TYPE_A || strcmp(question->name, "git.test") != 0)
            continue;
        evdns_server_request_add_a_reply(request, question->name, 1, &loopback, 60);
        known = true;
    }
    evdns_server_request_respond(request, known ? 0 : 3 /* NXDOMAIN */);
}

static void test_names(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    unsigned asked = 0;
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(socket_, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(socket_, (struct sockaddr *)&address, &length);
    struct evdns_server_port *server =
        evdns_add_server_port_with_base(base, socket_, 0, answer_dns, &asked);
    char resolv_conf[128];
    snprintf(resolv_conf, sizeof resolv_conf, "# ours\nsearch\nnameserver 127.0.0.1:%u\n",
             ntohs(address.sin_port));
    struct error error;
    CU_ASSERT_TRUE_FATAL(names_replace(way.callers.names, resolv_conf,
                                       "127.0.0.1 a b hosts.test # c\n::1 x\n", &error));

    struct http_settings settings = settings_for("https", "hosts.test", secure.port);
    struct http_endpoint *endpoint = endpoint_of(&settings);
    struct seen seen = ask_path(endpoint, "/echo");
    /* The name was found in hosts: what fails is its certificate. */
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "its certificate is not trusted"));
    trust(endpoint, "server.pem");
    seen = ask_path(endpoint, "/echo");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "its certificate is for another name ("));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(seen.answer.error.text, "let gitea.url name it as its certificate does"));
    CU_ASSERT_EQUAL(asked, 0);
    http_endpoint_free(endpoint);

    settings = settings_for("https", "git.test", secure.port);
    endpoint = endpoint_of(&settings);
    seen = ask_path(endpoint, "/echo");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "certificate"));
    CU_ASSERT_TRUE(asked > 0);
    unsigned before = asked;
    ask_path(endpoint, "/echo"); /* remembered */
    CU_ASSERT_EQUAL(asked, before);
    http_endpoint_free(endpoint);

    settings = settings_for("https", "nowhere.test", secure.port);
    endpoint = endpoint_of(&settings);
    seen = ask_path(endpoint, "/echo");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.answer.error.text, "the name is not found (nowhere.test: "));
    http_endpoint_free(endpoint);
    evdns_close_server_port(server);
    event_base_loop(base, EVLOOP_NONBLOCK);
    close(socket_);

    /* Nobody answers any more: the look-up ends with connect_ms. */
    settings = settings_for("https", "silent.test", secure.port);
    settings.limits.connect_ms = 300;
    endpoint = endpoint_of(&settings);
    int64_t began = clock_mono_ms();
    seen = ask_path(endpoint, "/echo");
    CU_ASSERT_EQUAL(seen.answer.trouble, TROUBLE_UNREACHABLE);
    CU_ASSERT_TRUE(clock_mono_ms() - began < 1500);
    http_endpoint_free(endpoint);
    CU_ASSERT_TRUE(names_replace(way.callers.names, "", "", &error));
}

/* ----------------------------------------------------------------------------------- main */

static bool start_servers(void)
{
    const char *server = in_directory("server.pem"), *server_key = in_directory("server.key");
    const char *client = in_directory("client.pem"), *client_key = in_directory("client.key");
    struct test_server_settings settings = {0};
    if (!test_certificate(server, server_key, "server") ||
        !test_certificate(client, client_key, "client"))
        return false;
    settings = (struct test_server_settings){.certificate = server, .key = server_key};
    if (!test_server_start(&secure, &settings))
        return false;
    settings.tls_most = TLS1_1_VERSION;
    if (!test_server_start(&ancient, &settings))
        return false;
    settings.tls_most = 0;
    settings.client_ca = client;
    return test_server_start(&mutual, &settings);
}

static void stop_servers(void)
{
    static const char *const files[] = {"server.pem", "server.key", "client.pem", "client.key"};
    struct test_server *servers[] = {&secure, &ancient, &mutual};
    for (unsigned i = 0; i < 3; i++)
        test_server_stop(servers[i]);
    for (unsigned i = 0; i < 4; i++)
        unlink(in_directory(files[i]));
    rmdir(directory);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the right CA", test_right_ca},
        {"a wrong CA, and none", test_wrong_ca},
        {"TLS 1.1 is refused", test_old_tls_is_refused},
        {"a client certificate", test_client_certificate},
        {"roots replaced under way", test_roots_replaced_under_way},
        {"names: hosts, name servers, none", test_names},
        CU_TEST_INFO_NULL,
    };
    if (mkdtemp(directory) == NULL || !start_servers()) {
        fprintf(stderr, "the test's servers do not start (is openssl installed?)\n");
        return 2;
    }
    int status = fixture_run("http_tls", tests);
    stop_servers();
    return status;
}
