/* ebbtide-audit: verifies and shows the audit log; on any machine, from copies of its files.
 * May not: open a socket, write a file, take a key as a word. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "audit/command.h"
#include "common/json_read.h"

static const char usage[] =
    "usage: ebbtide audit verify [--key FILE|-] [--head FILE] [--part] [--json] [FILE...]\n"
    "       ebbtide audit show [--node NODE] [--server ID] [--since TIME] [--failed] [--json]\n"
    "                          [FILE...]\n"
    "       ebbtide audit setup-keys [--config FILE] [--again]\n"
    "\n"
    "FILE: the log's files, in any order, or their folder; without one, what the configuration\n"
    "names (--config FILE, or the standard one).\n"
    "\n"
    "verify: finds what was changed, dropped, moved, repeated or cut, and names the first place.\n"
    "  --key FILE   first keys as setup-keys showed them, a line each; - is standard input\n"
    "  --head FILE  the head that the supervisor noted, where it is not audit.head beside the log\n"
    "  --part       the files are a part: lines before the first are not missed\n"
    "show: each action in one line, oldest first.\n"
    "  --since TIME an RFC 3339 time, or how long ago: 30m, 2h, 7d\n"
    "  --failed     only what was refused, failed, or has no known outcome\n"
    "\n"
    "Status: 0 the log verifies, 1 it does not, 2 it could not be read (standard error says "
    "why).\n";

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},
    {"head", required_argument, NULL, 'H'},
    {"part", no_argument, NULL, 'p'},
    {"node", required_argument, NULL, 'n'},
    {"server", required_argument, NULL, 's'},
    {"since", required_argument, NULL, 't'},
    {"failed", no_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct command {
    const char *name;
    const char *letters; /* of the options that it takes */
    int (*run)(const struct audit_words *words);
} commands[] = {
    {"verify", "ckHpjh", verify_command},
    {"show", "cnstfjh", show_command},
};

static int wrong(const char *what, const char *word)
{
    fprintf(stderr, "ebbtide audit: %s%s\n\n%s", what, word, usage);
    return AUDIT_UNUSABLE;
}

static const char **place_of(struct audit_words *words, int letter)
{
    switch (letter) {
    case 'c': return &words->config;
    case 'k': return &words->key;
    case 'H': return &words->head;
    case 'n': return &words->node;
    case 's': return &words->server;
    case 't': return &words->since;
    default: return NULL;
    }
}

static int take_option(const struct command *command, int letter, const char *word,
                       struct audit_words *out)
{
    const char **place = place_of(out, letter);
    if (letter == ':')
        return wrong("nothing follows ", word);
    if (strchr(command->letters, letter) == NULL)
        return wrong("does not take ", word);
    if (place != NULL && *place != NULL)
        return wrong("an option is there twice, with ", optarg);
    if (place != NULL)
        *place = optarg;
    out->part = out->part || letter == 'p';
    out->failed = out->failed || letter == 'f';
    out->json = out->json || letter == 'j';
    return 0;
}

static int run(const struct command *command, int count, char **word)
{
    struct audit_words words = {.config = NULL};
    int status = 0;
    opterr = 0; /* the sentences are ours */
    for (int letter;
         status == 0 && (letter = getopt_long(count, word, ":", options, NULL)) != -1;) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return AUDIT_GOOD;
        }
        status = take_option(command, letter, word[optind - 1], &words);
    }
    words.file = word + optind;
    if (words.config == NULL)
        words.config = "/etc/ebbtide/ebbtide.yaml";
    else if (status == 0 && words.file[0] != NULL)
        return wrong("--config names the log, so not also ", words.file[0]);
    return status != 0 ? status : command->run(&words);
}

int main(int count, char **word)
{
    json_start();
    if (count < 2)
        return wrong("what is to be done?", "");
    if (strcmp(word[1], "--help") == 0 || strcmp(word[1], "-h") == 0) {
        fputs(usage, stdout);
        return AUDIT_GOOD;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(word[1], commands[i].name) == 0)
            return run(&commands[i], count - 1, word + 1);
    return wrong("there is no ", word[1]);
}
