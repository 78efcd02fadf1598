/* What the monitor makes of a webhook: a hint of a job that waits, once, when Gitea has signed it;
 * nothing of all else. The bodies and signatures in tests/data are those of a real Gitea 1.26. */
#include "tests/unit/cunit_main.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/webhook.h"
#include "tests/unit/data_file.h"

#define SECRET "s3cret"
#define QUEUED "4ab81a51d50f52ead26791fd9bf6001960f3d3796709cbe3919f806f0b563554"

static struct webhook *made(const char *text)
{
    struct error error = {""};
    struct webhook *webhook = webhook_new(secret_new(text, strlen(text), &error), &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(webhook);
    return webhook;
}

static const char *sign(const char *secret, const char *body, size_t length)
{
    static char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)body, length, digest,
         &size);
    for (unsigned int i = 0; i < size; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
    return hex;
}

/* A delivery of this body, rightly signed, with an id that was not there yet. */
static struct webhook_delivery of(const char *body)
{
    static char id[40];
    static unsigned number;
    snprintf(id, sizeof id, "00000000-0000-4000-8000-%012u", ++number);
    return (struct webhook_delivery){.type = "application/json",
                                     .event = "workflow_job",
                                     .id = id,
                                     .signature = sign(SECRET, body, strlen(body)),
                                     .body = body,
                                     .length = strlen(body)};
}

static void comes_to(struct webhook *webhook, const struct webhook_delivery *delivery,
                     enum webhook_outcome outcome, int status)
{
    struct webhook_verdict verdict = webhook_take(webhook, delivery);
    CU_ASSERT_EQUAL(verdict.outcome, outcome);
    CU_ASSERT_EQUAL(verdict.status, status);
    CU_ASSERT_TRUE(strlen(verdict.sentence) > 10);
    if (verdict.outcome != outcome)
        fprintf(stderr, "outcome %d: %s\n", (int)verdict.outcome, verdict.sentence);
}

static void a_real_delivery_is_a_hint_once(void)
{
    struct webhook *webhook = made(SECRET);
    char *queued = data_file("gitea/webhook-queued.json");
    char *waiting = data_file("gitea/webhook-waiting.json");
    char *completed = data_file("gitea/webhook-completed.json");
    struct webhook_delivery delivery = of(queued);
    delivery.signature = QUEUED;
    delivery.id = "701fd56c-4ed8-4ea2-95d4-bbfe14227774";
    struct webhook_verdict verdict = webhook_take(webhook, &delivery);
    CU_ASSERT_EQUAL(verdict.outcome, WEBHOOK_HINT);
    CU_ASSERT_EQUAL(verdict.status, 200);
    CU_ASSERT_EQUAL(verdict.job_id, 1);
    comes_to(webhook, &delivery, WEBHOOK_REPEATED, 200);
    delivery = of(waiting);
    comes_to(webhook, &delivery, WEBHOOK_HINT, 200);
    delivery = of(completed);
    delivery.signature = "6b8461d9fa7940e79619f3ee13090c8e84491cacb60cbdcfb6c200e5958f7092";
    comes_to(webhook, &delivery, WEBHOOK_IGNORED, 200);
    free(queued);
    free(waiting);
    free(completed);
    webhook_free(webhook);
}

/* Every single bit of the signature and of the body counts, and so does the secret. */
static void what_is_not_signed_is_refused(void)
{
    struct webhook *webhook = made(SECRET), *other = made(SECRET "x");
    char *body = data_file("gitea/webhook-queued.json");
    struct webhook_delivery delivery = of(body);
    char signature[] = QUEUED;
    delivery.signature = signature;
    comes_to(other, &delivery, WEBHOOK_FORGED, 401);
    for (size_t i = 0; i < sizeof signature - 1; i++) {
        char kept = signature[i];
        signature[i] = kept == '0' ? '1' : '0';
        comes_to(webhook, &delivery, WEBHOOK_FORGED, 401);
        signature[i] = kept;
    }
    for (size_t i = 0; i < delivery.length; i += 97) {
        body[i] ^= 1;
        comes_to(webhook, &delivery, WEBHOOK_FORGED, 401);
        body[i] ^= 1;
    }
    delivery.length--;
    comes_to(webhook, &delivery, WEBHOOK_FORGED, 401);
    delivery.length++;
    static const char *const odd[] = {"0", QUEUED "0", "sha256=" QUEUED, "zz" QUEUED, " " QUEUED};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        delivery.signature = odd[i];
        comes_to(webhook, &delivery, WEBHOOK_FORGED, 401);
    }
    delivery.signature = "";
    comes_to(webhook, &delivery, WEBHOOK_UNSIGNED, 401);
    delivery.signature = NULL;
    comes_to(webhook, &delivery, WEBHOOK_UNSIGNED, 401);
    delivery.signature = QUEUED; /* none of all that was remembered as taken */
    comes_to(webhook, &delivery, WEBHOOK_HINT, 200);
    free(body);
    webhook_free(webhook);
    webhook_free(other);
}

