/* The `ebbtide` command: which subcommand, and its words. May not: do a subcommand's work. */
#include <stdio.h>
#include <string.h>

#include "supervisor/commands.h"

enum takes { TAKES_NOTHING, TAKES_CONFIG, TAKES_CONFIG_AND_WATCH };

struct command {
    const char *name, *words, *help;
    enum takes takes;
    int (*run)(const struct command_words *words);
};

static const struct command commands[] = {
    {"run", "--config FILE", "run the daemon in the foreground", TAKES_CONFIG, command_run},
    {"check-config", "FILE", "name every mistake of a configuration", TAKES_CONFIG,
     command_check_config},
    {"example-config", "", "print a commented example of a configuration", TAKES_NOTHING,
     command_example_config},
    {"render", "--config FILE", "print the user data that servers get, secrets masked",
     TAKES_CONFIG, command_render},
    {"status", "--config FILE [--watch]", "show the fleet, once or all the time",
     TAKES_CONFIG_AND_WATCH, command_status},
    {"reload", "--config FILE", "make the running daemon read its configuration again",
     TAKES_CONFIG, command_reload},
    {"stop", "--config FILE", "end the running daemon; say which servers stay rented", TAKES_CONFIG,
     command_stop},
    {"version", "", "print the version", TAKES_NOTHING, command_version},
    {"help", "", "print this", TAKES_NOTHING, command_help},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

int command_help(const struct command_words *words)
{
    (void)words;
    printf("usage: ebbtide COMMAND\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-15s %-24s %s\n", commands[i].name, commands[i].words, commands[i].help);
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

/* --config FILE, --config=FILE, FILE, --watch; each at most once. */
static int run_with(const struct command *command, int count, char **word)
{
    struct command_words words = {0};
    for (int i = 0; i < count; i++) {
        const char *file = NULL;
        if (command->takes == TAKES_CONFIG_AND_WATCH && strcmp(word[i], "--watch") == 0) {
            words.watch = true;
            continue;
        }
        if (strcmp(word[i], "--config") == 0) {
            if (++i == count)
                return wrong(command, "--config needs a file", "");
            file = word[i];
        } else if (strncmp(word[i], "--config=", 9) == 0) {
            file = word[i] + 9;
        } else if (word[i][0] != '-') {
            file = word[i];
        }
        if (file == NULL || command->takes == TAKES_NOTHING)
            return wrong(command, "does not know ", word[i]);
        if (words.config != NULL)
            return wrong(command, "takes one file, not also ", file);
        words.config = file;
    }
    if (words.config == NULL)
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
