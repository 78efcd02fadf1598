/* Fuzzes the monitor's pages with the raw bytes of a connection. Whatever comes, a connection ends;
 * what is answered is HTTP with a status of the server's list, 200 and 503 only to a GET or HEAD,
 * and never to a request by an attacker's name or for another site's page; nothing of the request
 * stands in an answer's headers; no descriptor stays open; and the next scrape is answered as ever.
 */
#include "monitor/serve.h"
#include "tests/fuzz/over_http.h"

static const char scrape[] = "GET /metrics HTTP/1.0\r\n\r\n";

static void start(void)
{
    static struct picture picture;
    struct error error = {""};
    struct config *config = over_http_config();
    int listener = over_http_listen();
    PROMISE(serve_new(base, listener, config, &picture, &error) != NULL);
    config_free(config);
}

/* How many bytes come before the first empty line, by whatever line ends; to the server's library a
 * line that begins with a NUL is empty too. */
static size_t head_of(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++)
        if (data[i] == '\n' && memchr("\r\n", data[i + 1], 3) != NULL)
            return i + 1; /* the NUL behind the two counts */
    return size;
}

static void promise_answer(const uint8_t *data, size_t size)
{
    static const unsigned statuses[] = {100, 200, 400, 403, 404, 405, 413,
                                        417, 421, 500, 501, 503, 0};
    unsigned status = promise_head(statuses);
    if (status != 200 && status != 503)
        return;
    size_t length;
    uint8_t *sent = sent_of(data, size, &length);
    PROMISE(has_word(sent, length, "GET") || has_word(sent, length, "HEAD"));
    PROMISE(!has_word(sent, head_of(sent, length), "\r\nHost: evil.example\r\n"));
    free(sent);
    PROMISE(strstr(answer, "X-Content-Type-Options: nosniff\r\n") != NULL);
    PROMISE(strstr(answer, "Cross-Origin-Resource-Policy: same-origin\r\n") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (base == NULL)
        start();
    int before = lowest_free();
    if (talk(data, size) > 0)
        promise_answer(data, size);
    PROMISE(lowest_free() == before);
    PROMISE(talk((const uint8_t *)scrape, sizeof scrape - 1) > 0);
    PROMISE(strncmp(answer, "HTTP/1.0 200 OK\r\n", 17) == 0);
    PROMISE(strstr(answer, "ebbtide_build_info{") != NULL);
    return 0;
}
