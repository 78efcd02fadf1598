/* A server's user data: a template with {{variables}}, rendered for one server of a pool.
 *
 * Each single value is written in single quotes, which YAML and the shell read alike; a value that
 * holds a single quote or a control character is refused. Lists of labels and taints are written as
 * a YAML flow list of such values, agent_args as shell words. After that the result is read as YAML
 * and must have the very structure that the template has with harmless values of the same lengths
 * in the place of all variables, so that no value can break out of its place, be cut off by a
 * comment or be changed by an escape.
 *
 * Variables: name, server_url, token_file, token, k3s_version, labels, taints, agent_args.
 * May not: open a file, log, leave a copy of the token in memory but the one it returns. */
#ifndef EBBTIDE_COMMON_CLOUD_INIT_H
#define EBBTIDE_COMMON_CLOUD_INIT_H

#include <stddef.h>

#include "common/config.h"
#include "common/error.h"

#define CLOUD_INIT_BYTES_MAX          ((size_t)32 * 1024) /* Hetzner's limit of user_data */
#define CLOUD_INIT_TEMPLATE_BYTES_MAX ((size_t)64 * 1024) /* a template may hold more comments */
#define CLOUD_INIT_TOKEN_FILE         "/etc/rancher/ebbtide-join-token" /* on the server, 0600 */
#define CLOUD_INIT_MASK               "(masked)"

struct cloud_init_values {
    const struct config *config; /* kube.node_label */
    const struct config_pool *pool;
    const char *name;  /* the server's */
    const char *token; /* the K3s join token, without white space at its ends; NULL: CLOUD_INIT_MASK
                          stands there */
};

/* Renders the template (`name_of_template` is for error texts). On success *out is malloc'd,
 * NUL-terminated, *length bytes long, and holds the token: free it with cloud_init_free. False with
 * a sentence that names the template's line where a variable is unknown, or a value does not fit
 * its place, or the result is larger than CLOUD_INIT_BYTES_MAX. */
bool cloud_init_render(const char *template_text, size_t template_length,
                       const char *name_of_template, const struct cloud_init_values *values,
                       char **out, size_t *length, struct error *error);

/* Wipes and frees. NULL is fine. */
void cloud_init_free(char *text, size_t length);

/* Whether a template could be rendered for every server of this pool (the token taken as fine): for
 * start-up and reload, before money is spent. */
bool cloud_init_check(const char *template_text, size_t template_length,
                      const char *name_of_template, const struct config *config,
                      const struct config_pool *pool, struct error *error);

/* `ebbtide render --config FILE [--pool NAME]` (pool_name NULL: the first pool): prints the user
 * data of an example server with the token masked. Returns the exit status, with what is wrong on
 * err. */
int cloud_init_render_command(const char *config_path, const char *pool_name, FILE *out, FILE *err);

#endif