/* Headers are not signed: an old body is old under a new id too, and an id is used up by one body.
 */
static void nothing_is_taken_twice(void)
{
    struct webhook *webhook = made(SECRET);
    struct webhook_delivery delivery = of("{\"action\":\"queued\",\"workflow_job\":{\"id\":7}}");
    comes_to(webhook, &delivery, WEBHOOK_HINT, 200);
    delivery.id = "another-id";
    comes_to(webhook, &delivery, WEBHOOK_REPEATED, 200);
    struct webhook_delivery second = of("{\"action\":\"queued\",\"workflow_job\":{\"id\":8}}");
    comes_to(webhook, &second, WEBHOOK_HINT, 200);
    struct webhook_delivery third = of("{\"action\":\"queued\",\"workflow_job\":{\"id\":9}}");
    second.body = third.body, second.length = third.length, second.signature = third.signature;
    second.id = "AN-ID";
    comes_to(webhook, &second, WEBHOOK_HINT, 200);
    third = of("{\"action\":\"queued\",\"workflow_job\":{\"id\":10}}");
    third.id = "an-id";
    comes_to(webhook, &third, WEBHOOK_REPEATED, 200);
    webhook_free(webhook);
}

/* The ring is bounded: the oldest goes, and only the oldest. */
static void the_ring_turns_over(void)
{
    struct webhook *webhook = made(SECRET);
    char body[128];
    for (unsigned i = 1; i <= WEBHOOK_DELIVERIES_REMEMBERED + 1; i++) {
        snprintf(body, sizeof body, "{\"action\":\"queued\",\"workflow_job\":{\"id\":%u}}", i);
        struct webhook_delivery delivery = of(body);
        comes_to(webhook, &delivery, WEBHOOK_HINT, 200);
    }
    struct webhook_delivery old = of("{\"action\":\"queued\",\"workflow_job\":{\"id\":2}}");
    comes_to(webhook, &old, WEBHOOK_REPEATED, 200);
    old = of("{\"action\":\"queued\",\"workflow_job\":{\"id\":1}}");
    comes_to(webhook, &old, WEBHOOK_HINT, 200);
    webhook_free(webhook);
}

static void what_is_no_delivery_is_refused(void)
{
    static const char *const malformed[] = {
        "",
        "[]",
        "{",
        "null",
        "{\"action\":\"queued\"}",
        "{\"action\":\"queued\",\"workflow_job\":[]}",
        "{\"action\":\"queued\",\"workflow_job\":{\"id\":\"7\"}}",
        "{\"action\":\"queued\",\"workflow_job\":{\"id\":-7}}",
        "{\"action\":\"queued\",\"workflow_job\":{\"id\":0}}",
        "{\"action\":7,\"workflow_job\":{\"id\":7}}",
        "{\"workflow_job\":{\"id\":7}}",
        "{\"action\":\"queued\",\"action\":\"queued\",\"workflow_job\":{\"id\":7}}",
        "{\"action\":\"\xff\",\"workflow_job\":{\"id\":7}}",
        "<html>",
    };
    struct webhook *webhook = made(SECRET);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct webhook_delivery delivery = of(malformed[i]);
        comes_to(webhook, &delivery, WEBHOOK_MALFORMED, 400);
    }
    static const char *const ids[] = {NULL, "", "a b", "a\"b",
                                      "01234567890123456789012345678901234567890123456789"
                                      "012345678901234"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct webhook_delivery delivery =
            of("{\"action\":\"queued\",\"workflow_job\":{\"id\":7}}");
        delivery.id = ids[i];
        comes_to(webhook, &delivery, WEBHOOK_MALFORMED, 400);
    }
    webhook_free(webhook);
}

