/* A kubeconfig's current context out of a libyaml document. May not: open files, log, print a
 * secret. */
#include "common/kubeconfig.h"

#include "common/secret.h"
#include "common/wiping.h"

#include <libgen.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_document_t document;
    const char *name; /* the file's path */
    struct error *error;
};

/* --------------------------------------------------------------------------- walking the tree */

static const char *scalar_of(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                          : NULL;
}

/* The value of a key; NULL where `map` is no mapping or lacks it. */
static yaml_node_t *value_of(struct reader *reader, const yaml_node_t *map, const char *key)
{
    if (map == NULL || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top;
         pair++) {
        const char *text = scalar_of(yaml_document_get_node(&reader->document, pair->key));
        if (text != NULL && strcmp(text, key) == 0)
            return yaml_document_get_node(&reader->document, pair->value);
    }
    return NULL;
}

/* A non-empty text, or NULL. */
static const char *text_of(struct reader *reader, const yaml_node_t *map, const char *key)
{
    const char *text = scalar_of(value_of(reader, map, key));
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The `inner` of that element of the list whose `name` is `name`. */
static yaml_node_t *named(struct reader *reader, const char *list, const char *name,
                          const char *inner)
{
    yaml_node_t *root = yaml_document_get_root_node(&reader->document);
    const yaml_node_t *sequence = value_of(reader, root, list);
    if (sequence == NULL || sequence->type != YAML_SEQUENCE_NODE)
        return NULL;
    for (yaml_node_item_t *item = sequence->data.sequence.items.start;
         item < sequence->data.sequence.items.top; item++) {
        const yaml_node_t *element = yaml_document_get_node(&reader->document, *item);
        const char *text = text_of(reader, element, "name");
        if (text != NULL && strcmp(text, name) == 0)
            return value_of(reader, element, inner);
    }
    return NULL;
}

/* --------------------------------------------------------------------------- taking values */

static bool copy_text(struct reader *reader, const yaml_node_t *map, const char *key, char **out)
{
    const char *text = text_of(reader, map, key);
    if (text == NULL)
        return true;
    *out = strdup(text);
    return *out != NULL || error_set(reader->error, "out of memory for %s", reader->name);
}

/* A path, made absolute by the kubeconfig's own directory. */
static bool copy_path(struct reader *reader, const yaml_node_t *map, const char *key, char **out)
{
    const char *text = text_of(reader, map, key);
    if (text == NULL)
        return true;
    if (text[0] == '/' || strchr(reader->name, '/') == NULL)
        return copy_text(reader, map, key, out);
    char *directory = strdup(reader->name);
    int length = directory == NULL ? -1 : asprintf(out, "%s/%s", dirname(directory), text);
    free(directory);
    if (length < 0) {
        *out = NULL;
        return error_set(reader->error, "out of memory for %s", reader->name);
    }
    return true;
}

/* libcrypto takes a '-' for the end, and would cut such a text off in silence. */
static bool is_base64(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
                             " \t\r\n")] == '\0';
}

static struct secret *decode_base64(const char *text, struct error *error)
{
    size_t length = strlen(text);
    if (!is_base64(text))
        return NULL;
    struct secret *room = secret_room(length / 4 * 3 + 3, error);
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    int body = 0, end = 0;
    bool good = room != NULL && context != NULL;
    if (good) {
        unsigned char *out = (unsigned char *)secret_bytes(room);
        EVP_DecodeInit(context);
        good =
            EVP_DecodeUpdate(context, out, &body, (const unsigned char *)text, (int)length) >= 0 &&
            EVP_DecodeFinal(context, out + body, &end) >= 0 && body + end > 0;
    }
    EVP_ENCODE_CTX_free(context);
    struct secret *decoded =
        good ? secret_new(secret_text(room), (size_t)body + (size_t)end, error) : NULL;
    secret_free(room);
    return decoded;
}

static bool copy_data(struct reader *reader, const yaml_node_t *map, const char *key,
                      struct secret **out)
{
    const char *text = text_of(reader, map, key);
    if (text == NULL)
        return true;
    *out = decode_base64(text, NULL);
    return *out != NULL || error_set(reader->error, "%s: %s is not base64 text", reader->name, key);
}

static bool copy_token(struct reader *reader, const yaml_node_t *user, struct secret **out)
{
    const char *text = text_of(reader, user, "token");
    if (text == NULL)
        return true;
    *out = secret_new(text, strlen(text), reader->error);
    return *out != NULL;
}

static bool copy_roots(struct reader *reader, const yaml_node_t *cluster, char **out)
{
    struct secret *data = NULL;
    if (!copy_data(reader, cluster, "certificate-authority-data", &data))
        return false;
    if (data == NULL)
        return true;
    *out = strndup(secret_text(data), secret_length(data));
    secret_free(data);
    return *out != NULL || error_set(reader->error, "out of memory for %s", reader->name);
}

/* ------------------------------------------------------------------------------- refusals */

struct refused {
    const char *key, *advice;
};

static const struct refused refused_in_cluster[] = {
    {"insecure-skip-tls-verify",
     "would trust any server: give certificate-authority-data, or set kube.ca_file"},
    {"proxy-url", "is not taken from here: set kube.proxy"},
    {"tls-server-name", "is not supported: let `server` be a name that its certificate bears"},
};

static const struct refused refused_in_user[] = {
    {"exec", "would start a program: make a service account and use its token"},
    {"auth-provider", "would start a program: make a service account and use its token"},
    {"username", "is not supported: use a token or a client certificate"},
    {"password", "is not supported: use a token or a client certificate"},
    {"as", "is not supported: use a token of that user itself"},
};

