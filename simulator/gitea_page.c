/* Gitea's pages: 30 by default, 50 at most, odd numbers read as it does, Link only where there is
 * more than one page. May not know what is listed. */
#include "simulator/gitea_private.h"

#include <stdio.h>
#include <string.h>

#define LINK_BYTES_MAX 1800

struct gitea_page gitea_read_page(const struct exchange *exchange)
{
    struct gitea_page page = {.page = exchange_query_i64(exchange, "page", 1),
                              .limit = exchange_query_i64(exchange, "limit", 0)};
    if (page.page < 1)
        page.page = 1;
    if (page.limit <= 0)
        page.limit = GITEA_PAGE_DEFAULT;
    if (page.limit > GITEA_PAGE_MAX_ITEMS)
        page.limit = GITEA_PAGE_MAX_ITEMS;
    if (page.page > INT32_MAX)
        page.page = INT32_MAX;
    page.first = (size_t)(page.page - 1) * (size_t)page.limit;
    return page;
}

/* The query as it came, with another page. */
static void write_link(const struct exchange *exchange, int64_t page, const char *relation,
                       char *out, size_t size)
{
    const char *at = exchange_query_text(exchange);
    size_t used = strlen(out);
    used += (size_t)snprintf(out + used, size - used, "%s<%s%s?", used > 0 ? "," : "",
                             exchange_origin(exchange), exchange_path(exchange));
    while (*at != '\0' && used < size) {
        size_t length = strcspn(at, "&");
        if (length > 0 && strncmp(at, "page=", 5) != 0)
            used += (size_t)snprintf(out + used, size - used, "%.*s&", (int)length, at);
        at += length + (at[length] == '&');
    }
    if (used < size)
        snprintf(out + used, size - used, "page=%lld>; rel=\"%s\"", (long long)page, relation);
}

void gitea_add_totals(struct exchange *exchange, const struct gitea_page *page, size_t total)
{
    int64_t last = ((int64_t)total + page->limit - 1) / page->limit;
    char text[LINK_BYTES_MAX] = "";
    exchange_add_headerf(exchange, "X-Total-Count", "%zu", total);
    exchange_add_header(exchange, "Access-Control-Expose-Headers", "X-Total-Count");
    if (last <= 1)
        return;
    if (page->page < last)
        write_link(exchange, page->page + 1, "next", text, sizeof text);
    if (page->page < last)
        write_link(exchange, last, "last", text, sizeof text);
    if (page->page > 1) {
        write_link(exchange, 1, "first", text, sizeof text);
        write_link(exchange, page->page - 1 < last ? page->page - 1 : last, "prev", text,
                   sizeof text);
    }
    exchange_add_header(exchange, "Link", text);
}
