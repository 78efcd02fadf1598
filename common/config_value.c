/* One value of the configuration: from its text, to its text, and what was expected. May not: do
 * I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/config_table.h"

#define MICRO        UINT64_C(1000000)
#define MICRO_DIGITS 6

static const struct {
    const char *word;
    uint64_t bytes;
} size_units[] = {{"TiB", UINT64_C(1) << 40},
                  {"GiB", UINT64_C(1) << 30},
                  {"MiB", UINT64_C(1) << 20},
                  {"KiB", UINT64_C(1) << 10},
                  {"B", 1}};

/* Reads digits up to *text's end or the first other character; false without a digit or when it is
 * too large. */
static bool read_digits(const char **text, uint64_t *number)
{
    const char *at = *text;
    uint64_t sum = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(sum, UINT64_C(10), &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum))
            return false;
    bool some = at != *text;
    *text = at;
    *number = sum;
    return some;
}

static bool parse_count(const char *text, uint64_t *number)
{
    return read_digits(&text, number) && !*text;
}

bool config_parse_bytes(const char *text, uint64_t *bytes)
{
    uint64_t number = 0;
    if (!read_digits(&text, &number))
        return false;
    for (size_t i = 0; i < sizeof size_units / sizeof *size_units; i++)
        if (strcmp(text, size_units[i].word) == 0)
            return !__builtin_mul_overflow(number, size_units[i].bytes, bytes);
    return false;
}

void config_format_bytes(uint64_t bytes, char *out, size_t size)
{
    size_t unit = 0;
    while (bytes == 0 ? size_units[unit].bytes != 1 : bytes % size_units[unit].bytes != 0)
        unit++;
    snprintf(out, size, "%" PRIu64 "%s", bytes / size_units[unit].bytes, size_units[unit].word);
}

static bool parse_percent(const char *text, uint64_t *percent)
{
    return read_digits(&text, percent) && strcmp(text, "%") == 0;
}

/* 1, 1.5, 0.000001: no sign, at most six digits after the point. */
static bool parse_money(const char *text, uint64_t *micro)
{
    uint64_t whole = 0;
    uint64_t fraction = 0;
    if (!read_digits(&text, &whole) || __builtin_mul_overflow(whole, MICRO, micro))
        return false;
    if (!*text)
        return true;
    if (*text++ != '.')
        return false;
    size_t digits = strlen(text);
    if (digits > MICRO_DIGITS || !read_digits(&text, &fraction) || *text)
        return false;
    for (; digits < MICRO_DIGITS; digits++)
        fraction *= 10;
    return !__builtin_add_overflow(*micro, fraction, micro);
}

/* Two digits after the point, more where they are needed. */
void config_format_money(uint64_t micro, char *out, size_t size)
{
    char text[48];
    int length =
        snprintf(text, sizeof text, "%" PRIu64 ".%06" PRIu64, micro / MICRO, micro % MICRO);
    size_t end = (size_t)length;
    for (int cut = 0; cut < MICRO_DIGITS - 2 && text[end - 1] == '0'; cut++)
        end--;
    snprintf(out, size, "%.*s", (int)end, text);
}

static bool parse_word(const struct config_row *row, const char *text, uint64_t *place)
{
    for (unsigned i = 0; i < row->word_count; i++)
        if (strcmp(row->words[i], text) == 0) {
            *place = i;
            return true;
        }
    return false;
}

static bool parse_bool(const char *text, uint64_t *value)
{
    *value = strcmp(text, "true") == 0;
    return *value || strcmp(text, "false") == 0;
}

static bool parse_duration(const char *text, uint64_t *ms)
{
    int64_t parsed = 0;
    if (!clock_parse_duration(text, &parsed))
        return false;
    *ms = (uint64_t)parsed;
    return true;
}

/* The number that a text stands for, of any kind but text; its range is not looked at. */
static bool parse_number(const struct config_row *row, const char *text, uint64_t *number)
{
    switch (row->kind) {
    case KIND_BOOL: return parse_bool(text, number);
    case KIND_ENUM: return parse_word(row, text, number);
    case KIND_COUNT: return parse_count(text, number);
    case KIND_DURATION: return parse_duration(text, number);
    case KIND_BYTES: return config_parse_bytes(text, number);
    case KIND_PERCENT: return parse_percent(text, number);
    case KIND_MONEY: return parse_money(text, number);
    case KIND_TEXT:
    case KIND_TEXTS:
    case KIND_PAIRS:
    case KIND_LABEL_SETS:
    case KIND_SECTION:
    case KIND_SECTIONS: return false;
    }
    return false;
}

