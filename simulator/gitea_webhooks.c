/* Deliveries of the system webhook: made when a job changes, sent one after the other. */
#include "simulator/gitea_webhooks.h"

#include "common/log.h"
#include "simulator/gitea_private.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DELIVERY_S   5
#define ORIGIN_BYTES 40
#define HEX_BYTES    (2 * EVP_MAX_MD_SIZE + 1)

/* One that waits, or is under way. */
struct delivery {
    struct gitea_webhooks *webhooks;
    struct delivery *next;
    struct evhttp_connection *connection;
    char *body;
    uint64_t job_id;
};

struct gitea_webhooks {
    struct event_base *base;
    const struct server *server;
    const struct gitea_options *options;
    struct event *sender;
    struct delivery *first, **end;
    unsigned waiting, under_way;
    uint64_t taken, refused;
};

/* ------------------------------------------------------------------------------------- the body */

static const char *action_of(enum world_event_kind kind)
{
    static const char *const words[WORLD_EVENT_KIND_COUNT] = {
        [WORLD_EVENT_JOB_QUEUED] = "queued",
        [WORLD_EVENT_JOB_BLOCKED] = "waiting",
        [WORLD_EVENT_JOB_STARTED] = "in_progress",
        [WORLD_EVENT_JOB_COMPLETED] = "completed",
    };
    return words[kind];
}

static json_t *repository(const char *origin, const struct world_repo *repo)
{
    char full[2 * WORLD_NAME_BYTES + 2], html[ORIGIN_BYTES + sizeof full];
    snprintf(full, sizeof full, "%s/%s", repo->owner, repo->name);
    snprintf(html, sizeof html, "%s/%s", origin, full);
    return json_pack("{s:I, s:o, s:s, s:s, s:s, s:b, s:s, s:s, s:b, s:b}", "id",
                     (json_int_t)repo->id, "owner", gitea_user(false, repo->owner), "name",
                     repo->name, "full_name", full, "description", "", "private", 1, "html_url",
                     html, "default_branch", "main", "archived", 0, "has_actions", 1);
}

static char *make_body(const struct gitea_webhooks *webhooks, const char *action,
                       const struct world_job *job)
{
    char origin[ORIGIN_BYTES];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%u",
             (unsigned)server_port(webhooks->server, API_GITEA));
    json_t *body =
        json_pack("{s:s, s:o, s:{s:i, s:s, s:s}, s:o, s:o}", "action", action, "workflow_job",
                  gitea_job_at(origin, job), "organization", "id", 2, "name", job->repo->owner,
                  "username", job->repo->owner, "repository", repository(origin, job->repo),
                  "sender", gitea_user(true, "simulated"));
    char *text = json_dumps(body, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(body);
    return text;
}

/* ----------------------------------------------------------------------------------- its headers
 */

static void add(struct evkeyvalq *headers, const char *name, const char *prefix, const char *value)
{
    char text[HEX_BYTES + 16];
    snprintf(text, sizeof text, "%s%s", prefix, value);
    evhttp_add_header(headers, name, text);
}

/* As Gitea does without a secret too: the headers are there, and say nothing. */
static void sign(const char *secret, const EVP_MD *method, const char *body, char out[HEX_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    out[0] = '\0';
    if (*secret == '\0' || HMAC(method, secret, (int)strlen(secret), (const unsigned char *)body,
                                strlen(body), digest, &size) == NULL)
        return;
    for (unsigned int i = 0; i < size; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
}

static void make_uuid(char out[37])
{
    unsigned char b[16] = {0};
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        log_warning("no random number for the id of a delivery: it may come twice");
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15U, b[7], b[8] & 15U, b[9], b[10], b[11],
             b[12], b[13], b[14], b[15]);
}

static void add_headers(struct evkeyvalq *headers, const char *secret, const char *body)
{
    static const char *const families[] = {"X-Gitea", "X-Gogs", "X-GitHub"};
    char uuid[37], sha256[HEX_BYTES], sha1[HEX_BYTES], name[64];
    make_uuid(uuid);
    sign(secret, EVP_sha256(), body, sha256);
    sign(secret, EVP_sha1(), body, sha1);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const struct {
            const char *suffix, *value;
        } each[] = {{"Delivery", uuid},
                    {"Event", "workflow_job"},
                    {"Event-Type", "workflow_job"},
                    {"Signature", sha256},
                    {"Hook-Installation-Target-Type", "system"}};
        for (size_t j = 0; j < sizeof each / sizeof *each; j++) {
            /* Gogs knows no targets; GitHub signs by X-Hub-Signature. */
            if ((i == 1 && j == 4) || (i == 2 && j == 3))
                continue;
            snprintf(name, sizeof name, "%s-%s", families[i], each[j].suffix);
            add(headers, name, "", each[j].value);
        }
    }
    add(headers, "X-Hub-Signature", "sha1=", sha1);
    add(headers, "X-Hub-Signature-256", "sha256=", sha256);
    add(headers, "Content-Type", "", "application/json");
    add(headers, "User-Agent", "", "Go-http-client/1.1");
}

/* -------------------------------------------------------------------------------------- sending */

static void free_delivery(struct delivery *delivery)
{
    if (delivery->connection != NULL)
        evhttp_connection_free(delivery->connection);
    free(delivery->body);
    free(delivery);
}

