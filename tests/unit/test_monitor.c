/* What the monitor promises: every metric of the table is there and Prometheus' own checker finds
 * nothing, the page escapes what came from outside, and ready means a fresh picture of everything.
 */
#include "tests/unit/cunit_main.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/words.h"
#include "monitor/picture.h"

static struct message *copy(enum message_id id, const void *body)
{
    struct error error = {""};
    struct message *message = message_copy(id, body, &error);
    if (!message)
        fprintf(stderr, "%s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    return message;
}

static void take_status(struct picture *picture, bool stale, int64_t mono_ms)
{
    const struct status_pool pool = {
        .name = "linux", .servers = 3, .desired = 4, .most = 5, .jobs_runnable = 2};
    const struct status_node nodes[] = {
        {.name = "ebb-linux-1-1",
         .pool = "linux",
         .state = NODE_BUSY,
         .state_ms = 252000,
         .age_ms = 600000,
         .paid_until_ms = 1795504736000,
         .paid_left_ms = 2220000,
         .runners = "runner-1",
         .why = "build <b>\"x\"</b> \033[31m"},
        {.name = "ebb-linux-1-2",
         .pool = "linux",
         .state = NODE_IDLE,
         .idle_ms = 61500,
         .runners = "",
         .why = "hour is paid"},
    };
    const struct status_source sources[] = {
        {.source = SOURCE_GITEA, .sequence = 7, .age_ms = 1500, .text = ""},
        {.source = SOURCE_HETZNER, .sequence = 9, .age_ms = 90000, .stale = stale, .text = ""},
        {.source = SOURCE_KUBE, .sequence = 8, .age_ms = 10, .text = ""},
    };
    const struct alarm alarm = {.kind = ALARM_BREAKER, .subject = "fleet", .text = "look"};
    const struct status status = {.wall_ms = 1795504736000,
                                  .mode = MODE_ACT,
                                  .pools = &pool,
                                  .pools_count = 1,
                                  .nodes = nodes,
                                  .nodes_count = 2,
                                  .sources = sources,
                                  .sources_count = 3,
                                  .alarms = &alarm,
                                  .alarms_count = 1,
                                  .jobs_running = 1,
                                  .jobs_waiting = 2,
                                  .unserved_labels = "",
                                  .hourly_micro = 261000,
                                  .today_micro = 2350000,
                                  .currency = "EUR",
                                  .created = 12,
                                  .deleted = 9};
    picture_take(picture, ROLE_RECONCILER, copy(MESSAGE_status, &status), mono_ms);
    picture->reconciler = true;
}

static void take_counters(struct picture *picture, enum role role)
{
    static struct sample samples[SAMPLES_MAX];
    metrics_reset();
    for (unsigned metric = 0; metric < metric_count; metric++) {
        const struct metric_row *row = metric_row(metric);
        for (unsigned first = 0; first < row->first.count; first++)
            if (row->kind == METRIC_HISTOGRAM)
                metric_observe((enum metric)metric, first, 0.3);
            else
                metric_add((enum metric)metric, first, row->second.count - 1, 3);
    }
    const struct counters counters = {
        .role = role, .samples = samples, .samples_count = metrics_collect(samples, SAMPLES_MAX)};
    picture_take(picture, role, copy(MESSAGE_counters, &counters), 0);
}

enum page { PAGE_METRICS, PAGE_HTML, PAGE_READY };

static char *printed(const struct picture *picture, enum page page, int64_t mono_ms, bool *ready)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (page == PAGE_METRICS)
        picture_print_metrics(picture, mono_ms, out);
    else if (page == PAGE_HTML)
        picture_print_page(picture, mono_ms, out);
    else
        *ready = picture_ready(picture, mono_ms, out);
    fclose(out);
    return text;
}

static void has(const char *text, const char *words)
{
    CU_ASSERT_PTR_NOT_NULL(strstr(text, words));
    if (!strstr(text, words))
        fprintf(stderr, "not there: %s\n", words);
}

static struct picture *full_picture(void)
{
    static struct picture picture;
    picture_clear(&picture);
    take_status(&picture, false, 1000);
    take_counters(&picture, ROLE_POLLER_GITEA);
    take_counters(&picture, ROLE_ACTUATOR);
    return &picture;
}

