/* What library_memory_wipe and wiping_begin promise: a secret that a library held and freed is
 * nowhere in this process any more. The whole memory is looked through, as a core file would show
 * it. Without the hooks each of these tests finds the secret. */
#include "common/kubeconfig.h"
#include "common/library_memory.h"
#include "common/secret.h"
#include "common/wiping.h"
#include "tests/unit/cunit_main.h"

#include <event2/buffer.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEEDLE_BYTES ((size_t)24)
#define LINE_BYTES   ((size_t)200)
#define WINDOW_BYTES ((size_t)1024 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN true
#endif
#endif
#ifndef HAS_ASAN
#define HAS_ASAN false
#endif

/* The secret, byte by byte turned over: so that what looks for it is not itself found. */
static unsigned char turned[NEEDLE_BYTES];
static unsigned char *window; /* a mapping of its own, which is not looked at */

static void draw(void)
{
    for (size_t i = 0; i < NEEDLE_BYTES; i++)
        turned[i] = (unsigned char)~('a' + rand() % 26);
}

/* The secret into memory of the caller's, NUL-terminated; to be wiped by it. */
static void write_secret(char out[NEEDLE_BYTES + 1])
{
    for (size_t i = 0; i < NEEDLE_BYTES; i++)
        out[i] = (char)(unsigned char)~turned[i];
    out[NEEDLE_BYTES] = '\0';
}

static unsigned found_in(const unsigned char *bytes, size_t length)
{
    unsigned found = 0;
    for (size_t i = 0; i + NEEDLE_BYTES <= length; i++) {
        size_t same = 0;
        while (same < NEEDLE_BYTES && bytes[i + same] == (unsigned char)~turned[same])
            same++;
        found += same == NEEDLE_BYTES;
    }
    return found;
}

static unsigned look_through(int memory, unsigned long from, unsigned long to)
{
    unsigned found = 0;
    for (unsigned long at = from; at < to; at += WINDOW_BYTES - NEEDLE_BYTES) {
        size_t want = to - at < WINDOW_BYTES ? to - at : WINDOW_BYTES;
        ssize_t got = pread(memory, window, want, (off_t)at);
        found += got > 0 ? found_in(window, (size_t)got) : 0;
        if (to - at <= WINDOW_BYTES)
            break;
    }
    return found;
}

/* What a library leaves on the stack no hook reaches; the calls that follow overwrite it, as this.
 * Not sanitized: AddressSanitizer may give it a frame elsewhere. */
static __attribute__((noinline, no_sanitize_address)) void use_the_stack(void)
{
    char bytes[32 * 1024];
    explicit_bzero(bytes, sizeof bytes);
}

/* How often the secret stands in memory that can be written. */
static unsigned count(void)
{
    use_the_stack();
    unsigned found = 0;
    char line[512];
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    CU_ASSERT_TRUE_FATAL(memory >= 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *rest;
        unsigned long from = strtoul(line, &rest, 16), to = strtoul(rest + 1, &rest, 16);
        bool huge = HAS_ASAN && to - from > (unsigned long)1024 * 1024 * 1024; /* its shadow */
        if (rest[0] != ' ' || rest[2] != 'w' || from == (unsigned long)window || huge)
            continue;
        found += look_through(memory, from, to);
    }
    fclose(maps);
    close(memory);
    return found;
}

static void test_the_look_finds(void)
{
    char secret[NEEDLE_BYTES + 1];
    draw();
    CU_ASSERT_EQUAL(count(), 0);
    write_secret(secret);
    char *copy = strdup(secret);
    CU_ASSERT_TRUE(count() >= 2);
    wiping_free(copy);
    explicit_bzero(secret, sizeof secret);
    CU_ASSERT_EQUAL(count(), 0);
}

static void test_moves(void)
{
    draw();
    char *text = malloc(NEEDLE_BYTES + 1);
    write_secret(text);
    text = wiping_realloc(text, 100000);
    CU_ASSERT_EQUAL(count(), 1);
    text = wiping_realloc(text, 200000);
    CU_ASSERT_EQUAL(count(), 1);
    wiping_free(text);
    CU_ASSERT_EQUAL(count(), 0);
    CU_ASSERT_PTR_NULL(wiping_realloc(malloc(1), 0));
}

