/* A kubeconfig's current context: the server, and how we show who we are (libyaml).
 *
 * Understood: token, tokenFile, client-certificate(-data), client-key(-data),
 * certificate-authority(-data). Refused with a sentence: insecure-skip-tls-verify, exec and
 * auth-provider plugins, user and password, impersonation (as), proxy-url (kube.proxy is its
 * place), tls-server-name. Files are named, not opened: the supervisor opens them and hands them to
 * the worker as FILE_KUBE_TOKEN, FILE_KUBE_CLIENT_CERTIFICATE, FILE_KUBE_CLIENT_KEY, FILE_CA_KUBE.
 * FILE_CA_KUBE holds, in this order: kube.ca_file; the file that the kubeconfig names; nothing is
 * sent where the kubeconfig has its roots inline; else the system's bundle. What was sent wins.
 * A field that its user takes over is set to NULL by that user.
 * May not: open files, log, print a secret. */
#ifndef EBBTIDE_COMMON_KUBECONFIG_H
#define EBBTIDE_COMMON_KUBECONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct secret;

#define KUBECONFIG_BYTES_MAX ((size_t)256 * 1024)

/* Texts are malloc'd, NULL where the file does not have them. A file's path is absolute, or, where
 * the kubeconfig's name has no directory, as written. Where data and file are both given, the data
 * holds and the file is NULL (as kubectl does); token beside tokenFile: the file holds. */
struct kubeconfig {
    char *server;
    char *roots; /* certificate-authority-data, decoded: PEM */
    char *roots_file;
    struct secret *token;
    char *token_file;
    struct secret *client_certificate; /* decoded: PEM */
    char *client_certificate_file;
    struct secret *client_key; /* decoded: PEM */
    char *client_key_file;
};

/* name: the file's path, for texts and for relative paths in it. */
bool kubeconfig_parse(const char *text, size_t length, const char *name, struct kubeconfig **out,
                      struct error *error);

/* Wipes and frees. NULL is fine. */
void kubeconfig_free(struct kubeconfig *kubeconfig);

#endif
