/* The structs of all messages, made from messages.def and enums.def. Plain data: the pure core
 * includes this too. A decoded message lives in one arena (message.h); one that is to be sent
 * points at whatever the sender owns. May not: hold code beyond constants. */
#ifndef EBBTIDE_TABLES_MESSAGES_H
#define EBBTIDE_TABLES_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "tables/limits.h"

/* enum job_status { JOB_RUNNABLE, ..., job_status_count }; */
#define ENUM_BEGIN(type, doc)        enum type {
#define ENUM_VALUE(value, word, doc) value,
#define ENUM_END(type)                                                                             \
    type##_count                                                                                   \
    }                                                                                              \
    ;
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END

#define ROLE_BIT(role) (1u << (role))
#define ROLES_ALL      ((1u << role_count) - 1u)
#define ROLES_POLLERS                                                                              \
    (ROLE_BIT(ROLE_POLLER_GITEA) | ROLE_BIT(ROLE_POLLER_HETZNER) | ROLE_BIT(ROLE_POLLER_KUBE))
#define ROLES_CALLERS (ROLES_POLLERS | ROLE_BIT(ROLE_ACTUATOR)) /* they talk to an API */
#define ROLES_WORKERS                                                                              \
    (ROLES_CALLERS | ROLE_BIT(ROLE_RECONCILER) | ROLE_BIT(ROLE_DIALER) | ROLE_BIT(ROLE_MONITOR))

/* clang-format off */
/* struct gitea_job { uint64_t id; ... }; and struct gitea_snapshot { struct snapshot_head head; ... }; */
#define RECORD_BEGIN(record, doc)                           struct record {
#define RECORD_END(record)                                  };
#define MESSAGE_BEGIN(message, from, to, descriptors, doc)  struct message {
#define MESSAGE_END(message)                                char end_; };
#define F_U64(name, least, most, doc)                       uint64_t name;
#define F_I64(name, least, most, doc)                       int64_t name;
#define F_F64(name, doc)                                    double name;
#define F_BOOL(name, doc)                                   bool name;
#define F_ENUM(name, type, doc)                             enum type name;
#define F_TEXT(name, least, most, doc)                      const char *name;
#define F_TEXTS(name, most, most_bytes, doc)                const char *const *name; uint32_t name##_count;
#define F_RECORD(name, record, doc)                         struct record name;
#define F_RECORDS(name, record, most, doc)                  const struct record *name; uint32_t name##_count;
/* clang-format on */
#include "tables/messages.def"
#include "tables/undef_fields.h"

/* enum message_id { MESSAGE_hello, ... , message_id_count }; */
#define RECORD_BEGIN(record, doc)
#define RECORD_END(record)
#define MESSAGE_BEGIN(message, from, to, descriptors, doc) MESSAGE_##message,
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
enum message_id {
#include "tables/messages.def"
    message_id_count
};
#include "tables/undef_fields.h"

#endif
