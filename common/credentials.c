/* Descriptors into secrets and roots. May not: open anything by path, keep a descriptor. */
#include "common/credentials.h"

#include "common/kubeconfig.h"
#include "common/secret.h"
#include "common/whole_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------ reading */

static bool take_secret(struct secret **place, const struct file *file, int descriptor,
                        struct error *error)
{
    struct secret *secret = secret_read(descriptor, file->name, error);
    if (secret == NULL)
        return false;
    secret_warn_unlocked(secret, file->name);
    secret_free(*place);
    *place = secret;
    return true;
}

static bool take_kubeconfig(struct credentials *credentials, const struct file *file,
                            int descriptor, struct error *error)
{
    struct secret *text = secret_read(descriptor, file->name, error);
    struct kubeconfig *kubeconfig = NULL;
    if (text != NULL)
        secret_warn_unlocked(text, file->name);
    bool good = text != NULL && kubeconfig_parse(secret_text(text), secret_length(text), file->name,
                                                 &kubeconfig, error);
    secret_free(text);
    if (!good)
        return false;
    if (strlen(kubeconfig->server) >= sizeof credentials->kube_server)
        good = error_set(error, "%s: its server's address is too long", file->name);
    else if (credentials->kube_server[0] != '\0' &&
             strcmp(credentials->kube_server, kubeconfig->server) != 0)
        good = error_set(error, "%s names another server now: restart to use it", file->name);
    if (!good) {
        kubeconfig_free(kubeconfig);
        return false;
    }
    snprintf(credentials->kube_server, sizeof credentials->kube_server, "%s", kubeconfig->server);
    kubeconfig_free(credentials->kubeconfig);
    credentials->kubeconfig = kubeconfig;
    return true;
}

static bool take_roots(struct credentials *credentials, const struct file *file, int descriptor,
                       struct error *error)
{
    char *text;
    if (!whole_file_read(descriptor, file->name, ROOTS_BYTES_MAX, &text, &credentials->roots_length,
                         error))
        return false;
    free(credentials->roots);
    credentials->roots = text;
    snprintf(credentials->roots_name, sizeof credentials->roots_name, "%s", file->name);
    return true;
}

static bool take(struct credentials *credentials, const struct file *file, int descriptor,
                 struct error *error)
{
    switch ((int)file->kind) { /* most kinds are no credentials */
    case FILE_GITEA_TOKEN:
    case FILE_HETZNER_TOKEN:
    case FILE_KUBE_TOKEN:
        snprintf(credentials->token_name, sizeof credentials->token_name, "%s", file->name);
        return take_secret(&credentials->token, file, descriptor, error);
    case FILE_KUBE_CLIENT_CERTIFICATE:
        return take_secret(&credentials->client_certificate, file, descriptor, error);
    case FILE_KUBE_CLIENT_KEY:
        return take_secret(&credentials->client_key, file, descriptor, error);
    case FILE_KUBECONFIG: return take_kubeconfig(credentials, file, descriptor, error);
    case FILE_CA_GITEA:
    case FILE_CA_HETZNER:
    case FILE_CA_KUBE: return take_roots(credentials, file, descriptor, error);
    default: return error_set(error, "%s is no file of an API", file->name);
    }
}

bool credentials_take(struct credentials *credentials, const struct file *file, int descriptor,
                      struct error *error)
{
    bool good = take(credentials, file, descriptor, error);
    close(descriptor);
    return good;
}

/* ------------------------------------------------------------------------------ applying */

/* Takes *from where `to` is still empty: a file of its own goes before the kubeconfig's inside. */
static void fill_in(struct secret **to, struct secret **from)
{
    if (*to == NULL) {
        *to = *from;
        *from = NULL;
    }
}

static void unpack_kubeconfig(struct credentials *credentials)
{
    struct kubeconfig *kubeconfig = credentials->kubeconfig;
    if (kubeconfig == NULL)
        return;
    if (credentials->token == NULL)
        snprintf(credentials->token_name, sizeof credentials->token_name, "the kubeconfig");
    fill_in(&credentials->token, &kubeconfig->token);
    fill_in(&credentials->client_certificate, &kubeconfig->client_certificate);
    fill_in(&credentials->client_key, &kubeconfig->client_key);
    if (credentials->roots == NULL && kubeconfig->roots != NULL) {
        credentials->roots = kubeconfig->roots;
        credentials->roots_length = strlen(kubeconfig->roots);
        snprintf(credentials->roots_name, sizeof credentials->roots_name, "the kubeconfig");
        kubeconfig->roots = NULL;
    }
    kubeconfig_free(kubeconfig);
    credentials->kubeconfig = NULL;
}

/* Certificate and key may arrive one after the other, or one alone: the endpoint gets copies. */
static bool apply_client(struct credentials *credentials, struct http_endpoint *endpoint,
                         struct error *error)
{
    const struct secret *from[2] = {credentials->client_certificate, credentials->client_key};
    struct secret *copy[2] = {NULL, NULL};
    if (from[0] == NULL || from[1] == NULL)
        return true;
    for (unsigned i = 0; i < 2; i++)
        copy[i] = secret_new(secret_text(from[i]), secret_length(from[i]), error);
    if (copy[0] != NULL && copy[1] != NULL)
        return http_endpoint_client(endpoint, copy[0], copy[1], error);
    secret_free(copy[0]);
    secret_free(copy[1]);
    return false;
}

bool credentials_apply(struct credentials *credentials, struct http_endpoint *endpoint,
                       struct error *error)
{
    unpack_kubeconfig(credentials);
    bool good = apply_client(credentials, endpoint, error);
    if (good && credentials->token != NULL) {
        good = http_endpoint_token(endpoint, credentials->token, error) ||
               error_wrap(error, "%s", credentials->token_name);
        credentials->token = NULL;
    }
    if (good && credentials->roots != NULL)
        good = http_endpoint_roots(endpoint, credentials->roots, credentials->roots_length,
                                   credentials->roots_name, error);
    free(credentials->roots);
    credentials->roots = NULL;
    return good;
}

void credentials_clear(struct credentials *credentials)
{
    secret_free(credentials->token);
    secret_free(credentials->client_certificate);
    secret_free(credentials->client_key);
    kubeconfig_free(credentials->kubeconfig);
    free(credentials->roots);
    *credentials = (struct credentials){0};
}
