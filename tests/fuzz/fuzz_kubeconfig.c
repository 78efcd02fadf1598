/* Fuzzes the kubeconfig's parser. Whatever comes, it ends; it says why where it refuses, and that
 * sentence never holds a secret of the file; what it takes is whole: a server, a certificate only
 * with its key, the token exactly as written. May not: open a file that the input names. */
#include "common/kubeconfig.h"

#include <yaml.h>

#include "common/secret.h"
#include "tests/fuzz/fuzz.h"

/* A secret of the seeds: the error's text may not hold it where it stands as a secret alone. */
#define CANARY "hush-hush"

static bool holds_canary(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE &&
           memmem(node->data.scalar.value, node->data.scalar.length, CANARY, strlen(CANARY));
}

static bool is_secret_key(const yaml_node_t *node)
{
    static const char *const keys[] = {"token", "password", "client-key-data"};
    for (size_t i = 0; node != NULL && i < sizeof keys / sizeof keys[0]; i++)
        if (node->type == YAML_SCALAR_NODE &&
            strcmp((const char *)node->data.scalar.value, keys[i]) == 0)
            return true;
    return false;
}

/* How often the canary stands as a value of a secret's key, of all the document's pairs. */
static unsigned secret_canaries(yaml_document_t *document)
{
    unsigned count = 0;
    for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
        if (node->type != YAML_MAPPING_NODE)
            continue;
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top; pair++)
            count += is_secret_key(yaml_document_get_node(document, pair->key)) &&
                     holds_canary(yaml_document_get_node(document, pair->value));
    }
    return count;
}

/* Whether the canary stands in the file once, and there as a secret. */
static bool canary_is_secret(const uint8_t *data, size_t size)
{
    yaml_parser_t parser;
    yaml_document_t document;
    const uint8_t *first = memmem(data, size, CANARY, strlen(CANARY));
    if (first == NULL ||
        memmem(first + 1, size - (size_t)(first + 1 - data), CANARY, strlen(CANARY)) != NULL)
        return false;
    PROMISE(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, data, size);
    bool secret = false;
    if (yaml_parser_load(&parser, &document) == 1) {
        secret = secret_canaries(&document) == 1;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return secret;
}

static void promise_whole(const struct kubeconfig *config)
{
    promise_text(config->server, KUBECONFIG_BYTES_MAX);
    PROMISE(config->server[0] != '\0');
    PROMISE(config->roots == NULL || config->roots_file == NULL);
    PROMISE(config->token == NULL || config->token_file == NULL);
    PROMISE(config->client_certificate == NULL || config->client_certificate_file == NULL);
    PROMISE(config->client_key == NULL || config->client_key_file == NULL);
    bool certificate =
        config->client_certificate != NULL || config->client_certificate_file != NULL;
    PROMISE(certificate == (config->client_key != NULL || config->client_key_file != NULL));
    if (config->token != NULL)
        PROMISE(strlen(secret_text(config->token)) == secret_length(config->token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig *config = NULL;
    struct error error = {""};
    bool good =
        kubeconfig_parse((const char *)data, size, "/etc/ebbtide/kubeconfig", &config, &error);
    PROMISE(good == (config != NULL));
    if (good) {
        promise_whole(config);
    } else {
        promise_words(error.text);
        if (strstr(error.text, CANARY) != NULL)
            PROMISE(!canary_is_secret(data, size));
    }
    kubeconfig_free(config);
    return 0;
}
