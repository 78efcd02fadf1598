/* Reads a template and tries to render it. May not: see a token; a mask stands in its place. */
#include "supervisor/template_check.h"

#include <stdlib.h>

#include "common/cloud_init.h"
#include "common/whole_file.h"

bool template_check(int descriptor, const char *key, const struct config *config,
                    const struct config_pool *pool, struct error *error)
{
    const char *path = pool->cloud_init_file;
    char *text = NULL;
    size_t length = 0;
    bool good =
        whole_file_read(descriptor, path, CLOUD_INIT_TEMPLATE_BYTES_MAX, &text, &length, error) &&
        cloud_init_check(text, length, path, config, pool, error);
    free(text);
    return good || error_wrap(error, "%s", key);
}
