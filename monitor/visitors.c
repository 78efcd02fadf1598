/* Who asks. Pure. */
#include "monitor/visitors.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MINUTE_MS 60000

/* An IPv4 address as IPv6 maps it. */
static struct in6_addr mapped(const struct in_addr *four)
{
    struct in6_addr six = {0};
    six.s6_addr[10] = six.s6_addr[11] = 0xff;
    memcpy(&six.s6_addr[12], four, sizeof *four);
    return six;
}

/* Sixteen bytes of any address. False for families that have none. */
static bool bytes_of(const struct sockaddr *any, struct in6_addr *out)
{
    const void *whole = any;
    const struct sockaddr_in *four = whole;
    const struct sockaddr_in6 *six = whole;
    *out = (struct in6_addr){0};
    if (any == NULL)
        return false;
    if (any->sa_family == AF_INET)
        *out = mapped(&four->sin_addr);
    else if (any->sa_family == AF_INET6)
        *out = six->sin6_addr;
    else
        return false;
    return true;
}

/* ---------------------------------------------------------------------------------- the host */

void host_names_set(struct host_names *names, const struct config *config)
{
    names->count = config->monitor.hosts_count;
    for (uint32_t i = 0; i < names->count; i++)
        snprintf(names->name[i], sizeof names->name[i], "%s", config->monitor.hosts[i]);
}

/* ":9464", or nothing. */
static bool is_port(const char *text)
{
    size_t digits = strspn(text + (*text == ':'), "0123456789");
    return *text == '\0' || (*text == ':' && digits <= 5 && text[1 + digits] == '\0');
}

/* The host without port, brackets and last dot. False where it is none. */
static bool cut_host(const char *host, char out[HOST_BYTES_MAX])
{
    bool bracket = *host == '[';
    size_t length = strcspn(host + bracket, bracket ? "]" : ":");
    const char *after = host + bracket + length;
    if (length == 0 || length >= HOST_BYTES_MAX || (bracket && *after != ']') ||
        !is_port(after + bracket))
        return false;
    if (!bracket && length > 1 && host[length - 1] == '.')
        length--;
    memcpy(out, host + bracket, length);
    out[length] = '\0';
    return true;
}

static bool read_literal(const char *text, struct in6_addr *out)
{
    struct in_addr four;
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    if (inet_pton(AF_INET, text, &four) != 1)
        return false;
    *out = mapped(&four);
    return true;
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

bool host_is_ours(const char *host, const struct sockaddr *arrived_at,
                  const struct host_names *names)
{
    char name[HOST_BYTES_MAX];
    struct in6_addr asked, here;
    if (!cut_host(host, name))
        return false;
    if (read_literal(name, &asked))
        return is_loopback(&asked) ||
               (bytes_of(arrived_at, &here) && memcmp(&asked, &here, sizeof here) == 0);
    if (strcasecmp(name, "localhost") == 0)
        return true;
    for (uint32_t i = 0; i < names->count; i++)
        if (strcasecmp(name, names->name[i]) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------------------ the other site */

bool site_is_ours(const char *site, const char *mode, const char *destination)
{
    if (site == NULL || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
        return true;
    /* A link that a person follows: the page that has it reads nothing of what is shown. */
    return mode != NULL && strcmp(mode, "navigate") == 0 && destination != NULL &&
           strcmp(destination, "document") == 0;
}

/* -------------------------------------------------------------------------------- too many */

static void key_of(const struct sockaddr *from, unsigned char key[16])
{
    struct in6_addr address;
    memset(key, 0, 16);
    if (!bytes_of(from, &address))
        return;
    bool four = IN6_IS_ADDR_V4MAPPED(&address);
    memcpy(key, &address, four ? 16 : 8);
}

/* The peer of that key, or the place of the one that was not heard of longest. */
static struct visitor *find_peer(struct peers *peers, const unsigned char key[16], bool *known)
{
    struct visitor *oldest = &peers->visitor[0];
    *known = true;
    for (unsigned i = 0; i < PEERS_MAX; i++) {
        struct visitor *peer = &peers->visitor[i];
        if (peer->heard_ms != 0 && memcmp(peer->key, key, sizeof peer->key) == 0)
            return peer;
        if (peer->heard_ms < oldest->heard_ms)
            oldest = peer;
    }
    *known = false;
    return oldest;
}

bool peers_allow(struct peers *peers, const struct sockaddr *from, uint64_t per_minute,
                 int64_t mono_ms)
{
    bool known;
    unsigned char key[16];
    key_of(from, key);
    struct visitor *peer = find_peer(peers, key, &known);
    double most = (double)per_minute;
    if (!known) {
        memcpy(peer->key, key, sizeof peer->key);
        peer->left = most;
    } else if (mono_ms > peer->heard_ms) {
        peer->left += most * (double)(mono_ms - peer->heard_ms) / MINUTE_MS;
    }
    peer->heard_ms = mono_ms > 0 ? mono_ms : 1;
    if (peer->left > most)
        peer->left = most;
    if (peer->left < 1)
        return false;
    peer->left -= 1;
    return true;
}
