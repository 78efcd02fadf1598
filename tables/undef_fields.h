/* Forgets the row macros of messages.def, so that the next reader can define its own. Included many
 * times on purpose. */
#undef RECORD_BEGIN
#undef RECORD_END
#undef MESSAGE_BEGIN
#undef MESSAGE_END
#undef F_U64
#undef F_I64
#undef F_F64
#undef F_BOOL
#undef F_ENUM
#undef F_TEXT
#undef F_TEXTS
#undef F_RECORD
#undef F_RECORDS
