/* Fuzzes the monitor's pages with what a taken-over process may send it: status and counters,
 * decoded from bytes. Whatever they hold, the pages end; /metrics is lines of Prometheus' format
 * and nothing from outside ends a line or a label's quotes; in the page for people nothing from
 * outside is markup.
 *
 * The input: frames of two bytes length and a message. A text may hold `<hush`, which must not be
 * found in the page. */
#include <ctype.h>

#include "monitor/picture.h"
#include "tests/fuzz/fuzz.h"

#define CANARY  "<hush"
#define MONO_MS 1000000

static void take(struct picture *picture, const uint8_t *bytes, size_t size)
{
    struct error error = {""};
    struct message *message = NULL;
    uint8_t *exact = fuzz_copy(bytes, size);
    if (message_decode(exact, size, &message, &error)) {
        enum role from =
            message->id == MESSAGE_counters ? message_counters(message)->role : ROLE_RECONCILER;
        picture->reconciler = true;
        picture_take(picture, from, message, MONO_MS);
    }
    free(exact);
}

static void take_all(struct picture *picture, const uint8_t *data, size_t size)
{
    while (size >= 2) {
        size_t length = (size_t)data[0] << 8 | data[1];
        data += 2, size -= 2;
        length = length > size ? size : length;
        take(picture, data, length);
        data += length, size -= length;
    }
}

/* name{label="value",...} number: quotes in pairs, but for escaped ones. */
static void promise_line(const char *line)
{
    PROMISE(isalpha((unsigned char)*line));
    const char *at = line + strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789");
    bool quoted = false, braced = *at == '{';
    PROMISE(*at == '{' || *at == ' ');
    while (*at != '\0' && (quoted || *at != ' ')) {
        if (quoted && *at == '\\') {
            PROMISE(at[1] == '\\' || at[1] == '"' || at[1] == 'n');
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        }
        at++;
    }
    PROMISE(!quoted && *at == ' ' && (!braced || at[-1] == '}'));
    char *end = NULL;
    strtod(at + 1, &end);
    PROMISE(end != at + 1 && *end == '\0');
}

static void try_metrics(const struct picture *picture)
{
    char *text = NULL, *rest = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    PROMISE(out != NULL);
    picture_print_metrics(picture, MONO_MS + 500, out);
    PROMISE(fclose(out) == 0 && size > 0 && text[size - 1] == '\n' && strlen(text) == size);
    PROMISE(utf8_valid(text, size));
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        if (line[0] != '#')
            promise_line(line);
    free(text);
}

static void try_page(const struct picture *picture)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    PROMISE(out != NULL);
    picture_print_page(picture, MONO_MS + 500, out);
    PROMISE(fclose(out) == 0 && size > 0 && strlen(text) == size && utf8_valid(text, size));
    PROMISE(strstr(text, CANARY) == NULL);
    free(text);
}

static void try_ready(const struct picture *picture)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    PROMISE(out != NULL);
    bool ready = picture_ready(picture, MONO_MS + 500, out);
    PROMISE(fclose(out) == 0 && size > 0);
    PROMISE(ready == (strcmp(text, "ready\n") == 0));
    PROMISE(!ready || picture->status != NULL);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct picture picture = {0};
    take_all(&picture, data, size);
    try_metrics(&picture);
    try_page(&picture);
    try_ready(&picture);
    picture_clear(&picture);
    return 0;
}
