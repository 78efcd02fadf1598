/* What every fuzz target shares: promises that end the process when they are broken, and texts of
 * the input. A target is one function, LLVMFuzzerTestOneInput; libFuzzer calls it (preset fuzz), or
 * replay_corpus.c with the files of a corpus (every preset). May not: keep state between inputs. */
#ifndef EBBTIDE_TESTS_FUZZ_FUZZ_H
#define EBBTIDE_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise: where it does not hold, the input is a finding. */
#define PROMISE(holds)                                                                             \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #holds);            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Memory of exactly that size, so that a sanitizer sees a read behind it. Never NULL. */
static inline void *fuzz_copy(const void *bytes, size_t size)
{
    void *copy = malloc(size == 0 ? 1 : size);
    PROMISE(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

/* The bytes with a NUL behind them. Never NULL. */
static inline char *fuzz_text(const void *bytes, size_t size)
{
    char *text = malloc(size + 1);
    PROMISE(text != NULL);
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = '\0';
    return text;
}

/* What a person can read: a sentence of one line, UTF-8, without control characters. */
static inline void promise_words(const char *text)
{
    PROMISE(text[0] != '\0' && strlen(text) < ERROR_TEXT_BYTES_MAX);
    PROMISE(utf8_valid(text, strlen(text)));
    for (; *text != '\0'; text++)
        PROMISE((unsigned char)*text >= 0x20 && *text != 0x7f);
}

/* A text that fits its bound. */
static inline void promise_text(const char *text, size_t most)
{
    PROMISE(text != NULL && strlen(text) <= most);
}

#endif
