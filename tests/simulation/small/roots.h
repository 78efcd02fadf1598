/* Where searches begin. May not: search. */
#ifndef EBBTIDE_TESTS_SIMULATION_SMALL_ROOTS_H
#define EBBTIDE_TESTS_SIMULATION_SMALL_ROOTS_H

#include "tests/simulation/small/explore.h"

enum root_kind {
#define ROOT(name, when) ROOT_##name,
#include "tests/simulation/small/roots.def"
#undef ROOT
    root_count
};

const char *root_name(enum root_kind kind);

/* Lives the plain life of a world of that size up to the root. False: it never comes there. */
bool root_make(struct sim *sim, enum root_kind kind, unsigned servers, unsigned jobs,
               struct root *root);

#endif
