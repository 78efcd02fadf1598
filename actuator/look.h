/* What the actions need of the looks beside work_look. May not: change anything at an API. */
#ifndef EBBTIDE_ACTUATOR_LOOK_H
#define EBBTIDE_ACTUATOR_LOOK_H

#include "actuator/work.h"

/* Whether the API itself says that what was asked for does not exist; a 404 of something else (a
 * proxy, a wrong address) is no such word. */
bool look_is_gone(enum source source, const struct api_trouble *trouble);

/* The scope of the configuration, for paths. */
struct gitea_scope_name look_scope(const struct work *work);

#endif
