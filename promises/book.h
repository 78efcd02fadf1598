/* The book of promises: judges scenes, counts, and keeps the first that were broken, each with its
 * time and a sentence of who filled the scene in. May not: allocate, print. */
#ifndef EBBTIDE_PROMISES_BOOK_H
#define EBBTIDE_PROMISES_BOOK_H

#include "promises/promises.h"

#define BOOK_BROKEN_MAX 16
#define BOOK_TEXT_BYTES 512

struct broken_promise {
    enum promise promise;
    int64_t at_ms;
    char text[BOOK_TEXT_BYTES];
};

struct book {
    uint64_t judged[promise_count], broken[promise_count];
    uint64_t decided[promise_count], excused[promise_count]; /* of the judged (enum stake) */
    uint64_t broken_total;
    uint32_t kept; /* of the broken ones, the first BOOK_BROKEN_MAX */
    struct broken_promise first[BOOK_BROKEN_MAX];
    uint64_t races; /* calls on a node with a job that no fence could have kept away */
    int64_t race_most_ms;
    uint64_t hours_hindered; /* paid hours that began unused because something hindered teardown */
};

/* Judges a scene by every promise of its kind; `text` says who and what, for a broken one. True:
 * all hold. */
bool book_judge(struct book *book, const struct scene *scene, int64_t at_ms, const char *text);

/* Whether all promises of its kind hold in a scene; nothing is counted. For who would rather not
 * write a sentence that nobody will read. */
bool scene_holds(const struct scene *scene);

/* Adds what another book counted; its broken ones are kept while there is room. */
void book_add(struct book *book, const struct book *other);

#endif
