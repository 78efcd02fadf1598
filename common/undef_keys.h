/* Forgets the row macros of configuration.def, so that the next reader can define its own. Included
 * many times on purpose. */
#undef SECTION_BEGIN
#undef SECTION_END
#undef ROOT_BEGIN
#undef ROOT_END
#undef C_BOOL
#undef C_ENUM
#undef C_COUNT
#undef C_DURATION
#undef C_BYTES
#undef C_PERCENT
#undef C_MONEY
#undef C_TEXT
#undef C_TEXTS
#undef C_PAIRS
#undef C_LABEL_SETS
#undef C_SECTION
#undef C_SECTIONS
