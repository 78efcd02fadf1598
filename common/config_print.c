/* The example configuration and the reference page, from the table. May not: read a configuration.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config_table.h"

#define WIDTH 100

/* What the example says where the table has no default, or where a newcomer needs one. Everything
 * else stands there as a comment with its default. */
static const struct {
    const char *path, *value;
} examples[] = {
    {"gitea.url", "https://git.example.org"},
    {"gitea.token_file", "/etc/ebbtide/secrets/gitea-read"},
    {"hetzner.token_file", "/etc/ebbtide/secrets/hetzner-read"},
    {"kube.kubeconfig_file", "/etc/ebbtide/secrets/kube-read"},
    {"pools.name", "linux"},
    {"pools.label_sets", "[[linux]]"},
};

static const char *example_of(const char *path)
{
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        if (strcmp(examples[i].path, path) == 0)
            return examples[i].value;
    return NULL;
}

/* A text as comment lines of at most WIDTH columns. */
static void print_comment(FILE *out, const char *indent, const char *text)
{
    size_t room = WIDTH - strlen(indent) - 2;
    while (*text) {
        size_t length = strlen(text);
        if (length > room) {
            length = room;
            while (length > 0 && text[length] != ' ')
                length--;
            if (length == 0)
                length = room;
        }
        fprintf(out, "%s# %.*s\n", indent, (int)length, text);
        text += length + (text[length] == ' ');
    }
}

static void list_expected(const struct config_row *row, char *out, size_t size)
{
    if (row->kind == KIND_TEXTS)
        snprintf(out, size, "a list of at most %" PRIu32 ", each %s", row->list_most,
                 config_form_words(row->form));
    else if (row->kind == KIND_PAIRS)
        snprintf(out, size, "at most %" PRIu32 " labels as {key: value}", row->list_most);
    else
        snprintf(out, size, "at most %" PRIu32 " lists of labels, as [[linux, x64], [docker]]",
                 row->list_most);
}

static void expected_of(const struct config_row *row, char *out, size_t size)
{
    if (config_is_list(row))
        list_expected(row, out, size);
    else
        config_expected(row, out, size);
}

/* A default as it stands in a file; an empty text is "". */
static const char *standard_of(const struct config_row *row)
{
    return row->kind == KIND_TEXT && !*row->standard ? "\"\"" : row->standard;
}

/* A value's two parts: comment, then `key: value`, a comment itself where it is the default. */
static void print_value(FILE *out, const char *indent, const struct config_row *row,
                        const char *path)
{
    char expected[CONFIG_EXPECTED_BYTES_MAX];
    char comment[1024];
    const char *example = example_of(path);
    expected_of(row, expected, sizeof expected);
    bool says_itself = row->kind == KIND_TEXT || row->kind == KIND_BOOL || config_is_list(row);
    if (says_itself)
        snprintf(comment, sizeof comment, "%s", row->help);
    else
        snprintf(comment, sizeof comment, "%s (%s)", row->help, expected);
    print_comment(out, indent, comment);
    if (example)
        fprintf(out, "%s%s: %s\n", indent, row->key, example);
    else
        fprintf(out, "%s#%s: %s\n", indent, row->key, standard_of(row));
}

/* Offers and pools: one element. */
static void print_pools(FILE *out, const struct config_row *row)
{
    size_t count = 0;
    const struct config_row *rows = row->element->rows(&count);
    char path[CONFIG_PLACE_BYTES_MAX];
    fprintf(out, "\n");
    print_comment(out, "", row->help);
    fprintf(out, "%s:\n", row->key);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s.%s", row->key, rows[i].key);
        if (rows[i].kind == KIND_SECTIONS) {
            print_comment(out, "    ", rows[i].help);
            fprintf(out, "    #%s: [{server_type: ccx33, location: nbg1}]\n", rows[i].key);
        } else if (i == 0) { /* the first key of an element bears the dash, and is always there */
            fprintf(out, "  # %s\n  - %s: %s\n", rows[i].help, rows[i].key, example_of(path));
        } else {
            print_value(out, "    ", &rows[i], path);
        }
    }
}

static void print_section(FILE *out, const struct config_row *row)
{
    size_t count = 0;
    const struct config_row *rows = row->element->rows(&count);
    char path[CONFIG_PLACE_BYTES_MAX];
    fprintf(out, "\n");
    print_comment(out, "", row->help);
    fprintf(out, "%s:\n", row->key);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s.%s", row->key, rows[i].key);
        print_value(out, "  ", &rows[i], path);
    }
}

