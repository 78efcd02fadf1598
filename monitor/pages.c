/* The page for people, and whether the daemon is ready. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/status_table.h"
#include "common/words.h"
#include "monitor/picture.h"

static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc(*text, out); break;
        }
    }
}

static void print_table(const struct status *status, FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return;
    status_table_print(status, &(struct status_table_style){160, false}, memory);
    fclose(memory);
    if (text)
        print_escaped(out, text);
    free(text);
}

void picture_print_page(const struct picture *picture, int64_t mono_ms, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta http-equiv=\"refresh\" content=\"5\"><title>Ebbtide</title>"
          "<style>" PAGE_STYLE "</style></head><body>\n"
          "<pre>\n",
          out);
    if (picture->status)
        print_table(message_status(picture->status), out);
    fputs("</pre>\n<pre>", out);
    picture_ready(picture, mono_ms, out);
    fputs("</pre>\n<p><a href=\"/metrics\">metrics</a></p></body></html>\n", out);
}

static bool sources_ready(const struct status *status, FILE *out)
{
    bool seen[source_count] = {false};
    bool ready = true;
    for (uint32_t i = 0; i < status->sources_count; i++) {
        const struct status_source *source = &status->sources[i];
        seen[source->source] = source->sequence > 0;
        if (source->sequence && source->stale) {
            fprintf(out,
                    "not ready: the last picture of %s is %" PRId64 " s old, too old to act on\n",
                    source_words[source->source], source->age_ms / 1000);
            ready = false;
        }
    }
    for (unsigned source = 0; source < source_count; source++)
        if (!seen[source]) {
            fprintf(out, "not ready: no whole picture of %s yet\n", source_words[source]);
            ready = false;
        }
    return ready;
}

bool picture_ready(const struct picture *picture, int64_t mono_ms, FILE *out)
{
    bool ready = true;
    int64_t age = mono_ms - picture->status_mono_ms;
    if (!picture->reconciler) {
        fputs("not ready: the reconciler does not run\n", out);
        ready = false;
    }
    if (!picture->status) {
        fputs("not ready: nothing was heard from the reconciler yet\n", out);
        return false;
    }
    if (age > STATUS_AGE_MS_MAX) {
        fprintf(out, "not ready: nothing was heard from the reconciler for %" PRId64 " s\n",
                age / 1000);
        ready = false;
    }
    ready = sources_ready(message_status(picture->status), out) && ready;
    if (ready)
        fputs("ready\n", out);
    return ready;
}
