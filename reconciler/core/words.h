/* Sentences for people, made without the C library: parts are typed, so that none can be mistaken.
 * Usage: say(out, sizeof out, T("goes at "), CLOCK(wall_ms), T(" if nothing comes"));
 * May not: call anything but memcpy, memmove, memset, memcmp. */
#ifndef EBBTIDE_RECONCILER_CORE_WORDS_H
#define EBBTIDE_RECONCILER_CORE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum part_kind {
    PART_END,
    PART_TEXT,
    PART_NUMBER,
    PART_BASE36,
    PART_DURATION,
    PART_CLOCK,
    PART_MONEY
};

struct part {
    enum part_kind kind;
    const char *text;
    uint64_t number;
};

/* clang-format off */
#define T(words)      {.kind = PART_TEXT, .text = (words)}
#define N(value)      {.kind = PART_NUMBER, .number = (uint64_t)(value)}
#define B36(value)    {.kind = PART_BASE36, .number = (uint64_t)(value)}
#define SPAN(ms)      {.kind = PART_DURATION, .number = (uint64_t)((ms) > 0 ? (ms) : 0)} /* 1h02m, 6m12s, 8s */
#define CLOCK(ms)     {.kind = PART_CLOCK, .number = (uint64_t)((ms) > 0 ? (ms) : 0)}    /* 10:41:07, UTC */
#define MONEY(micro)  {.kind = PART_MONEY, .number = (micro)}                            /* 0.261 */
/* clang-format on */

/* Writes all parts and a NUL; what does not fit is cut at a whole character. */
#define say(out, size, ...)                                                                        \
    say_parts((out), (size), (const struct part[]){__VA_ARGS__, {.kind = PART_END}})
void say_parts(char *out, size_t size, const struct part *parts);

/* The same, after what already stands in out. */
#define say_more(out, size, ...)                                                                   \
    say_parts_more((out), (size), (const struct part[]){__VA_ARGS__, {.kind = PART_END}})
void say_parts_more(char *out, size_t size, const struct part *parts);

size_t text_length(const char *text);
/* Inline, as the joins compare thousands of names a step. */
static inline bool text_same(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++)
        b++;
    return *a == *b;
}
/* Whether text begins with `start`; *rest (may be NULL) is set to what follows. */
bool text_begins(const char *text, const char *start, const char **rest);
/* Copies with its NUL, cut to size at a whole character. */
void text_copy(char *out, size_t size, const char *text);
/* FNV-1a, 64 bit, chained by `hash` (TEXT_HASH_START): what others may keep and compare. */
#define TEXT_HASH_START UINT64_C(14695981039346656037)
uint64_t text_hash(uint64_t hash, const char *text);
uint64_t number_hash(uint64_t hash, uint64_t number);

/* The same for the core's own memory, which no other build reads: its tables, and whether anything
 * has changed. A step takes thousands; eight bytes at a time. A text ends with a word that has a
 * zero byte, so that "ab","c" is not "a","bc". */
static inline uint64_t number_mix(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}
static inline uint64_t text_mix(uint64_t hash, const char *text)
{
    for (;; text += 8) {
        uint64_t word = 0;
        for (unsigned i = 0; i < 8; i++) {
            if (text[i] == '\0')
                return number_mix(hash, word);
            word |= (uint64_t)(unsigned char)text[i] << (8 * i);
        }
        hash = number_mix(hash, word);
    }
}

#endif
