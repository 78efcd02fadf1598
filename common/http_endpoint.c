/* An endpoint: its address checked, its credentials and roots. May not: log, send. */
#include "common/http_parts.h"

#include "common/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROXY_PORT 1080 /* libcurl's own default */

struct http_limits http_limits_from(const struct config *config)
{
    return (struct http_limits){
        .connect_ms = config->http.connect_timeout_ms,
        .total_ms = config->http.total_timeout_ms,
        .low_speed_ms = config->http.low_speed_time_ms,
        .low_speed_bytes = (int64_t)config->http.low_speed_bytes,
        .answer_bytes_max = (size_t)config->http.answer_max_bytes,
    };
}

/* -------------------------------------------------------------------------- addresses checked */

/* One part of a URL into out; "" where it has none. False where it does not fit. */
static bool url_part(CURLU *url, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    out[0] = '\0';
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return true;
    int length = snprintf(out, size, "%s", text);
    curl_free(text);
    return length >= 0 && (size_t)length < size;
}

struct address {
    char scheme[16], host[HTTP_HOST_BYTES_MAX], port[8];
};

static bool read_parts(CURLU *url, struct address *out)
{
    return url_part(url, CURLUPART_SCHEME, out->scheme, sizeof out->scheme) &&
           url_part(url, CURLUPART_HOST, out->host, sizeof out->host) &&
           url_part(url, CURLUPART_PORT, out->port, sizeof out->port);
}

/* Whether the URL holds a part that ours may not. */
static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static bool parse_address(const char *text, const char *key, struct address *out,
                          struct error *error)
{
    CURLU *url = curl_url();
    if (url == NULL)
        return error_set(error, "out of memory for %s", key);
    /* The text itself may hold a password, so it is not shown before that is ruled out. */
    bool good = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
    if (!good)
        error_set(error, "%s is no address: write https://host/ or https://host:port/path", key);
    else if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        good = error_set(error, "%s holds a user or a password: secrets belong into files", key);
    else if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        good = error_set(error, "%s holds a '?' or '#': write only the address", key);
    else if (!read_parts(url, out))
        good = error_set(error, "%s has too long a host name", key);
    curl_url_cleanup(url);
    return good;
}

/* "[::1]" without its brackets, as libcurl wants it. */
static void cut_brackets(char *host)
{
    size_t length = strlen(host);
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        memmove(host, host + 1, length - 2);
        host[length - 2] = '\0';
    }
}

static bool is_loopback(const char *host)
{
    struct in_addr four;
    if (inet_pton(AF_INET, host, &four) == 1)
        return (ntohl(four.s_addr) >> 24) == 127;
    return strcmp(host, "::1") == 0 || strcasecmp(host, "localhost") == 0;
}

static bool check_scheme(const struct address *address, const struct http_settings *settings,
                         const char *key, struct error *error)
{
    if (strcmp(address->scheme, "https") == 0)
        return true;
    if (strcmp(address->scheme, "http") != 0)
        return error_set(error, "%s begins with %s:// where https:// is needed", key,
                         address->scheme);
    if (!is_loopback(address->host))
        return error_set(error,
                         "%s is http:// to %s: only https:// may leave this machine, write "
                         "https://",
                         key, address->host);
    if (!settings->allow_http_on_loopback)
        return error_set(error,
                         "%s is http://: write https://, or set http.allow_http_on_loopback "
                         "for tests on this machine",
                         key);
    return true;
}

/* Where connections lead: to the API, or to the proxy. */
static void take_host(struct http_endpoint *endpoint, struct address *address, unsigned standard)
{
    snprintf(endpoint->host, sizeof endpoint->host, "%s", address->host);
    endpoint->port =
        address->port[0] == '\0' ? standard : (unsigned)strtoul(address->port, NULL, 10);
}

static bool take_proxy(struct http_endpoint *endpoint, const struct http_settings *settings,
                       struct error *error)
{
    char key[64];
    struct address address;
    if (endpoint->proxy[0] == '\0')
        return true;
    snprintf(key, sizeof key, "%.32s.proxy", settings->setting);
    if (!parse_address(endpoint->proxy, key, &address, error))
        return false;
    if (strcmp(address.scheme, "http") != 0)
        return error_set(error, "%s must be http://host:port: TLS to the API goes through it", key);
    cut_brackets(address.host);
    take_host(endpoint, &address, PROXY_PORT);
    return true;
}

static bool take_url(struct http_endpoint *endpoint, const struct http_settings *settings,
                     struct error *error)
{
    char key[64];
    struct address address;
    if (strcmp(http_address_key(settings->setting), "url") == 0)
        snprintf(key, sizeof key, "%.32s.url", settings->setting);
    else
        snprintf(key, sizeof key, "the kubeconfig's server");
    if (!parse_address(settings->url, key, &address, error))
        return false;
    cut_brackets(address.host);
    if (!check_scheme(&address, settings, key, error))
        return false;
    endpoint->https = strcmp(address.scheme, "https") == 0;
    size_t length = strlen(endpoint->url);
    while (length > 0 && endpoint->url[length - 1] == '/')
        endpoint->url[--length] = '\0';
    take_host(endpoint, &address, endpoint->https ? 443 : 80);
    return true;
}

