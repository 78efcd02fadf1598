/* docs/sandbox.md, printed from the tables. */
#ifndef EBBTIDE_TESTS_UNIT_SANDBOX_PAGE_H
#define EBBTIDE_TESTS_UNIT_SANDBOX_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "tables/messages.h"

void sandbox_page_print(FILE *out);

/* Whether a section of it tells of this worker's calls. */
bool sandbox_page_has(enum role role);

#endif
