/* Fuzzes the door of webhooks, body and all, with the raw bytes of a connection. Whatever comes, a
 * connection ends; only what bears the right signature is taken for a hint, and once only; the
 * secret stands in no answer; no descriptor stays open; and the next delivery is taken as ever.
 *
 * A fuzzer cannot sign. In an input the first `@` of a line `X-Gitea-Signature: @` becomes the
 * right signature of all that follows the headers, that of a line `Content-Length: @` its length.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/json_read.h"
#include "common/log.h"
#include "monitor/webhook.h"
#include "monitor/webhook_door.h"
#include "tests/fuzz/over_http.h"

#define SECRET     "never-to-be-seen"
#define HINT_WORDS "a job waits"

static void on_hint(uint64_t job_id, void *argument)
{
    (void)argument;
    PROMISE(job_id > 0);
}

static void start(void)
{
    struct error error = {""};
    struct config *config = over_http_config();
    int listener = over_http_listen();
    log_init("fuzz", LOG_ERROR_LEVEL);
    json_start();
    PROMISE(webhook_door_new(base, listener, secret_new(SECRET, strlen(SECRET), &error), config,
                             on_hint, NULL, &error) != NULL);
    config_free(config);
}

static void sign(const uint8_t *body, size_t size, char out[2 * EVP_MAX_MD_SIZE + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    PROMISE(HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), body, size, digest, &length) != NULL);
    for (unsigned int i = 0; i < length; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
}

/* Replaces `line@` by `line` and the text, in front of `head` bytes; how long all is then. */
static size_t put_in(uint8_t *bytes, size_t size, size_t *head, const char *line, const char *text)
{
    uint8_t *at = memmem(bytes, *head, line, strlen(line));
    size_t length = strlen(text);
    if (at == NULL || (size_t)(at - bytes) + strlen(line) >= *head || at[strlen(line)] != '@')
        return size;
    at += strlen(line);
    memmove(at + length, at + 1, size - (size_t)(at + 1 - bytes));
    memcpy(at, text, length);
    *head += length - 1;
    return size + length - 1;
}

/* What is sent, made of the input; the caller frees. *rightly: it may bear the right signature. */
static uint8_t *make_request(const uint8_t *data, size_t size, size_t *length, bool *rightly)
{
    char text[2 * EVP_MAX_MD_SIZE + 1];
    uint8_t *bytes = malloc(size + 256);
    PROMISE(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    const uint8_t *end = size == 0 ? NULL : memmem(bytes, size, "\r\n\r\n", 4);
    *rightly = end != NULL;
    *length = size;
    if (end == NULL)
        return bytes;
    size_t head = (size_t)(end - bytes), body = size - head - 4;
    sign(bytes + head + 4, body, text);
    *length = put_in(bytes, *length, &head, "X-Gitea-Signature: ", text);
    *rightly = *length != size;
    snprintf(text, sizeof text, "%zu", body);
    *length = put_in(bytes, *length, &head, "Content-Length: ", text);
    return bytes;
}

static bool talk_of(const uint8_t *bytes, size_t length, bool rightly)
{
    static const unsigned statuses[] = {100, 200, 400, 401, 403, 404, 405,
                                        413, 415, 417, 500, 501, 503, 0};
    if (talk(bytes, length) == 0)
        return false;
    bool hinted = promise_head(statuses) == 200 && strstr(answer, HINT_WORDS) != NULL;
    PROMISE(strstr(answer, SECRET) == NULL);
    PROMISE(!hinted || rightly);
    return hinted;
}

/* A delivery that was not there before. */
static void promise_the_next_is_taken(void)
{
    static unsigned number;
    char body[128], signature[2 * EVP_MAX_MD_SIZE + 1], request[512];
    number++;
    int length =
        snprintf(body, sizeof body,
                 "{\"next\":true,\"action\":\"queued\",\"workflow_job\":{\"id\":%u}}", number);
    sign((const uint8_t *)body, (size_t)length, signature);
    int size = snprintf(request, sizeof request,
                        "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Gitea-Event: workflow_job\r\n"
                        "X-Gitea-Delivery: next-%u\r\nX-Gitea-Signature: %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                        number, signature, length, body);
    PROMISE(talk_of((const uint8_t *)request, (size_t)size, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (base == NULL)
        start();
    size_t length;
    bool rightly;
    int before = lowest_free();
    uint8_t *bytes = make_request(data, size, &length, &rightly);
    (void)talk_of(bytes, length, rightly);
    PROMISE(!talk_of(bytes, length, rightly)); /* the second time is no hint */
    free(bytes);
    PROMISE(lowest_free() == before);
    promise_the_next_is_taken();
    return 0;
}
