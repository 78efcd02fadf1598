/* The texts of times. May not: allocate, read a clock. */
#include "common/clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_S        1000
#define DURATION_MS_MAX (INT64_C(100) * 366 * 24 * 3600 * MS_PER_S)

/* ".123456" becomes 123; anything beyond milliseconds is dropped. */
static const char *parse_fraction(const char *text, int64_t *ms)
{
    *ms = 0;
    if (*text != '.')
        return text;
    int64_t unit = 100;
    for (text++; isdigit((unsigned char)*text); text++) {
        *ms += unit * (*text - '0');
        unit /= 10;
    }
    return text;
}

/* Reads exactly two characters, and none behind a NUL. */
static bool parse_two_digits(const char *text, int64_t *value)
{
    if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
        return false;
    *value = (int64_t)(text[0] - '0') * 10 + (text[1] - '0');
    return true;
}

static bool parse_offset(const char *text, int64_t *offset_s)
{
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        *offset_s = 0;
        return true;
    }
    int64_t hours, minutes;
    if ((*text != '+' && *text != '-') || !parse_two_digits(text + 1, &hours) || text[3] != ':' ||
        !parse_two_digits(text + 4, &minutes) || text[6] != '\0' || hours > 23 || minutes > 59)
        return false;
    *offset_s = (hours * 60 + minutes) * 60;
    if (*text == '-')
        *offset_s = -*offset_s;
    return true;
}

bool clock_parse_rfc3339(const char *text, int64_t *ms)
{
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (rest == NULL)
        return false;
    int64_t fraction, offset_s;
    rest = parse_fraction(rest, &fraction);
    if (!parse_offset(rest, &offset_s))
        return false;
    *ms = ((int64_t)timegm(&utc) - offset_s) * MS_PER_S + fraction;
    return true;
}

bool clock_parse_http_date(const char *text, int64_t *ms)
{
    struct tm utc = {0};
    const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    if (rest == NULL || *rest != '\0')
        return false;
    *ms = (int64_t)timegm(&utc) * MS_PER_S;
    return true;
}

char *clock_format_rfc3339(int64_t ms, char out[CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(ms / MS_PER_S);
    int64_t rest = ms % MS_PER_S;
    if (rest < 0) {
        rest += MS_PER_S;
        seconds--;
    }
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL) {
        snprintf(out, CLOCK_TEXT_BYTES, "out of range");
        return out;
    }
    size_t n = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, CLOCK_TEXT_BYTES - n, ".%03dZ", (int)rest);
    return out;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"d", INT64_C(86400000)}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
#define UNITS (sizeof units / sizeof *units)

/* Which unit stands at text, from `first` on; UNITS where none does. "m" is not the "m" of "ms". */
static size_t find_unit(const char *text, size_t first)
{
    for (size_t i = first; i < UNITS; i++) {
        size_t length = strlen(units[i].name);
        if (strncmp(text, units[i].name, length) == 0 && !isalpha((unsigned char)text[length]))
            return i;
    }
    return UNITS;
}

bool clock_parse_duration(const char *text, int64_t *ms)
{
    int64_t total = 0;
    size_t next_unit = 0;
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        int64_t number = 0;
        const char *start = text;
        for (; isdigit((unsigned char)*text) && text - start < 12; text++)
            number = number * 10 + (*text - '0');
        size_t unit = find_unit(text, next_unit);
        if (text == start || unit == UNITS || number > DURATION_MS_MAX / units[unit].ms)
            return false;
        total += number * units[unit].ms;
        if (total > DURATION_MS_MAX)
            return false;
        text += strlen(units[unit].name);
        next_unit = unit + 1;
    }
    *ms = total;
    return true;
}

char *clock_format_duration(int64_t ms, char out[CLOCK_TEXT_BYTES])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < UNITS && ms > 0; i++) {
        int64_t count = ms / units[i].ms;
        if (count == 0)
            continue;
        int n =
            snprintf(out + used, CLOCK_TEXT_BYTES - used, "%" PRId64 "%s", count, units[i].name);
        used += (size_t)n;
        if (used >= CLOCK_TEXT_BYTES)
            break;
        ms -= count * units[i].ms;
    }
    if (used == 0)
        snprintf(out, CLOCK_TEXT_BYTES, "0s");
    return out;
}
