/* Judging scenes and keeping what was broken. May not: know what a promise says. */
#include "promises/book.h"

#include <stdio.h>

static void keep(struct book *book, enum promise promise, int64_t at_ms, const char *text)
{
    book->broken[promise]++;
    book->broken_total++;
    if (book->kept == BOOK_BROKEN_MAX)
        return;
    struct broken_promise *row = &book->first[book->kept++];
    row->promise = promise;
    row->at_ms = at_ms;
    snprintf(row->text, sizeof row->text, "%s", text);
}

/* What is allowed, and yet to be known. */
static void measure(struct book *book, const struct scene *scene)
{
    if (scene->kind == SCENE_call && scene_is_race(&scene->u.call)) {
        book->races++;
        if (scene->u.call.oldest_job_ms > book->race_most_ms)
            book->race_most_ms = scene->u.call.oldest_job_ms;
    }
    if (scene->kind == SCENE_server)
        book->hours_hindered += scene_is_hindered_hour(&scene->u.server);
}

bool scene_holds(const struct scene *scene)
{
    for (unsigned i = 0; i < promise_count; i++)
        if (!promise_holds((enum promise)i, scene))
            return false;
    return true;
}

bool book_judge(struct book *book, const struct scene *scene, int64_t at_ms, const char *text)
{
    bool all = true;
    measure(book, scene);
    for (unsigned i = 0; i < promise_count; i++) {
        enum promise promise = (enum promise)i;
        if (!promise_concerns(promise, scene->kind))
            continue;
        book->judged[i]++;
        book->decided[i] += promise_stake(promise, scene) == STAKE_DECIDED;
        book->excused[i] += promise_stake(promise, scene) == STAKE_EXCUSED;
        if (promise_holds(promise, scene))
            continue;
        keep(book, promise, at_ms, text);
        all = false;
    }
    return all;
}

void book_add(struct book *book, const struct book *other)
{
    for (unsigned i = 0; i < promise_count; i++) {
        book->judged[i] += other->judged[i];
        book->broken[i] += other->broken[i];
        book->decided[i] += other->decided[i];
        book->excused[i] += other->excused[i];
    }
    book->broken_total += other->broken_total;
    for (uint32_t i = 0; i < other->kept && book->kept < BOOK_BROKEN_MAX; i++)
        book->first[book->kept++] = other->first[i];
    book->races += other->races;
    if (other->race_most_ms > book->race_most_ms)
        book->race_most_ms = other->race_most_ms;
    book->hours_hindered += other->hours_hindered;
}
