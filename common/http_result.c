/* What libcurl's result, or the dialer's answer, means: the trouble, whether the request may have
 * been sent, and the sentence that says what was tried, what came back and what to do. May not:
 * log, decide whether an HTTP status is good. */
#include "common/http_parts.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

#define URL_SHOWN 160
#define EARLY_MS  20 /* a timer may run ahead */

struct failure {
    CURLcode code;
    enum trouble trouble;
    const char *what, *advice; /* advice may hold %s: the setting's prefix, then its address' key */
};

/* What the dialer says. The host's address is named by a key, or the proxy's is (say_failure). */
static const struct failure dial_failures[dial_failure_count] = {
    [DIAL_NO_NAME] = {CURLE_COULDNT_RESOLVE_HOST, TROUBLE_UNREACHABLE, "the name is not found",
                      "check %s.%s and this machine's name servers"},
    [DIAL_NO_CONNECTION] = {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE, "no connection",
                            "check that it runs and that %s.%s names it"},
    [DIAL_TIMED_OUT] = {CURLE_OPERATION_TIMEDOUT, TROUBLE_UNREACHABLE, "no connection in time",
                        "check %s.%s and the network between, or raise http.connect_timeout"},
    [DIAL_NOT_ALLOWED] = {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE,
                          "the dialer refuses the connection", "restart Ebbtide"},
    [DIAL_TOO_MANY] = {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE,
                       "the dialer refuses the connection", "look at its log lines"},
};

/* What is waited for inside this machine. */
static const struct failure undialed = {CURLE_OPERATION_TIMEDOUT, TROUBLE_UNREACHABLE,
                                        "no connection in time", "look at the dialer's log lines"};
static const struct failure unbegun = {CURLE_OPERATION_TIMEDOUT, TROUBLE_TIMEOUT,
                                       "not sent in time",
                                       "look at its load, or raise http.total_timeout"};

/* The first row that holds wins; CURLE_OK ends the table and stands for every other code. */
static const struct failure failures[] = {
    {CURLE_COULDNT_CONNECT, TROUBLE_UNREACHABLE, "no connection",
     "check that it runs and that %s.%s names it"},
    {CURLE_PEER_FAILED_VERIFICATION, TROUBLE_UNREACHABLE, "its certificate is not trusted",
     "put the CA that signed it into %s.ca_file"},
    {CURLE_SSL_CACERT_BADFILE, TROUBLE_UNREACHABLE, "the roots cannot be read",
     "put the CA in PEM form into %s.ca_file"},
    {CURLE_SSL_CERTPROBLEM, TROUBLE_UNREACHABLE, "our client certificate or key cannot be used",
     "check the kubeconfig"},
    {CURLE_SSL_CONNECT_ERROR, TROUBLE_UNREACHABLE, "no TLS connection",
     "check that %s.%s speaks TLS 1.2 or newer there"},
    {CURLE_GOT_NOTHING, TROUBLE_UNREACHABLE, "it closed the connection without an answer", ""},
    {CURLE_SEND_ERROR, TROUBLE_UNREACHABLE, "the connection broke while the request was sent", ""},
    {CURLE_RECV_ERROR, TROUBLE_UNREACHABLE, "the connection broke before the answer was whole", ""},
    {CURLE_PARTIAL_FILE, TROUBLE_BAD_ANSWER, "the answer is cut off", ""},
    {CURLE_FILESIZE_EXCEEDED, TROUBLE_BAD_ANSWER, "the answer is larger than allowed",
     "raise http.answer_max if it should be that large"},
    {CURLE_WEIRD_SERVER_REPLY, TROUBLE_BAD_ANSWER, "the answer is no HTTP", "check %s.%s"},
    {CURLE_UNSUPPORTED_PROTOCOL, TROUBLE_BAD_ANSWER, "the answer is no HTTP/1", "check %s.%s"},
    {CURLE_BAD_CONTENT_ENCODING, TROUBLE_BAD_ANSWER, "the answer's encoding is unknown", ""},
    {CURLE_OUT_OF_MEMORY, TROUBLE_BAD_ANSWER,
     "a line of its head is longer than allowed, or memory is out", ""},
    {CURLE_OK, TROUBLE_UNREACHABLE, "the request failed", ""},
};

/* Whether the proxy has answered, and made no way to the API. */
static bool proxy_refuses(const struct http_call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return !call->answer.sent && status >= 300;
}

/* libcurl refuses though OpenSSL did not: the name is not one of the certificate's. What OpenSSL
 * says of a chain that it refuses is above 1; 0 is X509_V_OK, and 1 what stands there before
 * libcurl, which looks at the name first, has asked. [CURLINFO_SSL_VERIFYRESULT(3)] */
static bool is_other_name(const struct http_call *call, CURLcode code)
{
    long result = -1;
    return code == CURLE_PEER_FAILED_VERIFICATION && call->endpoint->roots != NULL &&
           curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &result) == CURLE_OK &&
           (result == 0 || result == 1);
}

