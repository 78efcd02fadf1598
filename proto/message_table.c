/* Makes the rows from messages.def, and answers what needs nothing but a row: names, permissions,
 * words of enums, the table's hash. May not: touch a message's bytes. */
#include "proto/message_table.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

/* A function for each record and message, since its rows name the struct they lie in (`current`).
 * The last row, without a name, stands for messages that carry nothing. */
/* clang-format off */
#define ROWS_BEGIN(thing)                                                                          \
    static const struct record_row *thing##_record(void)                                          \
    {                                                                                              \
        typedef struct thing current;                                                              \
        static const struct field_row fields[] = {
#define ROWS_END(thing)                                                                            \
            {.name = NULL}};                                                                       \
        static const struct record_row row = {#thing, sizeof(current), fields,                     \
                                              sizeof fields / sizeof fields[0] - 1};               \
        return &row;                                                                               \
    }
#define AT(member) .name = #member, .offset = offsetof(current, member)
#define LIST(member) AT(member), .count_offset = offsetof(current, member##_count)
#define RECORD_BEGIN(record, doc)                                 ROWS_BEGIN(record)
#define RECORD_END(record)                                        ROWS_END(record)
#define MESSAGE_BEGIN(message, from, to, descriptors, doc)        ROWS_BEGIN(message)
#define MESSAGE_END(message)                                      ROWS_END(message)
#define F_U64(member, low, high, doc)       {.kind = FIELD_U64, AT(member), .least = (low), .most = (high)},
#define F_I64(member, low, high, doc)       {.kind = FIELD_I64, AT(member), .least_signed = (low), .most_signed = (high)},
#define F_F64(member, doc)                  {.kind = FIELD_F64, AT(member)},
#define F_BOOL(member, doc)                 {.kind = FIELD_BOOL, AT(member)},
#define F_ENUM(member, type, doc)           {.kind = FIELD_ENUM, AT(member), .most = type##_count, .word = type##_word},
#define F_TEXT(member, low, high, doc)      {.kind = FIELD_TEXT, AT(member), .least = (low), .most = (high)},
#define F_TEXTS(member, high, each, doc)    {.kind = FIELD_TEXTS, LIST(member), .most = (high), .bytes_max = (each)},
#define F_RECORD(member, type, doc)         {.kind = FIELD_RECORD, AT(member), .record = type##_record},
#define F_RECORDS(member, type, high, doc)  {.kind = FIELD_RECORDS, LIST(member), .most = (high), .record = type##_record},
#include "tables/messages.def"
#include "tables/undef_fields.h"

#define RECORD_BEGIN(record, doc)
#define RECORD_END(record)
#define MESSAGE_BEGIN(message, senders, receivers, count, doc)                                     \
    [MESSAGE_##message] = {.record = message##_record, .from = (senders), .to = (receivers), .descriptors = (count)},
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
static const struct message_row rows[message_id_count] = {
#include "tables/messages.def"
};
#include "tables/undef_fields.h"

#define ENUM_BEGIN(type, doc)         static const char *const type##_words[] = {
#define ENUM_VALUE(value, word, doc)  [value] = (word),
#define ENUM_END(type)                };
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END

#define ENUM_BEGIN(type, doc)                                                                      \
    const char *type##_word(enum type value)                                                       \
    {                                                                                              \
        return (unsigned)value < (unsigned)type##_count ? type##_words[value] : "?";               \
    }
#define ENUM_VALUE(value, word, doc)
#define ENUM_END(type)
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
/* clang-format on */

const struct message_row *message_row(enum message_id id)
{
    if ((unsigned)id >= (unsigned)message_id_count) {
        fprintf(stderr, "message id %u is none of the table's\n", (unsigned)id);
        abort();
    }
    return &rows[id];
}

const char *message_name(enum message_id id)
{
    return message_row(id)->record()->name;
}

unsigned message_descriptors(enum message_id id)
{
    return message_row(id)->descriptors;
}

bool message_permitted(enum message_id id, enum role from, enum role to)
{
    const struct message_row *row = message_row(id);
    return (unsigned)from < (unsigned)role_count && (unsigned)to < (unsigned)role_count &&
           (row->from & ROLE_BIT(from)) != 0 && (row->to & ROLE_BIT(to)) != 0;
}

/* ------------------------------------------------------------------------- the table's hash */

/* Every row as text: what a change of it changes on the wire, or in its meaning. */
#define TEXT(...) #__VA_ARGS__ "\n",
static const char *const table_text[] = {
/* clang-format off */
#define RECORD_BEGIN(...)  "record " TEXT(__VA_ARGS__)
#define RECORD_END(...)    "end " TEXT(__VA_ARGS__)
#define MESSAGE_BEGIN(...) "message " TEXT(__VA_ARGS__)
#define MESSAGE_END(...)   "end " TEXT(__VA_ARGS__)
#define F_U64(...)     "u64 " TEXT(__VA_ARGS__)
#define F_I64(...)     "i64 " TEXT(__VA_ARGS__)
#define F_F64(...)     "f64 " TEXT(__VA_ARGS__)
#define F_BOOL(...)    "bool " TEXT(__VA_ARGS__)
#define F_ENUM(...)    "enum " TEXT(__VA_ARGS__)
#define F_TEXT(...)    "text " TEXT(__VA_ARGS__)
#define F_TEXTS(...)   "texts " TEXT(__VA_ARGS__)
#define F_RECORD(...)  "record-of " TEXT(__VA_ARGS__)
#define F_RECORDS(...) "records-of " TEXT(__VA_ARGS__)
#include "tables/messages.def"
#include "tables/undef_fields.h"
#define ENUM_BEGIN(...) "list " TEXT(__VA_ARGS__)
#define ENUM_VALUE(...) "value " TEXT(__VA_ARGS__)
#define ENUM_END(...)   "end " TEXT(__VA_ARGS__)
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
    /* clang-format on */
};

const char *const *message_table_lines(size_t *count)
{
    *count = sizeof table_text / sizeof table_text[0];
    return table_text;
}

static char hash_text[65], form_text[65];

/* A row without its last argument, what it means in words: `, "..."` and the newline. */
static size_t form_length(const char *line)
{
    const char *end = line;
    for (const char *at = line; (at = strstr(at, ", \"")) != NULL; at++)
        end = at;
    return end == line ? strlen(line) : (size_t)(end - line);
}

static void make_hash(char out[65], bool form_only)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; good && i < sizeof table_text / sizeof table_text[0]; i++)
        good =
            EVP_DigestUpdate(context, table_text[i],
                             form_only ? form_length(table_text[i]) : strlen(table_text[i])) == 1;
    good = good && EVP_DigestFinal_ex(context, digest, &length) == 1 && length == 32;
    EVP_MD_CTX_free(context);
    if (!good) {
        fprintf(stderr, "libcrypto has no SHA-256; without it no two processes can agree\n");
        abort();
    }
    for (size_t i = 0; i < length; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void make_hashes(void)
{
    make_hash(hash_text, false);
    make_hash(form_text, true);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

const char *message_table_hash(void)
{
    pthread_once(&once, make_hashes);
    return hash_text;
}

const char *message_table_form(void)
{
    pthread_once(&once, make_hashes);
    return form_text;
}
