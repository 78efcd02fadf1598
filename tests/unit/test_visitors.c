/* Whom the monitor answers: those who ask by a name of ours, for no other site's page, and not too
 * often. */
#include "tests/unit/cunit_main.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/visitors.h"

static struct host_names names;

static const struct sockaddr *at(const char *text)
{
    static struct sockaddr_in6 six;
    static struct sockaddr_in four;
    six = (struct sockaddr_in6){.sin6_family = AF_INET6};
    four = (struct sockaddr_in){.sin_family = AF_INET};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return (const struct sockaddr *)(const void *)&four;
    CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return (const struct sockaddr *)(const void *)&six;
}

static void with_host(const char *value)
{
    struct config *config = config_new();
    struct error error = {""};
    if (*value)
        CU_ASSERT_TRUE(config_set(config, "monitor.hosts[0]", value, &error));
    host_names_set(&names, config);
    config_free(config);
}

/* DNS rebinding: the attacker's name leads here, and the browser says it in Host. */
static void only_our_names_are_ours(void)
{
    static const struct {
        const char *host, *arrived_at;
        bool ours;
    } cases[] = {
        {"localhost", "127.0.0.1", true},
        {"LocalHost:9464", "127.0.0.1", true},
        {"localhost.", "127.0.0.1", true},
        {"127.0.0.1:9464", "127.0.0.1", true},
        {"127.8.8.8", "127.0.0.1", true},
        {"[::1]:9464", "::1", true},
        {"[::1]", "127.0.0.1", true},
        {"10.1.2.3:9464", "10.1.2.3", true},
        {"10.1.2.3", "::ffff:10.1.2.3", true},
        {"[2001:db8::5]:80", "2001:db8::5", true},
        {"ci.example.com:9464", "10.1.2.3", true},
        {"CI.example.com", "10.1.2.3", true},
        {"10.1.2.4:9464", "10.1.2.3", false},
        {"evil.example.com", "127.0.0.1", false},
        {"evil.example.com:9464", "127.0.0.1", false},
        {"ci.example.com.evil.net", "127.0.0.1", false},
        {"localhost.evil.net", "127.0.0.1", false},
        {"127.0.0.1.evil.net", "127.0.0.1", false},
        {"xlocalhost", "127.0.0.1", false},
        {"0.0.0.0", "127.0.0.1", false},
        {"2130706433", "127.0.0.1", false}, /* another way to write 127.0.0.1 */
        {"", "127.0.0.1", false},
        {".", "127.0.0.1", false},
        {":9464", "127.0.0.1", false},
        {"[::1", "::1", false},
        {"[]", "::1", false},
        {"localhost:94641234", "127.0.0.1", false},
        {"localhost:9464x", "127.0.0.1", false},
        {"localhost:9464, evil.example.com", "127.0.0.1", false},
        {"user@localhost", "127.0.0.1", false},
    };
    with_host("ci.example.com");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ours = host_is_ours(cases[i].host, at(cases[i].arrived_at), &names);
        CU_ASSERT_EQUAL(ours, cases[i].ours);
        if (ours != cases[i].ours)
            fprintf(stderr, "host %s at %s\n", cases[i].host, cases[i].arrived_at);
    }
    CU_ASSERT_FALSE(host_is_ours("10.1.2.3", NULL, &names));
    with_host("");
    CU_ASSERT_FALSE(host_is_ours("ci.example.com", at("10.1.2.3"), &names));
}

/* A name is at most as long as DNS allows; longer ones are nobody's. */
static void long_names_are_nobodys(void)
{
    char host[2 * HOST_BYTES_MAX];
    memset(host, 'a', sizeof host);
    host[sizeof host - 1] = '\0';
    CU_ASSERT_FALSE(host_is_ours(host, at("127.0.0.1"), &names));
}

static void other_sites_are_not_ours(void)
{
    CU_ASSERT_TRUE(site_is_ours(NULL, NULL, NULL));
    CU_ASSERT_TRUE(site_is_ours("none", "navigate", "document"));
    CU_ASSERT_TRUE(site_is_ours("same-origin", "cors", "empty"));
    CU_ASSERT_FALSE(site_is_ours("cross-site", NULL, NULL));
    CU_ASSERT_FALSE(site_is_ours("cross-site", "no-cors", "script"));
    CU_ASSERT_FALSE(site_is_ours("cross-site", "navigate", "iframe"));
    CU_ASSERT_FALSE(site_is_ours("same-site", "cors", "empty")); /* another port of this machine */
    CU_ASSERT_FALSE(site_is_ours("nonsense", NULL, NULL));
    /* A link that a person follows. */
    CU_ASSERT_TRUE(site_is_ours("cross-site", "navigate", "document"));
}

static unsigned allowed_of(struct peers *peers, const char *from, unsigned asked, int64_t now_ms)
{
    unsigned allowed = 0;
    for (unsigned i = 0; i < asked; i++)
        allowed += peers_allow(peers, at(from), 60, now_ms) ? 1 : 0;
    return allowed;
}

static void too_many_are_refused(void)
{
    static struct peers peers;
    CU_ASSERT_EQUAL(allowed_of(&peers, "10.0.0.1", 100, 5000), 60);
    CU_ASSERT_EQUAL(allowed_of(&peers, "10.0.0.2", 100, 5000), 60); /* each has its own */
    CU_ASSERT_EQUAL(allowed_of(&peers, "10.0.0.1", 100, 8000), 3);  /* one a second comes back */
    CU_ASSERT_EQUAL(allowed_of(&peers, "10.0.0.1", 100, 7000), 0);  /* a clock that goes back */
    CU_ASSERT_EQUAL(allowed_of(&peers, "10.0.0.1", 100, 9000000), 60);
    CU_ASSERT_EQUAL(allowed_of(&peers, "2001:db8::1", 30, 9000000), 30);
    CU_ASSERT_EQUAL(allowed_of(&peers, "2001:db8::2", 100, 9000000), 30); /* the same /64 */
    CU_ASSERT_EQUAL(allowed_of(&peers, "2001:db8:0:1::1", 100, 9000000), 60);
}

/* However many addresses come, memory is bounded, and the one that asks now is still counted. */
static void many_addresses_are_bounded(void)
{
    static struct peers peers;
    char address[32];
    for (unsigned i = 0; i < 4 * PEERS_MAX; i++) {
        snprintf(address, sizeof address, "10.1.%u.%u", i / 250, i % 250);
        CU_ASSERT_EQUAL(allowed_of(&peers, address, 61, 1000 + (int64_t)i), 60);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"only our names are ours", only_our_names_are_ours},
        {"long names are nobody's", long_names_are_nobodys},
        {"other sites are not ours", other_sites_are_not_ours},
        {"too many are refused", too_many_are_refused},
        {"many addresses are bounded", many_addresses_are_bounded},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("visitors", tests);
}
