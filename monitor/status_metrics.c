/* The half of /metrics that is made of the reconciler's last status: a function a row of
 * common/metrics.def. */
#include <string.h>

#include "common/words.h"
#include "monitor/metrics_page.h"

#define SECONDS(ms) ((double)(ms) / 1000.0)
#define MICRO(n)    ((double)(n) / 1e6)

struct page {
    FILE *out;
    const struct status *status; /* NULL: only the build and the age are known */
    const char *name;            /* of the row being printed */
    double age_s;
};

/* name{key="value"} number */
static void one(const struct page *p, const char *key, const char *value, double number)
{
    fprintf(p->out, "%s", p->name);
    if (key) {
        fprintf(p->out, "{%s=", key);
        print_label_value(p->out, value);
        fputc('}', p->out);
    }
    print_number(p->out, number);
}

static void managed_nodes(const struct page *p)
{
    double count[node_state_count] = {0};
    for (uint32_t i = 0; i < p->status->nodes_count; i++)
        count[p->status->nodes[i].state] += 1;
    for (unsigned state = 0; state < node_state_count; state++)
        one(p, "state", node_state_words[state], count[state]);
}

/* One number of each pool, by its place in the struct. */
static void of_pools(const struct page *p, size_t offset)
{
    for (uint32_t i = 0; i < p->status->pools_count; i++) {
        uint64_t number = 0;
        memcpy(&number, (const char *)&p->status->pools[i] + offset, sizeof number);
        one(p, "pool", p->status->pools[i].name, (double)number);
    }
}

static void desired_nodes(const struct page *p)
{
    of_pools(p, offsetof(struct status_pool, desired));
}

static void pool_servers(const struct page *p)
{
    of_pools(p, offsetof(struct status_pool, servers));
}

static void pool_least(const struct page *p)
{
    of_pools(p, offsetof(struct status_pool, least));
}

static void pool_most(const struct page *p)
{
    of_pools(p, offsetof(struct status_pool, most));
}

static void pool_runnable(const struct page *p)
{
    of_pools(p, offsetof(struct status_pool, jobs_runnable));
}

static void pool_free(const struct page *p)
{
    of_pools(p, offsetof(struct status_pool, slots_free));
}

static void pool_coming(const struct page *p)
{
    of_pools(p, offsetof(struct status_pool, slots_coming));
}

static void jobs(const struct page *p)
{
    one(p, "state", "running", (double)p->status->jobs_running);
    one(p, "state", "waiting", (double)p->status->jobs_waiting);
    one(p, "state", "blocked", (double)p->status->jobs_blocked);
    one(p, "state", "unserved", (double)p->status->jobs_unserved);
    one(p, "state", "lost", (double)p->status->jobs_lost);
}

static void of_node(const struct page *p, const struct status_node *node, bool state, double number)
{
    fprintf(p->out, "%s{node=", p->name);
    print_label_value(p->out, node->name);
    fprintf(p->out, ",pool=");
    print_label_value(p->out, node->pool);
    if (state)
        fprintf(p->out, ",state=\"%s\"", node_state_words[node->state]);
    fputc('}', p->out);
    print_number(p->out, number);
}

static void node_age(const struct page *p)
{
    for (uint32_t i = 0; i < p->status->nodes_count; i++)
        of_node(p, &p->status->nodes[i], false, SECONDS(p->status->nodes[i].age_ms));
}

static void node_idle(const struct page *p)
{
    for (uint32_t i = 0; i < p->status->nodes_count; i++)
        of_node(p, &p->status->nodes[i], false, SECONDS(p->status->nodes[i].idle_ms));
}

static void node_state_time(const struct page *p)
{
    for (uint32_t i = 0; i < p->status->nodes_count; i++)
        of_node(p, &p->status->nodes[i], true, SECONDS(p->status->nodes[i].state_ms));
}

static void node_paid(const struct page *p)
{
    for (uint32_t i = 0; i < p->status->nodes_count; i++)
        of_node(p, &p->status->nodes[i], false, SECONDS(p->status->nodes[i].paid_left_ms));
}

static void created(const struct page *p)
{
    one(p, NULL, NULL, (double)p->status->created);
}

static void deleted(const struct page *p)
{
    one(p, NULL, NULL, (double)p->status->deleted);
}

static void deregistered(const struct page *p)
{
    one(p, NULL, NULL, (double)p->status->deregistered);
}

static void up_errors(const struct page *p)
{
    one(p, NULL, NULL, (double)p->status->create_errors);
}

