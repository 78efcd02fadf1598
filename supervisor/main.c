/* The `ebbtide` command: which subcommand, and its words. May not: do a subcommand's work. */
#include <stdio.h>
#include <string.h>

#include "supervisor/commands.h"

enum takes {
    TAKES_CONFIG = 1,
    TAKES_WATCH = 2,
    TAKES_POOL = 4,
    TAKES_REST = 8,
    TAKES_JSON = 16,
    NEEDS_NO_CONFIG = 32,
};

struct command {
    const char *name, *words, *help;
    unsigned takes; /* of enum takes */
    int (*run)(const struct command_words *words);
};

static const struct command commands[] = {
    {"run", "--config FILE", "run the daemon in the foreground", TAKES_CONFIG, command_run},
    {"check-config", "FILE", "name every mistake of a configuration", TAKES_CONFIG,
     command_check_config},
    {"check-host", "[--config FILE] [--json]", "say which parts of the sandbox this machine has",
     TAKES_CONFIG | TAKES_JSON | NEEDS_NO_CONFIG, command_check_host},
    {"example-config", "", "print a commented example of a configuration", 0,
     command_example_config},
    {"render", "--config FILE [--pool NAME]", "print a server's user data, secrets masked",
     TAKES_CONFIG | TAKES_POOL, command_render},
    {"status", "--config FILE [--watch]", "show the fleet, once or all the time",
     TAKES_CONFIG | TAKES_WATCH, command_status},
    {"reload", "--config FILE", "make the running daemon read its configuration again",
     TAKES_CONFIG, command_reload},
    {"stop", "--config FILE", "end the running daemon; say which servers stay rented", TAKES_CONFIG,
     command_stop},
    {"replay", "FILE... [OPTION]...", "decide a capture again and compare, or explain it",
     TAKES_REST, command_replay},
    {"audit", "verify|show|setup-keys ...", "verify, read or seal the audit log", TAKES_REST,
     command_audit},
    {"version", "", "print the version", 0, command_version},
    {"help", "", "print this", 0, command_help},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

int command_help(const struct command_words *words)
{
    (void)words;
    printf("usage: ebbtide COMMAND\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-15s %-27s %s\n", commands[i].name, commands[i].words, commands[i].help);
    printf("\nWithout --config, FILE is %s.\n", STANDARD_CONFIG);
    return 0;
}

int command_version(const struct command_words *words)
{
    (void)words;
    printf("ebbtide %s\n", EBBTIDE_VERSION);
    return 0;
}

static int wrong(const struct command *command, const char *what, const char *word)
{
    fprintf(stderr, "ebbtide %s: %s%s; usage: ebbtide %s %s\n", command->name, what, word,
            command->name, command->words);
    return 2;
}

static const struct command *find(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Where the option (`--config`) stands at *at, as two words or with =, sets *value (NULL: nothing
 * follows) and moves on to its last word. */
static bool is_option(const char *option, int count, char **word, int *at, const char **value)
{
    size_t length = strlen(option);
    if (strncmp(word[*at], option, length) != 0)
        return false;
    if (word[*at][length] == '=') {
        *value = word[*at] + length + 1;
        return true;
    }
    if (word[*at][length] != '\0')
        return false;
    *value = *at + 1 < count ? word[++*at] : NULL;
    return true;
}

/* --config FILE or only FILE, --pool NAME, --watch; each at most once. Returns 0, or the exit
 * status with a sentence. */
static int read_words(const struct command *command, int count, char **word,
                      struct command_words *out)
{
    for (int i = 0; i < count; i++) {
        const char *value = word[i];
        const char **place = NULL;
        if ((command->takes & TAKES_WATCH) != 0 && strcmp(word[i], "--watch") == 0) {
            out->watch = true;
            continue;
        }
        if ((command->takes & TAKES_JSON) != 0 && strcmp(word[i], "--json") == 0) {
            out->json = true;
            continue;
        }
        if ((command->takes & TAKES_POOL) != 0 && is_option("--pool", count, word, &i, &value))
            place = &out->pool;
        else if ((command->takes & TAKES_CONFIG) != 0 &&
                 (is_option("--config", count, word, &i, &value) || word[i][0] != '-'))
            place = &out->config;
        if (place == NULL)
            return wrong(command, "does not know ", word[i]);
        if (value == NULL)
            return wrong(command, "nothing follows ", word[i]);
        if (*place != NULL)
            return wrong(command,
                         place == &out->pool ? "takes one pool, not also "
                                             : "takes one file, not also ",
                         value);
        *place = value;
    }
    return 0;
}

static bool asks_for_help(int count, char **word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(word[i], "--help") == 0 || strcmp(word[i], "-h") == 0)
            return true;
    return false;
}

static int run_with(const struct command *command, int count, char **word)
{
    struct command_words words = {.rest = word};
    if ((command->takes & TAKES_REST) != 0)
        return command->run(&words);
    if (asks_for_help(count, word)) {
        printf("usage: ebbtide %s %s\n\n%s\n", command->name, command->words, command->help);
        return 0;
    }
    int status = read_words(command, count, word, &words);
    if (status != 0)
        return status;
    if (words.config == NULL && (command->takes & NEEDS_NO_CONFIG) == 0)
        words.config = STANDARD_CONFIG;
    return command->run(&words);
}

int main(int count, char **word)
{
    if (count < 2) {
        (void)command_help(NULL);
        return 2;
    }
    const struct command *command = find(word[1]);
    if (command == NULL) {
        fprintf(stderr, "ebbtide: there is no command %s; `ebbtide help` lists them\n", word[1]);
        return 2;
    }
    return run_with(command, count - 2, word + 2);
}