static void every_metric_of_the_table_is_there(void)
{
    static const char *const names[] = {
#define COUNTER(id, name, first, second, help)    name,
#define GAUGE(id, name, first, second, help)      name,
#define HISTOGRAM(id, name, first, buckets, help) name,
#define STATUS(name, kind, labels, help)          name,
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef STATUS
    };
    struct picture *picture = full_picture();
    char *text = printed(picture, PAGE_METRICS, 3500, NULL);
    char line[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(line, sizeof line, "\n# TYPE %s ", names[i]);
        has(text, line);
    }
    free(text);
    picture_clear(picture);
}

static void numbers_are_those_of_the_status(void)
{
    struct picture *picture = full_picture();
    char *text = printed(picture, PAGE_METRICS, 3500, NULL);
    has(text, "ebbtide_managed_nodes{state=\"busy\"} 1\n");
    has(text, "ebbtide_managed_nodes{state=\"draining\"} 0\n");
    has(text, "ebbtide_desired_nodes{pool=\"linux\"} 4\n");
    has(text, "ebbtide_node_idle_seconds{node=\"ebb-linux-1-2\",pool=\"linux\"} 61.5\n");
    has(text, "ebbtide_cost_per_hour{currency=\"EUR\"} 0.261\n");
    has(text, "ebbtide_alarms{kind=\"breaker\"} 1\n");
    has(text, "ebbtide_status_age_seconds 2.5\n");
    has(text, "ebbtide_servers_created_total 12\n");
    has(text, "ebbtide_api_request_duration_seconds_bucket{process=\"actuator\",api=\"kube\",le="
              "\"0.25\"} 0\n");
    has(text, "ebbtide_api_request_duration_seconds_bucket{process=\"actuator\",api=\"kube\",le="
              "\"0.5\"} 1\n");
    has(text, "ebbtide_api_request_duration_seconds_bucket{process=\"actuator\",api=\"kube\",le=\"+"
              "Inf\"} 1\n");
    has(text, "ebbtide_api_request_duration_seconds_sum{process=\"actuator\",api=\"kube\"} 0.3\n");
    has(text,
        "ebbtide_api_request_duration_seconds_count{process=\"poller-gitea\",api=\"gitea\"} 1\n");
    free(text);
    picture_clear(picture);
}

/* Prometheus' own checker, from EBBTIDE_PROMTOOL or the cache of deploy/unpack-tool. */
static void promtool_finds_nothing(void)
{
    char command[1024];
    const char *cache = getenv("EBBTIDE_CACHE");
    const char *home = getenv("HOME");
    snprintf(command, sizeof command, "%s%s/tools/prometheus/usr/bin/promtool",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache/ebbtide");
    if (access(command, X_OK) != 0) {
        fprintf(stderr, "\nSKIPPED: no promtool; run deploy/unpack-tool prometheus\n");
        return;
    }
    strcat(command, " check metrics");
    struct picture *picture = full_picture();
    char *text = printed(picture, PAGE_METRICS, 3500, NULL);
    FILE *tool = popen(command, "w"); // NOLINT(cert-env33-c): the tool under test
    CU_ASSERT_PTR_NOT_NULL_FATAL(tool);
    fputs(text, tool);
    CU_ASSERT_EQUAL(pclose(tool), 0);
    free(text);
    picture_clear(picture);
}

static void outside_texts_stay_texts(void)
{
    struct picture *picture = full_picture();
    char *text = printed(picture, PAGE_HTML, 1000, NULL);
    has(text, "build &lt;b&gt;&quot;x&quot;&lt;/b&gt;");
    CU_ASSERT_PTR_NULL(strstr(text, "<b>"));
    CU_ASSERT_PTR_NULL(strchr(text, '\033'));
    free(text);
    picture_clear(picture);
}

static void is_ready(const struct picture *picture, int64_t mono_ms, const char *words)
{
    bool ready = false;
    char *text = printed(picture, PAGE_READY, mono_ms, &ready);
    CU_ASSERT_EQUAL(ready, strcmp(words, "ready\n") == 0);
    has(text, words);
    free(text);
}

static void ready_means_a_fresh_picture_of_everything(void)
{
    static struct picture picture;
    is_ready(&picture, 0, "the reconciler does not run");
    is_ready(&picture, 0, "nothing was heard");
    take_status(&picture, false, 1000);
    is_ready(&picture, 2000, "ready\n");
    is_ready(&picture, 1000 + STATUS_AGE_MS_MAX, "ready\n");
    is_ready(&picture, 1001 + STATUS_AGE_MS_MAX, "nothing was heard from the reconciler for 60 s");
    take_status(&picture, true, 1000);
    is_ready(&picture, 2000, "the last picture of hetzner is 90 s old");
    take_status(&picture, false, 1000);
    picture.reconciler = false;
    is_ready(&picture, 2000, "the reconciler does not run");
    picture_clear(&picture);
}

static void nobody_speaks_for_another(void)
{
    static struct picture picture;
    const struct counters counters = {.role = ROLE_ACTUATOR};
    picture_take(&picture, ROLE_POLLER_KUBE, copy(MESSAGE_counters, &counters), 0);
    CU_ASSERT_PTR_NULL(picture.counters[ROLE_ACTUATOR]);
    CU_ASSERT_PTR_NULL(picture.counters[ROLE_POLLER_KUBE]);
    picture_clear(&picture);
}

/* --------------------------------------------------------------------------------- reference */

#define REFERENCE TEST_SOURCE_DIR "/../docs/reference-metrics.md"

static void print_counted(FILE *out, const struct metric_row *row)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    fprintf(out, "| `%s` | %s | process%s%s%s%s | %s", row->name, kinds[row->kind],
            row->first.name ? ", " : "", row->first.name ? row->first.name : "",
            row->second.name ? ", " : "", row->second.name ? row->second.name : "", row->help);
    for (unsigned i = 0; i < row->bucket_count; i++)
        fprintf(out, "%s%g", i ? ", " : " Buckets (s): ", row->buckets[i]);
    fprintf(out, "%s |\n", row->bucket_count ? "." : "");
}

