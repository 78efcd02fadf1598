/* Names into addresses over evdns. May not: open a file, log. */
#include "dialer/names.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r"

struct remembered {
    char host[NAME_HOST_BYTES_MAX];
    int64_t until_mono_ms;
    struct name_addresses addresses;
};

struct names {
    struct event_base *base;
    struct evdns_base *dns;
    char *hosts; /* the text, looked through at each question: it is short and asked rarely */
    struct remembered memory[NAMES_REMEMBERED_MAX];
    unsigned next;  /* place of memory[] that is taken next */
    unsigned asked; /* questions whose `answered` has not come yet */
    bool closing;
};

struct name_query {
    struct names *names;
    struct evdns_getaddrinfo_request *request;
    name_done done; /* NULL: dropped */
    void *argument;
    bool asking; /* names_ask has not returned yet */
    bool answered;
    char host[NAME_HOST_BYTES_MAX];
};

bool name_is_address(const char *host)
{
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static void add_address(struct name_addresses *list, const char *text)
{
    if (list->count < NAME_ADDRESSES_MAX)
        snprintf(list->text[list->count++], INET6_ADDRSTRLEN, "%s", text);
}

/* --------------------------------------------------------------------------------- resolv.conf */

static bool add_server(struct evdns_base *dns, const char *address)
{
    /* A link-local address carries its interface behind '%', which evdns cannot read. */
    return strchr(address, '%') == NULL && evdns_base_nameserver_ip_add(dns, address) == 0;
}

/* One line; servers counts those that were taken. */
static void read_resolv_line(struct evdns_base *dns, char *line, unsigned *servers)
{
    char *rest = NULL;
    const char *word = strtok_r(line, BLANKS, &rest);
    if (word == NULL || word[0] == '#' || word[0] == ';')
        return;
    bool search = strcmp(word, "search") == 0 || strcmp(word, "domain") == 0;
    bool server = strcmp(word, "nameserver") == 0;
    if (search)
        evdns_base_search_clear(dns);
    for (const char *value; (value = strtok_r(NULL, BLANKS, &rest)) != NULL;) {
        if (search)
            evdns_base_search_add(dns, value);
        else if (server && *servers < NAME_SERVERS_MAX && add_server(dns, value))
            (*servers)++;
        else if (strncmp(value, "ndots:", 6) == 0)
            evdns_base_search_ndots_set(dns, (int)strtol(value + 6, NULL, 10) & 15);
    }
}

static bool read_resolv_conf(struct evdns_base *dns, const char *text, struct error *error)
{
    char *copy = strdup(text == NULL ? "" : text);
    if (copy == NULL)
        return error_set(error, "out of memory for resolv.conf");
    unsigned servers = 0;
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        read_resolv_line(dns, line, &servers);
    free(copy);
    /* resolv.conf(5): without a nameserver line the one on this machine is asked. */
    if (servers == 0 && text != NULL && text[0] != '\0')
        add_server(dns, "127.0.0.1");
    return true;
}

bool names_new(struct names **out, struct event_base *base, const char *resolv_conf,
               const char *hosts, struct error *error)
{
    struct names *names = calloc(1, sizeof *names);
    if (names == NULL)
        return error_set(error, "out of memory for names");
    names->base = base;
    names->dns = evdns_base_new(base, 0);
    if (names->dns == NULL || !names_replace(names, resolv_conf, hosts, error)) {
        if (names->dns == NULL)
            error_set(error, "evdns could not be made");
        names_free(names);
        return false;
    }
    evdns_base_set_option(names->dns, "timeout", "2");
    evdns_base_set_option(names->dns, "attempts", "3");
    /* Some home routers answer in lower case, whatever was asked. */
    evdns_base_set_option(names->dns, "randomize-case", "0");
    *out = names;
    return true;
}

bool names_replace(struct names *names, const char *resolv_conf, const char *hosts,
                   struct error *error)
{
    char *text = strdup(hosts == NULL ? "" : hosts);
    if (text == NULL)
        return error_set(error, "out of memory for hosts");
    evdns_base_clear_nameservers_and_suspend(names->dns);
    evdns_base_search_clear(names->dns);
    bool good = read_resolv_conf(names->dns, resolv_conf, error);
    evdns_base_resume(names->dns);
    free(names->hosts);
    names->hosts = text;
    memset(names->memory, 0, sizeof names->memory);
    return good;
}

static void free_all(struct names *names)
{
    if (names->dns != NULL)
        evdns_base_free(names->dns, 1);
    free(names->hosts);
    free(names);
}

void names_free(struct names *names)
{
    if (names == NULL)
        return;
    names->closing = true;
    /* A dropped question points at evdns until the loop has told it so: the last one frees. */
    if (names->asked == 0)
        free_all(names);
}

/* --------------------------------------------------------------------------- what is known */

/* Copies the next line that is not longer than out; returns where the one after it begins. */
static const char *next_line(const char *text, char *out, size_t size)
{
    size_t length = strcspn(text, "\n");
    size_t kept = length < size ? length : 0;
    memcpy(out, text, kept);
    out[kept] = '\0';
    out[strcspn(out, "#")] = '\0';
    return text[length] == '\n' ? text + length + 1 : text + length;
}

static void find_in_line(char *line, const char *host, struct name_addresses *out)
{
    char *rest = NULL;
    const char *address = strtok_r(line, BLANKS, &rest);
    if (address == NULL || !name_is_address(address))
        return;
    for (const char *name; (name = strtok_r(NULL, BLANKS, &rest)) != NULL;)
        if (strcasecmp(name, host) == 0) {
            add_address(out, address);
            return;
        }
}

static bool find_in_hosts(const char *text, const char *host, struct name_addresses *out)
{
    char line[1024];
    for (unsigned lines = 0; *text != '\0' && lines < HOSTS_LINES_MAX; lines++) {
        text = next_line(text, line, sizeof line);
        find_in_line(line, host, out);
    }
    return out->count > 0;
}

static bool find_in_memory(const struct names *names, const char *host, struct name_addresses *out)
{
    int64_t now = clock_mono_ms();
    for (unsigned i = 0; i < NAMES_REMEMBERED_MAX; i++)
        if (now < names->memory[i].until_mono_ms && strcmp(names->memory[i].host, host) == 0) {
            *out = names->memory[i].addresses;
            return true;
        }
    return false;
}

bool names_known(struct names *names, const char *host, struct name_addresses *out)
{
    *out = (struct name_addresses){0};
    if (name_is_address(host)) {
        add_address(out, host);
        return true;
    }
    /* RFC 6761: localhost is loopback, whatever hosts or a name server say; http:// rests on it. */
    if (strcasecmp(host, "localhost") == 0) {
        add_address(out, "127.0.0.1");
        add_address(out, "::1");
        return true;
    }
    return find_in_hosts(names->hosts, host, out) || find_in_memory(names, host, out);
}

/* --------------------------------------------------------------------------------- asking */

static void remember(struct names *names, const char *host, const struct name_addresses *addresses)
{
    struct remembered *place = &names->memory[names->next++ % NAMES_REMEMBERED_MAX];
    *place = (struct remembered){.until_mono_ms = clock_mono_ms() + NAME_REMEMBERED_MS,
                                 .addresses = *addresses};
    snprintf(place->host, sizeof place->host, "%s", host);
}

/* Those of one family, as texts. */
static void collect(const struct evutil_addrinfo *list, int family, struct name_addresses *out)
{
    for (; list != NULL; list = list->ai_next) {
        char text[INET6_ADDRSTRLEN];
        const void *address =
            family == AF_INET
                ? (const void *)&((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_addr
                : (const void *)&((const struct sockaddr_in6 *)(const void *)list->ai_addr)
                      ->sin6_addr;
        if (list->ai_family == family && inet_ntop(family, address, text, sizeof text) != NULL)
            add_address(out, text);
    }
}

/* In turn [RFC 8305 4]: many addresses of one family, on a machine that has only the other, must
 * not leave those of the other out. */
static void take_turns(const struct evutil_addrinfo *list, struct name_addresses *out)
{
    struct name_addresses four = {0}, six = {0};
    collect(list, AF_INET, &four);
    collect(list, AF_INET6, &six);
    for (unsigned i = 0; i < NAME_ADDRESSES_MAX; i++) {
        if (i < four.count)
            add_address(out, four.text[i]);
        if (i < six.count)
            add_address(out, six.text[i]);
    }
}

static void answered(int result, struct evutil_addrinfo *list, void *argument)
{
    struct name_query *query = argument;
    struct name_addresses addresses = {0};
    if (result == 0)
        take_turns(list, &addresses);
    if (list != NULL)
        evutil_freeaddrinfo(list);
    struct names *names = query->names;
    query->answered = true;
    names->asked--;
    if (query->done != NULL) {
        bool found = addresses.count > 0;
        if (found)
            remember(names, query->host, &addresses);
        const char *why = result != 0 ? evutil_gai_strerror(result) : "it has no address";
        query->done(found ? &addresses : NULL, why, query->argument);
    }
    if (!query->asking)
        free(query);
    if (names->closing && names->asked == 0)
        free_all(names);
}

struct name_query *names_ask(struct names *names, const char *host, name_done done, void *argument)
{
    struct name_query *query = calloc(1, sizeof *query);
    if (query == NULL) {
        done(NULL, "out of memory", argument);
        return NULL;
    }
    *query =
        (struct name_query){.names = names, .done = done, .argument = argument, .asking = true};
    snprintf(query->host, sizeof query->host, "%s", host);
    names->asked++;
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    query->request = evdns_getaddrinfo(names->dns, host, NULL, &hints, answered, query);
    query->asking = false;
    if (query->answered) {
        free(query);
        return NULL;
    }
    return query;
}

void names_drop(struct name_query *query)
{
    if (query == NULL)
        return;
    query->done = NULL; /* `answered` still comes once, and frees it */
    evdns_getaddrinfo_cancel(query->request);
}
