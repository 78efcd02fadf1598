/* One accessor a message: the body as its own struct, or the end of a process that asked for
 * another than it has. May not: do anything else. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/message.h"

static const void *body_of(const struct message *message, enum message_id wanted)
{
    if (message->id != wanted) {
        fprintf(stderr, "a message %s was read as %s\n", message_name(message->id),
                message_name(wanted));
        abort();
    }
    return message->body;
}

/* clang-format off */
#define RECORD_BEGIN(record, doc)
#define RECORD_END(record)
#define MESSAGE_BEGIN(type, from, to, descriptors, doc)                                        \
    const struct type *message_##type(const struct message *message)                       \
    {                                                                                              \
        return body_of(message, MESSAGE_##type);                                               \
    }
#define MESSAGE_END(message)
#define F_U64(name, least, most, doc)
#define F_I64(name, least, most, doc)
#define F_F64(name, doc)
#define F_BOOL(name, doc)
#define F_ENUM(name, type, doc)
#define F_TEXT(name, least, most, doc)
#define F_TEXTS(name, most, most_bytes, doc)
#define F_RECORD(name, record, doc)
#define F_RECORDS(name, record, most, doc)
#include "tables/messages.def"
#include "tables/undef_fields.h"
/* clang-format on */
