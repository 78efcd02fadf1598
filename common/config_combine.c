/* What is impossible together, though each value is fine by itself. A function a matter; each
 * reports at the value that a person would change. May not: do I/O, change a value. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/config_table.h"
#include "common/names.h"
#include "common/sandbox_parts.h"

#define HOUR_MS 3600000

typedef struct config_reader reader;

static const char *duration(int64_t ms, char out[CLOCK_TEXT_BYTES])
{
    return clock_format_duration(ms, out);
}

/* least and most of one section: least must not exceed most. */
static void in_order(reader *r, const void *section, const int64_t *least, const int64_t *most,
                     const char *least_name, const char *most_name)
{
    char a[CLOCK_TEXT_BYTES];
    char b[CLOCK_TEXT_BYTES];
    if (config_reader_fine(r, least) && config_reader_fine(r, most) && *least > *most)
        config_reader_problem(r, least, section, "%s (%s) is more than %s (%s)", least_name,
                              duration(*least, a), most_name, duration(*most, b));
}

static void check_orders(reader *r, const struct config *c)
{
    in_order(r, &c->http, &c->http.connect_timeout_ms, &c->http.total_timeout_ms,
             "http.connect_timeout", "http.total_timeout");
    in_order(r, &c->http, &c->http.backoff_first_ms, &c->http.backoff_most_ms, "http.backoff_first",
             "http.backoff_most");
    in_order(r, &c->supervisor, &c->supervisor.restart_first_ms, &c->supervisor.restart_most_ms,
             "supervisor.restart_first", "supervisor.restart_most");
    in_order(r, &c->life, &c->life.create_grace_ms, &c->life.provision_timeout_ms,
             "life.create_grace", "life.provision_timeout");
    in_order(r, &c->life, &c->life.drain_deadline_ms, &c->life.drain_longest_ms,
             "life.drain_deadline", "life.drain_longest");
    in_order(r, &c->gitea, &c->gitea.poll_interval_ms, &c->trust.gitea_age_max_ms,
             "gitea.poll_interval", "trust.gitea_age_max");
    in_order(r, &c->hetzner, &c->hetzner.poll_interval_ms, &c->trust.hetzner_age_max_ms,
             "hetzner.poll_interval", "trust.hetzner_age_max");
    in_order(r, &c->kube, &c->kube.poll_interval_ms, &c->trust.kube_age_max_ms,
             "kube.poll_interval", "trust.kube_age_max");
    if (config_reader_fine(r, &c->files.audit_reserve_bytes) &&
        config_reader_fine(r, &c->files.audit_max_bytes) &&
        c->files.audit_reserve_bytes >= c->files.audit_max_bytes)
        config_reader_problem(r, &c->files.audit_reserve_bytes, &c->files,
                              "files.audit_reserve must be smaller than files.audit_max");
    if (config_reader_fine(r, &c->capture.segment_bytes) &&
        config_reader_fine(r, &c->capture.keep_bytes) &&
        c->capture.keep_bytes / 2 < c->capture.segment_bytes)
        config_reader_problem(r, &c->capture.keep_bytes, &c->capture,
                              "capture.keep must be at least twice capture.segment");
}

/* ------------------------------------------------------------------------------ the paid hour */

/* From the fence to the server's end, as far as the configuration says it. */
static int64_t teardown_ms(const struct config *c)
{
    return c->gitea.fence_settle_ms + c->life.drain_deadline_ms + c->life.remove_allowance_ms;
}

static bool teardown_fine(const reader *r, const struct config *c)
{
    return config_reader_fine(r, &c->gitea.fence_settle_ms) &&
           config_reader_fine(r, &c->life.drain_deadline_ms) &&
           config_reader_fine(r, &c->life.remove_allowance_ms);
}

static void check_window(reader *r, const struct config *c)
{
    char a[CLOCK_TEXT_BYTES];
    char b[CLOCK_TEXT_BYTES];
    if (!config_reader_fine(r, &c->billing.window_ms))
        return;
    if (config_reader_fine(r, &c->billing.period_ms) &&
        c->billing.window_ms >= c->billing.period_ms)
        config_reader_problem(r, &c->billing.window_ms, &c->billing,
                              "billing.window (%s) must be shorter than billing.period (%s)",
                              duration(c->billing.window_ms, a), duration(c->billing.period_ms, b));
    if (!teardown_fine(r, c))
        return;
    if (c->billing.window_ms < teardown_ms(c))
        config_reader_problem(
            r, &c->billing.window_ms, &c->billing,
            "billing.window (%s) leaves no time for a teardown: gitea.fence_settle "
            "+ life.drain_deadline + life.remove_allowance take up to %s; make it "
            "longer, or those shorter",
            duration(c->billing.window_ms, a), duration(teardown_ms(c), b));
}

