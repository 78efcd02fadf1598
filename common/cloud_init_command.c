/* `ebbtide render`: a person looks at what a server will be told, with the token masked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cloud_init.h"

static const struct config_pool *pool_called(const struct config *config, const char *name)
{
    if (!name)
        return &config->pools[0];
    for (uint32_t i = 0; i < config->pools_count; i++)
        if (strcmp(config->pools[i].name, name) == 0)
            return &config->pools[i];
    return NULL;
}

/* All of a template; NULL with the reason on err. */
static char *read_template(const char *path, size_t *length, FILE *err)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(CLOUD_INIT_TEMPLATE_BYTES_MAX + 1) : NULL;
    int number = errno;
    if (text) {
        *length = fread(text, 1, CLOUD_INIT_TEMPLATE_BYTES_MAX + 1, file);
        number = ferror(file) ? errno : *length > CLOUD_INIT_TEMPLATE_BYTES_MAX ? EFBIG : 0;
    }
    if (file)
        fclose(file);
    if (text && !number)
        return text;
    free(text);
    fprintf(err, "the template %s (pools[].cloud_init_file) cannot be read: %s\n", path,
            strerror(number));
    return NULL;
}

static int render_pool(const struct config *config, const struct config_pool *pool, FILE *out,
                       FILE *err)
{
    struct error error = {""};
    char name[128];
    char *made = NULL;
    size_t length = 0;
    size_t made_length = 0;
    char *text = read_template(pool->cloud_init_file, &length, err);
    if (!text)
        return 1;
    snprintf(name, sizeof name, "%s-%s-1-1", config->name_prefix, pool->name);
    struct cloud_init_values values = {config, pool, name, NULL};
    bool fine = cloud_init_render(text, length, pool->cloud_init_file, &values, &made, &made_length,
                                  &error);
    if (fine)
        fwrite(made, 1, made_length, out);
    else
        fprintf(err, "%s\n", error.text);
    cloud_init_free(made, made_length);
    free(text);
    return fine ? 0 : 1;
}

int cloud_init_render_command(const char *config_path, const char *pool_name, FILE *out, FILE *err)
{
    static struct config_problems problems;
    struct config *config = NULL;
    if (!config_load(config_path, &config, &problems)) {
        config_problems_print(&problems, config_path, err);
        return 1;
    }
    const struct config_pool *pool = pool_called(config, pool_name);
    int status = 1;
    if (pool)
        status = render_pool(config, pool, out, err);
    else
        fprintf(err, "%s has no pool called %s\n", config_path, pool_name);
    config_free(config);
    return status;
}
