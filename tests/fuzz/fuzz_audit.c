/* Fuzzes the recovery of the audit log. Whatever stands in the file (and in the segment before it),
 * opening ends; what it keeps are whole lines, byte for byte as they were; it reports open intents
 * within its bounds; and afterwards an intent is found open, an outcome closes it, and the highest
 * id is the one that was written: no id is ever given twice.
 *
 * The input: two bytes with the older segment's length (0: there is none), that segment, the newer
 * one. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actuator/audit.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"

#define WALL_MS     INT64_C(1795764000000)
#define INPUT_LEAST 2

static const struct audit_limits limits = {.max_bytes = 1 << 20, .reserve_bytes = 4096};
static int older = -1, newer = -1;

int LLVMFuzzerInitialize(int *count, char ***arguments);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count, (void)arguments;
    /* Above all levels: nearly every input is a log that does not verify, and said to be one. */
    log_init("fuzz", (enum log_level)(LOG_ERROR_LEVEL + 1));
    return 0;
}

static int fill(int descriptor, const uint8_t *bytes, size_t size)
{
    if (descriptor < 0) {
        descriptor = memfd_create("audit", MFD_CLOEXEC);
        PROMISE(descriptor >= 0 && fcntl(descriptor, F_SETFL, O_APPEND) == 0);
    }
    PROMISE(ftruncate(descriptor, 0) == 0);
    PROMISE(size == 0 || write(descriptor, bytes, size) == (ssize_t)size);
    return descriptor;
}

static void on_intent(struct action_id id, enum action_kind kind, uint64_t server_id,
                      int64_t wall_ms, void *argument)
{
    (void)id, (void)server_id, (void)wall_ms, (void)argument;
    PROMISE((unsigned)kind < (unsigned)action_kind_count);
}

static void on_outcome(const struct action_result *result, void *argument)
{
    (void)argument;
    PROMISE((unsigned)result->kind < (unsigned)action_kind_count);
    PROMISE((unsigned)result->outcome < (unsigned)outcome_count);
    PROMISE((unsigned)result->trouble < (unsigned)trouble_count);
    PROMISE(result->duration_ms >= 0 && result->created_ms >= 0 && result->retry_after_ms >= 0);
    promise_text(result->text, SIZE_MAX);
}

static struct audit *open_log(bool with_older)
{
    static const struct audit_reader reader = {.intent = on_intent, .outcome = on_outcome};
    struct error error = {""};
    struct audit *audit = NULL;
    if (!audit_open(&audit, dup(with_older ? older : newer), "audit", &limits, &reader, &error)) {
        promise_words(error.text);
        return NULL;
    }
    if (with_older && !audit_next(audit, dup(newer), "audit.1", &reader, &error)) {
        promise_words(error.text);
        audit_close(audit);
        return NULL;
    }
    return audit;
}

static uint32_t open_intents(const struct audit *audit, struct action_id id)
{
    static struct unknown_action out[UNKNOWN_ACTIONS_MAX];
    uint32_t count = audit_open_intents(audit, out, UNKNOWN_ACTIONS_MAX), same = 0;
    PROMISE(count <= UNKNOWN_ACTIONS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        PROMISE((unsigned)out[i].kind < (unsigned)action_kind_count);
        promise_text(out[i].node, NAME_BYTES_MAX);
        PROMISE(action_id_compare(out[i].id, audit_highest(audit)) <= 0);
        same += action_id_compare(out[i].id, id) == 0;
    }
    return same;
}

/* Whole lines stay as they are; behind them stands at most what we wrote. */
static void promise_kept(const uint8_t *bytes, size_t size)
{
    const uint8_t *last = size == 0 ? NULL : memrchr(bytes, '\n', size);
    size_t whole = last == NULL ? 0 : (size_t)(last + 1 - bytes);
    uint8_t *now = malloc(whole + 1);
    PROMISE(now != NULL && pread(newer, now, whole, 0) == (ssize_t)whole);
    PROMISE(whole == 0 || memcmp(now, bytes, whole) == 0);
    free(now);
    off_t end = lseek(newer, 0, SEEK_END);
    char byte = '\n';
    PROMISE(end >= (off_t)whole && (end == 0 || pread(newer, &byte, 1, end - 1) == 1));
    PROMISE(byte == '\n');
}

/* The next id, as the core would make it; false where there is none left. */
static bool next_id(const struct audit *audit, struct action_id *id)
{
    *id = audit_highest(audit);
    if (id->counter++ < UINT64_MAX - 1)
        return true;
    *id = (struct action_id){.epoch = id->epoch + 1, .counter = 1};
    return id->epoch != 0;
}

static void try_one_more(struct audit *audit, struct action_id id, bool with_older)
{
    struct error error = {""};
    struct action action = {
        .id = id, .kind = ACTION_DRAIN_NODE, .text = "why", .node = {.name = "n", .pool = "p"}};
    struct action_result result = {.id = id, .kind = action.kind, .outcome = OUTCOME_DONE};
    PROMISE(audit_intent(audit, &action, WALL_MS, &error));
    audit_close(audit);
    audit = open_log(with_older);
    PROMISE(audit != NULL && open_intents(audit, id) == 1);
    PROMISE(action_id_compare(audit_highest(audit), id) == 0);
    PROMISE(audit_outcome(audit, &action, &result, WALL_MS, &error));
    PROMISE(audit_close_found(audit, WALL_MS, &error));
    audit_close(audit);
    audit = open_log(with_older);
    PROMISE(audit != NULL && open_intents(audit, id) == 0);
    PROMISE(action_id_compare(audit_highest(audit), id) == 0);
    audit_close(audit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < INPUT_LEAST)
        return 0;
    size_t rest = size - INPUT_LEAST, first = (size_t)data[0] << 8 | data[1];
    first = first > rest ? rest : first;
    const uint8_t *second = data + INPUT_LEAST + first;
    older = fill(older, data + INPUT_LEAST, first);
    newer = fill(newer, second, rest - first);
    struct action_id id = {0, 0};
    struct audit *audit = open_log(first > 0);
    if (audit == NULL)
        return 0;
    open_intents(audit, id);
    promise_kept(second, rest - first);
    if (next_id(audit, &id))
        try_one_more(audit, id, first > 0);
    else
        audit_close(audit);
    return 0;
}
