/* `ebbtide check-config FILE`: every mistake, or what holds. */
#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/config_table.h"
#include "common/words.h"

static void print_pool(const struct config_pool *pool, FILE *out)
{
    fprintf(out, "pool %s: %" PRIu64 " to %" PRIu64 " servers of %s in %s", pool->name, pool->min,
            pool->max, pool->offers[0].server_type, pool->offers[0].location);
    if (pool->offers_count > 1)
        fprintf(out, " (and %" PRIu32 " more offers)", pool->offers_count - 1);
    fprintf(out, ", %" PRIu64 " job%s at once on each; serves", pool->capacity,
            pool->capacity == 1 ? "" : "s");
    if (pool->label_sets_count == 0)
        fprintf(out, " nothing (no label_sets)");
    for (uint32_t i = 0; i < pool->label_sets_count; i++) {
        char text[SETTING_BYTES_MAX + 1];
        const struct config_label_set *set = &pool->label_sets[i];
        size_t used = 0;
        for (uint32_t j = 0; j < set->label_count && used < sizeof text; j++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", j ? ", " : "",
                                     set->label[j]);
        fprintf(out, " [%s]", text);
    }
    fprintf(out, "\n");
}

static void print_summary(const char *path, const struct config *config, FILE *out)
{
    char a[CLOCK_TEXT_BYTES];
    char b[CLOCK_TEXT_BYTES];
    char money[32];
    fprintf(out, "%s is fine.\n", path);
    fprintf(out, "mode %s: %s\n", mode_words[config->mode],
            config->mode == MODE_ACT ? "servers are rented and given back"
                                     : "decides and shows, rents and removes nothing");
    fprintf(out, "gitea %s (%s%s%s), hetzner %s, kubernetes %s\n", config->gitea.url,
            gitea_scope_words[config->gitea.scope], *config->gitea.scope_name ? " " : "",
            config->gitea.scope_name, config->hetzner.url,
            config->kube.in_cluster ? "in this cluster" : config->kube.kubeconfig_file);
    for (uint32_t i = 0; i < config->pools_count; i++)
        print_pool(&config->pools[i], out);
    config_format_money(config->rails.max_hourly_cost_micro, money, sizeof money);
    fprintf(out, "rails: at most %" PRIu64 " servers and %s an hour\n", config->rails.max_servers,
            money);
    fprintf(out, "a server goes after %s idle, in the last %s of its paid hour\n",
            clock_format_duration(config->life.idle_timeout_ms, a),
            clock_format_duration(config->billing.window_ms, b));
}

int config_check(const char *path, FILE *out, FILE *err)
{
    static struct config_problems problems;
    struct config *config = NULL;
    if (!config_load(path, &config, &problems)) {
        config_problems_print(&problems, path, err);
        uint32_t count = problems.count + problems.dropped;
        fprintf(err, "%s: %" PRIu32 " mistake%s\n", path, count, count == 1 ? "" : "s");
        return 1;
    }
    print_summary(path, config, out);
    config_free(config);
    return 0;
}
