/* Every bound of the messages, by name, unit last. A decoder checks a count against its bound
 * before it keeps a byte. May not: hold code. */
#ifndef EBBTIDE_TABLES_LIMITS_H
#define EBBTIDE_TABLES_LIMITS_H

#define NAME_BYTES_MAX                                                                             \
    253 /* a DNS name: Kubernetes node and pod names, Hetzner server names (RFC 1123) */
#define UID_BYTES_MAX          64
#define PROVIDER_ID_BYTES_MAX  128
#define LABEL_KEY_BYTES_MAX    317 /* prefix 253 + '/' + name 63 (Hetzner, Kubernetes) */
#define LABEL_VALUE_BYTES_MAX  253
#define JOB_LABELS_MAX         32
#define JOB_LABEL_BYTES_MAX    128
#define JOB_NAME_BYTES_MAX     255
#define REPOSITORY_BYTES_MAX   255
#define TEXT_BYTES_MAX         512 /* sentences for people: as error.h's ERROR_TEXT_BYTES_MAX */
#define SETTING_PATH_BYTES_MAX 128
#define SETTING_BYTES_MAX      4096
#define URL_BYTES_MAX          1024 /* of an API, as in the configuration */

/* Points in time and durations that a peer, a file or an API tells, milliseconds: past the year
 * 10000. Sums of a few of them never
 * overflow, whatever a peer that was taken over says. */
#define TIME_MS_MAX (INT64_C(1) << 48)

#define JOBS_MAX             20000
#define RUNNERS_MAX          5000
#define SERVERS_MAX          1000
#define SERVER_LABELS_MAX    64
#define PRICES_MAX           2000
#define KUBE_NODES_MAX       2000
#define KUBE_PODS_MAX        10000
#define POOLS_MAX            16
#define POOL_LABEL_SETS_MAX  16
#define OFFERS_MAX           16 /* a pool */
#define SANDBOX_PARTS_MAX    16
#define NODES_MAX            1000 /* managed nodes in all pools */
#define RUNNERS_PER_NODE_MAX 16
#define ALARMS_MAX           64
#define SETTINGS_MAX         1024
#define SAMPLES_MAX          2048
#define UNKNOWN_ACTIONS_MAX  256

#define AUDIT_HASH_BYTES   64                  /* SHA-256, hexadecimal */
#define AUDIT_SEQUENCE_MAX (UINT64_C(1) << 48) /* no honest log gets there */

#define CAPTURED_ACTIONS_MAX    64  /* as CORE_ACTIONS_PER_STEP_MAX */
#define CAPTURED_LINES_MAX      128 /* as CORE_LINES_PER_STEP_MAX */
#define CAPTURED_KIND_BYTES_MAX 32
#define CAPTURED_SUM_BYTES      32

#define FRAME_BYTES_MAX                                                                            \
    (32u * 1024 * 1024) /* the largest message of all; each has its own, smaller or equal */

#endif
