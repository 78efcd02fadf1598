/* What an API's refusal means: one form for all three. Filled by gitea_trouble, hetzner_trouble and
 * kube_trouble from the answer's status, headers and error body. May not: hold code. */
#ifndef EBBTIDE_COMMON_API_TROUBLE_H
#define EBBTIDE_COMMON_API_TROUBLE_H

#include <stdint.h>

#include "common/error.h"
#include "proto/messages.h"

#define API_CODE_BYTES_MAX 64

struct api_trouble {
    enum trouble trouble;          /* NONE where the status is 2xx and the answer whole */
    unsigned http_status;          /* 0 where there was no answer */
    bool gone;                     /* 404, or 410 of an object: what was asked for is not there */
    char code[API_CODE_BYTES_MAX]; /* Hetzner's error.code, Kubernetes' reason; "" where none */
    int64_t retry_after_ms;        /* not before; 0 where the API named no time */
    struct error error;            /* URL, what came back, what to do; holds no secret */
};

#endif
