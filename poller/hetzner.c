/* Hetzner Cloud: servers by label selector; now and then the server types' prices.
 *
 * Servers are read with sort=id:asc, so that what comes and goes shifts only later pages; when the
 * total changes between pages, or the ids do not add up to it, the list is read anew. Prices have
 * an arena of their own and outlive the round. May not: send anything but GET. */
#include "poller/poller.h"

#include "common/clock.h"
#include "common/hetzner.h"
#include "common/log.h"
#include "poller/numbers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Prices that could not be read anew are tried again after this part of price_interval. */
#define PRICE_RETRY_PART 10

struct hetzner {
    char selector[CONFIG_SELECTOR_BYTES_MAX];
    struct arena *arena;
    struct hetzner_server_list servers;
    unsigned page, tries;
    bool total_known;
    uint64_t total; /* as the first page of this reading said */

    struct arena *price_arena[2]; /* the one that holds, the one being filled */
    struct hetzner_price_list price_list[2];
    unsigned price_place; /* which of the two holds */
    bool prices_known;
    int64_t prices_due_mono_ms;
};

static struct hetzner *of(struct poller *poller)
{
    return poller->own;
}

static void ask_servers(struct poller *poller);
static void ask_prices(struct poller *poller);

/* ------------------------------------------------------------------------------------ snapshot */

static void send_snapshot(struct poller *poller)
{
    const struct hetzner *hetzner = of(poller);
    const struct hetzner_price_list *prices = &hetzner->price_list[hetzner->price_place];
    poller->holds = hetzner->servers.count > 0;
    struct hetzner_snapshot snapshot = {
        .head = round_head(poller),
        .currency = prices->currency,
        .servers = hetzner->servers.item,
        .servers_count = hetzner->servers.count,
        .prices = prices->item,
        .prices_count = prices->count,
    };
    round_done(poller, MESSAGE_hetzner_snapshot, &snapshot);
}

/* ---------------------------------------------------------------------------- failed creates */

static void on_failed_actions(struct poller *poller, const struct http_answer *answer,
                              const struct api_trouble *trouble)
{
    struct hetzner *hetzner = of(poller);
    struct error error;
    if (trouble->trouble != TROUBLE_NONE)
        round_failed(poller, trouble);
    else if (!hetzner_decode_failed_creates(answer->body, answer->length, &hetzner->servers,
                                            &error))
        round_bad_answer(poller, answer, &error);
    else
        send_snapshot(poller);
}

/* A server whose create failed never gets to run: only while one does not is it worth a request. */
static bool any_may_have_failed(const struct hetzner_server_list *servers)
{
    for (uint32_t i = 0; i < servers->count; i++)
        if (servers->item[i].status == SERVER_INITIALIZING ||
            servers->item[i].status == SERVER_OFF || servers->item[i].status == SERVER_UNKNOWN)
            return true;
    return false;
}

static void ask_failed_actions(struct poller *poller)
{
    struct url_path path;
    if (!any_may_have_failed(&of(poller)->servers)) {
        send_snapshot(poller);
        return;
    }
    hetzner_path_failed_actions(&path);
    get(poller, &path, on_failed_actions, "list the failed actions");
}

/* ------------------------------------------------------------------------------------- servers */

/* The pages do not fit together: the list is read anew, or the round fails. */
static void read_anew(struct poller *poller, const struct hetzner_page *page)
{
    struct hetzner *hetzner = of(poller);
    if (hetzner->tries >= LIST_TRIES_MAX) {
        round_inconsistent(poller,
                           "after %u readings there are %" PRIu32 " different servers, and Hetzner "
                           "counts %" PRIu64,
                           hetzner->tries, hetzner->servers.count, page->total);
        return;
    }
    hetzner->tries++;
    numbers_reread(poller->source->source);
    hetzner->page = 1;
    hetzner->servers.count = 0;
    ask_servers(poller);
}

static void servers_judged(struct poller *poller, const struct hetzner_page *page)
{
    struct hetzner *hetzner = of(poller);
    if (hetzner->page == 1) {
        hetzner->total_known = page->total_known;
        hetzner->total = page->total;
    }
    bool changed = hetzner->total_known && page->total_known && page->total != hetzner->total;
    bool last = page->next_page == 0;
    if (changed || (last && page->total_known && hetzner->servers.count != page->total)) {
        read_anew(poller, page);
    } else if (!last) {
        hetzner->page = page->next_page;
        ask_servers(poller);
    } else {
        ask_failed_actions(poller);
    }
}

static void on_servers(struct poller *poller, const struct http_answer *answer,
                       const struct api_trouble *trouble)
{
    struct hetzner *hetzner = of(poller);
    struct hetzner_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE) {
        round_failed(poller, trouble);
        return;
    }
    if (!hetzner_decode_servers(answer->body, answer->length, hetzner->arena, &hetzner->servers,
                                &page, &error)) {
        round_bad_answer(poller, answer, &error);
        return;
    }
    hetzner_servers_sort(&hetzner->servers);
    servers_judged(poller, &page);
}

static void ask_servers(struct poller *poller)
{
    struct url_path path;
    hetzner_path_servers(&path, of(poller)->selector, of(poller)->page);
    get(poller, &path, on_servers, "list the servers, page %u", of(poller)->page);
}

static void begin_servers(struct poller *poller)
{
    struct hetzner *hetzner = of(poller);
    hetzner->page = hetzner->tries = 1;
    ask_servers(poller);
}

