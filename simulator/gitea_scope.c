/* The scopes of Gitea's tokens: each path has a category, each method a level; "write" includes
 * "read", "all" includes everything. May not touch the world. */
#include "simulator/gitea_private.h"

#include <stdio.h>
#include <string.h>

/* NULL: no scope is needed. */
static const char *category_of(const char *path)
{
    static const struct {
        const char *prefix, *category;
    } rows[] = {{"/api/v1/admin/", "admin"},
                {"/api/v1/orgs/", "organization"},
                {"/api/v1/repos/", "repository"},
                {"/api/v1/user", "user"},
                {"/api/v1/notifications", "notification"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strncmp(path, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return rows[i].category;
    }
    return NULL;
}

static bool has_scope(const char *scopes, const char *wanted)
{
    size_t length = strlen(wanted);
    for (const char *at = scopes; *at != '\0';) {
        size_t word = strcspn(at, ",");
        if (word == length && memcmp(at, wanted, length) == 0)
            return true;
        at += word + (at[word] == ',');
    }
    return false;
}

bool gitea_scope_allows(struct exchange *exchange)
{
    const struct gitea_options *options = gitea_options_of(exchange);
    const char *category = category_of(exchange_path(exchange));
    bool reads = strcmp(exchange_method(exchange), "GET") == 0;
    const char *scopes =
        exchange_token(exchange) == TOKEN_WRITE ? options->write_scopes : options->read_scopes;
    char read[40], write[40], text[512];
    if (category == NULL)
        return true;
    snprintf(read, sizeof read, "read:%s", category);
    snprintf(write, sizeof write, "write:%s", category);
    if (has_scope(scopes, "all") || has_scope(scopes, write) || (reads && has_scope(scopes, read)))
        return true;
    snprintf(text, sizeof text,
             "token does not have at least one of required scope(s), required=[%s], token scope=%s",
             reads ? read : write, scopes);
    gitea_error(exchange, 403, text);
    return false;
}
