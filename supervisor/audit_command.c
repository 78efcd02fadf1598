/* `ebbtide audit`: reading and verifying is a program of its own; keys are set up here, where the
 * state directory's lock is. May not: read the log. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/seal_store.h"
#include "supervisor/commands.h"
#include "supervisor/spawn.h"
#include "supervisor/state_dir.h"

#define AUDIT_PROGRAM     "ebbtide-audit"
#define AUDIT_WORDS_MAX   1000
#define AUDIT_NOT_STARTED 2 /* as its own status for what cannot be read */

static const char keys_usage[] =
    "usage: ebbtide audit setup-keys [--config FILE] [--again]\n"
    "\n"
    "Makes the key that the audit log is sealed with from the next start on, and prints the first\n"
    "one, once: keep that line on another machine, for `ebbtide audit verify --key FILE`. Here "
    "only\n"
    "the key of the epoch that runs is kept, and wiped when the epoch is over.\n"
    "\n"
    "  --again  there is a key already, and another one is to follow it\n";

struct key_words {
    const char *config;
    bool again, help;
};

static int wrong(const char *what, const char *word)
{
    fprintf(stderr, "ebbtide audit setup-keys: %s%s\n\n%s", what, word, keys_usage);
    return 2;
}

static int read_words(char **word, struct key_words *out)
{
    for (; *word != NULL; word++) {
        if (strcmp(*word, "--again") == 0)
            out->again = true;
        else if (strcmp(*word, "--help") == 0)
            out->help = true;
        else if (strncmp(*word, "--config=", 9) == 0)
            out->config = *word + 9;
        else if (strcmp(*word, "--config") == 0 && word[1] != NULL)
            out->config = *++word;
        else
            return wrong("does not know ", *word);
    }
    return 0;
}

/* -------------------------------------------------------------------------------------- keys */

static bool give_to(int file, const struct stat *owner, const char *name, struct error *error)
{
    return fchown(file, owner->st_uid, owner->st_gid) == 0 ||
           error_set_errno(error, errno, "cannot give %s to the owner of files.state_dir", name);
}

/* Both slots; where root makes them they belong to the directory's owner, whose daemon opens them.
 */
static bool open_slots(struct state_dir *state, const struct config *config, int slot[SEAL_SLOTS],
                       struct error *error)
{
    struct stat status;
    char name[CONFIG_PATH_BYTES_MAX];
    if (fstat(state->directory, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", config->files.state_dir);
    for (unsigned i = 0; i < SEAL_SLOTS; i++) {
        slot[i] = state_dir_audit_key(state, config, i, name, sizeof name, error);
        if (slot[i] < 0)
            return false;
        if (geteuid() == 0 && !give_to(slot[i], &status, name, error))
            return false;
    }
    if (geteuid() == 0 && !give_to(state->lock, &status, "the lock", error))
        return false;
    return fsync(state->directory) == 0 ||
           error_set_errno(error, errno, "cannot sync %s", config->files.state_dir);
}

static bool is_new(const int slot[SEAL_SLOTS], const struct key_words *words, struct error *error)
{
    struct stat status;
    for (unsigned i = 0; i < SEAL_SLOTS; i++) {
        if (fstat(slot[i], &status) != 0)
            return error_set_errno(error, errno, "cannot look at the key that is there");
        if (status.st_size > 0 && !words->again)
            return error_set(error, "there is a key already. With --again another one follows it: "
                                    "keep both first keys, in one file, a line each");
    }
    return true;
}

/* The first key goes to standard output once it stands in both files, and nowhere else. */
static bool make_keys(const int slot[SEAL_SLOTS], struct error *error)
{
    struct chain_hash random;
    struct seal_key first;
    char text[SEAL_KEY_TEXT_BYTES] = "";
    bool good = getrandom(random.byte, sizeof random.byte, 0) == sizeof random.byte ||
                error_set_errno(error, errno, "no random bytes");
    if (good) {
        seal_first(&random, &first);
        seal_first_print(&first, text);
        good = seal_slots_write(slot, &first, 0, error);
    }
    if (good && (printf("%s\n", text) < 0 || fflush(stdout) != 0))
        good = error_set_errno(error, errno, "the first key cannot be shown: use --again");
    if (good)
        fprintf(stderr, "ebbtide audit setup-keys: this line is shown once. Keep it on another "
                        "machine; it verifies what is sealed from the next start on\n");
    explicit_bzero(&random, sizeof random);
    explicit_bzero(&first, sizeof first);
    explicit_bzero(text, sizeof text);
    return good;
}

static bool set_up(const struct config *config, const struct key_words *words, struct error *error)
{
    struct state_dir state;
    int slot[SEAL_SLOTS] = {-1, -1};
    if (!state_dir_open(&state, config, error))
        return false;
    bool good = open_slots(&state, config, slot, error) && is_new(slot, words, error) &&
                make_keys(slot, error);
    for (unsigned i = 0; i < SEAL_SLOTS; i++)
        if (slot[i] >= 0)
            close(slot[i]);
    state_dir_close(&state);
    return good;
}

static int setup_keys(char **rest)
{
    struct key_words words = {.config = STANDARD_CONFIG};
    struct error error = {""};
    int status = read_words(rest, &words);
    if (status != 0)
        return status;
    if (words.help) {
        fputs(keys_usage, stdout);
        return 0;
    }
    struct config *config = command_config(words.config);
    if (config == NULL)
        return 1;
    bool good = set_up(config, &words, &error);
    if (!good)
        fprintf(stderr, "ebbtide audit setup-keys: %s\n", error.text);
    config_free(config);
    return good ? 0 : 1;
}

/* ----------------------------------------------------------------------------------- the rest */

int command_audit(const struct command_words *words)
{
    char folder[SPAWN_PATH_BYTES_MAX], path[SPAWN_PATH_BYTES_MAX];
    static char name[] = AUDIT_PROGRAM;
    static char *arguments[AUDIT_WORDS_MAX + 2] = {name};
    struct error error = {""};
    size_t count = 0;
    if (words->rest[0] != NULL && strcmp(words->rest[0], "setup-keys") == 0)
        return setup_keys(words->rest + 1);
    while (count < AUDIT_WORDS_MAX && words->rest[count] != NULL) {
        arguments[count + 1] = words->rest[count];
        count++;
    }
    if (words->rest[count] != NULL)
        error_set(&error, "more than %d words: name the folder instead of its files",
                  AUDIT_WORDS_MAX);
    else {
        spawn_find_folder(folder);
        if (spawn_find(folder, AUDIT_PROGRAM, path, &error)) {
            execv(path, arguments);
            error_set_errno(&error, errno, "cannot start %s", path);
        }
    }
    fprintf(stderr, "ebbtide audit: %s\n", error.text);
    return AUDIT_NOT_STARTED;
}
