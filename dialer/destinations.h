/* Whom the dialer connects with what: each process to its own APIs and to nothing else. Made from
 * the configuration and from what the supervisor says of the kubeconfigs, before anything is asked.
 * May not: open, connect, log. */
#ifndef EBBTIDE_DIALER_DESTINATIONS_H
#define EBBTIDE_DIALER_DESTINATIONS_H

#include "common/config.h"
#include "common/error.h"

#define DESTINATION_HOST_BYTES_MAX (NAME_BYTES_MAX + 1)

/* Where one API is: the host of its address, or of the proxy that stands before it. */
struct destination {
    char host[DESTINATION_HOST_BYTES_MAX]; /* a name or an address, without brackets; "" none */
    uint16_t port;                         /* of TCP */
};

struct destinations {
    struct destination of[role_count][source_count];
};

/* Host and port of an address as https://HOST[:PORT][/PATH] (or http://), 443 and 80 being the
 * schemes' own ports [RFC 9110 4.2], `standard` another where it is not 0. False with *error
 * naming `key` where it is no such address. */
bool destination_read(const char *url, uint16_t standard, const char *key, struct destination *out,
                      struct error *error);

/* What the configuration names: Gitea and Hetzner, for their pollers and, in mode act, for the
 * actuator. */
bool destinations_configured(struct destinations *all, const struct config *config,
                             struct error *error);

/* Where Kubernetes is for `role` (`server` of its kubeconfig): its poller, or the actuator. */
bool destinations_kube(struct destinations *all, const struct config *config, enum role role,
                       const char *url, struct error *error);

/* NULL where this process is not to be connected to that API. */
const struct destination *destinations_find(const struct destinations *all, enum role role,
                                            enum source source);

/* The ports of all of them, each once; returns how many, at most `most`. */
uint32_t destinations_ports(const struct destinations *all, uint16_t *out, uint32_t most);

#endif