static void print_reference(FILE *out)
{
    fprintf(out, "# Metrics reference\n\nMade from `common/metrics.def`; a test holds it to that "
                 "table. The monitor "
                 "serves them at `/metrics`\n(`monitor.listen_address`, `monitor.listen_port`).\n\n"
                 "## The fleet\n\nFrom the reconciler's last status.\n\n"
                 "| metric | kind | labels | meaning |\n|---|---|---|---|\n");
#define COUNTER(id, name, first, second, help)
#define GAUGE(id, name, first, second, help)
#define HISTOGRAM(id, name, first, buckets, help)
#define STATUS(name, kind, labels, help)                                                           \
    fprintf(out, "| `%s` | %s | %s | %s |\n", name, kind, labels, help);
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef STATUS
    fprintf(out, "\n## The processes\n\nEach process counts from its own start. A series appears "
                 "with its first "
                 "event.\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for (unsigned metric = 0; metric < metric_count; metric++)
        print_counted(out, metric_row(metric));
}

static void the_page_equals_the_table(void)
{
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    print_reference(out);
    fclose(out);
    char *kept = calloc(1, size + 2);
    FILE *file = fopen(REFERENCE, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    kept[fread(kept, 1, size + 1, file)] = '\0';
    fclose(file);
    CU_ASSERT_STRING_EQUAL(made, kept);
    if (strcmp(made, kept) != 0)
        fprintf(stderr, "docs/reference-metrics.md differs; test_monitor --write makes it anew\n");
    free(made);
    free(kept);
}

int main(int argc, char **argv)
{
    CU_TestInfo tests[] = {
        {"every metric of the table is there", every_metric_of_the_table_is_there},
        {"numbers are those of the status", numbers_are_those_of_the_status},
        {"promtool finds nothing", promtool_finds_nothing},
        {"outside texts stay texts", outside_texts_stay_texts},
        {"ready means a fresh picture", ready_means_a_fresh_picture_of_everything},
        {"nobody speaks for another", nobody_speaks_for_another},
        {"the page equals the table", the_page_equals_the_table},
        CU_TEST_INFO_NULL,
    };
    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        FILE *out = fopen(REFERENCE, "w");
        if (!out)
            return 1;
        print_reference(out);
        return fclose(out) == 0 ? 0 : 1;
    }
    return cunit_run("monitor", tests);
}
