/* The table of who is connected to what. May not: open, connect, log. */
#include "dialer/destinations.h"

#include "proto/message.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_HTTPS 443
#define PORT_HTTP  80
#define PORT_PROXY 1080 /* libcurl's own, where a proxy's address has none [CURLOPT_PROXY(3)] */
#define PORT_MAX   65535

/* ------------------------------------------------------------------------------ an address read */

/* What stands before the host, and its port; NULL where it is neither. */
static const char *skip_scheme(const char *url, uint16_t *port)
{
    static const struct {
        const char *begin;
        uint16_t port;
    } schemes[] = {{"https://", PORT_HTTPS}, {"http://", PORT_HTTP}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].begin);
        if (strncasecmp(url, schemes[i].begin, length) == 0) {
            *port = schemes[i].port;
            return url + length;
        }
    }
    return NULL;
}

static bool is_host(const char *text, size_t length, const char *also)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && strchr(also, text[i]) == NULL)
            return false;
    return length > 0 && length < DESTINATION_HOST_BYTES_MAX;
}

/* ":8443" or nothing. */
static bool read_port(const char *text, size_t length, uint16_t *port)
{
    char digits[8];
    if (length == 0)
        return true;
    if (text[0] != ':' || length < 2 || length >= sizeof digits)
        return false;
    memcpy(digits, text + 1, length - 1);
    digits[length - 1] = '\0';
    if (strspn(digits, "0123456789") != length - 1)
        return false;
    unsigned long number = strtoul(digits, NULL, 10);
    if (number == 0 || number > PORT_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* `text` is what stands between the scheme and the path. */
static bool read_authority(const char *text, size_t length, struct destination *out)
{
    bool bracket = length > 0 && text[0] == '[';
    const char *begin = bracket ? text + 1 : text;
    const char *end = bracket ? memchr(text, ']', length) : memchr(text, ':', length);
    if (bracket && end == NULL)
        return false;
    size_t host = end == NULL ? length : (size_t)(end - begin);
    if (!is_host(begin, host, bracket ? ":." : "-._"))
        return false;
    memcpy(out->host, begin, host);
    out->host[host] = '\0';
    const char *rest = begin + host + (bracket ? 1 : 0);
    return read_port(rest, (size_t)(text + length - rest), &out->port);
}

bool destination_read(const char *url, uint16_t standard, const char *key, struct destination *out,
                      struct error *error)
{
    uint16_t port;
    const char *host = skip_scheme(url, &port);
    *out = (struct destination){.port = standard != 0 ? standard : port};
    if (host != NULL && read_authority(host, strcspn(host, "/"), out))
        return true;
    *out = (struct destination){.port = 0};
    return error_set(error, "%s is no address: write https://host/ or https://host:port/path", key);
}

/* ---------------------------------------------------------------------------------- the table */

/* The API's own address, or its proxy's. */
static bool place(struct destinations *all, enum role role, enum source source, const char *url,
                  const char *proxy, struct error *error)
{
    char key[64];
    bool direct = proxy[0] == '\0';
    if (direct && source == SOURCE_KUBE)
        snprintf(key, sizeof key, "the server of the %s's kubeconfig", role_word(role));
    else
        snprintf(key, sizeof key, "%s.%s", source_word(source), direct ? "url" : "proxy");
    return destination_read(direct ? url : proxy, direct ? 0 : PORT_PROXY, key,
                            &all->of[role][source], error);
}

bool destinations_configured(struct destinations *all, const struct config *config,
                             struct error *error)
{
    const struct config_gitea *gitea = &config->gitea;
    const struct config_hetzner *hetzner = &config->hetzner;
    *all = (struct destinations){0};
    if (!place(all, ROLE_POLLER_GITEA, SOURCE_GITEA, gitea->url, gitea->proxy, error) ||
        !place(all, ROLE_POLLER_HETZNER, SOURCE_HETZNER, hetzner->url, hetzner->proxy, error))
        return false;
    if (config->mode == MODE_ACT) {
        all->of[ROLE_ACTUATOR][SOURCE_GITEA] = all->of[ROLE_POLLER_GITEA][SOURCE_GITEA];
        all->of[ROLE_ACTUATOR][SOURCE_HETZNER] = all->of[ROLE_POLLER_HETZNER][SOURCE_HETZNER];
    }
    return true;
}

bool destinations_kube(struct destinations *all, const struct config *config, enum role role,
                       const char *url, struct error *error)
{
    if (role != ROLE_POLLER_KUBE && role != ROLE_ACTUATOR)
        return error_set(error, "the %s has no business with Kubernetes", role_word(role));
    return place(all, role, SOURCE_KUBE, url, config->kube.proxy, error);
}

const struct destination *destinations_find(const struct destinations *all, enum role role,
                                            enum source source)
{
    const struct destination *found = &all->of[role][source];
    return found->host[0] == '\0' ? NULL : found;
}

uint32_t destinations_ports(const struct destinations *all, uint16_t *out, uint32_t most)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < (unsigned)role_count * source_count; i++) {
        const struct destination *one = &all->of[i / source_count][i % source_count];
        uint32_t at = 0;
        while (at < count && out[at] != one->port)
            at++;
        if (one->host[0] != '\0' && at == count && count < most)
            out[count++] = one->port;
    }
    return count;
}
