/* `ebbtide audit verify`: the verdict in words, or as JSON. May not: judge by itself. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/command.h"
#include "common/clock.h"
#include "common/secret.h"

/* ------------------------------------------------------------------------------------- the keys */

static bool take_key(const char *text, size_t length, struct verify_keys *keys, struct error *error)
{
    struct seal_key *key = &keys->key[keys->count];
    while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL)
        length--;
    if (length == 0 || text[0] == '#')
        return true;
    if (keys->count == VERIFY_KEYS_MAX)
        return error_set(error, "more than %d keys", VERIFY_KEYS_MAX);
    if (!seal_first_read(text, length, key, error))
        return false;
    for (unsigned i = 0; i < keys->count; i++)
        if (strcmp(keys->key[i].id, key->id) == 0)
            return error_set(error, "the key %s stands there twice", key->id);
    keys->count++;
    return true;
}

static bool take_keys(struct secret *secret, struct verify_keys *keys, struct error *error)
{
    const char *at = secret_text(secret), *end = at + secret_length(secret);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline == NULL ? end : newline;
        if (!take_key(at, (size_t)(line_end - at), keys, error))
            return false;
        at = line_end + 1;
    }
    return keys->count > 0 || error_set(error, "there is no key in it");
}

/* A named pipe that nobody writes to is empty, and nothing to wait for; one with a writer, as a
 * shell makes it, is read to its end. */
