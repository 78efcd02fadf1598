/* The pages, each printed anew for each request. */
#include "monitor/serve.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/metrics.h"

struct serve {
    struct door *door;
    struct picture *picture;
};

/* The monitor's own numbers, as every process sends its. */
static void count_own(struct serve *serve)
{
    static struct sample samples[SAMPLES_MAX];
    const struct counters own = {.role = ROLE_MONITOR,
                                 .samples = samples,
                                 .samples_count = metrics_collect(samples, SAMPLES_MAX)};
    struct message *message = message_copy(MESSAGE_counters, &own, NULL);
    if (message)
        picture_take(serve->picture, ROLE_MONITOR, message, clock_mono_ms());
}

static bool print_metrics(struct serve *serve, FILE *out)
{
    count_own(serve);
    picture_print_metrics(serve->picture, clock_mono_ms(), out);
    return true;
}

static bool print_page(struct serve *serve, FILE *out)
{
    picture_print_page(serve->picture, clock_mono_ms(), out);
    return true;
}

static bool print_ready(struct serve *serve, FILE *out)
{
    return picture_ready(serve->picture, clock_mono_ms(), out);
}

/* As long as this is answered the daemon runs: the supervisor ends it all when a worker cannot be
 * kept alive. */
static bool print_health(struct serve *serve, FILE *out)
{
    (void)serve;
    fputs("alive\n", out);
    return true;
}

/* What is served, and whether it is well (200, or 503). */
static const struct route {
    const char *path, *type;
    bool (*print)(struct serve *serve, FILE *out);
} routes[] = {
    {"/", "text/html; charset=utf-8", print_page},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", print_metrics},
    {"/healthz", "text/plain; charset=utf-8", print_health},
    {"/readyz", "text/plain; charset=utf-8", print_ready},
};

static void answer(struct visit *visit, const struct route *route, struct serve *serve)
{
    char *text = NULL;
    size_t size = 0;
    bool well = false;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        well = route->print(serve, out);
        fclose(out);
    }
    visit_answer(visit, well ? HTTP_OK : HTTP_SERVUNAVAIL, route->type, text, size);
}

static void on_visit(struct visit *visit, void *argument)
{
    if (!visit_method_is(visit, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD)) {
        visit_add_header(visit, "Allow", "GET, HEAD");
        visit_refuse(visit, REFUSAL_METHOD, HTTP_BADMETHOD, "here one can only GET");
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(visit_path(visit), routes[i].path) == 0) {
            answer(visit, &routes[i], argument);
            return;
        }
    visit_refuse(visit, REFUSAL_PATH, HTTP_NOTFOUND, "there are /, /metrics, /healthz and /readyz");
}

struct serve *serve_new(struct event_base *base, int listener, const struct config *config,
                        struct picture *picture, struct error *error)
{
    struct serve *serve = calloc(1, sizeof *serve);
    const struct door_rules rules = {.body_bytes_max = REQUEST_BODY_BYTES_MAX,
                                     .style_hash = PAGE_STYLE_HASH,
                                     .handler = on_visit,
                                     .argument = serve};
    struct door *door = door_new(base, listener, config, &rules, error);
    if (!serve || !door) {
        if (door)
            error_set(error, "the monitor's pages cannot be served: out of memory");
        door_free(door);
        free(serve);
        return NULL;
    }
    serve->door = door;
    serve->picture = picture;
    return serve;
}

void serve_limit(struct serve *serve, const struct config *config)
{
    door_limit(serve->door, config);
}

void serve_free(struct serve *serve)
{
    if (!serve)
        return;
    door_free(serve->door);
    free(serve);
}
