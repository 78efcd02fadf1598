/* Gitea's webhooks: verified, then read. */
#include "monitor/webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json_read.h"

#define SIGNATURE_BYTES 32

/* One delivery that was taken. */
struct taken {
    char id[WEBHOOK_DELIVERY_BYTES_MAX + 1];
    unsigned char signature[SIGNATURE_BYTES];
};

struct webhook {
    struct secret *secret;
    struct taken taken[WEBHOOK_DELIVERIES_REMEMBERED]; /* a ring */
    unsigned taken_count, taken_next;
};

static struct webhook_verdict verdict(enum webhook_outcome outcome, int status,
                                      const char *sentence)
{
    return (struct webhook_verdict){.outcome = outcome, .status = status, .sentence = sentence};
}

/* ----------------------------------------------------------------------------------- signature */

static bool sign(const struct secret *secret, const char *body, size_t length,
                 unsigned char out[SIGNATURE_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (HMAC(EVP_sha256(), secret_text(secret), (int)secret_length(secret),
             (const unsigned char *)body, length, digest, &size) == NULL ||
        size != SIGNATURE_BYTES)
        return false;
    memcpy(out, digest, SIGNATURE_BYTES);
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)((at - digits) % 16);
}

static bool read_hex(const char *text, unsigned char out[SIGNATURE_BYTES])
{
    if (strlen(text) != (size_t)2 * SIGNATURE_BYTES)
        return false;
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool is_signed(const struct webhook *webhook, const struct webhook_delivery *delivery,
                      unsigned char signature[SIGNATURE_BYTES])
{
    unsigned char expected[SIGNATURE_BYTES];
    bool good = read_hex(delivery->signature, signature) &&
                sign(webhook->secret, delivery->body, delivery->length, expected) &&
                CRYPTO_memcmp(signature, expected, SIGNATURE_BYTES) == 0;
    OPENSSL_cleanse(expected, sizeof expected);
    return good;
}

/* The second case of RFC 4231. */
static bool hmac_works(struct error *error)
{
    static const char body[] = "what do ya want for nothing?";
    static const char answer[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    unsigned char expected[SIGNATURE_BYTES], made[SIGNATURE_BYTES];
    struct secret *secret = secret_new("Jefe", 4, error);
    if (secret == NULL)
        return false;
    bool good = read_hex(answer, expected) && sign(secret, body, sizeof body - 1, made) &&
                memcmp(made, expected, sizeof made) == 0;
    secret_free(secret);
    return good || error_set(error, "libcrypto does not compute HMAC-SHA256 rightly here: "
                                    "webhooks could not be verified");
}

/* ---------------------------------------------------------------------------------------- once */

static bool is_delivery_id(const char *id)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    size_t length = id == NULL ? 0 : strlen(id);
    return length > 0 && length <= WEBHOOK_DELIVERY_BYTES_MAX && strspn(id, allowed) == length;
}

static bool was_taken(const struct webhook *webhook, const char *id,
                      const unsigned char signature[SIGNATURE_BYTES])
{
    for (unsigned i = 0; i < webhook->taken_count; i++) {
        const struct taken *one = &webhook->taken[i];
        if (strcasecmp(one->id, id) == 0 || memcmp(one->signature, signature, SIGNATURE_BYTES) == 0)
            return true;
    }
    return false;
}

static void remember(struct webhook *webhook, const char *id,
                     const unsigned char signature[SIGNATURE_BYTES])
{
    struct taken *one = &webhook->taken[webhook->taken_next];
    memcpy(one->id, id, strlen(id) + 1);
    memcpy(one->signature, signature, SIGNATURE_BYTES);
    webhook->taken_next = (webhook->taken_next + 1) % WEBHOOK_DELIVERIES_REMEMBERED;
    if (webhook->taken_count < WEBHOOK_DELIVERIES_REMEMBERED)
        webhook->taken_count++;
}

/* ----------------------------------------------------------------------------------------- read */

/* `queued`: a runner could take it; `waiting`: for other jobs, and it may be next. */
static bool says_that_a_job_waits(const char *action)
{
    return strcmp(action, "queued") == 0 || strcmp(action, "waiting") == 0;
}

static struct webhook_verdict read_body(const struct webhook_delivery *delivery)
{
    struct error ignored; /* the sentence might repeat what strangers wrote */
    json_t *top = json_parse_shallow(delivery->body, delivery->length, WEBHOOK_DEPTH_MAX, &ignored);
    const json_t *job = json_object_of(top, "workflow_job");
    struct webhook_verdict result =
        verdict(WEBHOOK_HINT, 200, "a job waits: Gitea is looked at soon");
    result.job_id = json_u64_of(job, "id");
    if (top == NULL)
        result =
            verdict(WEBHOOK_MALFORMED, 400,
                    "the body is no JSON object, or is nested too deeply, though it is signed");
    else if (result.job_id == 0 || *json_text_of(top, "action") == '\0')
        result = verdict(WEBHOOK_MALFORMED, 400,
                         "the body has no `action`, or no `workflow_job` with an `id`");
    else if (!says_that_a_job_waits(json_text_of(top, "action")))
        result = verdict(WEBHOOK_IGNORED, 200, "nothing to do: no job begins to wait by this");
    json_decref(top);
    return result;
}

/* "application/json", with or without parameters. */
static bool is_json(const char *type)
{
    static const char word[] = "application/json";
    size_t length = sizeof word - 1;
    return type != NULL && strncasecmp(type, word, length) == 0 &&
           (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

/* What can be said without the secret. Gitea signs the JSON even where it sends it as a form, so
 * the type comes before the signature. */
static bool is_deliverable(const struct webhook_delivery *delivery, struct webhook_verdict *why)
{
    if (delivery->length > WEBHOOK_BODY_BYTES_MAX)
        *why = verdict(WEBHOOK_TOO_LARGE, 413, "the body is larger than 256 KiB");
    else if (!is_json(delivery->type))
        *why = verdict(WEBHOOK_TYPE, 415,
                       "expected application/json: set the POST content type of the webhook in "
                       "Gitea");
    else if (delivery->signature == NULL || *delivery->signature == '\0')
        *why = verdict(WEBHOOK_UNSIGNED, 401,
                       "without a signature in X-Gitea-Signature: set the secret of the webhook in "
                       "Gitea to what monitor.webhook_secret_file holds");
    else
        return true;
    return false;
}

struct webhook_verdict webhook_take(struct webhook *webhook,
                                    const struct webhook_delivery *delivery)
{
    unsigned char signature[SIGNATURE_BYTES];
    struct webhook_verdict why;
    if (!is_deliverable(delivery, &why))
        return why;
    if (!is_signed(webhook, delivery, signature))
        return verdict(WEBHOOK_FORGED, 401,
                       "X-Gitea-Signature is not of this body and the secret in "
                       "monitor.webhook_secret_file: give the webhook in Gitea the same secret");
    if (!is_delivery_id(delivery->id))
        return verdict(WEBHOOK_MALFORMED, 400, "without an id in X-Gitea-Delivery");
    if (was_taken(webhook, delivery->id, signature))
        return verdict(WEBHOOK_REPEATED, 200, "this delivery was taken before");
    remember(webhook, delivery->id, signature);
    if (delivery->event == NULL || strcmp(delivery->event, "workflow_job") != 0)
        return verdict(WEBHOOK_IGNORED, 200,
                       "nothing to do: of all events only `Workflow Jobs` is of use here");
    return read_body(delivery);
}

/* ---------------------------------------------------------------------------------------- whole */

struct webhook *webhook_new(struct secret *secret, struct error *error)
{
    if (secret == NULL) {
        error_set(error, "no secret for webhooks was handed over: set monitor.webhook_secret_file");
        return NULL;
    }
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (webhook == NULL)
        error_set(error, "no memory for what is known of webhooks");
    if (webhook == NULL || !hmac_works(error)) {
        free(webhook);
        secret_free(secret);
        return NULL;
    }
    webhook->secret = secret;
    return webhook;
}

void webhook_secret(struct webhook *webhook, struct secret *secret)
{
    secret_free(webhook->secret);
    webhook->secret = secret;
}

void webhook_free(struct webhook *webhook)
{
    if (webhook == NULL)
        return;
    secret_free(webhook->secret);
    free(webhook);
}