static void other_events_are_ignored(void)
{
    static const char *const events[] = {NULL, "", "push", "workflow_run", "workflow_jobs"};
    struct webhook *webhook = made(SECRET);
    char body[128];
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        snprintf(body, sizeof body, "{\"action\":\"queued\",\"workflow_job\":{\"id\":%zu}}", i + 1);
        struct webhook_delivery delivery = of(body);
        delivery.event = events[i];
        comes_to(webhook, &delivery, WEBHOOK_IGNORED, 200);
    }
    struct webhook_delivery running =
        of("{\"action\":\"in_progress\",\"workflow_job\":{\"id\":7}}");
    comes_to(webhook, &running, WEBHOOK_IGNORED, 200);
    webhook_free(webhook);
}

static void types_are_told_apart(void)
{
    static const char *const bad[] = {NULL, "", "application/x-www-form-urlencoded",
                                      "application/jsonx", "text/plain"};
    static const char *const good[] = {"application/json; charset=utf-8", "APPLICATION/JSON"};
    struct webhook *webhook = made(SECRET);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct webhook_delivery delivery =
            of("{\"action\":\"queued\",\"workflow_job\":{\"id\":7}}");
        delivery.type = bad[i];
        comes_to(webhook, &delivery, WEBHOOK_TYPE, 415);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct webhook_delivery delivery =
            of(i == 0 ? "{\"action\":\"queued\",\"workflow_job\":{\"id\":8}}"
                      : "{\"action\":\"queued\",\"workflow_job\":{\"id\":9}}");
        delivery.type = good[i];
        comes_to(webhook, &delivery, WEBHOOK_HINT, 200);
    }
    webhook_free(webhook);
}

/* A body at the limit is read, one byte more is not; the same with its depth. */
static void limits_hold_at_one_more(void)
{
    struct webhook *webhook = made(SECRET);
    static const char head[] = "{\"action\":\"queued\",\"workflow_job\":{\"id\":7},\"x\":\"";
    char *body = calloc(1, WEBHOOK_BODY_BYTES_MAX + 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    memset(body, 'x', WEBHOOK_BODY_BYTES_MAX);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + WEBHOOK_BODY_BYTES_MAX - 2, "\"}", 2);
    struct webhook_delivery delivery = of(body);
    CU_ASSERT_EQUAL(delivery.length, WEBHOOK_BODY_BYTES_MAX);
    comes_to(webhook, &delivery, WEBHOOK_HINT, 200);
    body[WEBHOOK_BODY_BYTES_MAX] = ' ';
    delivery = of(body);
    comes_to(webhook, &delivery, WEBHOOK_TOO_LARGE, 413);
    free(body);
    for (unsigned more = 0; more < 2; more++) {
        char deep[256];
        unsigned lists = WEBHOOK_DEPTH_MAX - 1 + more;
        int used = snprintf(deep, sizeof deep,
                            "{\"action\":\"queued\",\"workflow_job\":{\"id\":8},"
                            "\"t\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\",\"x\":");
        memset(deep + used, '[', lists);
        memset(deep + used + lists, ']', lists);
        deep[used + 2 * (int)lists] = '}';
        deep[used + 2 * (int)lists + 1] = '\0';
        delivery = of(deep);
        comes_to(webhook, &delivery, more == 0 ? WEBHOOK_HINT : WEBHOOK_MALFORMED,
                 more == 0 ? 200 : 400);
    }
    webhook_free(webhook);
}

/* A renewed secret holds at once; the old one no longer. */
static void a_secret_is_renewed(void)
{
    struct error error = {""};
    struct webhook *webhook = made(SECRET "old");
    struct webhook_delivery delivery = of("{\"action\":\"queued\",\"workflow_job\":{\"id\":7}}");
    comes_to(webhook, &delivery, WEBHOOK_FORGED, 401);
    webhook_secret(webhook, secret_new(SECRET, strlen(SECRET), &error));
    comes_to(webhook, &delivery, WEBHOOK_HINT, 200);
    webhook_free(webhook);
    CU_ASSERT_PTR_NULL(webhook_new(NULL, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "monitor.webhook_secret_file"));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a real delivery is a hint, once", a_real_delivery_is_a_hint_once},
        {"what is not signed is refused", what_is_not_signed_is_refused},
        {"nothing is taken twice", nothing_is_taken_twice},
        {"the ring turns over", the_ring_turns_over},
        {"what is no delivery is refused", what_is_no_delivery_is_refused},
        {"other events are ignored", other_events_are_ignored},
        {"types are told apart", types_are_told_apart},
        {"limits hold at one more", limits_hold_at_one_more},
        {"a secret is renewed", a_secret_is_renewed},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("webhook", tests);
}
