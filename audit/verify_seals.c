/* The seals of a log judged: each made with its epoch's key, none left out, none overdue.
 * May not: open a file, print. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify_private.h"
#include "common/clock.h"
#include "common/json_read.h"

static void found(struct verify *verify, const char *before, const char *word, const char *after)
{
    struct error what;
    error_set(&what, "%s%.300s%s", before, word, after);
    verify_found(verify, verify->check.line, &what);
}

static struct seal_key *key_of(struct verify *verify, const char *id)
{
    for (unsigned i = 0; i < verify->keys.count; i++)
        if (strcmp(verify->keys.key[i].id, id) == 0)
            return &verify->keys.key[i];
    return NULL;
}

/* No seal of a key may be left out: its number rises by one, from 0 where the log is whole. */
static bool follows(struct verify *verify, const char *id, uint64_t number)
{
    struct error what;
    bool again = strcmp(verify->seal.key, id) == 0;
    uint64_t wanted = again ? verify->seal.number + 1 : 0;
    if (number == wanted || (!again && verify->result.first_seq != 1))
        return true;
    if (number > wanted)
        error_set(&what,
                  "seal %" PRIu64 " where seal %" PRIu64 " is due: what lies between was "
                  "taken out",
                  number, wanted);
    else
        error_set(&what, "seal %" PRIu64 " where seal %" PRIu64 " is due: an old one was put here",
                  number, wanted);
    verify_found(verify, verify->check.line, &what);
    return false;
}

/* Goes on to the epoch's key; an earlier one than the last cannot be made from it. */
static bool was_made_with(struct seal_key *key, const struct chain_frame *frame, const char *text,
                          uint64_t number)
{
    struct chain_hash mac;
    if (number < key->number || number > SEALS_MAX || !frame->has_mac)
        return false;
    while (key->number < number)
        seal_next(key);
    chain_mac(&key->key, text, frame->mac_bytes, &mac);
    return chain_hash_same(&mac, &frame->mac);
}

static void keep_seal(struct verify *verify, const json_t *line, uint64_t number)
{
    struct verify_result *result = &verify->result;
    result->seals++;
    result->sealed = result->last_place;
    result->sealed_number = number;
    result->sealed_wall_ms = json_time_of(line, "time");
    result->unsealed = 0;
    verify->epoch_ms = (int64_t)json_u64_of(line, "epoch_ms");
}

void verify_seal(struct verify *verify, const json_t *line, const char *text)
{
    char since[VERIFY_NAME_BYTES_MAX + 64] = "the beginning";
    const char *id = json_text_of(line, "key");
    uint64_t number = json_u64_of(line, "seal");
    struct seal_key *key = key_of(verify, id);
    bool good = follows(verify, id, number);
    snprintf(verify->seal.key, sizeof verify->seal.key, "%s", id);
    verify->seal.number = number;
    if (verify->result.sealed.line != 0)
        snprintf(since, sizeof since, "%s line %" PRIu64, verify->result.sealed.file,
                 verify->result.sealed.line);
    if (key == NULL && verify->keys.count > 0) {
        found(verify, "it is sealed with the key ", id, ", which is not among those given");
    } else if (key != NULL && !was_made_with(key, &verify->check.frame, text, number)) {
        found(verify, "this seal was not made with its epoch's key: what stands between ", since,
              " and here was rewritten, or the seal itself");
    } else if (good) {
        keep_seal(verify, line, number);
    }
}

void verify_unsealed(struct verify *verify)
{
    struct verify_result *result = &verify->result;
    char when[CLOCK_TEXT_BYTES];
    int64_t span = result->unsealed_last_ms - result->unsealed_first_ms;
    if (verify->keys.count == 0)
        return;
    if (result->lines == 0) { /* sealed or not, an emptied log looks like one that has not begun */
        found(verify, "there is no line, and so no seal of the key that was given: the log was ",
              "emptied", ", or nothing has been done yet");
        return;
    }
    verify->file = result->last_place.file; /* an empty file may have come after it */
    verify->check.line = result->last_place.line;
    if (result->seals == 0)
        found(verify, "no seal of the key that was given is in this log", "", "");
    else if (result->unsealed > 0 && span > 2 * verify->epoch_ms + VERIFY_LATE_MS)
        found(verify, "nothing is sealed since ",
              clock_format_rfc3339(result->sealed_wall_ms, when),
              ", though lines went on for longer than two epochs");
}
