/* A secret's bytes come out of its accessors only: nobody copies the struct.
 * expect: undefined type|incomplete type
 * May not: be linked into anything. */
#include "common/secret.h"

size_t snippet(const struct secret *secret);

size_t snippet(const struct secret *secret)
{
#ifdef REFUSED
    return sizeof *secret;
#else
    return secret_length(secret);
#endif
}
