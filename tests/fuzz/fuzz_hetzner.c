/* Fuzzes all that is decoded of Hetzner Cloud's answers. Whatever comes, a decoder ends, keeps
 * nothing of a page that it refuses, and says why; what it takes is within the snapshot's bounds.
 */
#include "common/hetzner.h"
#include "tests/fuzz/api_answers.h"

#define NOW_MS INT64_C(1795764000000)

static void servers(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct hetzner_server_list list = {0};
    struct hetzner_page page;
    if (!hetzner_decode_servers(body, length, arena, &list, &page, error)) {
        PROMISE(list.count == 0);
        promise_words(error->text);
    }
    hetzner_servers_sort(&list);
    for (uint32_t i = 0; i < list.count; i++)
        PROMISE(list.item[i].id != 0 && (i == 0 || list.item[i].id > list.item[i - 1].id));
    uint32_t before = list.count;
    if (!hetzner_decode_failed_creates(body, length, &list, error))
        promise_words(error->text);
    PROMISE(list.count == before);
    struct hetzner_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .servers = list.item, .servers_count = list.count};
    promise_sendable(MESSAGE_hetzner_snapshot, &snapshot);
    hetzner_server_list_free(&list);
}

static void prices(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct hetzner_price_list list = {0};
    struct hetzner_page page;
    if (!hetzner_decode_server_types(body, length, NOW_MS, arena, &list, &page, error)) {
        PROMISE(list.count == 0);
        promise_words(error->text);
    }
    if (!hetzner_decode_currency(body, length, &list, error))
        promise_words(error->text);
    struct hetzner_snapshot snapshot = {.head = SNAPSHOT_HEAD,
                                        .currency = list.currency,
                                        .prices = list.item,
                                        .prices_count = list.count};
    promise_sendable(MESSAGE_hetzner_snapshot, &snapshot);
    hetzner_price_list_free(&list);
}

static void promise_action(const struct hetzner_action *action)
{
    PROMISE(action->status <= HETZNER_ACTION_ERROR);
    promise_text(action->command, sizeof action->command - 1);
    promise_text(action->code, sizeof action->code - 1);
    promise_text(action->text, sizeof action->text - 1);
}

static void one_server(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct hetzner_server server;
    struct hetzner_action action;
    if (!hetzner_decode_server(body, length, arena, &server, &action, error)) {
        promise_words(error->text);
        return;
    }
    promise_action(&action);
    struct hetzner_snapshot snapshot = {
        .head = SNAPSHOT_HEAD, .servers = &server, .servers_count = 1};
    promise_sendable(MESSAGE_hetzner_snapshot, &snapshot);
}

static void one_action(const char *body, size_t length, struct arena *arena, struct error *error)
{
    struct hetzner_action action;
    (void)arena;
    if (hetzner_decode_action(body, length, &action, error))
        promise_action(&action);
    else
        promise_words(error->text);
}

static void refusal(const char *body, size_t length, struct arena *arena, struct error *error)
{
    (void)arena, (void)error;
    try_refusal(hetzner_trouble, body, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const answer_decoder decoders[] = {servers, prices, one_server, one_action, refusal};
    try_decoders(decoders, sizeof decoders / sizeof decoders[0], data, size);
    return 0;
}
