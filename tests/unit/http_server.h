/* A small HTTP server for the tests of the engine: a child process that answers by path, rightly
 * and wrongly, with or without TLS. It listens on loopback at a free port. */
#ifndef EBBTIDE_TESTS_UNIT_HTTP_SERVER_H
#define EBBTIDE_TESTS_UNIT_HTTP_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct test_server {
    pid_t pid;
    unsigned port;
};

/* certificate, key: PEM files, NULL for plain HTTP. client_ca: PEM file that a client's certificate
 * must be signed by, NULL: none is asked for. tls_most: 0, or the newest TLS version it speaks. */
struct test_server_settings {
    const char *certificate, *key, *client_ca;
    int tls_most;
};

bool test_server_start(struct test_server *server, const struct test_server_settings *settings);
void test_server_stop(struct test_server *server);

/* Makes a self-signed certificate for 127.0.0.1 and localhost with the openssl command. */
bool test_certificate(const char *certificate, const char *key, const char *name);

#endif
