/* Names into addresses: addresses as they are, localhost, the hosts text, a
 * short memory, then evdns with the servers of the resolv.conf text.
 * May not: open a file, log. */
#ifndef EBBTIDE_DIALER_NAMES_H
#define EBBTIDE_DIALER_NAMES_H

#include <netinet/in.h>
#include <stdbool.h>

#include "common/error.h"

struct event_base;
struct names;
struct name_query;

#define NAME_HOST_BYTES_MAX  256 /* with its NUL; a DNS name is shorter */
#define NAME_ADDRESSES_MAX   8
#define NAME_REMEMBERED_MS   INT64_C(30000) /* evdns_getaddrinfo tells no time to live */
#define NAMES_REMEMBERED_MAX 8
#define HOSTS_LINES_MAX      4096
#define NAME_SERVERS_MAX     8

struct name_addresses {
    unsigned count;
    char text[NAME_ADDRESSES_MAX][INET6_ADDRSTRLEN];
};

bool names_new(struct names **out, struct event_base *base, const char *resolv_conf,
               const char *hosts, struct error *error);

/* New texts; questions under way are answered by the old servers. */
bool names_replace(struct names *names, const char *resolv_conf, const char *hosts,
                   struct error *error);

/* NULL is fine. Questions under way must have been dropped. */
void names_free(struct names *names);

/* What is known at once. */
bool names_known(struct names *names, const char *host, struct name_addresses *out);

/* addresses NULL: none was found, why says why. May be called from inside names_ask. */
typedef void (*name_done)(const struct name_addresses *addresses, const char *why, void *argument);

/* Asks. NULL when `done` has been called already. */
struct name_query *names_ask(struct names *names, const char *host, name_done done, void *argument);

/* `done` will not be called. NULL is fine. */
void names_drop(struct name_query *query);

/* Whether the text is an IPv4 or IPv6 address (without brackets). */
bool name_is_address(const char *host);

#endif
