/* Fuzzes the configuration's parser: whatever comes, it ends; it refuses with places inside the
 * file; and what it takes is whole: each worker can be sent its part, makes the same values of it,
 * and nothing then differs. */
#include "common/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config_problems problems;

/* A promise that was broken. */
static void check(bool good)
{
    if (!good)
        abort();
}

static void check_problems(const uint8_t *data, size_t size)
{
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
    check(problems.count >= 1 && problems.count <= CONFIG_PROBLEMS_MAX);
    for (uint32_t i = 0; i < problems.count; i++) {
        check(problems.problem[i].line <= lines + 1);
        check(*problems.problem[i].text && !strpbrk(problems.problem[i].text, "\n\r\033"));
    }
}

/* What a worker makes of its settings exports as the same settings. */
static void check_sent(const struct config *config, enum role role)
{
    struct config_settings sent;
    struct config_settings again;
    struct config *copy = config_new();
    check(copy && config_export(config, role, &sent, NULL));
    for (uint32_t i = 0; i < sent.count; i++)
        check(config_set(copy, sent.setting[i].path, sent.setting[i].value, NULL) ||
              !*sent.setting[i].value);
    check(config_export(copy, role, &again, NULL) && again.count == sent.count);
    for (uint32_t i = 0; i < sent.count; i++)
        check(strcmp(sent.setting[i].path, again.setting[i].path) == 0 &&
              strcmp(sent.setting[i].value, again.setting[i].value) == 0);
    config_settings_free(&sent);
    config_settings_free(&again);
    config_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct config_changes changes;
    if (!config_parse((const char *)data, size, &config, &problems)) {
        check(config == NULL);
        check_problems(data, size);
        return 0;
    }
    check(config != NULL && problems.count == 0);
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1))
        check_sent(config, role);
    config_differences(config, config, &changes);
    check(changes.changed == 0);
    config_free(config);
    return 0;
}
