/* What the kubeconfig reader promises: the current context's server and credentials; a sentence for
 * what it refuses; files named, none opened; nothing secret in a text. */
#include "common/kubeconfig.h"
#include "common/secret.h"
#include "tests/unit/cunit_main.h"

#include <string.h>

#define HEAD                                                                                       \
    "apiVersion: v1\nkind: Config\ncurrent-context: here\n"                                        \
    "contexts:\n- name: there\n  context: {cluster: other, user: other}\n"                         \
    "- name: here\n  context: {cluster: k, user: u}\n"
#define CLUSTER(more)                                                                              \
    "clusters:\n- name: other\n  cluster: {server: 'https://wrong:1'}\n"                           \
    "- name: k\n  cluster: {server: 'https://k.example.org:6443'" more "}\n"
#define USER(more) "users:\n- name: other\n  user: {token: wrong}\n- name: u\n  user: {" more "}\n"

static struct error error;

static struct kubeconfig *parse(const char *text)
{
    struct kubeconfig *kubeconfig = NULL;
    error.text[0] = '\0';
    bool good =
        kubeconfig_parse(text, strlen(text), "/etc/ebbtide/kubeconfig", &kubeconfig, &error);
    CU_ASSERT_EQUAL(good, kubeconfig != NULL);
    CU_ASSERT_EQUAL(good, error.text[0] == '\0');
    CU_ASSERT_PTR_NULL(strstr(error.text, "s3cret"));
    return kubeconfig;
}

static void test_token(void)
{
    struct kubeconfig *kubeconfig =
        parse(HEAD CLUSTER(", certificate-authority-data: LS0tLS1CRUdJTgo=") USER("token: s3cret"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(kubeconfig);
    CU_ASSERT_STRING_EQUAL(kubeconfig->server, "https://k.example.org:6443");
    CU_ASSERT_STRING_EQUAL(secret_text(kubeconfig->token), "s3cret");
    CU_ASSERT_STRING_EQUAL(kubeconfig->roots, "-----BEGIN\n");
    CU_ASSERT_PTR_NULL(kubeconfig->token_file);
    CU_ASSERT_PTR_NULL(kubeconfig->roots_file);
    kubeconfig_free(kubeconfig);
}

static void test_files(void)
{
    struct kubeconfig *kubeconfig = parse(HEAD CLUSTER(", certificate-authority: ca.pem") USER(
        "tokenFile: /run/token, token: s3cret, client-certificate: c.pem, "
        "client-key: keys/c.key"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(kubeconfig);
    CU_ASSERT_STRING_EQUAL(kubeconfig->roots_file, "/etc/ebbtide/ca.pem");
    CU_ASSERT_STRING_EQUAL(kubeconfig->token_file, "/run/token");
    CU_ASSERT_PTR_NULL(kubeconfig->token); /* the file holds: it rotates */
    CU_ASSERT_STRING_EQUAL(kubeconfig->client_certificate_file, "/etc/ebbtide/c.pem");
    CU_ASSERT_STRING_EQUAL(kubeconfig->client_key_file, "/etc/ebbtide/keys/c.key");
    kubeconfig_free(kubeconfig);
}

static void test_data_goes_before_files(void)
{
    struct kubeconfig *kubeconfig =
        parse(HEAD CLUSTER("") USER("client-certificate-data: Yw==, client-certificate: c.pem, "
                                    "client-key-data: azM=, client-key: c.key"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(kubeconfig);
    CU_ASSERT_STRING_EQUAL(secret_text(kubeconfig->client_certificate), "c");
    CU_ASSERT_STRING_EQUAL(secret_text(kubeconfig->client_key), "k3");
    CU_ASSERT_PTR_NULL(kubeconfig->client_certificate_file);
    CU_ASSERT_PTR_NULL(kubeconfig->client_key_file);
    kubeconfig_free(kubeconfig);
}

static void test_refused(void)
{
    static const struct {
        const char *text, *word;
    } refused[] = {
        {HEAD CLUSTER(", insecure-skip-tls-verify: true") USER(""), "insecure-skip-tls-verify"},
        {HEAD CLUSTER(", proxy-url: 'http://p'") USER(""), "kube.proxy"},
        {HEAD CLUSTER(", tls-server-name: x") USER(""), "tls-server-name"},
        {HEAD CLUSTER("") USER("exec: {command: aws}"), "service account"},
        {HEAD CLUSTER("") USER("auth-provider: {name: gcp}"), "service account"},
        {HEAD CLUSTER("") USER("username: me, password: s3cret"), "username"},
        {HEAD CLUSTER("") USER("token: s3cret, as: root"), "`as`"},
        {HEAD CLUSTER("") USER("client-certificate: c.pem"), "belong together"},
        {HEAD CLUSTER(", certificate-authority-data: '%%%'") USER(""), "base64"},
        {HEAD CLUSTER("") USER("client-key-data: 's3cret!'"), "base64"},
        {HEAD CLUSTER("") USER("client-certificate: c.pem, client-key-data: 'YWJj-YWJj'"),
         "base64"},
        {HEAD USER("token: s3cret"), "cluster `k` is missing"},
        {HEAD CLUSTER(""), "user `u` is missing"},
        {"current-context: nowhere\n", "context `nowhere`"},
        {"a: b\n", "current-context"},
        {"- 1\n", "current-context"},
        {"", "current-context"},
        {"a: [\n", "/etc/ebbtide/kubeconfig:2: it is no YAML"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct kubeconfig *kubeconfig = parse(refused[i].text);
        CU_ASSERT_PTR_NULL(kubeconfig);
        if (strstr(error.text, refused[i].word) == NULL)
            printf("\n    %s: %s", refused[i].word, error.text);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, refused[i].word));
        kubeconfig_free(kubeconfig);
    }
}

static void test_harmless_values(void)
{
    struct kubeconfig *kubeconfig =
        parse(HEAD CLUSTER(", insecure-skip-tls-verify: false, proxy-url: ''") USER("exec: null"));
    CU_ASSERT_PTR_NOT_NULL(kubeconfig);
    kubeconfig_free(kubeconfig);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a token, roots inside", test_token},
        {"files are named", test_files},
        {"data goes before files", test_data_goes_before_files},
        {"what is refused", test_refused},
        {"values that refuse nothing", test_harmless_values},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("kubeconfig", tests);
}