static const struct failure *find_failure(const struct http_call *call, CURLcode code)
{
    static const struct failure other_name = {CURLE_SSL_CONNECT_ERROR, TROUBLE_UNREACHABLE,
                                              "its certificate is for another name",
                                              "let %s.%s name it as its certificate does"};
    static const struct failure large_headers = {CURLE_WRITE_ERROR, TROUBLE_BAD_ANSWER,
                                                 "its header lines are larger than allowed", ""};
    static const struct failure unanswered = {CURLE_OPERATION_TIMEDOUT, TROUBLE_TIMEOUT,
                                              "no whole answer in time",
                                              "look at its load, or raise http.total_timeout"};
    static const struct failure no_tunnel = {CURLE_RECV_ERROR, TROUBLE_UNREACHABLE,
                                             "the proxy does not let it through",
                                             "check %s.%s and what that proxy allows"};
    if (proxy_refuses(call))
        return &no_tunnel;
    if (is_other_name(call, code))
        return &other_name;
    if (call->headers_too_large)
        return &large_headers;
    if (call->too_large)
        code = CURLE_FILESIZE_EXCEEDED;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return call->answer.sent ? &unanswered : &dial_failures[DIAL_TIMED_OUT];
    const struct failure *row = failures;
    while (row->code != CURLE_OK && row->code != code)
        row++;
    return row;
}

/* libcurl's own words, without a full stop, or where they say nothing new, none. */
static void say_failure(struct http_call *call, const struct failure *failure, const char *detail)
{
    char advice[128];
    const struct http_endpoint *endpoint = call->endpoint;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* rows of the table above */
    snprintf(advice, sizeof advice, failure->advice, endpoint->setting,
             endpoint->proxy[0] == '\0' ? http_address_key(endpoint->setting) : "proxy");
#pragma GCC diagnostic pop
    bool roots = failure->code == CURLE_PEER_FAILED_VERIFICATION;
    error_set(&call->answer.error, "%.*s%s: %s (%.120s%s%.80s)%s%s", URL_SHOWN, call->url,
              strlen(call->url) > URL_SHOWN ? "..." : "", failure->what, detail,
              roots ? "; roots: " : "",
              !roots                    ? ""
              : endpoint->roots == NULL ? "none"
                                        : endpoint->roots_name,
              advice[0] == '\0' ? "" : "; ", advice);
}

static void read_info(struct http_call *call)
{
    long status = 0, connections = 0;
    curl_off_t before_transfer = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connections);
    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &before_transfer);
    call->answer.status = status < 0 || status > 999 ? 0 : (unsigned)status;
    call->answer.reused = connections == 0;
    /* Once is enough: libcurl itself may have sent it on a connection that then died. */
    call->answer.sent = call->answer.sent || before_transfer > 0 || status > 0;
}

void http_easy_result(struct http_call *call, CURLcode code)
{
    struct http_answer *answer = &call->answer;
    int64_t wall_ms = clock_wall_ms();
    read_info(call);
    answer->body = call->body == NULL ? "" : call->body;
    answer->length = call->length;
    answer->content_type = call->headers.content_type;
    answer->date_ms = call->headers.date_ms;
    answer->retry_after_ms = http_retry_after(&call->headers, wall_ms);
    answer->rate_limit = call->headers.rate_limit;
    answer->rate_remaining = call->headers.rate_remaining;
    answer->rate_reset_ms = http_rate_reset(&call->headers, wall_ms);
    if (code == CURLE_OK)
        return;
    const struct failure *failure = find_failure(call, code);
    answer->trouble = failure->trouble;
    say_failure(call, failure,
                call->error_text[0] != '\0' ? call->error_text : curl_easy_strerror(code));
    /* Half an answer is none. */
    answer->body = "";
    answer->length = 0;
}

static void fail_before(struct http_call *call, const struct failure *failure, const char *text)
{
    char detail[HTTP_HOST_BYTES_MAX + 128];
    snprintf(detail, sizeof detail, "%.200s: %.120s", call->endpoint->host, text);
    call->answer.trouble = failure->trouble;
    say_failure(call, failure, detail);
}

void http_easy_unconnected(struct http_call *call, enum dial_failure failure, const char *text)
{
    fail_before(call, &dial_failures[failure], text);
}

/* The dialer takes less than http.connect_timeout for its answer: a request with less time than
 * that left (an action's deadline is near) ends before it, and that is nobody's silence. */
void http_easy_undialed(struct http_call *call)
{
    struct error why = call->answer.error; /* where the dialer could not be asked */
    int64_t waited = clock_mono_ms() - call->asked_mono_ms;
    bool early = waited + EARLY_MS < call->endpoint->limits.connect_ms;
    if (why.text[0] != '\0')
        fail_before(call, &undialed, why.text);
    else if (early)
        fail_before(call, &dial_failures[DIAL_TIMED_OUT], "the time for the request was over");
    else
        fail_before(call, &undialed, "the dialer has not answered");
}

void http_easy_unbegun(struct http_call *call)
{
    fail_before(call, &unbegun, "all connections to it were busy");
}
