/* Prints a status message as the table that people see. */
#include "common/status_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/words.h"

#define NAME_COLUMNS_MAX   44
#define RUNNER_COLUMNS_MAX 32
#define STATE_COLUMNS      13 /* "deregistering" */
#define SPAN_COLUMNS       6
#define PAID_COLUMNS       18 /* "10:42:07 37m12s left" is cut to its parts below */

#define RED    "31"
#define GREEN  "32"
#define YELLOW "33"
#define BLUE   "34"
#define BOLD   "1"

struct table {
    FILE *out;
    bool colours;
    unsigned width, name, runner;
};

/* Columns of a text: its code points. */
static unsigned columns(const char *text)
{
    unsigned count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* Prints at most `most` columns, padded to `least`; what is cut ends in `~`. Control characters
 * (C0, DEL, and C1 as UTF-8 writes them) become `?`: job names come from whoever may push. */
static void cell(const struct table *t, const char *text, unsigned least, unsigned most)
{
    bool cut = columns(text) > most;
    unsigned room = cut ? most - 1 : most;
    unsigned used = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool begins = (c & 0xC0) != 0x80;
        if (begins && used == room)
            break;
        used += begins;
        bool is_c1 = c == 0xC2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xA0;
        if (is_c1)
            text++;
        fputc(c < 32 || c == 127 || is_c1 ? '?' : c, t->out);
    }
    if (cut)
        fputc('~', t->out);
    for (used += cut; used < least; used++)
        fputc(' ', t->out);
}

static void colour(const struct table *t, const char *code)
{
    if (t->colours)
        fprintf(t->out, "\033[%sm", code ? code : "0");
}

void status_table_span(int64_t ms, char *out, size_t size)
{
    int64_t s = ms / 1000;
    if (s < 60)
        snprintf(out, size, "%" PRId64 "s", s);
    else if (s < 600)
        snprintf(out, size, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s < 3600)
        snprintf(out, size, "%" PRId64 "m", s / 60);
    else if (s < 86400)
        snprintf(out, size, "%" PRId64 "h%02" PRId64 "m", s / 3600, s % 3600 / 60);
    else
        snprintf(out, size, "%" PRId64 "d%02" PRId64 "h", s / 86400, s % 86400 / 3600);
}

static void clock_text(int64_t wall_ms, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || strftime(out, size, "%H:%M:%S", &parts) == 0)
        snprintf(out, size, "?");
}

static void money(const struct table *t, uint64_t micro, int digits, const char *currency)
{
    fprintf(t->out, "%.*f %s", digits, (double)micro / 1e6, *currency ? currency : "EUR");
}

/* ------------------------------------------------------------------------------------- parts */

static void print_head(const struct table *t, const struct status *s)
{
    char now[16];
    clock_text(s->wall_ms, now, sizeof now);
    colour(t, BOLD);
    fprintf(t->out, "ebbtide %s", mode_words[s->mode]);
    colour(t, NULL);
    fprintf(t->out, "  %s UTC   ", now);
    money(t, s->hourly_micro, 3, s->currency);
    fprintf(t->out, "/h   today ");
    money(t, s->today_micro, 2, s->currency);
    fprintf(t->out, "   rented %" PRIu64 "  given back %" PRIu64 "\n", s->created, s->deleted);
    fprintf(t->out, "jobs  %" PRIu64 " running  %" PRIu64 " waiting  %" PRIu64 " blocked",
            s->jobs_running, s->jobs_waiting, s->jobs_blocked);
    if (s->jobs_unserved) {
        fprintf(t->out, "  %" PRIu64 " that nobody serves (", s->jobs_unserved);
        cell(t, s->unserved_labels, 0, 40);
        fputc(')', t->out);
    }
    if (s->jobs_lost)
        fprintf(t->out, "  %" PRIu64 " lost", s->jobs_lost);
    fputc('\n', t->out);
    if (s->mode == MODE_OBSERVE)
        fprintf(t->out, "observe: this is what would be done; nothing is rented or removed\n");
}

static void print_pool(const struct table *t, const struct status_pool *pool)
{
    fprintf(t->out, "pool  ");
    colour(t, BOLD);
    cell(t, pool->name, 0, NAME_COLUMNS_MAX);
    colour(t, NULL);
    fprintf(t->out, "  %" PRIu64 " of %" PRIu64 " servers", pool->servers, pool->most);
    if (pool->desired != pool->servers)
        fprintf(t->out, " (wants %" PRIu64 ")", pool->desired);
    fprintf(t->out, "  %" PRIu64 " waiting  %" PRIu64 " free  %" PRIu64 " on the way\n",
            pool->jobs_runnable, pool->slots_free, pool->slots_coming);
}

static const char *state_colour(enum node_state state)
{
    static const char *const codes[node_state_count] = {
        [NODE_PROVISIONING] = BLUE,    [NODE_BUSY] = GREEN,      [NODE_IDLE] = YELLOW,
        [NODE_DEREGISTERING] = YELLOW, [NODE_DRAINING] = YELLOW, [NODE_REMOVING] = RED};
    return codes[state];
}

