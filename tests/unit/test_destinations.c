/* Who may be connected to what, and what an address is. May not: connect. */
#include <event2/event.h>
#include <string.h>

#include "common/config.h"
#include "dialer/callers.h"
#include "tests/unit/cunit_main.h"
#include "tests/unit/http_way.h"

/* --------------------------------------------------------------------------------- addresses */

static void test_addresses_are_read(void)
{
    static const struct {
        const char *url;
        uint16_t standard;
        const char *host;
        uint16_t port;
    } rows[] = {
        {"https://git.example.org", 0, "git.example.org", 443},
        {"https://git.example.org/", 0, "git.example.org", 443},
        {"https://git.example.org:3000/gitea", 0, "git.example.org", 3000},
        {"HTTPS://Git.Example.org:1/", 0, "Git.Example.org", 1},
        {"http://localhost/x:7", 0, "localhost", 80},
        {"http://127.0.0.1:65535", 0, "127.0.0.1", 65535},
        {"https://[::1]:6443", 0, "::1", 6443},
        {"https://[2001:db8::7]/v1", 0, "2001:db8::7", 443},
        {"http://proxy.example.org", 1080, "proxy.example.org", 1080},
        {"http://proxy.example.org:3128", 1080, "proxy.example.org", 3128},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct destination to;
        struct error error;
        CU_ASSERT_TRUE(destination_read(rows[i].url, rows[i].standard, "key", &to, &error));
        CU_ASSERT_STRING_EQUAL(to.host, rows[i].host);
        CU_ASSERT_EQUAL(to.port, rows[i].port);
    }
}

static void test_what_is_no_address_is_said(void)
{
    static const char *const urls[] = {
        "",
        "git.example.org",
        "ftp://git.example.org",
        "https://",
        "https:///path",
        "https://user@git.example.org",
        "https://user:pass@git.example.org",
        "https://git.example.org?x",
        "https://git.example.org:",
        "https://git.example.org:0",
        "https://git.example.org:65536",
        "https://git.example.org:44x",
        "https://git.example.org:-1",
        "https://git.example.org:443:443",
        "https://[::1",
        "https://[::1]443",
        "https://::1",
        "https://git example.org",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct destination to;
        struct error error = {""};
        CU_ASSERT_FALSE(destination_read(urls[i], 0, "gitea.url", &to, &error));
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "gitea.url is no address"));
        CU_ASSERT_EQUAL(to.host[0], '\0');
    }
    char long_url[400] = "https://";
    memset(long_url + 8, 'a', 300);
    struct destination to;
    struct error error;
    CU_ASSERT_FALSE(destination_read(long_url, 0, "key", &to, &error));
}

/* Two readers of one address: libcurl's, whose word the certificate is checked against, and ours,
 * which is connected to. */
static void test_libcurl_reads_the_same(void)
{
    static const char *const urls[] = {
        "https://git.example.org",
        "https://git.example.org:3000/x",
        "https://[::1]:6443",
        "https://[2001:db8::7]/v1",
        "https://127.0.0.1:8443/",
        "https://a.b-c.d_e.f:99",
        "https://xn--bcher-kva.example/",
        "https://10.0.0.1",
    };
    struct event_base *base = event_base_new();
    struct test_way way;
    struct http *http = NULL;
    struct error error;
    CU_ASSERT_TRUE_FATAL(way_open(&way, base, &http, &error));
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct http_settings settings = {.url = urls[i], .proxy = "", .setting = "gitea"};
        struct http_endpoint *endpoint;
        struct destination to;
        CU_ASSERT_TRUE_FATAL(http_endpoint_new(http, &settings, &endpoint, &error));
        CU_ASSERT_TRUE(destination_read(urls[i], 0, "key", &to, &error));
        CU_ASSERT_STRING_EQUAL(to.host, http_endpoint_host(endpoint));
        CU_ASSERT_EQUAL(to.port, http_endpoint_port(endpoint));
        http_endpoint_free(endpoint);
    }
    way_close(&way);
    event_base_free(base);
}

/* --------------------------------------------------------------------------------- the table */

static struct config *make_config(const char *mode)
{
    struct error error;
    struct config *config = config_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_TRUE(config_set(config, "gitea.url", "https://git.example.org:3000", &error));
    CU_ASSERT_TRUE(config_set(config, "hetzner.url", "https://api.example.org/v1", &error));
    CU_ASSERT_TRUE(config_set(config, "mode", mode, &error));
    return config;
}

/* Every pair of process and API: each poller its own, the actuator all three in mode act. */
static void test_each_reaches_its_own(void)
{
    static const char *const modes[] = {"observe", "act"};
    for (size_t mode = 0; mode < 2; mode++) {
        struct config *config = make_config(modes[mode]);
        struct destinations all;
        struct error error;
        CU_ASSERT_TRUE(destinations_configured(&all, config, &error));
        CU_ASSERT_TRUE(destinations_kube(&all, config, ROLE_POLLER_KUBE, "https://k:6443", &error));
        if (mode == 1)
            CU_ASSERT_TRUE(
                destinations_kube(&all, config, ROLE_ACTUATOR, "https://w:6444", &error));
        for (int role = 0; role < (int)role_count; role++)
            for (int source = 0; source < (int)source_count; source++) {
                bool own = role == (int)ROLE_POLLER_GITEA + source ||
                           (role == (int)ROLE_ACTUATOR && mode == 1);
                CU_ASSERT_EQUAL(
                    destinations_find(&all, (enum role)role, (enum source)source) != NULL, own);
            }
        uint16_t ports[8];
        uint32_t count = destinations_ports(&all, ports, 8);
        CU_ASSERT_EQUAL(count, mode == 1 ? 4 : 3); /* 3000, 443, 6443, 6444 */
        CU_ASSERT_EQUAL(destinations_ports(&all, ports, 2), 2);
        config_free(config);
    }
}

static void test_proxies_stand_before(void)
{
    struct config *config = make_config("act");
    struct destinations all;
    struct error error = {""};
    CU_ASSERT_TRUE(config_set(config, "gitea.proxy", "http://proxy.example.org:3128", &error));
    CU_ASSERT_TRUE(config_set(config, "kube.proxy", "http://proxy.example.org", &error));
    CU_ASSERT_TRUE(destinations_configured(&all, config, &error));
    CU_ASSERT_TRUE(destinations_kube(&all, config, ROLE_ACTUATOR, "https://k:6443", &error));
    const struct destination *to = destinations_find(&all, ROLE_ACTUATOR, SOURCE_GITEA);
    CU_ASSERT_STRING_EQUAL(to->host, "proxy.example.org");
    CU_ASSERT_EQUAL(to->port, 3128);
    to = destinations_find(&all, ROLE_ACTUATOR, SOURCE_KUBE);
    CU_ASSERT_STRING_EQUAL(to->host, "proxy.example.org");
    CU_ASSERT_EQUAL(to->port, 1080);
    CU_ASSERT_FALSE(destinations_kube(&all, config, ROLE_MONITOR, "https://k:6443", &error));
    config_free(config);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"addresses are read", test_addresses_are_read},
        {"what is no address is said", test_what_is_no_address_is_said},
        {"libcurl reads the same", test_libcurl_reads_the_same},
        {"each reaches its own", test_each_reaches_its_own},
        {"proxies stand before", test_proxies_stand_before},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("destinations", tests);
}
