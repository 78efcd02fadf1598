/* docs/sandbox.md, printed from the tables. */
#ifndef EBBTIDE_TESTS_UNIT_SANDBOX_PAGE_H
#define EBBTIDE_TESTS_UNIT_SANDBOX_PAGE_H

#include <stdio.h>

void sandbox_page_print(FILE *out);

#endif
