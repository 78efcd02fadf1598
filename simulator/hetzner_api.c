/* The Hetzner API: its routes, and the budget of requests that all answers tell of.
 * May not touch the world. */
#include "simulator/hetzner_private.h"

#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>

struct hetzner_api {
    struct api_definition definition;
    int64_t limit;
    int64_t milli_remaining; /* thousandths of a request */
    int64_t refilled_mono_ms;
    uint64_t correlation;
};

#define READ(path, function)                                                                       \
    {                                                                                              \
        .method = "GET", .pattern = "/v1" path, .permission = PERMIT_READ, .handler = (function)   \
    }
#define CHANGE(verb, path, function)                                                               \
    {                                                                                              \
        .method = (verb), .pattern = "/v1" path, .permission = PERMIT_WRITE, .handler = (function) \
    }
static const struct route routes[] = {
    READ("/servers", hetzner_servers_list),
    CHANGE("POST", "/servers", hetzner_servers_create),
    READ("/servers/actions", hetzner_actions_list),
    READ("/servers/actions/{id}", hetzner_actions_get),
    READ("/servers/{id}", hetzner_servers_get),
    CHANGE("PUT", "/servers/{id}", hetzner_servers_update),
    CHANGE("DELETE", "/servers/{id}", hetzner_servers_delete),
    READ("/servers/{id}/actions", hetzner_server_actions_list),
    CHANGE("POST", "/servers/{id}/actions/poweroff", hetzner_servers_power),
    CHANGE("POST", "/servers/{id}/actions/poweron", hetzner_servers_power),
    CHANGE("POST", "/servers/{id}/actions/shutdown", hetzner_servers_power),
    CHANGE("POST", "/servers/{id}/actions/change_protection", hetzner_servers_protect),
    READ("/actions", hetzner_actions_list),
    READ("/actions/{id}", hetzner_actions_get),
    READ("/server_types", hetzner_types_list),
    READ("/server_types/{id}", hetzner_types_get),
    READ("/locations", hetzner_locations_list),
    READ("/locations/{id}", hetzner_locations_get),
    READ("/images", hetzner_images_list),
    READ("/images/{id}", hetzner_images_get),
    READ("/pricing", hetzner_pricing),
    READ("/ssh_keys", hetzner_empty_list),
    READ("/networks", hetzner_empty_list),
    READ("/firewalls", hetzner_empty_list),
    READ("/placement_groups", hetzner_empty_list),
    READ("/volumes", hetzner_empty_list),
};

static void refill(struct hetzner_api *api, int64_t now_ms)
{
    api->milli_remaining += (now_ms - api->refilled_mono_ms) * api->limit / 3600;
    api->refilled_mono_ms = now_ms;
    if (api->milli_remaining > api->limit * 1000)
        api->milli_remaining = api->limit * 1000;
}

/* RateLimit-Reset is the time at which the budget is full again. */
static void tell_budget(struct exchange *exchange, const struct hetzner_api *api)
{
    int64_t missing = api->limit * 1000 - api->milli_remaining;
    int64_t full_s = clock_wall_ms() / 1000 + missing * 3600 / (api->limit * 1000);
    exchange_add_headerf(exchange, "RateLimit-Limit", "%lld", (long long)api->limit);
    exchange_add_headerf(exchange, "RateLimit-Remaining", "%lld",
                         (long long)(api->milli_remaining / 1000));
    exchange_add_headerf(exchange, "RateLimit-Reset", "%lld", (long long)full_s);
}

static bool before(struct exchange *exchange)
{
    struct hetzner_api *api = exchange_context(exchange);
    refill(api, clock_mono_ms());
    bool enough = api->milli_remaining >= 1000;
    if (enough)
        api->milli_remaining -= 1000;
    tell_budget(exchange, api);
    exchange_add_headerf(exchange, "X-Correlation-Id", "%016llx",
                         (unsigned long long)++api->correlation);
    api_advance(exchange);
    if (!enough)
        hetzner_error(exchange, "rate_limit_exceeded", "limit of 3600 requests per hour reached");
    return enough;
}

bool hetzner_api_init(struct hetzner_api **out, const struct hetzner_options *options,
                      struct error *error)
{
    struct hetzner_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return error_set(error, "no memory for the Hetzner API");
    api->limit =
        options->requests_per_hour > 0 ? options->requests_per_hour : HETZNER_REQUESTS_HOUR;
    api->milli_remaining = api->limit * 1000;
    api->refilled_mono_ms = clock_mono_ms();
    api->definition = (struct api_definition){.routes = routes,
                                              .route_count = sizeof routes / sizeof *routes,
                                              .refuse = hetzner_refuse,
                                              .before = before,
                                              .context = api};
    *out = api;
    return true;
}

void hetzner_api_free(struct hetzner_api *api)
{
    free(api);
}

const struct api_definition *hetzner_api_definition(const struct hetzner_api *api)
{
    return &api->definition;
}

int64_t hetzner_api_remaining(const struct hetzner_api *api)
{
    return api->milli_remaining / 1000;
}

void hetzner_api_set_remaining(struct hetzner_api *api, int64_t remaining)
{
    api->milli_remaining = remaining * 1000;
    api->refilled_mono_ms = clock_mono_ms();
}
