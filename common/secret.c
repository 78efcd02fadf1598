/* Locked, undumped, wiped memory for secrets: one mapping each. May not: log, open files. */
#include "common/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct secret {
    char *bytes; /* a mapping of its own */
    size_t length, mapped;
    bool locked;
};

struct secret *secret_room(size_t length, struct error *error)
{
    if (length > SECRET_BYTES_MAX) {
        error_set(error, "a secret of %zu bytes is longer than the %zu allowed", length,
                  SECRET_BYTES_MAX);
        return NULL;
    }
    struct secret *secret = calloc(1, sizeof *secret);
    if (secret == NULL) {
        error_set(error, "out of memory for a secret");
        return NULL;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    secret->mapped = (length + 1 + page - 1) / page * page;
    void *bytes =
        mmap(NULL, secret->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        error_set_errno(error, errno, "map %zu bytes for a secret", secret->mapped);
        free(secret);
        return NULL;
    }
    secret->bytes = bytes;
    secret->length = length;
    secret->locked = mlock(bytes, secret->mapped) == 0;
    /* Failing is no reason to stop: core dumps are off in every worker as well (common/role.c). */
    (void)madvise(bytes, secret->mapped, MADV_DONTDUMP);
    /* A child of the supervisor's, which reads kubeconfigs, is to find nothing. */
    (void)madvise(bytes, secret->mapped, MADV_WIPEONFORK);
    return secret;
}

struct secret *secret_new(const void *bytes, size_t length, struct error *error)
{
    struct secret *secret = secret_room(length, error);
    if (secret != NULL && length > 0)
        memcpy(secret->bytes, bytes, length);
    return secret;
}

/* The next piece: pread from `at` where the descriptor is a file, read where it is a pipe. */
static ssize_t read_piece(int descriptor, bool file, char *into, size_t room, size_t at)
{
    for (;;) {
        ssize_t got =
            file ? pread(descriptor, into, room, (off_t)at) : read(descriptor, into, room);
        if (got >= 0 || errno != EINTR)
            return got;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Nothing, or an end of line alone: nobody's secret. */
static bool is_empty(const struct secret *secret)
{
    for (size_t i = 0; i < secret->length; i++)
        if (!is_blank(secret->bytes[i]))
            return false;
    return true;
}

static bool read_all(struct secret *secret, int descriptor, const char *name, struct error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return error_set_errno(error, errno, "%s cannot be looked at", name);
    bool file = S_ISREG(status.st_mode);
    size_t length = 0;
    for (;;) {
        /* One byte more than allowed is asked for, so that too much is seen. */
        ssize_t got = read_piece(descriptor, file, secret->bytes + length,
                                 SECRET_BYTES_MAX + 1 - length, length);
        if (got < 0)
            return error_set_errno(error, errno, "%s cannot be read", name);
        if (got == 0)
            break;
        length += (size_t)got;
        if (length > SECRET_BYTES_MAX)
            return error_set(error, "%s is longer than the %zu bytes that a secret may have", name,
                             SECRET_BYTES_MAX);
    }
    secret->length = length;
    secret->bytes[length] = '\0';
    return !is_empty(secret) || error_set(error, "%s is empty: write the secret into it", name);
}

struct secret *secret_read(int descriptor, const char *name, struct error *error)
{
    struct secret *largest = secret_room(SECRET_BYTES_MAX, error);
    if (largest == NULL)
        return NULL;
    struct secret *secret = NULL;
    if (read_all(largest, descriptor, name, error))
        secret = secret_new(largest->bytes, largest->length, error);
    if (secret != NULL) /* it lay there first */
        secret->locked = secret->locked && largest->locked;
    secret_free(largest);
    return secret;
}

void secret_trim(struct secret *secret)
{
    size_t begin = 0, end = secret->length;
    while (begin < end && is_blank(secret->bytes[begin]))
        begin++;
    while (end > begin && is_blank(secret->bytes[end - 1]))
        end--;
    memmove(secret->bytes, secret->bytes + begin, end - begin);
    explicit_bzero(secret->bytes + (end - begin), secret->length - (end - begin));
    secret->length = end - begin;
}

const char *secret_text(const struct secret *secret)
{
    return secret->bytes;
}

char *secret_bytes(struct secret *secret)
{
    return secret->bytes;
}

size_t secret_length(const struct secret *secret)
{
    return secret->length;
}

bool secret_locked(const struct secret *secret)
{
    return secret->locked;
}

void secret_free(struct secret *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret->bytes, secret->mapped);
    (void)munmap(secret->bytes, secret->mapped);
    free(secret);
}
