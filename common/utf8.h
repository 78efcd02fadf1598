/* Whether bytes are UTF-8 without NUL (RFC 3629: no overlong forms, no surrogates, at most
 * U+10FFFF). May not: allocate. */
#ifndef EBBTIDE_COMMON_UTF8_H
#define EBBTIDE_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* `bytes` need not end in NUL. */
bool utf8_valid(const char *bytes, size_t length);

#endif
