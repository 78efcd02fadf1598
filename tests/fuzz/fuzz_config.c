/* Fuzzes the configuration's parser: whatever comes, it ends; it refuses with places inside the
 * file; and what it takes is whole: each worker can be sent its part, makes the same values of it,
 * and nothing then differs. */
#include "common/config.h"
#include "tests/fuzz/fuzz.h"

static struct config_problems problems;

static void check_problems(const uint8_t *data, size_t size)
{
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
    PROMISE(problems.count >= 1 && problems.count <= CONFIG_PROBLEMS_MAX);
    for (uint32_t i = 0; i < problems.count; i++) {
        PROMISE(problems.problem[i].line <= lines + 1);
        PROMISE(*problems.problem[i].text && !strpbrk(problems.problem[i].text, "\n\r\033"));
    }
}

/* What a worker makes of its settings exports as the same settings. */
static void check_sent(const struct config *config, enum role role)
{
    struct config_settings sent;
    struct config_settings again;
    struct config *copy = config_new();
    PROMISE(copy && config_export(config, role, &sent, NULL));
    for (uint32_t i = 0; i < sent.count; i++)
        PROMISE(config_set(copy, sent.setting[i].path, sent.setting[i].value, NULL) ||
                !*sent.setting[i].value);
    PROMISE(config_export(copy, role, &again, NULL) && again.count == sent.count);
    for (uint32_t i = 0; i < sent.count; i++)
        PROMISE(strcmp(sent.setting[i].path, again.setting[i].path) == 0 &&
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
        PROMISE(config == NULL);
        check_problems(data, size);
        return 0;
    }
    PROMISE(config != NULL && problems.count == 0);
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1))
        check_sent(config, role);
    config_differences(config, config, &changes);
    PROMISE(changes.changed == 0);
    config_free(config);
    return 0;
}