/* --------------------------------------------------------------------------------- life */

bool http_endpoint_new(struct http *http, const struct http_settings *settings,
                       struct http_endpoint **out, struct error *error)
{
    struct http_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (endpoint == NULL)
        return error_set(error, "out of memory for an endpoint");
    endpoint->url = strdup(settings->url);
    endpoint->proxy = strdup(settings->proxy == NULL ? "" : settings->proxy);
    endpoint->limits = settings->limits;
    endpoint->source = settings->source;
    snprintf(endpoint->setting, sizeof endpoint->setting, "%s", settings->setting);
    bool good = endpoint->url != NULL && endpoint->proxy != NULL;
    if (!good)
        error_set(error, "out of memory for an endpoint");
    if (!good || !take_url(endpoint, settings, error) || !take_proxy(endpoint, settings, error)) {
        http_endpoint_free(endpoint);
        return false;
    }
    endpoint->http = http;
    http->endpoint_count++;
    *out = endpoint;
    return true;
}

void http_endpoint_free(struct http_endpoint *endpoint)
{
    if (endpoint == NULL)
        return;
    if (endpoint->calls != 0)
        abort(); /* our own bug: a call would point at freed credentials */
    if (endpoint->http != NULL)
        endpoint->http->endpoint_count--;
    http_endpoint_rest(endpoint);
    secret_free(endpoint->token);
    secret_free(endpoint->client_certificate);
    secret_free(endpoint->client_key);
    free(endpoint->roots);
    free(endpoint->proxy);
    free(endpoint->url);
    free(endpoint);
}

void http_endpoint_limits(struct http_endpoint *endpoint, const struct http_limits *limits)
{
    endpoint->limits = *limits;
}

const char *http_endpoint_url(const struct http_endpoint *endpoint)
{
    return endpoint->url;
}

const char *http_endpoint_host(const struct http_endpoint *endpoint)
{
    return endpoint->host;
}

uint16_t http_endpoint_port(const struct http_endpoint *endpoint)
{
    return (uint16_t)endpoint->port;
}

/* -------------------------------------------------------------------------- credentials, roots */

/* RFC 6750: b64token is letters, digits and -._~+/=; anything printable is let through, because
 * tokens of other forms exist, but nothing that could end a header line. */
static bool is_header_text(const struct secret *secret)
{
    const char *text = secret_text(secret);
    for (size_t i = 0; i < secret_length(secret); i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return secret_length(secret) > 0;
}

bool http_endpoint_token(struct http_endpoint *endpoint, struct secret *token, struct error *error)
{
    if (token != NULL)
        secret_trim(token);
    if (token != NULL && !is_header_text(token)) {
        secret_free(token);
        return error_set(error, "it holds no token: one word of printable characters is expected");
    }
    secret_free(endpoint->token);
    endpoint->token = token;
    return true;
}

void http_endpoint_rest(struct http_endpoint *endpoint)
{
    while (endpoint->calls == 0 && endpoint->retired != NULL) {
        struct http_retired *retired = endpoint->retired;
        endpoint->retired = retired->next;
        secret_free(retired->client_certificate);
        secret_free(retired->client_key);
        free(retired->roots);
        free(retired);
    }
}

/* Calls under way still point at these: they are kept until none is. */
static bool retire(struct http_endpoint *endpoint, struct http_retired old, struct error *error)
{
    struct http_retired *retired = malloc(sizeof *retired);
    if (retired == NULL)
        return error_set(error, "out of memory for new credentials");
    *retired = old;
    retired->next = endpoint->retired;
    endpoint->retired = retired;
    return true;
}

bool http_endpoint_roots(struct http_endpoint *endpoint, const char *pem, size_t length,
                         const char *name, struct error *error)
{
    static const char begin[] = "-----BEGIN ";
    if (memmem(pem, length, begin, sizeof begin - 1) == NULL)
        return error_set(error,
                         "%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----); "
                         "%s.ca_file names another file of roots",
                         name, endpoint->setting);
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return error_set(error, "out of memory for the roots of %s", name);
    memcpy(copy, pem, length);
    copy[length] = '\0';
    if (!retire(endpoint, (struct http_retired){.roots = endpoint->roots}, error)) {
        free(copy);
        return false;
    }
    endpoint->roots = copy;
    http_endpoint_rest(endpoint);
    endpoint->roots_length = length;
    snprintf(endpoint->roots_name, sizeof endpoint->roots_name, "%s", name);
    return true;
}

bool http_endpoint_client(struct http_endpoint *endpoint, struct secret *certificate,
                          struct secret *key, struct error *error)
{
    struct http_retired old = {.client_certificate = endpoint->client_certificate,
                               .client_key = endpoint->client_key};
    bool good = (certificate == NULL) == (key == NULL);
    if (!good)
        error_set(error, "a client certificate needs its key, and a key its certificate");
    if (!good || !retire(endpoint, old, error)) {
        secret_free(certificate);
        secret_free(key);
        return false;
    }
    endpoint->client_certificate = certificate;
    endpoint->client_key = key;
    http_endpoint_rest(endpoint);
    return true;
}
