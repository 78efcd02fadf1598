/* For the fuzz targets of the three APIs' answers: a body in an arena, and what every refusal
 * promises. May not: know one API. */
#ifndef EBBTIDE_TESTS_FUZZ_API_ANSWERS_H
#define EBBTIDE_TESTS_FUZZ_API_ANSWERS_H

#include "common/api_trouble.h"
#include "common/arena.h"
#include "proto/message.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)
/* The head of a snapshot that could be sent. */
#define SNAPSHOT_HEAD                                                                              \
    {                                                                                              \
        .sequence = 1, .requests = 1                                                               \
    }

/* One decoder of an answer. body has a NUL behind it, as the HTTP engine gives it. */
typedef void (*answer_decoder)(const char *body, size_t length, struct arena *arena,
                               struct error *error);

/* Gives the body to each decoder in turn, with an arena of its own. */
static inline void try_decoders(const answer_decoder *decoders, size_t count, const uint8_t *data,
                                size_t size)
{
    char *body = fuzz_text(data, size);
    for (size_t i = 0; i < count; i++) {
        struct error error = {""};
        struct arena *arena = arena_new(ARENA_BYTES);
        PROMISE(arena != NULL);
        decoders[i](body, size, arena, &error);
        arena_free(arena);
    }
    free(body);
}

/* What a decoder took can be sent: it is within every bound of its message. */
static inline void promise_sendable(enum message_id id, const void *body)
{
    struct error error = {""};
    unsigned char *bytes = NULL;
    size_t length = 0;
    if (!message_encode(id, body, &bytes, &length, &error))
        fprintf(stderr, "%s\n", error.text);
    PROMISE(bytes != NULL);
    free(bytes);
}

/* Whatever stands in a refusal, it is one, has a class that is in the table and says why. */
static inline void try_refusal(void (*read)(const struct http_answer *, const char *,
                                            struct api_trouble *),
                               const char *body, size_t length)
{
    static const unsigned statuses[] = {429, 400, 401, 403, 404, 409, 410,
                                        412, 422, 423, 302, 500, 503, 504};
    struct api_trouble trouble;
    /* Which one follows from the body's length: the fuzzer tries many. */
    unsigned status = statuses[length % (sizeof statuses / sizeof statuses[0])];
    struct http_answer answer = {.status = status,
                                 .body = body,
                                 .length = length,
                                 .content_type = "application/json",
                                 .url = "https://api.example/x",
                                 .retry_after_ms = length % 2 ? HTTP_NONE : 7000};
    read(&answer, "list the things", &trouble);
    PROMISE(trouble.trouble != TROUBLE_NONE && trouble.trouble < trouble_count);
    PROMISE(trouble.retry_after_ms >= 0 && trouble.http_status == status);
    promise_text(trouble.code, API_CODE_BYTES_MAX - 1);
    promise_words(trouble.error.text);
}

#endif
