/* The words of tables/enums.def. May not: hold code. */
#include "common/words.h"

/* clang-format off */
#define ENUM_BEGIN(type, doc)        const char *const type##_words[type##_count] = {
#define ENUM_VALUE(value, word, doc) word,
#define ENUM_END(type)               };
#include "tables/enums.def"
/* clang-format on */
