/* Fuzzes the texts that the dialer reads: resolv.conf and hosts, and an API's address. Whatever
 * they hold, names are made of them; what is found in hosts are addresses; localhost is loopback
 * whatever hosts says; and no descriptor stays open. Nothing is asked of any name server.
 *
 * The input: resolv.conf (which is tried as an address too), a line `%%`, then hosts. */
#include <ctype.h>
#include <event2/event.h>
#include <unistd.h>

#include "dialer/destinations.h"
#include "dialer/names.h"
#include "tests/fuzz/fuzz.h"

#define BETWEEN   "\n%%\n"
#define ASKED_MAX 16

static struct event_base *base;

int LLVMFuzzerInitialize(int *count, char ***arguments);

static void say_nothing(int severity, const char *message)
{
    (void)severity, (void)message;
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count, (void)arguments;
    event_set_log_callback(say_nothing); /* it warns of each address that is none */
    return 0;
}

static void promise_addresses(const struct name_addresses *found)
{
    PROMISE(found->count <= NAME_ADDRESSES_MAX);
    for (unsigned i = 0; i < found->count; i++)
        PROMISE(name_is_address(found->text[i]));
}

static void try_localhost(struct names *names)
{
    struct name_addresses found;
    PROMISE(names_known(names, "LocalHost", &found) && found.count == 2);
    PROMISE(strcmp(found.text[0], "127.0.0.1") == 0 && strcmp(found.text[1], "::1") == 0);
}

/* Every word of hosts, as a name. */
static void try_words(struct names *names, const char *hosts)
{
    char *copy = fuzz_text(hosts, strlen(hosts)), *rest = NULL;
    unsigned asked = 0;
    for (char *word = strtok_r(copy, " \t\r\n#", &rest); word != NULL && asked < ASKED_MAX;
         word = strtok_r(NULL, " \t\r\n#", &rest), asked++) {
        struct name_addresses found;
        bool known = names_known(names, word, &found);
        PROMISE(known == (found.count > 0));
        promise_addresses(&found);
    }
    free(copy);
}

/* The same text as an address: what is read of it leads somewhere, and is a host's name or address
 * and nothing that a resolver or a log could misread. */
static void try_address(const char *text)
{
    struct destination to;
    struct error error = {""};
    if (!destination_read(text, 0, "the address", &to, &error)) {
        PROMISE(to.host[0] == '\0' && error.text[0] != '\0');
        return;
    }
    PROMISE(to.port > 0 && to.host[0] != '\0' && strstr(text, to.host) != NULL);
    for (const char *at = to.host; *at != '\0'; at++)
        PROMISE(isalnum((unsigned char)*at) || strchr("-._:", *at) != NULL);
}

static int lowest_free(void)
{
    int descriptor = dup(STDERR_FILENO);
    PROMISE(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {""};
    struct names *names = NULL;
    if (base == NULL)
        base = event_base_new();
    char *text = fuzz_text(data, size), *hosts = strstr(text, BETWEEN);
    if (hosts != NULL) {
        *hosts = '\0';
        hosts += strlen(BETWEEN);
    }
    try_address(text);
    int before = lowest_free();
    PROMISE(names_new(&names, base, text, hosts, &error));
    try_localhost(names);
    if (hosts != NULL)
        try_words(names, hosts);
    PROMISE(names_replace(names, hosts, text, &error)); /* the files changed */
    try_localhost(names);
    names_free(names);
    event_base_loop(base, EVLOOP_NONBLOCK);
    PROMISE(lowest_free() == before);
    free(text);
    return 0;
}
