/* What a webhook of Gitea's is taken for: a hint that a job waits, or nothing. The body is believed
 * only when its signature is right (HMAC-SHA256 with the secret, compared in constant time), and is
 * parsed only then. Each delivery is taken once: its id and its signature are remembered in a ring,
 * the signature because the headers are not signed, so that a stranger could send an old body with
 * a new id. What is older than the ring may be taken again; it causes one hint more, and hints are
 * bounded. May not: answer, log, do I/O, keep anything of a body. */
#ifndef EBBTIDE_MONITOR_WEBHOOK_H
#define EBBTIDE_MONITOR_WEBHOOK_H

#include <stddef.h>

#include "common/secret.h"
#include "tables/messages.h"

#define WEBHOOK_PATH                  "/webhook"
#define WEBHOOK_BODY_BYTES_MAX        ((size_t)256 * 1024) /* Gitea's have 4 to 12 KiB */
#define WEBHOOK_DEPTH_MAX             32                   /* Gitea's have 5 */
#define WEBHOOK_DELIVERY_BYTES_MAX    64                   /* a UUID has 36 */
#define WEBHOOK_DELIVERIES_REMEMBERED 1024

struct webhook;

/* A delivery as it came; NULL for a header that is not there. */
struct webhook_delivery {
    const char *type;      /* Content-Type */
    const char *event;     /* X-Gitea-Event */
    const char *id;        /* X-Gitea-Delivery */
    const char *signature; /* X-Gitea-Signature */
    const char *body;
    size_t length;
};

/* What came of it. */
struct webhook_verdict {
    enum webhook_outcome outcome;
    int status;           /* of HTTP */
    const char *sentence; /* for Gitea's list of deliveries, where a person reads it; a constant */
    uint64_t job_id;      /* WEBHOOK_HINT: which job, as the webhook says */
};

/* Takes the secret (freed on error too; NULL is an error). Tries the HMAC with a known answer,
 * which also loads what libcrypto needs: call it before privileges are dropped. NULL with a
 * sentence. */
struct webhook *webhook_new(struct secret *secret, struct error *error);

/* A new secret, taken, holds from now on. What is remembered stays. */
void webhook_secret(struct webhook *webhook, struct secret *secret);

struct webhook_verdict webhook_take(struct webhook *webhook,
                                    const struct webhook_delivery *delivery);

/* Wipes the secret. NULL is fine. */
void webhook_free(struct webhook *webhook);

#endif
