/* A cloud-init template is looked at before it is handed over: one that cannot be rendered would be
 * found out only when a server is paid for. May not: send, keep what it read. */
#ifndef EBBTIDE_SUPERVISOR_TEMPLATE_CHECK_H
#define EBBTIDE_SUPERVISOR_TEMPLATE_CHECK_H

#include "common/config.h"
#include "common/error.h"

/* Whether the template behind `descriptor` (a regular file; its position stays) can be rendered for
 * every server of this pool. False with a sentence that begins with `key` and names file and line.
 */
bool template_check(int descriptor, const char *key, const struct config *config,
                    const struct config_pool *pool, struct error *error);

#endif
