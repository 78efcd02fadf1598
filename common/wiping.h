/* malloc's functions, with memory that is wiped before it is given back: for libraries that hold
 * copies of secrets and let their allocator be chosen. What a library keeps on its stack, or still
 * uses, is not reached by this. May not: log. */
#ifndef EBBTIDE_COMMON_WIPING_H
#define EBBTIDE_COMMON_WIPING_H

#include <stddef.h>

/* Wipes all that malloc gave for it (malloc_usable_size(3)), then frees. NULL is fine. */
void wiping_free(void *pointer);

/* As realloc(3), but the old place is wiped, so the bytes always move. Size 0 frees: NULL. */
void *wiping_realloc(void *pointer, size_t size);

/* For a library that does not let its allocator be chosen (libyaml): between the two, free(3)
 * itself overwrites whatever is freed, by glibc's M_PERTURB (mallopt(3)). Elsewhere, and in builds
 * with AddressSanitizer, nothing happens. */
void wiping_begin(void);
void wiping_end(void);

#endif
