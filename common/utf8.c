/* UTF-8 by the table of RFC 3629 section 4: the second byte's range depends on the first. */
#include "common/utf8.h"

static const struct {
    unsigned char first_least, first_most, second_least, second_most;
    unsigned length;
} forms[] = {
    {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Bytes of the character that begins here; 0 where none does. */
static size_t character(const unsigned char *at, size_t left)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (at[0] < forms[i].first_least || at[0] > forms[i].first_most)
            continue;
        if (forms[i].length > left)
            return 0;
        if (forms[i].length > 1 && (at[1] < forms[i].second_least || at[1] > forms[i].second_most))
            return 0;
        for (unsigned k = 2; k < forms[i].length; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

bool utf8_valid(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (length > 0) {
        size_t step = character(at, length);
        if (step == 0)
            return false;
        at += step;
        length -= step;
    }
    return true;
}