/* A close that is set must itself leave time, and come after the window's beginning. */
static void check_window_close(reader *r, const struct config *c)
{
    char a[CLOCK_TEXT_BYTES];
    char b[CLOCK_TEXT_BYTES];
    int64_t close = c->billing.window_close_ms;
    if (close == 0 || !config_reader_fine(r, &c->billing.window_close_ms))
        return;
    if (config_reader_fine(r, &c->billing.window_ms) && close >= c->billing.window_ms)
        config_reader_problem(r, &c->billing.window_close_ms, &c->billing,
                              "billing.window_close (%s) must be less than billing.window (%s): no "
                              "teardown could ever begin",
                              duration(close, a), duration(c->billing.window_ms, b));
    if (teardown_fine(r, c) && close < teardown_ms(c))
        config_reader_problem(
            r, &c->billing.window_close_ms, &c->billing,
            "billing.window_close (%s) is less than a teardown may take (%s): one "
            "begun that late would run into the next paid hour; 0s lets it be "
            "measured",
            duration(close, a), duration(teardown_ms(c), b));
}

static void check_period(reader *r, const struct config *c)
{
    if (c->billing.period_ms >= HOUR_MS || !config_reader_fine(r, &c->billing.period_ms))
        return;
    const struct {
        const char *name, *url;
    } endpoints[] = {{"gitea.url", c->gitea.url}, {"hetzner.url", c->hetzner.url}};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        if (*endpoints[i].url && !config_url_is_loopback(endpoints[i].url))
            config_reader_problem(
                r, &c->billing.period_ms, &c->billing,
                "billing.period may be less than 1h only where every endpoint is on "
                "loopback (demo, tests), and %s is not",
                endpoints[i].name);
    if (c->kube.in_cluster)
        config_reader_problem(r, &c->billing.period_ms, &c->billing,
                              "billing.period may be less than 1h only where every endpoint is on "
                              "loopback (demo, tests), and kube.in_cluster is not");
}

/* --------------------------------------------------------------------------------- endpoints */

static void check_url(reader *r, const struct config *c, const void *section,
                      const char *const *url, const char *name)
{
    if (strncmp(*url, "http://", 7) != 0 || !config_reader_fine(r, url))
        return;
    if (!config_url_is_loopback(*url))
        config_reader_problem(
            r, url, section,
            "%s: http:// would send the token in the clear; expected https:// (http:// "
            "is for 127.0.0.1, ::1 and localhost only)",
            name);
    else if (!c->http.allow_http_on_loopback &&
             config_reader_fine(r, &c->http.allow_http_on_loopback))
        config_reader_problem(r, url, section,
                              "%s: http:// on loopback needs http.allow_http_on_loopback: true",
                              name);
}

static void check_urls(reader *r, const struct config *c)
{
    check_url(r, c, &c->gitea, &c->gitea.url, "gitea.url");
    check_url(r, c, &c->hetzner, &c->hetzner.url, "hetzner.url");
}

static void check_scope(reader *r, const struct config *c)
{
    const char *name = c->gitea.scope_name;
    if (!config_reader_fine(r, &c->gitea.scope) || !config_reader_fine(r, &c->gitea.scope_name))
        return;
    bool whole = c->gitea.scope == SCOPE_ADMIN;
    bool pair = strchr(name, '/') != NULL;
    if (whole && *name)
        config_reader_problem(
            r, &c->gitea.scope_name, &c->gitea,
            "gitea.scope_name has no meaning with scope admin; set scope to org or "
            "repo, or leave it away");
    else if (!whole && !*name)
        config_reader_problem(
            r, &c->gitea.scope, &c->gitea, "gitea.scope %s needs gitea.scope_name: %s",
            c->gitea.scope == SCOPE_ORG ? "org" : "repo",
            c->gitea.scope == SCOPE_ORG ? "the organisation's name" : "owner/name");
    else if (!whole && pair != (c->gitea.scope == SCOPE_REPO))
        config_reader_problem(r, &c->gitea.scope_name, &c->gitea, "gitea.scope_name: expected %s",
                              c->gitea.scope == SCOPE_ORG ? "an organisation's name, without /"
                                                          : "owner/name");
}

