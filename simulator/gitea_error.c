/* Refusals in Gitea's words. May not touch the world. */
#include "simulator/gitea_private.h"

#include <stdio.h>
#include <string.h>

void gitea_error(struct exchange *exchange, int status, const char *message)
{
    char url[80];
    snprintf(url, sizeof url, "%s/api/swagger", exchange_origin(exchange));
    exchange_reply_json(exchange, status, json_pack("{s:s, s:s}", "message", message, "url", url));
}

void gitea_not_found(struct exchange *exchange, const char *message)
{
    char url[80];
    snprintf(url, sizeof url, "%s/api/swagger", exchange_origin(exchange));
    exchange_reply_json(exchange, 404,
                        json_pack("{s:n, s:s, s:s}", "errors", "message", message, "url", url));
}

/* How Gitea's router says that it knows no such path: no JSON. */
static void no_such_path(struct exchange *exchange)
{
    static const char words[] = "404 page not found\n";
    exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    exchange_reply_text(exchange, 404, "text/plain; charset=utf-8", words, sizeof words - 1);
}

void gitea_refuse(struct exchange *exchange, enum refusal why)
{
    static const char busy[] = "Too many requests";
    switch (why) {
    case REFUSE_NO_TOKEN: gitea_error(exchange, 401, "token is required"); return;
    case REFUSE_WRONG_TOKEN:
        gitea_error(exchange, 401, "invalid username, password or token");
        return;
    case REFUSE_READ_ONLY: gitea_scope_allows(exchange); return;
    case REFUSE_NOT_FOUND: no_such_path(exchange); return;
    case REFUSE_METHOD: exchange_reply_empty(exchange, 405); return;
    case REFUSE_TOO_LARGE: gitea_error(exchange, 413, "request entity too large"); return;
    case REFUSE_RATE_LIMIT:
        exchange_reply_text(exchange, 429, "text/plain; charset=utf-8", busy, sizeof busy - 1);
        return;
    case REFUSE_FAULT: gitea_error(exchange, exchange_fault_status(exchange), ""); return;
    }
}
