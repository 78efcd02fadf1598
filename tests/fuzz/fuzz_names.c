/* Fuzzes the texts of resolv.conf and hosts. Whatever they hold, names are made of them; what is
 * found in hosts are addresses; localhost is loopback whatever hosts says; and no descriptor stays
 * open. Nothing is asked of any name server.
 *
 * The input: resolv.conf, a line `%%`, then hosts. */
#include <event2/event.h>
#include <unistd.h>

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
