/* Fuzzes the judging of an audit log. Whatever stands in its files, judging ends; what does not fit
 * is named by a file, a line and a sentence; and a log in which nothing was found is one chain: as
 * many lines as its numbers say, and every line of it counted.
 *
 * The input: a byte of flags, two with the first file's length, then the first file, then the
 * second. Flags: 1 the key of the seeds, 2 a part, 4 the last 1024 bytes are the supervisor's note.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/verify.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_LEAST 3
#define HEAD_BYTES  (2 * (size_t)HEAD_RECORD_BYTES) /* of the note: so many of its records */
#define SEED_KEY    7 /* every byte of the first key that the seeds are sealed with */

enum { WITH_KEY = 1, A_PART = 2, WITH_HEAD = 4 };

static void hear(const json_t *line, bool fits, void *argument)
{
    uint64_t *heard = argument;
    PROMISE(json_is_object(line));
    *heard += fits;
}

static uint64_t newlines(const uint8_t *bytes, size_t size)
{
    uint64_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += bytes[i] == '\n';
    return count;
}

static void give(struct verify *verify, const char *name, const uint8_t *bytes, size_t size)
{
    static int file = -1;
    struct error error = {""};
    if (file < 0)
        file = memfd_create("audit", MFD_CLOEXEC);
    PROMISE(file >= 0 && ftruncate(file, 0) == 0);
    PROMISE(size == 0 || pwrite(file, bytes, size, 0) == (ssize_t)size);
    PROMISE(verify_file(verify, file, name, &error));
}

static void promise_result(const struct verify_result *result, uint64_t lines, uint64_t heard)
{
    PROMISE(heard <= result->lines && result->lines <= lines);
    if (result->findings > 0) {
        promise_words(result->what.text);
        PROMISE(result->first.file[0] != '\0' && result->first.line > 0);
        return;
    }
    PROMISE(result->lines + result->cuts >= lines && heard == result->lines);
    if (result->lines > 0)
        PROMISE(result->last.seq - result->first_seq + 1 == result->lines);
    PROMISE(result->sealed.line > 0 || result->seals == 0);
    PROMISE(result->unsealed <= result->lines);
}

/* Texts of people and of the disk that are read with the log. */
static void read_the_rest(const uint8_t *data, size_t size)
{
    struct seal_key key;
    struct error error = {""};
    uint64_t sealed;
    char *copy = fuzz_copy(data, size);
    if (!seal_first_read(copy, size, &key, &error))
        promise_words(error.text);
    (void)seal_record_read(copy, size, &key, &sealed);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct verify_keys keys = {.count = 1};
    static struct noted_heads heads;
    struct chain_hash random;
    struct verify_result result;
    uint64_t heard = 0;
    if (size < INPUT_LEAST)
        return 0;
    read_the_rest(data + 1, size - 1);
    memset(random.byte, SEED_KEY, sizeof random.byte);
    seal_first(&random, &keys.key[0]);
    unsigned flags = data[0];
    size_t rest = size - INPUT_LEAST, first = (size_t)data[1] << 8 | data[2];
    const uint8_t *bytes = data + INPUT_LEAST;
    heads = (struct noted_heads){.count = 0};
    if ((flags & WITH_HEAD) != 0 && rest >= HEAD_BYTES) {
        rest -= HEAD_BYTES;
        heads_parse((const char *)bytes + rest, HEAD_BYTES, &heads);
    }
    first = first > rest ? rest : first;
    struct verify *verify = verify_new((flags & WITH_KEY) != 0 ? &keys : NULL, &heads,
                                       (flags & A_PART) != 0, hear, &heard);
    PROMISE(verify != NULL);
    give(verify, "audit.jsonl", bytes, first);
    give(verify, "audit.jsonl.1", bytes + first, rest - first);
    verify_end(verify, &result);
    verify_free(verify);
    promise_result(&result, newlines(bytes, rest), heard);
    return 0;
}
