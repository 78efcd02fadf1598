/* Who asks: whether a request comes by a name of ours, whether another site's page made a browser
 * send it, and whether its sender has sent too many. Pure. May not: answer, log, read a clock. */
#ifndef EBBTIDE_MONITOR_VISITORS_H
#define EBBTIDE_MONITOR_VISITORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/config.h"

#define PEERS_MAX      256 /* addresses that are remembered; the one not heard of longest goes */
#define HOST_BYTES_MAX 260 /* of a Host header: a name, a dot, a port */

/* Names that we are asked by: monitor.hosts, copied. */
struct host_names {
    char name[sizeof((struct config_monitor){0}.hosts) / sizeof(char *)][HOST_BYTES_MAX];
    uint32_t count;
};

void host_names_set(struct host_names *names, const struct config *config);

/* Whether `host` ("name", "name:port", "[::1]:port") is localhost, an address of loopback, the very
 * address that the connection came in at, or one of the names. This is what DNS rebinding fails
 * at: the browser that it leads here names the attacker's host. `arrived_at` may be NULL. */
bool host_is_ours(const char *host, const struct sockaddr *arrived_at,
                  const struct host_names *names);

/* Whether Fetch Metadata (Sec-Fetch-Site, -Mode, -Dest; each NULL where it is not sent) speaks of
 * our own page, of no page, or of a person who follows a link to us; false where a page of another
 * origin asks. What is no browser sends none of them. */
bool site_is_ours(const char *site, const char *mode, const char *destination);

/* Requests of the last minute, by address; IPv6 by its /64. All zero at first. */
struct peers {
    struct visitor {
        unsigned char key[16];
        int64_t heard_ms; /* 0: nobody */
        double left;      /* requests that it may still send; refills with time */
    } visitor[PEERS_MAX];
};

/* Counts one request; false where it is one more than `per_minute` allows. Other families than
 * IPv4 and IPv6 are one peer. */
bool peers_allow(struct peers *peers, const struct sockaddr *from, uint64_t per_minute,
                 int64_t mono_ms);

#endif
