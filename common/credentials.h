/* The descriptors that the supervisor hands over, read at once and closed; and their way into the
 * endpoint. May not: open anything by path, keep a descriptor. */
#ifndef EBBTIDE_COMMON_CREDENTIALS_H
#define EBBTIDE_COMMON_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/http.h"
#include "tables/messages.h"

struct secret;
struct kubeconfig;

#define ROOTS_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* What has arrived and was not given to the endpoint yet; NULL for the rest. The client's
 * certificate and key stay, because either may be renewed alone. */
struct credentials {
    struct secret *token, *client_certificate, *client_key;
    char *roots;
    size_t roots_length;
    char roots_name[256], token_name[256];
    struct kubeconfig *kubeconfig;
    char kube_server[1024]; /* of the kubeconfig that holds; "" for the other APIs */
};

/* Reads a descriptor of any kind that one API needs and closes it. False with a sentence where
 * what it holds cannot be used. */
bool credentials_take(struct credentials *credentials, const struct file *file, int descriptor,
                      struct error *error);

/* Hands what has arrived to the endpoint. */
bool credentials_apply(struct credentials *credentials, struct http_endpoint *endpoint,
                       struct error *error);

/* Wipes and frees. */
void credentials_clear(struct credentials *credentials);

#endif