void config_print_example(FILE *out)
{
    size_t count = 0;
    const struct config_row *rows = config_root()->rows(&count);
    fprintf(out,
            "# Ebbtide's configuration, every key of it, made from common/configuration.def.\n"
            "# A line `#key: value` shows a default: take the # away to change it. Secrets never "
            "stand\n"
            "# here, only the names of their files (mode 0400). Durations: 250ms, 5s, 10m, 1h.\n"
            "# `ebbtide check-config FILE` names every mistake.\n\n");
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind == KIND_SECTIONS)
            print_pools(out, &rows[i]);
        else if (rows[i].kind == KIND_SECTION)
            print_section(out, &rows[i]);
        else
            print_value(out, "", &rows[i], rows[i].key);
    }
}

/* --------------------------------------------------------------------------------- reference */

/* Text in a cell of a table: `|` would end it. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static const char *reload_words(const struct config_row *row)
{
    if (row->readers == 0)
        return row->reload == RELOAD_HOT ? "at once" : "restarts all";
    switch (row->reload) {
    case RELOAD_HOT: return "at once";
    case RELOAD_WORKERS: return "restarts its readers";
    case RELOAD_ALL: return "restarts all";
    }
    return "";
}

static void reader_words(uint32_t readers, char *out, size_t size)
{
    static const char *const names[] = {[ROLE_POLLER_GITEA] = "poller gitea",
                                        [ROLE_POLLER_HETZNER] = "poller hetzner",
                                        [ROLE_POLLER_KUBE] = "poller kube",
                                        [ROLE_RECONCILER] = "reconciler",
                                        [ROLE_ACTUATOR] = "actuator",
                                        [ROLE_DIALER] = "dialer",
                                        [ROLE_MONITOR] = "monitor"};
    size_t used = 0;
    snprintf(out, size, "%s", readers ? "all" : "supervisor");
    if (readers == 0 || readers == ROLES_WORKERS)
        return;
    for (unsigned role = ROLE_POLLER_GITEA; role <= ROLE_MONITOR && used < size; role++)
        if (readers & ROLE_BIT(role))
            used +=
                (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", names[role]);
}

static void print_reference_row(FILE *out, const struct config_row *row)
{
    char expected[CONFIG_EXPECTED_BYTES_MAX];
    char readers[128];
    expected_of(row, expected, sizeof expected);
    reader_words(row->readers, readers, sizeof readers);
    fprintf(out, "| `%s` | ", row->key);
    print_cell(out, row->help);
    fprintf(out, " | ");
    print_cell(out, expected);
    if (row->standard)
        fprintf(out, " | `%s` | %s | %s |\n", standard_of(row), reload_words(row), readers);
    else
        fprintf(out, " | must be given | %s | %s |\n", reload_words(row), readers);
}

static void print_reference_rows(FILE *out, const struct config_section *section)
{
    size_t count = 0;
    const struct config_row *rows = section->rows(&count);
    fprintf(out, "| key | meaning | expected | default | a change | read by |\n"
                 "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        if (!rows[i].element)
            print_reference_row(out, &rows[i]);
}

static void print_reference_section(FILE *out, const struct config_row *row, const char *path)
{
    size_t count = 0;
    const struct config_row *rows = row->element->rows(&count);
    char below[CONFIG_PLACE_BYTES_MAX];
    fprintf(out, "\n## %s\n\n%s", path, row->help);
    if (row->kind == KIND_SECTIONS)
        fprintf(out, " A list of %" PRIu32 " to %" PRIu32 ".", row->list_least, row->list_most);
    fprintf(out, "\n\n");
    print_reference_rows(out, row->element);
    for (size_t i = 0; i < count; i++)
        if (rows[i].element) {
            snprintf(below, sizeof below, "%s[].%s", path, rows[i].key);
            print_reference_section(out, &rows[i], below);
        }
}

void config_print_reference(FILE *out)
{
    size_t count = 0;
    const struct config_row *rows = config_root()->rows(&count);
    fprintf(
        out,
        "# Configuration reference\n\n"
        "Made from `common/configuration.def`; a test holds it to that table. The file is YAML;\n"
        "`ebbtide check-config FILE` names every mistake in it as `FILE:LINE:COLUMN`, all at "
        "once.\n"
        "`deploy/ebbtide.example.yaml` shows every key in its place.\n\n"
        "*A change* says what SIGHUP does with a new value: it holds at once, restarts the workers "
        "that\n"
        "read it, or restarts all. *Read by* says which processes are sent the value; what only "
        "the\n"
        "supervisor reads, paths above all, no worker knows. Secrets stand in files, never "
        "here.\n\n"
        "## Top level\n\n");
    print_reference_rows(out, config_root());
    for (size_t i = 0; i < count; i++)
        if (rows[i].element)
            print_reference_section(out, &rows[i], rows[i].key);
}
