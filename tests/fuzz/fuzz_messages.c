/* Fuzzes the messages' decoder. Whatever comes, it ends and refuses with a sentence; what it takes
 * is within every bound: it encodes again, to bytes that decode to the same encoding; and a glance
 * at the first bytes (message_peek) says of it what the whole says. */
#include "proto/message.h"
#include "tests/fuzz/fuzz.h"

/* What a glance at the first bytes says must be what the whole says, however few there are. */
static void try_peek(const unsigned char *bytes, size_t size, const struct message *message)
{
    for (size_t length = 0; length <= size && length <= MESSAGE_PEEK_BYTES_MAX; length++) {
        enum message_id id = message_id_count;
        unsigned char *part = fuzz_copy(bytes, length);
        int known = message_peek(part, length, &id);
        free(part);
        PROMISE(known == 0 || known == 1 || known == -1);
        PROMISE(known != 1 || (unsigned)id < (unsigned)message_id_count);
        PROMISE(known != 0 || length < MESSAGE_PEEK_BYTES_MAX);
        if (message != NULL)
            PROMISE(known == 0 || (known == 1 && id == message->id));
    }
}

/* A byte more or a byte less is another message, or none. */
static void try_other_length(const unsigned char *bytes, size_t length)
{
    unsigned char *longer = malloc(length + 1), *shorter = fuzz_copy(bytes, length - 1);
    struct message *message = NULL;
    PROMISE(longer != NULL);
    memcpy(longer, bytes, length);
    longer[length] = 0;
    PROMISE(!message_decode(longer, length + 1, &message, NULL));
    PROMISE(!message_decode(shorter, length - 1, &message, NULL));
    free(longer);
    free(shorter);
}

static void try_again(const struct message *message)
{
    struct error error = {""};
    unsigned char *first, *second;
    size_t first_length, second_length;
    struct message *again = NULL;
    PROMISE(message_encode(message->id, message->body, &first, &first_length, &error));
    PROMISE(first_length <= message_bytes_max(message->id));
    PROMISE(message_decode(first, first_length, &again, &error));
    PROMISE(again->id == message->id);
    PROMISE(message_encode(again->id, again->body, &second, &second_length, &error));
    PROMISE(first_length == second_length && memcmp(first, second, first_length) == 0);
    try_other_length(first, first_length);
    message_free(again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {""};
    struct message *message = NULL;
    if (message_decode(data, size, &message, &error)) {
        PROMISE(message != NULL && error.text[0] == '\0');
        try_peek(data, size, message);
        try_again(message);
        message_free(message);
    } else {
        PROMISE(message == NULL);
        promise_words(error.text);
        try_peek(data, size, NULL);
    }
    return 0;
}
