/* The log of a test. */
#include "audit_running.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit_fixture.h"
#include "cunit_main.h"

struct running running;

void running_begin(void)
{
    struct chain_hash random = {.byte = {1, 2, 3}};
    running = (struct running){
        .file = fixture_file(),
        .limits = {.max_bytes = 1 << 20, .reserve_bytes = 65536, .epoch_ms = 900000}};
    seal_first(&random, &running.first);
    for (unsigned i = 0; i < SEAL_SLOTS; i++)
        running.slot[i] = memfd_create("key", MFD_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(seal_slots_write(running.slot, &running.first, 0, &running.error));
}

void running_end(void)
{
    close(running.file);
    for (unsigned i = 0; i < SEAL_SLOTS; i++)
        close(running.slot[i]);
}

struct audit *running_open(bool keys)
{
    struct audit *audit = NULL;
    CU_ASSERT_TRUE_FATAL(audit_open(&audit, dup(running.file), "audit.jsonl", &running.limits, NULL,
                                    &running.error));
    audit_take_keys(audit, keys ? dup(running.slot[0]) : -1, keys ? dup(running.slot[1]) : -1);
    return audit;
}

struct audit *running_start(bool keys)
{
    struct audit *audit = running_open(keys);
    CU_ASSERT_TRUE(audit_settle(audit, RUNNING_WALL_MS, &running.error));
    return audit;
}

struct action running_action(uint64_t counter)
{
    return (struct action){.id = {2, counter},
                           .kind = ACTION_DRAIN_NODE,
                           .text = "why",
                           .node = {.name = "n", .pool = "p", .node_uid = ""},
                           .server_type = "",
                           .location = "",
                           .image = ""};
}

void running_intend(struct audit *audit, uint64_t counter)
{
    struct action action = running_action(counter);
    CU_ASSERT_TRUE(audit_intent(audit, &action, RUNNING_WALL_MS, &running.error));
}

char *running_text(void)
{
    static char bytes[65536];
    ssize_t got = pread(running.file, bytes, sizeof bytes - 1, 0);
    bytes[got > 0 ? got : 0] = '\0';
    return bytes;
}

unsigned running_times(const char *word)
{
    unsigned count = 0;
    for (const char *at = running_text(); (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

struct verify_result running_verdict(bool keys)
{
    struct verify_keys first = {.key = {running.first}, .count = 1};
    const char *bytes = running_text();
    return verify_bytes(bytes, strlen(bytes), strlen(bytes), keys ? &first : NULL, NULL);
}
