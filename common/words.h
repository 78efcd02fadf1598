/* The words of every enum of tables/enums.def as arrays: `mode_words[MODE_ACT]` is "act". For
 * tables that hold words of any enum (configuration, metrics); one value's word is asked of
 * proto/message.h. May not: hold code. */
#ifndef EBBTIDE_COMMON_WORDS_H
#define EBBTIDE_COMMON_WORDS_H

#include "tables/messages.h"

/* extern const char *const mode_words[mode_count]; one for each enum. */
#define ENUM_BEGIN(type, doc) extern const char *const type##_words[type##_count];
#define ENUM_VALUE(value, word, doc)
#define ENUM_END(type)
#include "tables/enums.def"
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END

#endif
