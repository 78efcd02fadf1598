/* Whether lines are one chain. May not: do I/O. */
#include "audit/check.h"

#include <inttypes.h>
#include <string.h>

#include "audit/fields.h"

static bool found(struct chain_finding *out, uint64_t line, const struct error *what)
{
    *out = (struct chain_finding){.line = line, .what = *what};
    return false;
}

static bool release_held(struct chain_check *check, struct chain_finding *out)
{
    uint64_t line = check->held_line;
    check->held_line = 0;
    return line == 0 || found(out, line, &check->held);
}

bool chain_check_file(struct chain_check *check, struct chain_finding *out)
{
    bool good = release_held(check, out);
    check->line = 0;
    check->framed = false;
    return !good;
}

/* Whether the line says that the one before it was torn by a crash and could only be ended. */
static bool excuses(const struct chain_check *check, const char *line, size_t length)
{
    struct line_cut cut;
    return line_read_cut(line, length, &cut) && cut.kept && cut.bytes == check->held_bytes;
}

static bool follows(const struct chain_check *check, const struct chain_frame *frame,
                    struct error *error)
{
    static const struct chain_hash zeros;
    uint64_t seq = frame->link.seq, wanted = check->last.seq + 1;
    if (!frame->fits)
        return error_set(error, "changed: its hash is not that of what it says");
    if (!check->begun)
        return seq != 1 || chain_hash_same(&frame->prev, &zeros) ||
               error_set(error, "it is number 1 and names a line before it");
    if (seq == wanted && chain_hash_same(&frame->prev, &check->last.hash))
        return true;
    if (seq == wanted)
        return error_set(error,
                         "it does not follow on the line before it: that one was changed and its "
                         "hash made anew, or one of them was put there");
    if (seq < wanted)
        return error_set(
            error, "number %" PRIu64 " after number %" PRIu64 ": repeated, or moved from its place",
            seq, check->last.seq);
    return error_set(error,
                     "number %" PRIu64 " after number %" PRIu64 ": %" PRIu64
                     " lines are missing, or stand elsewhere",
                     seq, check->last.seq, seq - wanted);
}

bool chain_check_line(struct chain_check *check, const char *line, size_t length, uint64_t bytes,
                      struct chain_finding *out)
{
    struct error what;
    struct chain_frame *frame = &check->frame;
    check->line++;
    check->framed = bytes == length && chain_read(line, length, frame, &what);
    if (!check->framed) {
        bool before = release_held(check, out);
        if (bytes != length)
            error_set(&what, "it is longer than any line of the log");
        check->held_line = check->line;
        check->held_bytes = bytes;
        error_set(&check->held, "no line of the log: %.300s", what.text);
        return before;
    }
    bool good = follows(check, frame, &what);
    if (good && check->held_line != 0 && excuses(check, line, length))
        check->held_line = 0;
    check->begun = true;
    check->last = frame->link;
    if (check->held_line != 0)
        return release_held(check, out);
    return good || found(out, check->line, &what);
}
