/* Fuzzes what a worker takes as a setting: a path and a value, as the supervisor sends them.
 * Whatever comes, it is taken, or refused with words and then nothing has changed; what was taken
 * is exported again, and the export makes the same configuration.
 *
 * The input: lines `path=value`. */
#include "common/config.h"
#include "tests/fuzz/fuzz.h"

#define LINES_MAX 16

/* Every setting of every worker, as one text. */
static char *export_all(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    PROMISE(out != NULL);
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1)) {
        struct config_settings sent;
        PROMISE(config_export(config, role, &sent, NULL));
        for (uint32_t i = 0; i < sent.count; i++)
            fprintf(out, "%d %s=%s\n", (int)role, sent.setting[i].path, sent.setting[i].value);
        config_settings_free(&sent);
    }
    PROMISE(fclose(out) == 0);
    return text;
}

static void set_one(struct config *config, const char *path, const char *value)
{
    struct error error = {""};
    struct config_changes changes;
    struct config *before = fuzz_copy(config, sizeof *config);
    if (!config_set(config, path, value, &error)) {
        promise_words(error.text);
        config_differences(before, config, &changes);
        PROMISE(changes.changed == 0);
    }
    free(before);
}

static void try_copy(const struct config *config)
{
    struct config_changes changes;
    struct config *copy = config_new();
    char *first = export_all(config);
    PROMISE(copy != NULL);
    for (enum role role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR; role = (enum role)(role + 1)) {
        struct config_settings sent;
        PROMISE(config_export(config, role, &sent, NULL));
        for (uint32_t i = 0; i < sent.count; i++)
            PROMISE(config_set(copy, sent.setting[i].path, sent.setting[i].value, NULL) ||
                    sent.setting[i].value[0] == '\0');
        config_settings_free(&sent);
    }
    char *second = export_all(copy);
    PROMISE(strcmp(first, second) == 0);
    config_differences(config, config, &changes);
    PROMISE(changes.changed == 0);
    free(first);
    free(second);
    config_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = config_new();
    char *text = fuzz_text(data, size), *rest = NULL;
    PROMISE(config != NULL);
    unsigned lines = 0;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL && lines < LINES_MAX;
         line = strtok_r(NULL, "\n", &rest), lines++) {
        char *sign = strchr(line, '=');
        if (sign == NULL)
            continue;
        *sign = '\0';
        set_one(config, line, sign + 1);
    }
    try_copy(config);
    free(text);
    config_free(config);
    return 0;
}
