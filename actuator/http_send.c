/* Methods and bodies on libcurl's handle. May not: read an answer, log. */
#include "actuator/http_send.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

struct send_call {
    struct http_call *call;
    enum send_method method;
    char *body;
    http_done done;
    void *argument;
};

static const char *const method_words[] = {
    [SEND_GET] = "GET",     [SEND_POST] = "POST",     [SEND_PUT] = "PUT",
    [SEND_PATCH] = "PATCH", [SEND_DELETE] = "DELETE",
};

const char *send_method_word(enum send_method method)
{
    return method_words[method];
}

void send_wipe(char *body)
{
    if (body == NULL)
        return;
    explicit_bzero(body, strlen(body));
    free(body);
}

static void free_call(struct send_call *call)
{
    send_wipe(call->body);
    free(call);
}

/* A POST without a body must still say that its length is 0. And it makes something: on a kept
 * connection that dies under it libcurl would send it again by itself, and the second answer (a
 * refusal, since the first one took the last place) would tell nothing of what the first one made.
 * On one of its own it is sent once. What other methods do is the same done twice. */
static bool set_shape(void *easy, void *argument, struct error *error)
{
    const struct send_call *call = argument;
    const char *body = call->body == NULL ? "" : call->body;
    bool with_body = call->body != NULL || call->method != SEND_DELETE;
    CURLcode code = CURLE_OK;
    if (with_body)
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    if (code == CURLE_OK && with_body)
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    if (code == CURLE_OK && call->method == SEND_POST)
        code = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method_words[call->method]);
    return code == CURLE_OK || error_set(error, "libcurl does not take a %s: %s",
                                         method_words[call->method], curl_easy_strerror(code));
}

static void on_done(const struct http_answer *answer, void *argument)
{
    struct send_call *call = argument;
    http_done done = call->done;
    void *to = call->argument;
    free_call(call);
    done(answer, to);
}

struct send_call *send_request(struct http_endpoint *endpoint, const struct send_request *request,
                               struct error *error)
{
    struct send_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        send_wipe(request->body);
        error_set(error, "out of memory for a request");
        return NULL;
    }
    *call = (struct send_call){.method = request->method,
                               .body = request->body,
                               .done = request->done,
                               .argument = request->argument};
    struct http_request http = {
        .path = request->path,
        .content_type = request->body == NULL ? NULL : request->content_type,
        .total_ms = request->total_ms,
        .shape = request->method == SEND_GET ? NULL : set_shape,
        .shape_argument = call,
        .done = on_done,
        .argument = call,
    };
    call->call = http_send(endpoint, &http, error);
    if (call->call != NULL)
        return call;
    free_call(call);
    return NULL;
}

void send_cancel(struct send_call *call)
{
    http_cancel(call->call);
    free_call(call);
}
