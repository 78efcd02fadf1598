/* Hetzner Cloud's prices decoded: decimal texts into millionths. May not: do I/O, log. */
#include "common/hetzner.h"

#include "common/grow.h"
#include "common/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MICRO      UINT64_C(1000000)
#define WHOLE_MOST UINT64_C(1000000000) /* a billion an hour: surely a mistake */

/* "0.0100000000000000" into 10000; digits past the sixth are rounded up, so that no price is
 * shown too low. False where it is no such number. */
static bool parse_micro(const char *text, uint64_t *out)
{
    uint64_t whole = 0, part = 0, unit = MICRO / 10;
    bool rest = false;
    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        whole = whole * 10 + (uint64_t)(*text - '0');
        if (whole > WHOLE_MOST)
            return false;
    }
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10) {
            part += (uint64_t)(*text - '0') * unit;
            rest = rest || (unit == 0 && *text != '0');
        }
    *out = whole * MICRO + part + (rest ? 1 : 0);
    return *text == '\0';
}

/* Whether the type can no longer be ordered in that place. */
static bool is_retired(const json_t *type, const char *location, int64_t now_wall_ms)
{
    const json_t *places = json_array_of(type, "locations"), *place;
    const json_t *deprecation = json_object_of(type, "deprecation");
    size_t index;
    json_array_foreach(places, index, place) {
        if (strcmp(json_text_of(place, "name"), location) == 0)
            deprecation = json_object_of(place, "deprecation");
    }
    int64_t last = json_time_of(deprecation, "unavailable_after");
    return last != 0 && last <= now_wall_ms;
}

static bool read_price(const json_t *type, const json_t *from, int64_t now_wall_ms,
                       struct arena *arena, struct hetzner_price *out, struct error *error)
{
    *out = (struct hetzner_price){0};
    if (!json_need_text(type, "name", 1, NAME_BYTES_MAX, arena, &out->server_type, error) ||
        !json_need_text(from, "location", 1, NAME_BYTES_MAX, arena, &out->location, error))
        return false;
    const char *hourly = json_text_of(json_object_of(from, "price_hourly"), "net");
    const char *monthly = json_text_of(json_object_of(from, "price_monthly"), "net");
    if (!parse_micro(hourly, &out->hourly_micro) || !parse_micro(monthly, &out->monthly_micro))
        return error_set(error, "a price of %.64s in %.64s is no number", out->server_type,
                         out->location);
    out->deprecated = is_retired(type, out->location, now_wall_ms);
    return true;
}

static bool add_type(const json_t *type, int64_t now_wall_ms, struct arena *arena,
                     struct hetzner_price_list *list, struct error *error)
{
    const json_t *prices = json_need_array(type, "prices", error), *price;
    if (prices == NULL)
        return false;
    size_t index;
    json_array_foreach(prices, index, price) {
        struct hetzner_price *items =
            grow(list->item, list->count, &list->room, PRICES_MAX, sizeof *items, "prices", error);
        if (items == NULL)
            return false;
        list->item = items;
        if (!read_price(type, price, now_wall_ms, arena, &items[list->count], error))
            return false;
        list->count++;
    }
    return true;
}

static bool add_types(const json_t *top, int64_t now_wall_ms, struct arena *arena,
                      struct hetzner_price_list *list, struct hetzner_page *page,
                      struct error *error)
{
    const json_t *types = json_need_array(top, "server_types", error), *type;
    if (types == NULL)
        return false;
    const json_t *pagination = json_object_of(json_object_of(top, "meta"), "pagination");
    page->items = (uint32_t)json_array_size(types);
    page->total_known = json_is_integer(json_object_get(pagination, "total_entries"));
    page->total = json_u64_of(pagination, "total_entries");
    page->next_page = (unsigned)json_u64_of(pagination, "next_page");
    size_t index;
    json_array_foreach(types, index, type) {
        if (!add_type(type, now_wall_ms, arena, list, error))
            return error_wrap(error, "server type %zu of the page", index + 1);
    }
    return true;
}

bool hetzner_decode_server_types(const char *body, size_t length, int64_t now_wall_ms,
                                 struct arena *arena, struct hetzner_price_list *list,
                                 struct hetzner_page *page, struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    uint32_t before = list->count;
    bool good = add_types(top, now_wall_ms, arena, list, page, error);
    if (!good)
        list->count = before;
    json_decref(top);
    return good;
}

bool hetzner_decode_currency(const char *body, size_t length, struct hetzner_price_list *list,
                             struct error *error)
{
    json_t *top = json_parse_object(body, length, error);
    if (top == NULL)
        return false;
    const char *currency = json_text_of(json_object_of(top, "pricing"), "currency");
    bool good = currency[0] != '\0' && strlen(currency) < sizeof list->currency;
    if (good)
        snprintf(list->currency, sizeof list->currency, "%s", currency);
    else
        error_set(error, "`pricing.currency` is missing or too long");
    json_decref(top);
    return good;
}

void hetzner_price_list_free(struct hetzner_price_list *list)
{
    free(list->item);
    *list = (struct hetzner_price_list){0};
}
