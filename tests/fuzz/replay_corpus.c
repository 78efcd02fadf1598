/* Gives every file of some folders to a fuzz target, without a fuzzer: what was once found, or
 * covers something, is tried again in every build.
 *
 *     replay_NAME CORPUS [FOLDER...]
 *
 * CORPUS must be there and hold a file; the others may be missing. Ends with one line; a broken
 * promise ends the process, and the line before names the file. May not: change a file. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define PATH_BYTES     4096
#define FILE_BYTES_MAX ((size_t)1024 * 1024)

/* libFuzzer's name for what a target does once, before its first input. */
int LLVMFuzzerInitialize(int *count, char ***arguments);
#pragma weak LLVMFuzzerInitialize

/* A sanitizer's, where one is linked. */
void __sanitizer_set_death_callback(void (*callback)(void));
#pragma weak __sanitizer_set_death_callback

/* Named on standard error should the target end the process. */
static char path[PATH_BYTES];

static void name_the_file(void)
{
    static const char words[] = "\nreplay: the input was ";
    if (path[0] != '\0' && write(STDERR_FILENO, words, sizeof words - 1) > 0 &&
        write(STDERR_FILENO, path, strlen(path)) > 0)
        path[0] = '\0';
}

/* abort() raises the signal again, with its default, when this returns. */
static void on_abort(int number)
{
    (void)number;
    name_the_file();
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void fail(const char *what)
{
    fprintf(stderr, "replay: %s: %s\n", path, what);
    path[0] = '\0';
    exit(1);
}

static void replay_file(void)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail(strerror(errno));
    size_t size = fread(bytes, 1, sizeof bytes, file);
    if (ferror(file) || size == sizeof bytes)
        fail("it cannot be read, or is 1 MiB or larger");
    fclose(file);
    uint8_t *exact = fuzz_copy(bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* How many files there were; 0 where there is no such folder. */
static unsigned replay_folder(const char *folder)
{
    struct dirent **entries = NULL;
    unsigned files = 0;
    int count = scandir(folder, &entries, is_shown, by_name);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        replay_file();
        files++;
        free(entries[i]);
    }
    free(entries);
    path[0] = '\0';
    return files;
}

int main(int count, char **arguments)
{
    if (count < 2) {
        fprintf(stderr, "usage: %s CORPUS [FOLDER...]\n", arguments[0]);
        return 2;
    }
    signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(name_the_file);
    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&count, &arguments);
    unsigned corpus = replay_folder(arguments[1]), others = 0;
    for (int i = 2; i < count; i++)
        others += replay_folder(arguments[i]);
    printf("replay: %u inputs of %s, %u of other folders: no promise broken\n", corpus,
           arguments[1], others);
    if (corpus == 0)
        fprintf(stderr, "replay: %s is missing or empty\n", arguments[1]);
    return corpus == 0;
}