static void is_over(struct delivery *delivery, int status)
{
    struct gitea_webhooks *webhooks = delivery->webhooks;
    bool taken = status >= 200 && status < 300;
    webhooks->taken += taken ? 1 : 0;
    webhooks->refused += taken ? 0 : 1;
    if (!taken)
        log_info("the webhook about job %llu was answered with %d",
                 (unsigned long long)delivery->job_id, status);
}

/* The connection is freed by libevent, since it was asked for. */
static void on_answer(struct evhttp_request *request, void *context)
{
    struct delivery *delivery = context;
    struct gitea_webhooks *webhooks = delivery->webhooks;
    is_over(delivery, request == NULL ? 0 : evhttp_request_get_response_code(request));
    delivery->connection = NULL;
    webhooks->under_way--;
    free_delivery(delivery);
    event_active(webhooks->sender, 0, 0);
}

static bool send_to(struct delivery *delivery, const struct evhttp_uri *uri)
{
    const struct gitea_webhooks *webhooks = delivery->webhooks;
    const char *host = evhttp_uri_get_host(uri), *path = evhttp_uri_get_path(uri);
    int port = evhttp_uri_get_port(uri);
    if (host == NULL || port <= 0)
        return false;
    delivery->connection =
        evhttp_connection_base_new(webhooks->base, NULL, host, (unsigned short)port);
    struct evhttp_request *request = evhttp_request_new(on_answer, delivery);
    if (delivery->connection == NULL || request == NULL)
        return false;
    char authority[128];
    snprintf(authority, sizeof authority, "%s:%d", host, port);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    add(headers, "Host", "", authority);
    add_headers(headers, webhooks->options->webhook_secret, delivery->body);
    evbuffer_add(evhttp_request_get_output_buffer(request), delivery->body, strlen(delivery->body));
    evhttp_connection_set_timeout(delivery->connection, DELIVERY_S);
    struct evhttp_connection *connection = delivery->connection;
    delivery->connection = NULL; /* libevent's from now on: the answer may come inside the call */
    evhttp_connection_free_on_completion(connection);
    return evhttp_make_request(connection, request, EVHTTP_REQ_POST,
                               path == NULL || *path == '\0' ? "/" : path) == 0;
}

static void send_next(struct gitea_webhooks *webhooks)
{
    struct delivery *delivery = webhooks->first;
    struct evhttp_uri *uri = evhttp_uri_parse(webhooks->options->webhook_url);
    webhooks->first = delivery->next;
    if (webhooks->first == NULL)
        webhooks->end = &webhooks->first;
    webhooks->waiting--;
    webhooks->under_way++;
    if (uri == NULL || !send_to(delivery, uri)) {
        is_over(delivery, 0);
        webhooks->under_way--;
        free_delivery(delivery);
    }
    if (uri != NULL)
        evhttp_uri_free(uri);
}

static void on_sender(evutil_socket_t socket, short what, void *context)
{
    struct gitea_webhooks *webhooks = context;
    (void)socket;
    (void)what;
    while (webhooks->first != NULL && webhooks->under_way < WEBHOOKS_AT_ONCE)
        send_next(webhooks);
}

static void on_event(void *context, const struct world_event *event)
{
    struct gitea_webhooks *webhooks = context;
    const char *action = action_of(event->kind);
    if (action == NULL || webhooks->options->webhook_url[0] == '\0')
        return;
    struct delivery *delivery =
        webhooks->waiting < WEBHOOKS_WAITING_MAX ? calloc(1, sizeof *delivery) : NULL;
    char *body = delivery == NULL ? NULL : make_body(webhooks, action, event->job);
    if (body == NULL) {
        log_warning("a webhook is dropped: %u wait, or there is no memory", webhooks->waiting);
        webhooks->refused++;
        free(delivery);
        return;
    }
    *delivery = (struct delivery){.webhooks = webhooks, .body = body, .job_id = event->job->id};
    *webhooks->end = delivery;
    webhooks->end = &delivery->next;
    webhooks->waiting++;
    event_active(webhooks->sender, 0, 0);
}

/* --------------------------------------------------------------------------------------- whole */

bool gitea_webhooks_init(struct gitea_webhooks **out, struct event_base *base, struct world *world,
                         const struct server *server, const struct gitea_options *options,
                         struct error *error)
{
    struct gitea_webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (webhooks == NULL)
        return error_set(error, "no memory for webhooks");
    *webhooks = (struct gitea_webhooks){.base = base, .server = server, .options = options};
    webhooks->end = &webhooks->first;
    webhooks->sender = event_new(base, -1, 0, on_sender, webhooks);
    if (webhooks->sender == NULL || !world_observe(world, on_event, webhooks)) {
        gitea_webhooks_free(webhooks);
        return error_set(error, "cannot watch the world for webhooks");
    }
    *out = webhooks;
    return true;
}

void gitea_webhooks_free(struct gitea_webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    if (webhooks->sender != NULL)
        event_free(webhooks->sender);
    for (struct delivery *one = webhooks->first; one != NULL;) {
        struct delivery *next = one->next;
        free_delivery(one);
        one = next;
    }
    free(webhooks);
}

void gitea_webhooks_count(const struct gitea_webhooks *webhooks, uint64_t *taken, uint64_t *refused)
{
    *taken = webhooks->taken;
    *refused = webhooks->refused;
}