static void down_errors(const struct page *p)
{
    one(p, NULL, NULL, (double)p->status->remove_errors);
}

static void rolled(const struct page *p)
{
    one(p, NULL, NULL, (double)p->status->hours_rolled);
}

static void hourly(const struct page *p)
{
    one(p, "currency", p->status->currency, MICRO(p->status->hourly_micro));
}

static void today(const struct page *p)
{
    one(p, "currency", p->status->currency, MICRO(p->status->today_micro));
}

static void total(const struct page *p)
{
    one(p, "currency", p->status->currency, MICRO(p->status->total_micro));
}

static void alarms(const struct page *p)
{
    double count[alarm_kind_count] = {0};
    for (uint32_t i = 0; i < p->status->alarms_count; i++)
        count[p->status->alarms[i].kind] += 1;
    for (unsigned kind = 0; kind < alarm_kind_count; kind++)
        one(p, "kind", alarm_kind_words[kind], count[kind]);
}

static void source_age(const struct page *p)
{
    for (uint32_t i = 0; i < p->status->sources_count; i++)
        if (p->status->sources[i].sequence)
            one(p, "api", source_words[p->status->sources[i].source],
                SECONDS(p->status->sources[i].age_ms));
}

static void source_stale(const struct page *p)
{
    for (uint32_t i = 0; i < p->status->sources_count; i++)
        one(p, "api", source_words[p->status->sources[i].source], p->status->sources[i].stale);
}

static void mode(const struct page *p)
{
    for (unsigned word = 0; word < mode_count; word++)
        one(p, "mode", mode_words[word], word == (unsigned)p->status->mode);
}

static void status_age(const struct page *p)
{
    one(p, NULL, NULL, p->age_s);
}

static void build_info(const struct page *p)
{
    one(p, "version", EBBTIDE_VERSION, 1);
}

/* Name to printer; kind and help are the table's. */
static const struct {
    const char *name;
    void (*print)(const struct page *);
} printers[] = {
    {"ebbtide_managed_nodes", managed_nodes},
    {"ebbtide_desired_nodes", desired_nodes},
    {"ebbtide_pool_servers", pool_servers},
    {"ebbtide_pool_servers_min", pool_least},
    {"ebbtide_pool_servers_max", pool_most},
    {"ebbtide_pool_jobs_runnable", pool_runnable},
    {"ebbtide_pool_slots_free", pool_free},
    {"ebbtide_pool_slots_coming", pool_coming},
    {"ebbtide_jobs", jobs},
    {"ebbtide_node_age_seconds", node_age},
    {"ebbtide_node_idle_seconds", node_idle},
    {"ebbtide_node_state_seconds", node_state_time},
    {"ebbtide_node_paid_seconds", node_paid},
    {"ebbtide_servers_created_total", created},
    {"ebbtide_servers_deleted_total", deleted},
    {"ebbtide_runners_deregistered_total", deregistered},
    {"ebbtide_scale_up_errors_total", up_errors},
    {"ebbtide_scale_down_errors_total", down_errors},
    {"ebbtide_paid_periods_rolled_total", rolled},
    {"ebbtide_cost_per_hour", hourly},
    {"ebbtide_cost_today", today},
    {"ebbtide_cost_total", total},
    {"ebbtide_alarms", alarms},
    {"ebbtide_snapshot_age_seconds", source_age},
    {"ebbtide_snapshot_stale", source_stale},
    {"ebbtide_mode", mode},
    {"ebbtide_status_age_seconds", status_age},
    {"ebbtide_build_info", build_info},
};

static void print_row(struct page *p, const char *name, const char *kind, const char *help)
{
    bool always = strcmp(name, "ebbtide_build_info") == 0;
    if (!p->status && !always)
        return;
    for (size_t i = 0; i < sizeof printers / sizeof *printers; i++)
        if (strcmp(printers[i].name, name) == 0) {
            p->name = name;
            fprintf(p->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
            printers[i].print(p);
            return;
        }
}

void print_status_metrics(const struct picture *picture, int64_t mono_ms, FILE *out)
{
    struct page page = {.out = out, .age_s = SECONDS(mono_ms - picture->status_mono_ms)};
    if (picture->status)
        page.status = message_status(picture->status);
#define COUNTER(id, name, first, second, help)
#define GAUGE(id, name, first, second, help)
#define HISTOGRAM(id, name, first, buckets, help)
#define STATUS(name, kind, labels, help) print_row(&page, name, kind, help);
#include "common/metrics.def"
}
