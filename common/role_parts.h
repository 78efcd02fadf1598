/* The parts of a role, one function each, in the order in which role_enter takes them; files
 * role_rights.c, role_limits.c, landlock.c, seccomp.c. Private to the role library.
 *
 * Each puts its part in force for this process and returns true, or says in `why` (a few words, no
 * full stop) why it cannot. None undoes another. May not: log. */
#ifndef EBBTIDE_COMMON_ROLE_PARTS_H
#define EBBTIDE_COMMON_ROLE_PARTS_H

#include "common/role.h"

typedef bool role_part(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX]);

role_part role_limits;
role_part role_bounding;
role_part role_groups;
role_part role_user;
role_part role_capabilities;
role_part role_no_new_privs;
role_part role_no_dump;
role_part role_landlock_files;
role_part role_landlock_tcp;
role_part role_landlock_scope;
role_part role_seccomp;

/* Writes the words and returns false, so that a part can `return role_cannot(why, ...)`. */
bool role_cannot(char why[ROLE_WHY_BYTES_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
#define role_cannot(...) (role_cannot(__VA_ARGS__), false)
#endif

#endif