/* A number in the words of its kind. */
static void number_text(const struct config_row *row, uint64_t number, char *out, size_t size)
{
    char text[CLOCK_TEXT_BYTES];
    switch (row->kind) {
    case KIND_BOOL: snprintf(out, size, "%s", number ? "true" : "false"); return;
    case KIND_ENUM: snprintf(out, size, "%s", row->words[number]); return;
    case KIND_DURATION:
        snprintf(out, size, "%s", clock_format_duration((int64_t)number, text));
        return;
    case KIND_BYTES: config_format_bytes(number, out, size); return;
    case KIND_PERCENT: snprintf(out, size, "%" PRIu64 "%%", number); return;
    case KIND_MONEY: config_format_money(number, out, size); return;
    case KIND_COUNT:
    case KIND_TEXT:
    case KIND_TEXTS:
    case KIND_PAIRS:
    case KIND_LABEL_SETS:
    case KIND_SECTION:
    case KIND_SECTIONS: snprintf(out, size, "%" PRIu64, number); return;
    }
}

static void expected_word(const struct config_row *row, char *out, size_t size)
{
    size_t used = 0;
    for (unsigned i = 0; i < row->word_count && used < size; i++) {
        const char *join = i == 0 ? "" : i + 1 == row->word_count ? " or " : ", ";
        used += (size_t)snprintf(out + used, size - used, "%s%s", join, row->words[i]);
    }
}

static void expected_text(const struct config_row *row, char *out, size_t size)
{
    snprintf(out, size, "%s, of %s%" PRIu64 " bytes%s", config_form_words(row->form),
             row->least ? "1 to " : "at most ", row->most, row->least ? "" : " (\"\" for none)");
}

void config_expected(const struct config_row *row, char *out, size_t size)
{
    static const struct {
        const char *what, *examples;
    } kinds[] = {
        [KIND_COUNT] = {"a whole number", ""},
        [KIND_DURATION] = {"a duration", ", such as 250ms, 5s, 10m or 1h"},
        [KIND_BYTES] = {"a size", ", such as 512B, 64KiB or 16MiB"},
        [KIND_PERCENT] = {"a percentage", ", such as 50%"},
        [KIND_MONEY] = {"an amount", ", such as 1.50"},
    };
    char least[64];
    char most[64];
    if (row->kind == KIND_BOOL) {
        snprintf(out, size, "true or false");
    } else if (row->kind == KIND_ENUM) {
        expected_word(row, out, size);
    } else if (config_is_scalar(row) && row->kind != KIND_TEXT) {
        number_text(row, row->least, least, sizeof least);
        number_text(row, row->most, most, sizeof most);
        bool has_unit = row->unit && strcmp(row->unit, "port") != 0;
        snprintf(out, size, "%s%s%s from %s to %s%s", kinds[row->kind].what, has_unit ? " of " : "",
                 has_unit ? row->unit : "", least, most, kinds[row->kind].examples);
    } else {
        expected_text(row, out, size);
    }
}

static bool refuse(const struct config_row *row, const char *text, struct error *error)
{
    char expected[CONFIG_EXPECTED_BYTES_MAX];
    config_expected(row, expected, sizeof expected);
    bool is_text = row->kind == KIND_TEXT || row->kind == KIND_TEXTS;
    if (is_text && !config_form_may_show(row->form))
        return error_set(error, "expected %s", expected);
    return error_set(error, "expected %s; found \"%.60s\"", expected, text);
}

static bool set_text(struct config *config, const struct config_row *row, void *base,
                     const char *text, struct error *error)
{
    size_t length = strlen(text);
    if (length < row->least || length > row->most || !config_form_fits(row->form, text))
        return refuse(row, text, error);
    const char *kept = config_keep(config, text);
    if (!kept)
        return error_set(error, "out of memory");
    memcpy(config_at(row, base), &kept, sizeof kept);
    return true;
}

bool config_value_set(struct config *config, const struct config_row *row, void *base,
                      const char *text, struct error *error)
{
    uint64_t number = 0;
    if (row->kind == KIND_TEXT)
        return set_text(config, row, base, text, error);
    bool ranged = row->kind != KIND_BOOL && row->kind != KIND_ENUM;
    if (!parse_number(row, text, &number) ||
        (ranged && (number < row->least || number > row->most)))
        return refuse(row, text, error);
    if (row->kind == KIND_BOOL)
        memcpy(config_at(row, base), &(bool){number != 0}, sizeof(bool));
    else if (row->kind == KIND_ENUM)
        memcpy(config_at(row, base), &(unsigned){(unsigned)number}, sizeof(unsigned));
    else
        memcpy(config_at(row, base), &number, sizeof number);
    return true;
}

bool config_value_text(const struct config_row *row, const void *base, char *out, size_t size)
{
    const void *at = config_at_const(row, base);
    if (row->kind == KIND_TEXT) {
        const char *text = NULL;
        memcpy(&text, at, sizeof text);
        return (size_t)snprintf(out, size, "%s", text) < size;
    }
    uint64_t number = 0;
    unsigned word = 0;
    bool truth = false;
    if (row->kind == KIND_BOOL) {
        memcpy(&truth, at, sizeof truth);
        number = truth;
    } else if (row->kind == KIND_ENUM) {
        memcpy(&word, at, sizeof word);
        number = word;
    } else {
        memcpy(&number, at, sizeof number);
    }
    number_text(row, number, out, size);
    return true;
}

_Static_assert(sizeof(enum mode) == sizeof(unsigned), "enums of the configuration are of one size");
