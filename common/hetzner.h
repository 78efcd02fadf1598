/* Hetzner Cloud's answers decoded, its paths, and what its errors mean (FACTS: Hetzner Cloud API).
 * Texts lie in the caller's arena; decoding keeps nothing of a page that has a fault.
 * May not: do I/O, log, name a method. */
#ifndef EBBTIDE_COMMON_HETZNER_H
#define EBBTIDE_COMMON_HETZNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/api_trouble.h"
#include "common/arena.h"
#include "common/http.h"
#include "common/url.h"
#include "tables/messages.h"

#define HETZNER_PAGE_MAX 50

/* ------------------------------------------------------ paths, below an URL that ends in /v1 */

/* sort=id:asc, so that pages shift only at the end; selector as config_server_selector wrote it. */
void hetzner_path_servers(struct url_path *out, const char *selector, unsigned page);
void hetzner_path_server_by_name(struct url_path *out, const char *name);
void hetzner_path_server(struct url_path *out, uint64_t id);
void hetzner_path_create(struct url_path *out); /* "/servers" */
void hetzner_path_action(struct url_path *out, uint64_t id);
void hetzner_path_server_types(struct url_path *out, unsigned page);

/* ------------------------------------------------------------------------------------- lists */

struct hetzner_server_list {
    struct hetzner_server *item;
    uint32_t count, room;
};

struct hetzner_price_list {
    struct hetzner_price *item;
    uint32_t count, room;
    char currency[9]; /* "" while unknown */
};

void hetzner_server_list_free(struct hetzner_server_list *list);
void hetzner_price_list_free(struct hetzner_price_list *list);

/* meta.pagination. */
struct hetzner_page {
    bool total_known;   /* total_entries may be null */
    uint64_t total;     /* total_entries */
    unsigned next_page; /* 0: this was the last */
    uint32_t items;     /* on this page */
};

/* Adds a page of servers; ids repeat only where pages shifted: hetzner_servers_sort drops repeats.
 */
bool hetzner_decode_servers(const char *body, size_t length, struct arena *arena,
                            struct hetzner_server_list *list, struct hetzner_page *page,
                            struct error *error);
/* Sorts by id, drops repeats. */
void hetzner_servers_sort(struct hetzner_server_list *list);

/* Adds the prices of a page of server types, a row a (type, location); `deprecated` where that
 * type can no longer be ordered there at now_wall_ms. The currency is not part of server types (GET
 * /pricing says it). */
bool hetzner_decode_server_types(const char *body, size_t length, int64_t now_wall_ms,
                                 struct arena *arena, struct hetzner_price_list *list,
                                 struct hetzner_page *page, struct error *error);

/* Failed actions of servers, newest first: what tells of a create that failed after its 201. */
void hetzner_path_failed_actions(struct url_path *out);

/* Sets create_failed at each server of the list whose create action is among them. */
bool hetzner_decode_failed_creates(const char *body, size_t length,
                                   struct hetzner_server_list *list, struct error *error);

/* Reads GET /pricing's currency into list->currency. */
void hetzner_path_pricing(struct url_path *out);
bool hetzner_decode_currency(const char *body, size_t length, struct hetzner_price_list *list,
                             struct error *error);

/* ----------------------------------------------------------------------------- single objects */

enum hetzner_action_status { HETZNER_ACTION_RUNNING, HETZNER_ACTION_SUCCESS, HETZNER_ACTION_ERROR };

struct hetzner_action {
    uint64_t id; /* 0: there was none (a null action) */
    enum hetzner_action_status status;
    char command[64];
    char code[API_CODE_BYTES_MAX];   /* error.code where status is ERROR */
    char text[ERROR_TEXT_BYTES_MAX]; /* error.message */
};

/* {"server": {...}}; `action` beside it is read too where it is there (create). action may be NULL.
 */
bool hetzner_decode_server(const char *body, size_t length, struct arena *arena,
                           struct hetzner_server *out, struct hetzner_action *action,
                           struct error *error);

/* {"action": {...}}: GET /actions/{id}, DELETE /servers/{id}. */
bool hetzner_decode_action(const char *body, size_t length, struct hetzner_action *out,
                           struct error *error);

/* The value of a label, NULL where the server has none of that key. */
const char *hetzner_label(const struct hetzner_server *server, const char *key);

/* ---------------------------------------------------------------------------------- refusals */

/* Decides by error.code, the status is only a hint. trouble NONE for a whole 2xx. */
void hetzner_trouble(const struct http_answer *answer, const char *doing, struct api_trouble *out);

#endif
