/* Pages, sorting and repeated filters of Hetzner's lists. May not know what is listed. */
#include "simulator/hetzner_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_PAGE_DEFAULT 25
#define PER_PAGE_MAX     50
#define SORT_KEYS_MAX    4
#define LINK_BYTES_MAX   1800

struct page {
    int64_t page, per_page, last, total;
};

/* The query without page, then `page=N` at its end. */
static void write_link(const struct exchange *exchange, int64_t page, const char *relation,
                       char *out, size_t size)
{
    const char *at = exchange_query_text(exchange);
    size_t used = strlen(out);
    used += (size_t)snprintf(out + used, size - used, "%s<%s%s?", used > 0 ? ", " : "",
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

static void add_link(struct exchange *exchange, const struct page *page)
{
    char text[LINK_BYTES_MAX] = "";
    if (page->page > 1)
        write_link(exchange, page->page - 1, "prev", text, sizeof text);
    if (page->page < page->last)
        write_link(exchange, page->page + 1, "next", text, sizeof text);
    write_link(exchange, page->last, "last", text, sizeof text);
    exchange_add_header(exchange, "Link", text);
}

static json_t *number_or_null(bool there, int64_t number)
{
    return there ? json_integer(number) : json_null();
}

static json_t *pagination(const struct page *page)
{
    return json_pack("{s:{s:I, s:I, s:o, s:o, s:I, s:I}}", "pagination", "page",
                     (json_int_t)page->page, "per_page", (json_int_t)page->per_page,
                     "previous_page", number_or_null(page->page > 1, page->page - 1), "next_page",
                     number_or_null(page->page < page->last, page->page + 1), "last_page",
                     (json_int_t)page->last, "total_entries", (json_int_t)page->total);
}

static bool read_page(struct exchange *exchange, struct page *page)
{
    page->page = exchange_query_i64(exchange, "page", exchange_query(exchange, "page") ? -1 : 1);
    page->per_page = exchange_query_i64(
        exchange, "per_page", exchange_query(exchange, "per_page") ? -1 : PER_PAGE_DEFAULT);
    if (page->page < 1) {
        hetzner_field_error(exchange, "invalid_input", "page",
                            "must be greater than or equal to 1");
        return false;
    }
    if (page->per_page < 1) {
        hetzner_field_error(exchange, "invalid_input", "per_page",
                            "must be greater than or equal to 1");
        return false;
    }
    if (page->per_page > PER_PAGE_MAX)
        page->per_page = PER_PAGE_MAX;
    return true;
}

void hetzner_reply_page(struct exchange *exchange, const char *key, json_t *items)
{
    struct page page = {.total = (int64_t)json_array_size(items)};
    if (!read_page(exchange, &page)) {
        json_decref(items);
        return;
    }
    page.last = page.total == 0 ? 1 : (page.total + page.per_page - 1) / page.per_page;
    json_t *shown = json_array();
    int64_t first = page.page > page.last ? page.total : (page.page - 1) * page.per_page;
    for (int64_t i = first; i < first + page.per_page && i < page.total; i++)
        json_array_append(shown, json_array_get(items, (size_t)i));
    json_decref(items);
    add_link(exchange, &page);
    exchange_reply_json(exchange, 200,
                        json_pack("{s:o, s:o}", key, shown, "meta", pagination(&page)));
}

/* ------------------------------------------------------------------------------------- sorting */

struct sort_key {
    char name[32];
    bool descending;
};

struct sort_order {
    struct sort_key key[SORT_KEYS_MAX];
    size_t count;
};

static int compare_values(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return x < y ? -1 : x > y;
    }
    const char *x = json_string_value(a), *y = json_string_value(b);
    return x != NULL && y != NULL ? strcmp(x, y) : 0;
}

static int compare_items(const void *left, const void *right, void *context)
{
    const struct sort_order *order = context;
    const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
    for (size_t i = 0; i < order->count; i++) {
        int result = compare_values(json_object_get(a, order->key[i].name),
                                    json_object_get(b, order->key[i].name));
        if (result != 0)
            return order->key[i].descending ? -result : result;
    }
    return compare_values(json_object_get(a, "id"), json_object_get(b, "id"));
}

static bool read_sort_key(const char *text, const char *const *allowed, struct sort_key *out)
{
    size_t length = strcspn(text, ":");
    const char *direction = text + length;
    bool known = false;
    for (size_t i = 0; allowed[i] != NULL; i++)
        known = known || (strlen(allowed[i]) == length && strncmp(allowed[i], text, length) == 0);
    if (!known || length >= sizeof out->name ||
        (*direction != '\0' && strcmp(direction, ":asc") != 0 && strcmp(direction, ":desc") != 0))
        return false;
    snprintf(out->name, sizeof out->name, "%.*s", (int)length, text);
    out->descending = strcmp(direction, ":desc") == 0;
    return true;
}

bool hetzner_sort(struct exchange *exchange, json_t **items, const char *const *allowed)
{
    struct sort_order order = {0};
    const char *text;
    for (size_t i = 0; (text = exchange_query_at(exchange, "sort", i)) != NULL; i++) {
        if (order.count == SORT_KEYS_MAX ||
            !read_sort_key(text, allowed, &order.key[order.count])) {
            hetzner_field_error(exchange, "invalid_input", "sort", "invalid sort parameter");
            json_decref(*items);
            return false;
        }
        order.count++;
    }
    size_t count = json_array_size(*items);
    json_t **list = calloc(count + 1, sizeof(json_t *));
    json_t *sorted = json_array();
    for (size_t i = 0; list != NULL && i < count; i++)
        list[i] = json_array_get(*items, i);
    if (list != NULL)
        qsort_r(list, count, sizeof(json_t *), compare_items, &order);
    for (size_t i = 0; list != NULL && i < count; i++)
        json_array_append(sorted, list[i]);
    free(list);
    json_decref(*items);
    *items = sorted;
    return true;
}

bool hetzner_query_has(const struct exchange *exchange, const char *key, const char *value)
{
    const char *wanted = exchange_query(exchange, key);
    for (size_t i = 0; wanted != NULL; i++) {
        if (strcmp(wanted, value) == 0)
            return true;
        if ((wanted = exchange_query_at(exchange, key, i + 1)) == NULL)
            return false;
    }
    return true;
}
