/* The world's configuration: its defaults, and all its times made shorter at once.
 * May not: hold state. */
#include "simulator/world/config.h"

#include <string.h>

void world_config_defaults(struct world_config *config)
{
    *config = (struct world_config){
        .start_ms = 0,
        .seed = 1,
#define WORLD_NUMBER(name, value, least, most, help) .name = (value),
#define WORLD_SWITCH(name, value, help)              .name = (value),
#include "simulator/world/config.def"
#undef WORLD_NUMBER
#undef WORLD_SWITCH
        .runner_labels = {"linux"},
        .runner_label_count = 1,
        .runner_namespace = "gitea-runners",
    };
}

static int64_t scaled(int64_t value, int64_t least, int64_t most, double factor)
{
    double wanted = (double)value * factor;
    if (wanted < (double)least)
        return least;
    return wanted > (double)most ? most : (int64_t)wanted;
}

static bool is_scaled(const char *name)
{
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, "_ms") == 0 &&
           strcmp(name, "billing_period_ms") != 0;
}

void world_config_scale(struct world_config *config, double factor)
{
#define WORLD_NUMBER(name, value, least, most, help)                                               \
    if (is_scaled(#name))                                                                          \
        config->name = scaled(config->name, least, most, factor);
#define WORLD_SWITCH(name, value, help)
#include "simulator/world/config.def"
#undef WORLD_NUMBER
#undef WORLD_SWITCH
}