static bool is_set(const yaml_node_t *value)
{
    const char *text = scalar_of(value);
    if (text == NULL)
        return value != NULL;
    return text[0] != '\0' && strcmp(text, "false") != 0 && strcmp(text, "null") != 0;
}

static bool refuse(struct reader *reader, const yaml_node_t *map, const struct refused *rows,
                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_set(value_of(reader, map, rows[i].key)))
            return error_set(reader->error, "%s: `%s` %s", reader->name, rows[i].key,
                             rows[i].advice);
    return true;
}

/* ------------------------------------------------------------------------------- the whole */

static bool read_cluster(struct reader *reader, const yaml_node_t *cluster, struct kubeconfig *out)
{
    if (!refuse(reader, cluster, refused_in_cluster,
                sizeof refused_in_cluster / sizeof refused_in_cluster[0]) ||
        !copy_text(reader, cluster, "server", &out->server) ||
        !copy_roots(reader, cluster, &out->roots))
        return false;
    if (out->server == NULL)
        return error_set(reader->error, "%s: the cluster has no `server`", reader->name);
    return out->roots != NULL ||
           copy_path(reader, cluster, "certificate-authority", &out->roots_file);
}

static bool read_user(struct reader *reader, const yaml_node_t *user, struct kubeconfig *out)
{
    if (!refuse(reader, user, refused_in_user,
                sizeof refused_in_user / sizeof refused_in_user[0]) ||
        !copy_path(reader, user, "tokenFile", &out->token_file) ||
        (out->token_file == NULL && !copy_token(reader, user, &out->token)) ||
        !copy_data(reader, user, "client-certificate-data", &out->client_certificate) ||
        !copy_data(reader, user, "client-key-data", &out->client_key))
        return false;
    if (out->client_certificate == NULL &&
        !copy_path(reader, user, "client-certificate", &out->client_certificate_file))
        return false;
    if (out->client_key == NULL && !copy_path(reader, user, "client-key", &out->client_key_file))
        return false;
    bool certificate = out->client_certificate != NULL || out->client_certificate_file != NULL;
    bool key = out->client_key != NULL || out->client_key_file != NULL;
    if (certificate != key)
        return error_set(reader->error, "%s: client-certificate and client-key belong together",
                         reader->name);
    return true;
}

static bool read_context(struct reader *reader, struct kubeconfig *out)
{
    const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
    const char *current = text_of(reader, root, "current-context");
    if (current == NULL)
        return error_set(reader->error, "%s has no `current-context`: is it a kubeconfig?",
                         reader->name);
    const yaml_node_t *context = named(reader, "contexts", current, "context");
    const char *cluster = text_of(reader, context, "cluster");
    const char *user = text_of(reader, context, "user");
    if (cluster == NULL)
        return error_set(reader->error, "%s: its context `%.64s` is missing or names no cluster",
                         reader->name, current);
    const yaml_node_t *cluster_node = named(reader, "clusters", cluster, "cluster");
    if (cluster_node == NULL)
        return error_set(reader->error, "%s: its cluster `%.64s` is missing", reader->name,
                         cluster);
    const yaml_node_t *user_node = user == NULL ? NULL : named(reader, "users", user, "user");
    if (user != NULL && user_node == NULL)
        return error_set(reader->error, "%s: its user `%.64s` is missing", reader->name, user);
    return read_cluster(reader, cluster_node, out) && read_user(reader, user_node, out);
}

/* What is in the tree is wiped here; libyaml's own buffers by wiping_begin, since it takes no other
 * free. */
static void wipe_document(yaml_document_t *document)
{
    for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
        if (node->type == YAML_SCALAR_NODE)
            explicit_bzero(node->data.scalar.value, node->data.scalar.length);
    yaml_document_delete(document);
}

static bool load(const char *text, size_t length, struct reader *reader)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return error_set(reader->error, "out of memory for %s", reader->name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    bool good = yaml_parser_load(&parser, &reader->document) == 1;
    if (!good)
        error_set(reader->error, "%s:%zu: it is no YAML: %s", reader->name,
                  parser.problem_mark.line + 1, parser.problem == NULL ? "?" : parser.problem);
    yaml_parser_delete(&parser);
    return good;
}

bool kubeconfig_parse(const char *text, size_t length, const char *name, struct kubeconfig **out,
                      struct error *error)
{
    if (length > KUBECONFIG_BYTES_MAX)
        return error_set(error, "%s is longer than the %zu bytes allowed", name,
                         KUBECONFIG_BYTES_MAX);
    struct reader reader = {.name = name, .error = error};
    struct kubeconfig *kubeconfig = calloc(1, sizeof *kubeconfig);
    if (kubeconfig == NULL)
        return error_set(error, "out of memory for %s", name);
    wiping_begin();
    bool loaded = load(text, length, &reader);
    bool good = loaded && read_context(&reader, kubeconfig);
    if (loaded)
        wipe_document(&reader.document);
    wiping_end();
    if (good)
        *out = kubeconfig;
    else
        kubeconfig_free(kubeconfig);
    return good;
}

void kubeconfig_free(struct kubeconfig *kubeconfig)
{
    if (kubeconfig == NULL)
        return;
    secret_free(kubeconfig->token);
    secret_free(kubeconfig->client_certificate);
    secret_free(kubeconfig->client_key);
    free(kubeconfig->server);
    free(kubeconfig->roots);
    free(kubeconfig->roots_file);
    free(kubeconfig->token_file);
    free(kubeconfig->client_certificate_file);
    free(kubeconfig->client_key_file);
    free(kubeconfig);
}