static void print_paid(const struct table *t, const struct status_node *node)
{
    char until[16];
    char left[16];
    char text[48] = "-";
    if (node->paid_until_ms) {
        clock_text(node->paid_until_ms, until, sizeof until);
        status_table_span(node->paid_left_ms, left, sizeof left);
        snprintf(text, sizeof text, "%.8s %7s", until, left);
    }
    cell(t, text, PAID_COLUMNS, PAID_COLUMNS);
}

static void print_node(const struct table *t, const struct status_node *node)
{
    char span[16];
    unsigned before = t->name + STATE_COLUMNS + SPAN_COLUMNS + PAID_COLUMNS + t->runner + 8;
    status_table_span(node->state_ms, span, sizeof span);
    cell(t, node->name, t->name + 2, t->name);
    colour(t, state_colour(node->state));
    cell(t, node_state_words[node->state], STATE_COLUMNS + 2, STATE_COLUMNS);
    colour(t, NULL);
    cell(t, span, SPAN_COLUMNS + 2, SPAN_COLUMNS);
    print_paid(t, node);
    cell(t, *node->runners ? node->runners : "-", t->runner + 2, t->runner);
    cell(t, node->why, 0, t->width > before + 10 ? t->width - before : 10);
    fputc('\n', t->out);
}

static void print_nodes(const struct table *t, const struct status *s)
{
    if (s->nodes_count == 0) {
        fprintf(t->out, "no servers\n");
        return;
    }
    colour(t, BOLD);
    cell(t, "NODE", t->name + 2, t->name);
    fprintf(t->out, "%-15s%-8s%-18s", "STATE", "FOR", "PAID UNTIL, LEFT");
    cell(t, "RUNNER", t->runner + 2, t->runner);
    fprintf(t->out, "JOB, OR WHY IT STAYS");
    colour(t, NULL);
    fputc('\n', t->out);
    for (uint32_t i = 0; i < s->nodes_count; i++)
        print_node(t, &s->nodes[i]);
}

static void print_sources(const struct table *t, const struct status *s)
{
    char age[16];
    for (uint32_t i = 0; i < s->sources_count; i++) {
        const struct status_source *source = &s->sources[i];
        if (!source->stale && !*source->text)
            continue;
        status_table_span(source->age_ms, age, sizeof age);
        colour(t, source->stale ? RED : YELLOW);
        fprintf(t->out, "%s: ", source_words[source->source]);
        if (source->sequence)
            fprintf(t->out, "last seen whole %s ago%s", age,
                    source->stale ? ", too old to act on" : "");
        else
            fprintf(t->out, "not seen yet");
        colour(t, NULL);
        if (*source->text) {
            fprintf(t->out, ": ");
            cell(t, source->text, 0, t->width);
        }
        fputc('\n', t->out);
    }
}

static void print_alarms(const struct table *t, const struct status *s)
{
    char since[16];
    if (s->alarms_count == 0) {
        fprintf(t->out, "alarms: none\n");
        return;
    }
    for (uint32_t i = 0; i < s->alarms_count; i++) {
        const struct alarm *alarm = &s->alarms[i];
        clock_text(alarm->since_wall_ms, since, sizeof since);
        colour(t, RED);
        fprintf(t->out, "ALARM %s", alarm_kind_words[alarm->kind]);
        colour(t, NULL);
        fprintf(t->out, " since %s ", since);
        cell(t, alarm->subject, 0, NAME_COLUMNS_MAX);
        fprintf(t->out, ": ");
        cell(t, alarm->text, 0, TEXT_BYTES_MAX);
        fputc('\n', t->out);
    }
}

/* ------------------------------------------------------------------------------------- whole */

static unsigned within(unsigned value, unsigned least, unsigned most)
{
    return value < least ? least : value > most ? most : value;
}

/* Columns for names and runners: as wide as the widest, as far as the width allows. */
static void measure(struct table *t, const struct status *s)
{
    bool narrow = t->width < STATUS_TABLE_WIDTH_DEFAULT;
    unsigned name = 0;
    unsigned runner = 0;
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        unsigned wide = columns(s->nodes[i].name);
        unsigned runners = columns(s->nodes[i].runners);
        name = wide > name ? wide : name;
        runner = runners > runner ? runners : runner;
    }
    t->name = within(name, 8, narrow ? t->width / 4 : NAME_COLUMNS_MAX);
    t->runner = within(runner, 8, narrow ? t->width / 6 : RUNNER_COLUMNS_MAX);
}

void status_table_print(const struct status *status, const struct status_table_style *style,
                        FILE *out)
{
    unsigned width = style->width ? style->width : STATUS_TABLE_WIDTH_DEFAULT;
    struct table t = {.out = out,
                      .colours = style->colours,
                      .width = width < STATUS_TABLE_WIDTH_LEAST ? STATUS_TABLE_WIDTH_LEAST : width};
    measure(&t, status);
    print_head(&t, status);
    for (uint32_t i = 0; i < status->pools_count; i++)
        print_pool(&t, &status->pools[i]);
    print_nodes(&t, status);
    print_sources(&t, status);
    print_alarms(&t, status);
}

struct status_table_style status_table_style_for(FILE *out)
{
    struct status_table_style style = {STATUS_TABLE_WIDTH_DEFAULT, false};
    struct winsize size = {0};
    const char *no_colour = getenv("NO_COLOR");
    if (!isatty(fileno(out)))
        return style;
    style.colours = !no_colour || !*no_colour;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        style.width = size.ws_col;
    return style;
}