/* -------------------------------------------------------------------------------------- prices */

static struct hetzner_price_list *filling(struct hetzner *hetzner)
{
    return &hetzner->price_list[1 - hetzner->price_place];
}

/* Old prices are better than no servers: only the very first ones must be had. */
static void prices_failed(struct poller *poller, const struct api_trouble *trouble)
{
    struct hetzner *hetzner = of(poller);
    int64_t interval = worker_config(poller->worker)->hetzner.price_interval_ms;
    if (!hetzner->prices_known) {
        round_failed(poller, trouble);
        return;
    }
    log_warning("%s; the prices known so far are kept", trouble->error.text);
    hetzner->prices_due_mono_ms = clock_mono_ms() + interval / PRICE_RETRY_PART;
    begin_servers(poller);
}

static void prices_bad(struct poller *poller, const struct http_answer *answer,
                       const struct error *why)
{
    struct api_trouble trouble;
    api_trouble_body(answer, poller->doing, poller->source->word, why, &trouble);
    prices_failed(poller, &trouble);
}

static void prices_read(struct poller *poller)
{
    struct hetzner *hetzner = of(poller);
    hetzner->price_place = 1 - hetzner->price_place;
    hetzner->prices_known = true;
    hetzner->prices_due_mono_ms =
        clock_mono_ms() + worker_config(poller->worker)->hetzner.price_interval_ms;
    begin_servers(poller);
}

static void on_currency(struct poller *poller, const struct http_answer *answer,
                        const struct api_trouble *trouble)
{
    struct error error;
    if (trouble->trouble != TROUBLE_NONE)
        prices_failed(poller, trouble);
    else if (!hetzner_decode_currency(answer->body, answer->length, filling(of(poller)), &error))
        prices_bad(poller, answer, &error);
    else
        prices_read(poller);
}

static void ask_currency(struct poller *poller)
{
    struct url_path path;
    hetzner_path_pricing(&path);
    get(poller, &path, on_currency, "ask for the currency");
}

static void on_prices(struct poller *poller, const struct http_answer *answer,
                      const struct api_trouble *trouble)
{
    struct hetzner *hetzner = of(poller);
    struct hetzner_page page;
    struct error error;
    if (trouble->trouble != TROUBLE_NONE) {
        prices_failed(poller, trouble);
    } else if (!hetzner_decode_server_types(answer->body, answer->length, clock_wall_ms(),
                                            hetzner->price_arena[1 - hetzner->price_place],
                                            filling(hetzner), &page, &error)) {
        prices_bad(poller, answer, &error);
    } else if (page.next_page != 0) {
        hetzner->page = page.next_page;
        ask_prices(poller);
    } else {
        ask_currency(poller);
    }
}

static void ask_prices(struct poller *poller)
{
    struct url_path path;
    hetzner_path_server_types(&path, of(poller)->page);
    get(poller, &path, on_prices, "list the server types, page %u", of(poller)->page);
}

static void begin(struct poller *poller)
{
    struct hetzner *hetzner = of(poller);
    arena_reset(hetzner->arena);
    hetzner->servers.count = 0;
    if (hetzner->prices_known && clock_mono_ms() < hetzner->prices_due_mono_ms) {
        begin_servers(poller);
        return;
    }
    arena_reset(hetzner->price_arena[1 - hetzner->price_place]);
    filling(hetzner)->count = 0;
    hetzner->page = 1;
    ask_prices(poller);
}

/* ------------------------------------------------------------------------------- token check */

static void check_token(struct poller *poller)
{
    token_checked(poller, false,
                  "whether Hetzner's poller token could write cannot be asked by reading: make it "
                  "a read-only one in the Hetzner console");
}

/* ---------------------------------------------------------------------------------------- life */

static bool open_source(struct poller *poller, const struct config *config, struct error *error)
{
    struct hetzner *hetzner = calloc(1, sizeof *hetzner);
    poller->own = hetzner;
    if (hetzner == NULL || (hetzner->arena = arena_new(ARENA_BYTES_MAX)) == NULL ||
        (hetzner->price_arena[0] = arena_new(ARENA_BYTES_MAX)) == NULL ||
        (hetzner->price_arena[1] = arena_new(ARENA_BYTES_MAX)) == NULL)
        return error_set(error, "out of memory for Hetzner's lists");
    return config_server_selector(config, hetzner->selector, sizeof hetzner->selector) ||
           error_set(error, "hetzner.labels make too long a label selector");
}

static void close_source(struct poller *poller)
{
    struct hetzner *hetzner = of(poller);
    hetzner_server_list_free(&hetzner->servers);
    for (unsigned i = 0; i < 2; i++) {
        hetzner_price_list_free(&hetzner->price_list[i]);
        arena_free(hetzner->price_arena[i]);
    }
    arena_free(hetzner->arena);
    free(hetzner);
    poller->own = NULL;
}

static int64_t interval_ms(const struct config *config)
{
    return config->hetzner.poll_interval_ms;
}

const struct source_behaviour hetzner_source = {
    .source = SOURCE_HETZNER,
    .role = ROLE_POLLER_HETZNER,
    .word = "hetzner",
    .open = open_source,
    .close = close_source,
    .begin = begin,
    .check_token = check_token,
    .trouble = hetzner_trouble,
    .interval_ms = interval_ms,
};