static int open_keys(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor >= 0 && fcntl(descriptor, F_SETFL, 0) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static bool read_keys(const char *path, struct verify_keys *keys, struct error *error)
{
    bool standard = strcmp(path, "-") == 0;
    const char *name = standard ? "standard input" : path;
    int descriptor = standard ? STDIN_FILENO : open_keys(path);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot open %s", name);
    struct secret *secret = secret_read(descriptor, name, error);
    if (!standard)
        close(descriptor);
    bool good = secret != NULL && (take_keys(secret, keys, error) || error_wrap(error, "%s", name));
    secret_free(secret);
    return good;
}

/* ---------------------------------------------------------------------------------- the verdict */

struct log_note {
    struct noted_heads heads; /* none: nothing is noted */
    bool there;               /* the file is */
};

static void print_sealed(const struct verify_result *result, bool key)
{
    char when[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];
    if (result->lines == 0)
        return;
    if (result->sealed.line == 0 && !key)
        printf("sealed: no seal is in it; whoever can write the files could make the whole chain "
               "anew (`ebbtide audit setup-keys`)\n");
    else if (result->sealed.line == 0)
        printf("sealed: nothing\n");
    else
        printf("sealed%s: up to %s line %" PRIu64 ", seal %" PRIu64 " of %s\n",
               key ? "" : " (NOT CHECKED: no --key)", result->sealed.file, result->sealed.line,
               result->sealed_number, clock_format_rfc3339(result->sealed_wall_ms, when));
    if (result->sealed.line != 0 && result->unsealed > 0)
        printf("not sealed yet: the last %" PRIu64 " lines, from %s to %s\n", result->unsealed,
               clock_format_rfc3339(result->unsealed_first_ms, when),
               clock_format_rfc3339(result->unsealed_last_ms, until));
}

static void print_head(const struct verify_result *result, const struct log_note *note)
{
    char when[CLOCK_TEXT_BYTES];
    const struct noted_head newest = heads_newest(&note->heads), *head = &newest;
    if (head->link.seq == 0 && note->there)
        printf("end: the supervisor has noted nothing yet (audit.head is empty)\n");
    else if (head->link.seq == 0)
        printf("end: there is no note of the supervisor's (audit.head) to compare it with\n");
    else if (!result->head_compared)
        printf("end: the supervisor's note names number %" PRIu64 ", which is not in these files\n",
               head->link.seq);
    else if (result->last.seq >= head->link.seq)
        printf("end: the supervisor noted number %" PRIu64 " at %s; the log goes on to %" PRIu64
               "\n",
               head->link.seq, clock_format_rfc3339(head->wall_ms, when), result->last.seq);
    if (result->noted > 1)
        printf("noted: %" PRIu64 " lines, from number %" PRIu64 " on, were compared with notes of "
               "the supervisor's\n",
               result->noted, result->noted_lowest);
}

static void print_verdict(const struct verify_result *result)
{
    if (result->findings == 0 && result->head_compared)
        printf("the log verifies\n");
    else if (result->findings == 0)
        printf("the log verifies, THE END IS NOT CHECKED: lines may have been cut off there\n");
    if (result->findings == 0)
        return;
    printf("THE LOG DOES NOT VERIFY: ");
    if (result->first.line != 0)
        printf("%s line %" PRIu64 ": ", result->first.file, result->first.line);
    printf("%s\n", result->what.text);
    if (result->findings > 1)
        printf("%" PRIu64 " further places do not fit\n", result->findings - 1);
}

static void print_words(const struct verify_result *result, const struct log_note *note, bool key)
{
    if (result->lines == 0)
        printf("the log holds no line\n");
    else
        printf("%" PRIu64 " lines, number %" PRIu64 " to %" PRIu64 "\n", result->lines,
               result->first_seq, result->last.seq);
    if (result->cuts > 0)
        printf("crashes: %" PRIu64
               " times a start found a line that a crash had torn, and said so\n",
               result->cuts);
    if (result->omitted > 0)
        printf("left out: %" PRIu64 " actions that changed nothing have no lines of their own, "
               "%" PRIu64 " of them were refused (`ebbtide audit show --failed`)\n",
               result->omitted, result->omitted_refused);
    print_sealed(result, key);
    print_head(result, note);
    print_verdict(result);
}

static json_t *place_json(const struct verify_place *place)
{
    return place->line == 0
               ? json_null()
               : json_pack("{s:s, s:I}", "file", place->file, "line", (json_int_t)place->line);
}

static json_t *finding_json(const struct verify_result *result)
{
    if (result->findings == 0)
        return json_null();
    return json_pack("{s:s, s:I, s:s}", "file", result->first.file, "line",
                     (json_int_t)result->first.line, "what", result->what.text);
}

static bool print_json(const struct verify_result *result, const struct log_note *note, bool key)
{
    json_t *all = json_pack(
        "{s:b, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:o, s:I, s:I, s:I, s:b}",
        "verifies", result->findings == 0, "findings", (json_int_t)result->findings, "first",
        finding_json(result), "lines", (json_int_t)result->lines, "first_seq",
        (json_int_t)result->first_seq, "last_seq", (json_int_t)result->last.seq, "cuts",
        (json_int_t)result->cuts, "omitted", (json_int_t)result->omitted, "omitted_refused",
        (json_int_t)result->omitted_refused, "key_given", key, "seals", (json_int_t)result->seals,
        "sealed", place_json(&result->sealed), "unsealed", (json_int_t)result->unsealed,
        "noted_seq", (json_int_t)heads_newest(&note->heads).link.seq, "noted",
        (json_int_t)result->noted, "end_checked", result->head_compared);
    bool good = all != NULL && json_dumpf(all, stdout, JSON_COMPACT) == 0;
    json_decref(all);
    putchar('\n');
    return good;
}

/* -------------------------------------------------------------------------------------- the whole
 */

static int judge(const struct audit_words *words, const struct log_files *files,
                 const struct verify_keys *keys, struct error *error)
{
    struct log_note note = {.there = false};
    struct verify_result result;
    if (!log_files_head(files, &note.heads, &note.there, error))
        return AUDIT_UNUSABLE;
    struct verify *verify = verify_new(keys, &note.heads, words->part, NULL, NULL);
    if (verify == NULL) {
        error_set(error, "out of memory");
        return AUDIT_UNUSABLE;
    }
    bool good = log_files_verify(files, verify, error);
    if (good) {
        verify_end(verify, &result);
        if (!words->json)
            print_words(&result, &note, keys->count > 0);
        else
            good = print_json(&result, &note, keys->count > 0) || error_set(error, "out of memory");
    }
    verify_free(verify);
    if (!good)
        return AUDIT_UNUSABLE;
    return result.findings == 0 ? AUDIT_GOOD : AUDIT_BENT;
}

int verify_command(const struct audit_words *words)
{
    struct error error = {""};
    struct log_files files = {NULL, 0, NULL};
    struct verify_keys *keys = calloc(1, sizeof *keys);
    int status = AUDIT_UNUSABLE;
    if (keys == NULL)
        error_set(&error, "out of memory");
    else if ((words->key == NULL || read_keys(words->key, keys, &error)) &&
             log_files_find(words->file, words->config, words->head, &files, &error))
        status = judge(words, &files, keys, &error);
    if (status == AUDIT_UNUSABLE)
        fprintf(stderr, "ebbtide audit verify: %s\n", error.text);
    if (keys != NULL)
        explicit_bzero(keys, sizeof *keys);
    free(keys);
    log_files_free(&files);
    return status;
}
