/* Reading the command line, strictly: an unknown option or a number out of its range is an error
 * that names it. May not start anything. */
#include "simulator/options.h"

#include "simulator/hetzner_api.h"
#include "simulator/option_sets.h"

#include <stdlib.h>
#include <string.h>

static const struct number {
    const char *name;
    int64_t value, least, most;
    size_t offset;
    const char *help;
} numbers[] = {
#define WORLD_NUMBER(member, value_, least_, most_, help_)                                         \
    {.name = #member,                                                                              \
     .value = (value_),                                                                            \
     .least = (least_),                                                                            \
     .most = (most_),                                                                              \
     .offset = offsetof(struct options, world.member),                                             \
     .help = (help_)},
#define WORLD_SWITCH(member, value_, help_)
#include "simulator/world/config.def"
#undef WORLD_NUMBER
#undef WORLD_SWITCH
    {.name = "hetzner_requests",
     .value = HETZNER_REQUESTS_HOUR,
     .least = 1,
     .most = 1000000000,
     .offset = offsetof(struct options, hetzner_requests),
     .help = "requests an hour that Hetzner allows the project"},
    {.name = "workload_rate",
     .least = 0,
     .most = 100000,
     .offset = offsetof(struct options, workload_rate),
     .help = "generated jobs an hour, from the seed"},
    {.name = "workload_job_ms",
     .value = 60000,
     .least = 1,
     .most = 86400000,
     .offset = offsetof(struct options, workload_job_ms),
     .help = "mean duration of a generated job"},
};

static const struct switch_option {
    const char *name;
    bool value;
    size_t offset;
    const char *help;
} switches[] = {
#define WORLD_NUMBER(member, value_, least_, most_, help_)
#define WORLD_SWITCH(member, value_, help_)                                                        \
    {.name = #member,                                                                              \
     .value = (value_),                                                                            \
     .offset = offsetof(struct options, world.member),                                             \
     .help = (help_)},
#include "simulator/world/config.def"
#undef WORLD_NUMBER
#undef WORLD_SWITCH
    {.name = "gitea_fence",
     .value = true,
     .offset = offsetof(struct options, gitea.fence),
     .help = "runners can be disabled, as since Gitea 1.26"},
    {.name = "gitea_workflow_jobs",
     .offset = offsetof(struct options, gitea.workflow_jobs),
     .help = "job lists under the older key"},
};

static const struct text {
    const char *name;
    size_t offset;
    const char *help;
} texts[] = {
#define TOKENS(api, word)                                                                          \
    {word "_read_token", offsetof(struct options, tokens[api].read), "a token that may read"},     \
    {                                                                                              \
        word "_write_token", offsetof(struct options, tokens[api].write), "one that may write too" \
    }
    TOKENS(API_GITEA, "gitea"),
    TOKENS(API_HETZNER, "hetzner"),
    TOKENS(API_KUBE, "kube"),
    {"log", offsetof(struct options, log_path), "a JSON line a request goes here"},
    {"ports-file", offsetof(struct options, ports_file),
     "one line of JSON with the ports goes here"},
    {"workload", offsetof(struct options, workload_path), "CSV of jobs to push"},
    {"boot_hook", offsetof(struct options, boot_hook), "command when a server has booted"},
    {"delete_hook", offsetof(struct options, delete_hook), "command when a server is deleted"},
    {"runner_namespace", offsetof(struct options, world.runner_namespace), "of the runner pods"},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* "billing-period-ms" is "billing_period_ms". */
static bool same_name(const char *option, const char *name)
{
    for (; *option != '\0' && *name != '\0'; option++, name++) {
        if (*option != *name && !(*option == '-' && *name == '_'))
            return false;
    }
    return *option == *name;
}

static bool read_number(const char *option, const char *text, int64_t least, int64_t most,
                        int64_t *out, struct error *error)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number < least || number > most)
        return error_set(error, "--%s %s: expected a whole number from %lld to %lld", option, text,
                         (long long)least, (long long)most);
    *out = number;
    return true;
}

/* "--no-daemonset", "--daemonset"; true where it was one. */
static bool take_switch(struct options *out, const char *option)
{
    bool on = strncmp(option, "no-", 3) != 0;
    for (size_t i = 0; i < COUNT(switches); i++) {
        if (same_name(on ? option : option + 3, switches[i].name)) {
            memcpy((char *)out + switches[i].offset, &on, sizeof on);
            return true;
        }
    }
    return false;
}

static bool take_port(struct options *out, const char *option, const char *value, bool *taken,
                      struct error *error)
{
    for (int api = 0; api < API_COUNT; api++) {
        const char *name = api_name((enum api)api);
        size_t length = strlen(name);
        int64_t port = 0;
        if (strncmp(option, name, length) != 0 || strcmp(option + length, "-port") != 0)
            continue;
        *taken = true;
        if (!read_number(option, value, 0, UINT16_MAX, &port, error))
            return false;
        out->port[api] = (uint16_t)port;
    }
    return true;
}

