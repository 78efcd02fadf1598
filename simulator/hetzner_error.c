/* Refusals in Hetzner's words: the code decides, each code has one status (FACTS: the status is
 * only a hint for clients, but a fake must still show the real one). May not touch the world. */
#include "simulator/hetzner_private.h"

#include <stdio.h>
#include <string.h>

static int status_of(const char *code)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {{"unauthorized", 401},
                {"forbidden", 403},
                {"token_readonly", 403},
                {"not_found", 404},
                {"method_not_allowed", 405},
                {"conflict", 409},
                {"uniqueness_error", 409},
                {"resource_limit_exceeded", 403},
                {"resource_unavailable", 412},
                {"placement_error", 412},
                {"invalid_input", 422},
                {"json_error", 400},
                {"locked", 423},
                {"protected", 423},
                {"rate_limit_exceeded", 429},
                {"server_error", 500},
                {"bad_gateway", 502},
                {"service_error", 503},
                {"unavailable", 503},
                {"maintenance", 503},
                {"timeout", 504}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].code, code) == 0)
            return rows[i].status;
    }
    return 400;
}

static void reply(struct exchange *exchange, int status, const char *code, const char *message,
                  json_t *details)
{
    exchange_reply_json(exchange, status,
                        json_pack("{s:{s:s, s:s, s:o}}", "error", "code", code, "message", message,
                                  "details", details != NULL ? details : json_null()));
}

void hetzner_error_details(struct exchange *exchange, const char *code, const char *message,
                           json_t *details)
{
    reply(exchange, status_of(code), code, message, details);
}

void hetzner_error(struct exchange *exchange, const char *code, const char *message)
{
    hetzner_error_details(exchange, code, message, NULL);
}

void hetzner_field_error(struct exchange *exchange, const char *code, const char *field,
                         const char *message)
{
    char text[200];
    bool unique = strcmp(code, "uniqueness_error") == 0;
    if (unique)
        snprintf(text, sizeof text, "server name is already used");
    else
        snprintf(text, sizeof text, "invalid input in field '%s'", field);
    hetzner_error_details(
        exchange, code, text,
        unique ? json_pack("{s:[{s:s}]}", "fields", "name", field)
               : json_pack("{s:[{s:s, s:[s]}]}", "fields", "name", field, "messages", message));
}

void hetzner_verdict(struct exchange *exchange, enum world_verdict verdict, const char *resource)
{
    char text[200];
    switch (verdict) {
    case WORLD_NAME_TAKEN: hetzner_field_error(exchange, "uniqueness_error", "name", ""); return;
    case WORLD_SOLD_OUT:
        hetzner_error(exchange, "resource_unavailable", "error during placement");
        return;
    case WORLD_QUOTA:
        hetzner_error_details(exchange, "resource_limit_exceeded", "server limit exceeded",
                              json_pack("{s:[{s:s}]}", "limits", "name", "server_limit"));
        return;
    case WORLD_NOT_SOLD_HERE:
        hetzner_field_error(exchange, "invalid_input", "location",
                            "unsupported location for server type");
        return;
    case WORLD_PROTECTED:
        snprintf(text, sizeof text, "%s deletion is protected", resource);
        hetzner_error(exchange, "protected", text);
        return;
    case WORLD_LOCKED:
        snprintf(text, sizeof text, "%s is locked", resource);
        hetzner_error(exchange, "locked", text);
        return;
    case WORLD_CONFLICT:
        hetzner_error(exchange, "conflict", "the resource was changed during the request");
        return;
    case WORLD_OK:
    case WORLD_NOT_FOUND:
    case WORLD_BUDGET_SPENT:
    case WORLD_BUDGET_UNSEEN:
    case WORLD_BUDGETS_TWO: break;
    }
    snprintf(text, sizeof text, "%s not found", resource);
    hetzner_error(exchange, "not_found", text);
}

/* An injected status, in the words that come with it. */
static void refuse_fault(struct exchange *exchange)
{
    static const struct {
        int status;
        const char *code, *message;
    } rows[] = {{400, "json_error", "invalid JSON in request"},
                {401, "unauthorized", "unable to authenticate"},
                {403, "forbidden", "insufficient permissions for this request"},
                {404, "not_found", "resource not found"},
                {409, "conflict", "the resource was changed during the request"},
                {412, "resource_unavailable", "error during placement"},
                {422, "invalid_input", "invalid input"},
                {423, "locked", "server is locked"},
                {429, "rate_limit_exceeded", "limit of 3600 requests per hour reached"},
                {502, "bad_gateway", "bad gateway"},
                {503, "unavailable", "service is temporarily unavailable"},
                {504, "timeout", "the request timed out"}};
    int status = exchange_fault_status(exchange);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].status == status) {
            reply(exchange, status, rows[i].code, rows[i].message, NULL);
            return;
        }
    }
    reply(exchange, status, "server_error", "an unexpected error occurred", NULL);
}

void hetzner_refuse(struct exchange *exchange, enum refusal why)
{
    switch (why) {
    case REFUSE_NO_TOKEN:
    case REFUSE_WRONG_TOKEN:
        hetzner_error(exchange, "unauthorized", "unable to authenticate");
        return;
    case REFUSE_READ_ONLY:
        hetzner_error(exchange, "token_readonly", "token is only allowed to perform GET requests");
        return;
    case REFUSE_NOT_FOUND:
        hetzner_error(exchange, "not_found", "the requested path does not exist");
        return;
    case REFUSE_METHOD:
        hetzner_error(exchange, "method_not_allowed", "the method is not allowed for this path");
        return;
    case REFUSE_TOO_LARGE: reply(exchange, 413, "invalid_input", "request too large", NULL); return;
    case REFUSE_RATE_LIMIT:
        exchange_add_header(exchange, "RateLimit-Remaining", "0");
        hetzner_error(exchange, "rate_limit_exceeded", "limit of 3600 requests per hour reached");
        return;
    case REFUSE_FAULT: refuse_fault(exchange); return;
    }
}