/* The two listeners are told apart by their ports. */
static void check_webhooks(reader *r, const struct config *c)
{
    const struct config_monitor *m = &c->monitor;
    if (!*m->webhook_listen_address)
        return;
    if (!*m->webhook_secret_file && config_reader_fine(r, &m->webhook_secret_file))
        config_reader_problem(r, &m->webhook_secret_file, m,
                              "monitor.webhook_secret_file is missing: webhooks are taken only "
                              "with a secret; expected an absolute path");
    if (m->listen_port != 0 && m->listen_port == m->webhook_listen_port &&
        config_reader_fine(r, &m->webhook_listen_port))
        config_reader_problem(r, &m->webhook_listen_port, m,
                              "monitor.webhook_listen_port is monitor.listen_port: expected "
                              "another port");
}

static void check_kube(reader *r, const struct config *c)
{
    if (!config_reader_fine(r, &c->kube.in_cluster) ||
        !config_reader_fine(r, &c->kube.kubeconfig_file))
        return;
    if (c->kube.in_cluster && *c->kube.kubeconfig_file)
        config_reader_problem(r, &c->kube.kubeconfig_file, &c->kube,
                              "kube.kubeconfig_file and kube.in_cluster exclude each other");
    if (!c->kube.in_cluster && !*c->kube.kubeconfig_file)
        config_reader_problem(r, &c->kube.kubeconfig_file, &c->kube,
                              "kube.kubeconfig_file is missing: expected an absolute path, or "
                              "in_cluster: true");
}

/* ------------------------------------------------------------------------------ what act needs */

static void needs(reader *r, const void *section, const char *const *field, const char *name,
                  const char *what)
{
    if (config_reader_fine(r, field) && !**field)
        config_reader_problem(r, field, section, "mode act needs %s: %s", name, what);
}

static void check_act(reader *r, const struct config *c)
{
    char name[64];
    if (c->mode != MODE_ACT)
        return;
    needs(r, &c->gitea, &c->gitea.write_token_file, "gitea.write_token_file",
          "a file with the token that may change runners");
    needs(r, &c->hetzner, &c->hetzner.write_token_file, "hetzner.write_token_file",
          "a file with the read and write token");
    if (!c->kube.in_cluster)
        needs(r, &c->kube, &c->kube.write_kubeconfig_file, "kube.write_kubeconfig_file",
              "a kubeconfig that may cordon, evict and delete nodes");
    for (uint32_t i = 0; i < c->pools_count; i++) {
        const struct config_pool *pool = &c->pools[i];
        snprintf(name, sizeof name, "pools[%" PRIu32 "].server_url", i);
        needs(r, pool, &pool->server_url, name, "the address of K3s that servers join");
        snprintf(name, sizeof name, "pools[%" PRIu32 "].join_token_file", i);
        needs(r, pool, &pool->join_token_file, name, "a file with the K3s join token");
    }
}

/* ------------------------------------------------------------------------------ the sandbox */

static void check_sandbox(reader *r, const struct config *c)
{
    const struct config_sandbox *sandbox = &c->sandbox;
    char both[256];
    uint32_t set = sandbox_parts_of(sandbox->required, sandbox->required_count) &
                   sandbox_parts_of(sandbox->without, sandbox->without_count);
    if (set != 0 && config_reader_fine(r, &sandbox->without))
        config_reader_problem(r, &sandbox->without, sandbox,
                              "sandbox.without leaves out what sandbox.required asks for: %s",
                              sandbox_parts_text(set, both, sizeof both));
}

/* ------------------------------------------------------------------------------ what is sent */

static void check_sent(reader *r, const struct config *c)
{
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1)) {
        struct config_settings settings;
        struct error error = {""};
        if (!config_export(c, role, &settings, &error)) {
            config_reader_problem(r, c->pools, c->pools, "%s", error.text);
            return;
        }
        config_settings_free(&settings);
    }
}

void config_combine(struct config_reader *reader_, const struct config *config)
{
    static void (*const checks[])(reader *, const struct config *) = {
        check_orders,
        check_window,
        check_window_close,
        check_period,
        check_urls,
        check_scope,
        check_kube,
        check_webhooks,
        check_act,
        config_combine_pools,
        config_combine_labels,
        check_sandbox,
        check_sent,
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](reader_, config);
}