/* The secret behind some other bytes, as in a header's line: what malloc writes into a freed block
 * does not hide it. */
static void write_line(char out[LINE_BYTES])
{
    memset(out, 'x', LINE_BYTES);
    write_secret(out + LINE_BYTES - NEEDLE_BYTES - 1);
}

static void test_openssl(void)
{
    char line[LINE_BYTES];
    draw();
    write_line(line);
    char *copy = OPENSSL_strdup(line);
    copy = OPENSSL_realloc(copy, 10000);
    explicit_bzero(line, sizeof line);
    CU_ASSERT_EQUAL(count(), 1);
    OPENSSL_free(copy);
    CU_ASSERT_EQUAL(count(), 0);
}

static void test_libevent(void)
{
    char line[LINE_BYTES];
    draw();
    struct evbuffer *buffer = evbuffer_new();
    write_line(line);
    for (unsigned i = 0; i < 100; i++)
        evbuffer_add(buffer, line, sizeof line);
    evbuffer_pullup(buffer, -1);
    explicit_bzero(line, sizeof line);
    CU_ASSERT_EQUAL(count(), 100);
    evbuffer_free(buffer);
    CU_ASSERT_EQUAL(count(), 0);
}

static void test_jansson(void)
{
    char line[LINE_BYTES];
    draw();
    write_line(line);
    json_t *body = json_pack("{s:s}", "user_data", line);
    explicit_bzero(line, sizeof line);
    char *text = json_dumps(body, 0);
    CU_ASSERT_EQUAL(count(), 2);
    json_decref(body);
    wiping_free(text);
    CU_ASSERT_EQUAL(count(), 0);
}

static void test_libyaml(void)
{
    struct error error;
    struct kubeconfig *kubeconfig = NULL;
    char secret[NEEDLE_BYTES + 1];
    draw();
    write_secret(secret);
    struct secret *text = secret_room(4096, &error);
    int length = snprintf(secret_bytes(text), 4096,
                          "current-context: a\n"
                          "clusters: [{name: a, cluster: {server: \"https://a\"}}]\n"
                          "users: [{name: a, user: {token: \"%s\"}}]\n"
                          "contexts: [{name: a, context: {cluster: a, user: a}}]\n",
                          secret);
    explicit_bzero(secret, sizeof secret);
    CU_ASSERT_TRUE_FATAL(
        kubeconfig_parse(secret_text(text), (size_t)length, "kubeconfig", &kubeconfig, &error));
    secret_free(text);
    if (!HAS_ASAN) /* its free is not glibc's, and M_PERTURB unknown to it */
        CU_ASSERT_EQUAL(count(), 1);
    kubeconfig_free(kubeconfig);
    if (!HAS_ASAN)
        CU_ASSERT_EQUAL(count(), 0);
}

/* A child finds zeros where its parent holds a secret. */
static void test_fork(void)
{
    struct error error;
    struct secret *secret = secret_new("abc", 3, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
    pid_t child = fork();
    if (child == 0)
        _exit(secret_text(secret)[0] == '\0' ? 0 : 1);
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_STRING_EQUAL(secret_text(secret), "abc");
    secret_free(secret);
}

int main(void)
{
    struct error error;
    CU_TestInfo tests[] = {
        {"the look finds what is there", test_the_look_finds},
        {"what moves", test_moves},
        {"OpenSSL", test_openssl},
        {"libevent", test_libevent},
        {"jansson", test_jansson},
        {"libyaml", test_libyaml},
        {"a child", test_fork},
        CU_TEST_INFO_NULL,
    };
    /* Shared, so that the kernel joins it with no other mapping. */
    window = mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (window == MAP_FAILED || !library_memory_wipe(&error))
        return 2;
    return cunit_run("wiping", tests);
}