static bool take_number(struct options *out, const char *option, const char *value, bool *taken,
                        struct error *error)
{
    for (size_t i = 0; i < COUNT(numbers) && !*taken; i++) {
        int64_t number = 0;
        if (!same_name(option, numbers[i].name))
            continue;
        *taken = true;
        if (!read_number(option, value, numbers[i].least, numbers[i].most, &number, error))
            return false;
        memcpy((char *)out + numbers[i].offset, &number, sizeof number);
    }
    return true;
}

/* Texts of Gitea's that the control endpoint may change later. */
static bool take_gitea(struct options *out, const char *option, const char *value)
{
    const struct {
        const char *name;
        char *text;
        size_t size;
    } each[] = {
        {"gitea-version", out->gitea.version, sizeof out->gitea.version},
        {"gitea-webhook-url", out->gitea.webhook_url, sizeof out->gitea.webhook_url},
        {"gitea-webhook-secret", out->gitea.webhook_secret, sizeof out->gitea.webhook_secret},
    };
    for (size_t i = 0; i < COUNT(each); i++)
        if (strcmp(option, each[i].name) == 0) {
            snprintf(each[i].text, each[i].size, "%s", value);
            return true;
        }
    return false;
}

static bool take_special(struct options *out, const char *option, char *value, bool *taken,
                         struct error *error)
{
    enum api api;
    int64_t seed = 1;
    *taken = true;
    if (strcmp(option, "runner-labels") == 0)
        return option_labels(value, out->world.runner_labels, &out->world.runner_label_count,
                             error);
    if (strcmp(option, "runner-set") == 0)
        return option_runner_set(value, &out->world, error);
    if (take_gitea(out, option, value))
        return true;
    if (strcmp(option, "seed") == 0) {
        bool good = read_number(option, value, 0, INT64_MAX, &seed, error);
        out->world.seed = (uint64_t)seed;
        return good;
    }
    if (strcmp(option, "without") == 0) {
        if (!api_from_name(value, &api) || api == API_CONTROL)
            return error_set(error, "--without %s: expected gitea, hetzner or kube", value);
        out->without[api] = true;
        return true;
    }
    *taken = false;
    return true;
}

static bool take_valued(struct options *out, const char *option, char *value, struct error *error)
{
    bool taken = false;
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (same_name(option, texts[i].name)) {
            memcpy((char *)out + texts[i].offset, &value, sizeof value);
            return true;
        }
    }
    if (!take_special(out, option, value, &taken, error) ||
        (!taken && !take_port(out, option, value, &taken, error)) ||
        (!taken && !take_number(out, option, value, &taken, error)))
        return false;
    return taken || error_set(error, "--%s is no option; --help lists them", option);
}

static void set_defaults(struct options *out)
{
    *out = (struct options){.gitea = gitea_options_defaults()};
    world_config_defaults(&out->world);
    for (size_t i = 0; i < COUNT(numbers); i++)
        memcpy((char *)out + numbers[i].offset, &numbers[i].value, sizeof(int64_t));
}

bool options_read(struct options *out, int count, char **words, struct error *error)
{
    set_defaults(out);
    for (int i = 1; i < count; i++) {
        if (strncmp(words[i], "--", 2) != 0)
            return error_set(error, "\"%s\" is no option; --help lists them", words[i]);
        const char *option = words[i] + 2;
        if (strcmp(option, "help") == 0) {
            out->help = true;
            return true;
        }
        if (take_switch(out, option))
            continue;
        if (i + 1 == count)
            return error_set(error, "--%s needs a value, or is no option; --help lists them",
                             option);
        if (!take_valued(out, option, words[++i], error))
            return false;
    }
    return true;
}

static void print_name(FILE *out, const char *prefix, const char *name)
{
    fprintf(out, "  %s", prefix);
    for (; *name != '\0'; name++)
        fputc(*name == '_' ? '-' : *name, out);
}

void options_help(FILE *out)
{
    fputs(
        "ebbtide-simulator: a cloud in a box. Serves Gitea's, Hetzner's and Kubernetes' APIs on\n"
        "loopback over one simulated world, and a control endpoint (docs/simulator.md).\n\n"
        "  --gitea-port, --hetzner-port, --kube-port, --control-port N: 0 takes a free one\n"
        "  --without gitea|hetzner|kube: leave this API out\n"
        "  --seed N, --runner-labels A,B, --gitea-version 1.26.0\n"
        "  --runner-set KEY=VALUE:LABEL,LABEL:N: runners of machines whose server has that label\n"
        "  --gitea-webhook-url URL, --gitea-webhook-secret TEXT: tell there of each job\n",
        out);
    for (size_t i = 0; i < COUNT(texts); i++) {
        print_name(out, "--", texts[i].name);
        fprintf(out, " TEXT: %s\n", texts[i].help);
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        print_name(out, "--", numbers[i].name);
        fprintf(out, " N (%lld): %s\n", (long long)numbers[i].value, numbers[i].help);
    }
    for (size_t i = 0; i < COUNT(switches); i++) {
        print_name(out, switches[i].value ? "--no-" : "--", switches[i].name);
        fprintf(out, ": %s%s\n", switches[i].value ? "not: " : "", switches[i].help);
    }
}
