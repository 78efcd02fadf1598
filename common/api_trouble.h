/* What an API's refusal means: one form for all three. Filled by gitea_trouble, hetzner_trouble and
 * kube_trouble from the answer's status, headers and error body. May not: do I/O, log. */
#ifndef EBBTIDE_COMMON_API_TROUBLE_H
#define EBBTIDE_COMMON_API_TROUBLE_H

#include <stdint.h>

#include "common/error.h"
#include "common/http.h"
#include "tables/messages.h"

#define API_CODE_BYTES_MAX 64

struct api_trouble {
    enum trouble trouble;          /* NONE where the status is 2xx and the answer whole */
    unsigned http_status;          /* 0 where there was no answer */
    bool gone;                     /* 404: what was asked for is not there */
    char code[API_CODE_BYTES_MAX]; /* Hetzner's error.code, Kubernetes' reason; "" where none */
    int64_t retry_after_ms;        /* not before; 0 where the API named no time */
    struct error error;            /* URL, what came back, what to do; holds no secret */
};

/* ------------------------------------------------------------ for the three APIs' own files */

/* What status and headers alone say. True where there is a refusal whose body is worth reading:
 * trouble is then set by the status. False: 2xx (NONE), or no whole answer (said already). */
bool api_trouble_begin(const struct http_answer *answer, const char *doing,
                       struct api_trouble *out);

/* Writes the sentence: "cannot DOING: URL answered STATUS (CODE: MESSAGE); ADVICE". code and
 * message may be "". */
void api_trouble_say(const struct http_answer *answer, const char *doing, const char *message,
                     const char *advice, struct api_trouble *out);

/* A 2xx whose body did not decode: BAD_ANSWER, why from the decoder, setting "gitea" for advice. */
void api_trouble_body(const struct http_answer *answer, const char *doing, const char *setting,
                      const struct error *why, struct api_trouble *out);

#endif
