/* Putting the core's memory and the tiny world aside, in few bytes, and back. The core's block is
 * copied as bytes to where it was, so its pointers into itself stay right; what no step has touched
 * and what each step makes anew is left out by name, all else goes along whatever it is. A test
 * runs the same events anew and compares (explore.c).
 * May, as a test of memory, know the core's private structs; may not change any field of them. */
#include <stdlib.h>
#include <string.h>

#include "reconciler/core/private.h"
#include "tests/simulation/small/tiny.h"

#define PARTS_MAX 16

struct part_of {
    size_t at, length;
};

struct image_buffer {
    unsigned char *plain; /* all parts and the world, one after the other */
    unsigned char *packed;
    size_t plain_size, room;
    struct part_of part[PARTS_MAX];
    unsigned parts;
};

#define FROM(member) offsetof(struct core, member)

/* Which bytes of the block count. */
static unsigned list_parts(const struct core *core, struct part_of part[PARTS_MAX])
{
    unsigned count = 0;
    uint32_t marks[2] = {core->creates.next, core->deletes.next};
    if (core->creates.count == RATE_MARKS_MAX || core->deletes.count == RATE_MARKS_MAX)
        marks[0] = marks[1] = RATE_MARKS_MAX;
    const struct part_of list[] = {
        {0, FROM(creates)},
        {FROM(creates.mark_mono_ms), marks[0] * sizeof core->creates.mark_mono_ms[0]},
        {FROM(creates.next), sizeof(struct rate) - offsetof(struct rate, next)},
        {FROM(deletes.mark_mono_ms), marks[1] * sizeof core->deletes.mark_mono_ms[0]},
        {FROM(deletes.next), sizeof(struct rate) - offsetof(struct rate, next)},
        {FROM(create_pause_mono_ms), FROM(offer) - FROM(create_pause_mono_ms)},
        {FROM(offer), core->config->pools[0].offers_count * sizeof core->offer[0][0]},
        {FROM(jobs), FROM(alarm) - FROM(jobs)},
        {FROM(alarm), core->alarm_count * sizeof core->alarm[0]},
        {FROM(alarm_count), FROM(checkpoint) - FROM(alarm_count)},
        {FROM(node_table), (core->node_mask + 1) * sizeof core->node_table[0]},
        {FROM(node), core->node_count * sizeof core->node[0]},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        part[count++] = list[i];
    return count;
}

struct image_buffer *image_new(void)
{
    struct image_buffer *buffer = calloc(1, sizeof *buffer);
    if (buffer == NULL)
        abort();
    buffer->room = sizeof(struct core) / 8;
    buffer->plain = calloc(1, buffer->room);
    buffer->packed = calloc(1, buffer->room * 2);
    if (buffer->plain == NULL || buffer->packed == NULL)
        abort();
    return buffer;
}

void image_free(struct image_buffer *buffer)
{
    if (buffer == NULL)
        return;
    free(buffer->plain);
    free(buffer->packed);
    free(buffer);
}

static void lay_out(struct image_buffer *buffer, const struct core *core)
{
    size_t size = sizeof(struct tiny);
    buffer->parts = list_parts(core, buffer->part);
    for (unsigned i = 0; i < buffer->parts; i++)
        size += buffer->part[i].length;
    buffer->plain_size = (size + 7) / 8 * 8;
    if (buffer->plain_size > buffer->room)
        abort();
}

/* Packed: the parts' table, then for 64 words at a time a bit set of those that are not 0, and
 * them. */
static size_t pack(struct image_buffer *buffer)
{
    unsigned char *to = buffer->packed;
    size_t words = buffer->plain_size / 8;
    memcpy(to, &buffer->parts, sizeof buffer->parts);
    memcpy(to + 8, &buffer->plain_size, 8);
    memcpy(to + 16, buffer->part, sizeof buffer->part);
    to += 16 + sizeof buffer->part;
    for (size_t i = 0; i < words; i += 64) {
        uint64_t set = 0;
        unsigned char *mask = to;
        to += 8;
        for (size_t k = 0; k < 64 && i + k < words; k++) {
            uint64_t word;
            memcpy(&word, buffer->plain + (i + k) * 8, 8);
            if (word == 0)
                continue;
            set |= UINT64_C(1) << k;
            memcpy(to, &word, 8);
            to += 8;
        }
        memcpy(mask, &set, 8);
    }
    return (size_t)(to - buffer->packed);
}

const void *image_pack(struct image_buffer *buffer, const struct sim *sim, size_t *size)
{
    const unsigned char *block = (const unsigned char *)sim->core;
    size_t at = sizeof sim->tiny;
    lay_out(buffer, sim->core);
    memset(buffer->plain + buffer->plain_size - 8, 0, 8);
    memcpy(buffer->plain, &sim->tiny, sizeof sim->tiny);
    for (unsigned i = 0; i < buffer->parts; i++) {
        memcpy(buffer->plain + at, block + buffer->part[i].at, buffer->part[i].length);
        at += buffer->part[i].length;
    }
    *size = pack(buffer);
    return buffer->packed;
}

void image_open(struct image_buffer *buffer, const void *packed)
{
    const unsigned char *from = packed;
    memcpy(&buffer->parts, from, sizeof buffer->parts);
    memcpy(&buffer->plain_size, from + 8, 8);
    memcpy(buffer->part, from + 16, sizeof buffer->part);
    from += 16 + sizeof buffer->part;
    size_t words = buffer->plain_size / 8;
    memset(buffer->plain, 0, buffer->plain_size);
    for (size_t i = 0; i < words; i += 64) {
        uint64_t set;
        memcpy(&set, from, 8);
        from += 8;
        for (; set != 0; set &= set - 1) {
            memcpy(buffer->plain + (i + (size_t)__builtin_ctzll(set)) * 8, from, 8);
            from += 8;
        }
    }
}

void image_restore(const struct image_buffer *buffer, struct sim *sim)
{
    unsigned char *block = sim->block;
    size_t at = sizeof sim->tiny;
    memcpy(&sim->tiny, buffer->plain, sizeof sim->tiny);
    for (unsigned i = 0; i < buffer->parts; i++) {
        memcpy(block + buffer->part[i].at, buffer->plain + at, buffer->part[i].length);
        at += buffer->part[i].length;
    }
    sim->core = sim->block;
    feed_rebuild(sim);
}
