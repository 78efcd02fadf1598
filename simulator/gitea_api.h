/* Gitea's Actions API over the world, as a real 1.26.0 was seen to answer (docs/simulator.md).
 *
 * May not: keep a state of its own but its options; the world has everything else. */
#ifndef EBBTIDE_SIMULATOR_GITEA_API_H
#define EBBTIDE_SIMULATOR_GITEA_API_H

#include "simulator/server.h"

#define GITEA_VERSION_BYTES_MAX 32
#define GITEA_SCOPES_BYTES_MAX  256
#define GITEA_WEBHOOK_BYTES_MAX 256
#define GITEA_PAGE_DEFAULT      30
#define GITEA_PAGE_MAX_ITEMS    50

/* May be changed at any time through the control endpoint. */
struct gitea_options {
    char version[GITEA_VERSION_BYTES_MAX]; /* "1.26.0" */
    /* PATCH of a runner; false as before 1.26: 405, and no `disabled` in a runner. */
    bool fence;
    bool workflow_jobs; /* the older key of job lists */
    bool sorted_jobs;   /* job lists by id, as since 1.27; false: unordered */
    bool site_admin;    /* the tokens' owner is one; false: admin endpoints answer 403 */
    /* What the tokens may do, as Gitea writes it ("read:admin,read:repository", "all"). */
    char read_scopes[GITEA_SCOPES_BYTES_MAX];
    char write_scopes[GITEA_SCOPES_BYTES_MAX];
    /* Where jobs are told of (gitea_webhooks.h), and what that is signed with; "": not at all. */
    char webhook_url[GITEA_WEBHOOK_BYTES_MAX];
    char webhook_secret[GITEA_WEBHOOK_BYTES_MAX];
};

/* 1.26.0 with its fence, `jobs`, unordered, an admin's tokens with no more scopes than needed. */
struct gitea_options gitea_options_defaults(void);

struct gitea_api;

bool gitea_api_init(struct gitea_api **out, const struct gitea_options *options,
                    struct error *error);
void gitea_api_free(struct gitea_api *api);
const struct api_definition *gitea_api_definition(const struct gitea_api *api);
struct gitea_options *gitea_api_options(struct gitea_api *api);

#endif
