/* What the chain costs: the link of one line beside the whole of it (made, written, synced to a
 * file in the folder that is named, /tmp otherwise), and lines judged a second. Prints lines;
 * asserts nothing. May not: be a test (times differ from machine to machine). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actuator/audit.h"
#include "audit/verify.h"

#define LINES 2000
#define LINKS 200000

static double now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void die(const char *what, const struct error *error)
{
    fprintf(stderr, "bench_audit: %s%s%s\n", what, error == NULL ? "" : ": ",
            error == NULL ? "" : error->text);
    exit(1);
}

static double link_us(void)
{
    static const char body[] =
        "{\"time\":\"2026-11-27T10:38:48.000Z\",\"event\":\"intent\",\"id\":\"475501-6\",\"kind\":"
        "\"remove_node\",\"node\":\"ebb-linux-7k2-01\",\"pool\":\"linux\",\"server_id\":4711,"
        "\"node_uid\":\"2b1c2a52-6b0e-4f0e-9b5a-0f2f8a2f6f11\",\"reason\":\"hour-ends\",\"gitea\":"
        "100,\"hetzner\":101,\"kube\":102,\"text\":\"its runners are gone, its pods have left\"}";
    char line[CHAIN_LINE_BYTES_MAX];
    struct chain_link before = {.seq = 0}, after;
    double began = now_us(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < LINKS; i++) {
        if (chain_make(&before, body, sizeof body - 1, NULL, line, sizeof line, &after) == 0)
            die("a line cannot be made", NULL);
        before = after;
    }
    return (now_us(CLOCK_PROCESS_CPUTIME_ID) - began) / LINKS;
}

static double line_us(int file)
{
    static const struct audit_limits limits = {.max_bytes = 1 << 30, .reserve_bytes = 1 << 20};
    struct action action = {.kind = ACTION_REMOVE_NODE,
                            .reason = REASON_HOUR_ENDS,
                            .text = "its runners are gone, its pods have left",
                            .node = {.name = "ebb-linux-7k2-01",
                                     .pool = "linux",
                                     .node_uid = "2b1c2a52-6b0e-4f0e-9b5a-0f2f8a2f6f11"}};
    struct audit *audit;
    struct error error;
    if (!audit_open(&audit, file, "audit", &limits, NULL, &error))
        die("the log cannot be opened", &error);
    double began = now_us(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < LINES; i++) {
        action.id = (struct action_id){1, i + 1};
        if (!audit_intent(audit, &action, 1795764000000 + i, &error))
            die("a line cannot be written", &error);
    }
    double took = now_us(CLOCK_MONOTONIC) - began;
    audit_close(audit);
    return took / LINES;
}

static double judge_us(int file)
{
    struct verify_result result;
    struct error error;
    struct verify *verify = verify_new(NULL, NULL, false, NULL, NULL);
    double began = now_us(CLOCK_PROCESS_CPUTIME_ID);
    if (verify == NULL || !verify_file(verify, file, "audit", &error))
        die("the log cannot be judged", NULL);
    verify_end(verify, &result);
    verify_free(verify);
    if (result.findings > 0)
        die("the log does not verify", &result.what);
    return (now_us(CLOCK_PROCESS_CPUTIME_ID) - began) / (double)result.lines;
}

int main(int count, char **word)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/ebbtide-bench-XXXXXX", count > 1 ? word[1] : "/tmp");
    int made = mkstemp(path), file = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (made < 0 || file < 0 || unlink(path) != 0)
        die("no file to write", NULL);
    double link = link_us(), line = line_us(file);
    printf("audit line: %.0f us written and synced, %.2f us of it for its link (%.2f %%)\n", line,
           link, 100 * link / line);
    printf("audit verify: %.0f lines a second\n", 1e6 / judge_us(made));
    close(made);
    return 0;
}
