/* Sentences for people. May not: call anything but memcpy, memmove, memset, memcmp. */
#include "reconciler/core/words.h"

#include <string.h>

#define DIGITS_MAX 72

struct pen {
    char *out;
    size_t size, length;
};

size_t text_length(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}

bool text_begins(const char *text, const char *start, const char **rest)
{
    for (; *start != '\0'; text++, start++)
        if (*text != *start)
            return false;
    if (rest != NULL)
        *rest = text;
    return true;
}

/* The length of text as far as it fits `room` bytes without cutting a UTF-8 character in two. */
static size_t fitting(const char *text, size_t length, size_t room)
{
    if (length <= room)
        return length;
    while (room > 0 && ((unsigned char)text[room] & 0xc0u) == 0x80u)
        room--;
    return room;
}

void text_copy(char *out, size_t size, const char *text)
{
    size_t length = fitting(text, text_length(text), size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

uint64_t text_hash(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (hash ^ 0xffu) * UINT64_C(1099511628211); /* "ab","c" is not "a","bc" */
}

uint64_t number_hash(uint64_t hash, uint64_t number)
{
    for (unsigned i = 0; i < 8; i++, number >>= 8)
        hash = (hash ^ (number & 0xffu)) * UINT64_C(1099511628211);
    return hash;
}

/* Copied as it is measured: most parts are short and fit. */
static void put_text(struct pen *pen, const char *text)
{
    char *to = pen->out + pen->length;
    size_t room = pen->size - 1 - pen->length, length = 0;
    for (; length < room && text[length] != '\0'; length++)
        to[length] = text[length];
    pen->length += text[length] != '\0' ? fitting(text, length + 1, length) : length;
}

static void put(struct pen *pen, const char *text, size_t length)
{
    length = fitting(text, length, pen->size - 1 - pen->length);
    memcpy(pen->out + pen->length, text, length);
    pen->length += length;
}

/* At least `least` digits in that base. */
static void put_digits(struct pen *pen, uint64_t number, unsigned base, unsigned least)
{
    static const char digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char backwards[DIGITS_MAX];
    char forwards[DIGITS_MAX];
    size_t count = 0;
    do {
        backwards[count++] = digit[number % base];
        number /= base;
    } while (number != 0 || count < least);
    for (size_t i = 0; i < count; i++)
        forwards[i] = backwards[count - 1 - i];
    put(pen, forwards, count);
}

static void put_duration(struct pen *pen, uint64_t ms)
{
    uint64_t seconds = ms / 1000;
    if (seconds >= 3600) {
        put_digits(pen, seconds / 3600, 10, 1);
        put(pen, "h", 1);
        put_digits(pen, seconds / 60 % 60, 10, 2);
        put(pen, "m", 1);
        return;
    }
    if (seconds >= 60) {
        put_digits(pen, seconds / 60, 10, 1);
        put(pen, "m", 1);
        put_digits(pen, seconds % 60, 10, 2);
    } else {
        put_digits(pen, seconds, 10, 1);
    }
    put(pen, "s", 1);
}

static void put_clock(struct pen *pen, uint64_t wall_ms)
{
    uint64_t seconds = wall_ms / 1000 % 86400;
    put_digits(pen, seconds / 3600, 10, 2);
    put(pen, ":", 1);
    put_digits(pen, seconds / 60 % 60, 10, 2);
    put(pen, ":", 1);
    put_digits(pen, seconds % 60, 10, 2);
}

static void put_money(struct pen *pen, uint64_t micro)
{
    put_digits(pen, micro / 1000000, 10, 1);
    put(pen, ".", 1);
    put_digits(pen, micro / 1000 % 1000, 10, 3);
}

static void put_part(struct pen *pen, const struct part *part)
{
    switch (part->kind) {
    case PART_TEXT: put_text(pen, part->text); return;
    case PART_NUMBER: put_digits(pen, part->number, 10, 1); return;
    case PART_BASE36: put_digits(pen, part->number, 36, 1); return;
    case PART_DURATION: put_duration(pen, part->number); return;
    case PART_CLOCK: put_clock(pen, part->number); return;
    case PART_MONEY: put_money(pen, part->number); return;
    case PART_END: return;
    }
}

static void put_all(struct pen *pen, const struct part *parts)
{
    for (; parts->kind != PART_END; parts++)
        put_part(pen, parts);
    pen->out[pen->length] = '\0';
}

void say_parts(char *out, size_t size, const struct part *parts)
{
    struct pen pen = {.out = out, .size = size};
    put_all(&pen, parts);
}

void say_parts_more(char *out, size_t size, const struct part *parts)
{
    struct pen pen = {.out = out, .size = size, .length = text_length(out)};
    put_all(&pen, parts);
}
