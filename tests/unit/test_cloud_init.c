/* What the user data promises: no value, however hostile, breaks out of its place in YAML or shell;
 * the token is masked for people; what cannot be rendered is named with its line; the default
 * template is good cloud-init. */
#include "tests/unit/cunit_main.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cloud_init.h"

#define DEFAULT_TEMPLATE TEST_SOURCE_DIR "/../deploy/cloud-init/k3s.yaml"
#define HEAD             "#cloud-config\n"

static struct config *config;
static struct error error;

static void set(const char *path, const char *value)
{
    CU_ASSERT_TRUE_FATAL(config_set(config, path, value, &error));
}

static void begin(void)
{
    config = config_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    error.text[0] = '\0';
    set("pools[0].server_url", "https://10.0.0.1:6443");
    set("pools[0].labels[0]", "team=ci");
    set("pools[0].taints[0]", "ci=only:NoSchedule");
    set("pools[0].agent_args[0]", "--kubelet-arg=max-pods=50");
}

static char *render(const char *text, const char *token)
{
    char *out = NULL;
    size_t length = 0;
    struct cloud_init_values values = {config, &config->pools[0], "ebb-default-1-1", token};
    if (!cloud_init_render(text, strlen(text), "T", &values, &out, &length, &error))
        CU_ASSERT_PTR_NULL(out);
    return out;
}

static void renders_to(const char *text, const char *expected)
{
    char *out = render(text, "secret");
    CU_ASSERT_PTR_NOT_NULL(out);
    if (out)
        CU_ASSERT_STRING_EQUAL(out, expected);
    if (!out)
        fprintf(stderr, "%s\n", error.text);
    free(out);
}

static void refused(const char *text, const char *token, const char *words)
{
    char *out = render(text, token);
    CU_ASSERT_PTR_NULL(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, words));
    if (!strstr(error.text, words))
        fprintf(stderr, "expected %s, got: %s\n", words, error.text);
    free(out);
}

static void variables_are_replaced(void)
{
    begin();
    renders_to(HEAD "a: {{name}}\nb: {{ token }}\n", HEAD "a: 'ebb-default-1-1'\nb: 'secret'\n");
    renders_to(HEAD "a: {{labels}}\n", HEAD "a: ['managed-by=ebbtide', 'team=ci']\n");
    renders_to(HEAD "a: {{taints}}\n", HEAD "a: ['ci=only:NoSchedule']\n");
    renders_to(HEAD "a: |\n  sh {{agent_args}}\n", HEAD "a: |\n  sh '--kubelet-arg=max-pods=50'\n");
    renders_to(HEAD "a: {{server_url}}\nb: {{token_file}}\nc: {{k3s_version}}\n", HEAD
               "a: 'https://10.0.0.1:6443'\nb: '" CLOUD_INIT_TOKEN_FILE "'\nc: 'v1.36.3+k3s1'\n");
    config_free(config);
}

static void mistakes_in_the_template_have_a_line(void)
{
    begin();
    refused(HEAD "a: b\nc: {{nmae}}\n", "t", "T:3: there is no variable {{nmae}}");
    refused(HEAD "a: {{name\n", "t", "T:2: {{ without }}");
    refused("a: {{name}}\n", "t", "T:1: expected #cloud-config");
    refused(HEAD "a: [\n", "t", "no YAML");
    config_free(config);
}

/* Values that would end a quote, a line, a document, or a shell command. */
static void hostile_values_stay_values(void)
{
    static const char *const values[] = {
        "--a=$(reboot)", "--a=`reboot`", "--a=\"; reboot; \"",
        "--a=b: c",      "--a=# c",      "--a={{token}}",
        "--a=\\",        "--a=*x",       "--a=%s",
        "--a=[1,2]",     "--a=|",        "--a=\xc3\xa4",
    };
    char expected[256];
    begin();
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        set("pools[0].agent_args[0]", values[i]);
        snprintf(expected, sizeof expected, HEAD "a: |\n  sh '%s'\n", values[i]);
        renders_to(HEAD "a: |\n  sh {{agent_args}}\n", expected);
    }
    set("pools[0].agent_args[0]", "--a='; reboot; '");
    refused(HEAD "a: |\n  sh {{agent_args}}\n", "t",
            "T:3: the value of agent_args holds a single quote");
    set("pools[0].agent_args[0]", "--a=b: c");
    refused(HEAD "a:\n  - sh {{agent_args}}\n", "t", "breaks out of its place");
    config_free(config);
}

static void hostile_tokens_are_refused_and_not_shown(void)
{
    begin();
    refused(HEAD "a: {{token}}\n", "hunter2'\nruncmd: [reboot]",
            "the value of token holds a single quote");
    refused(HEAD "a: {{token}}\n", "hunter2\nruncmd: [reboot]", "control character");
    CU_ASSERT_PTR_NULL(strstr(error.text, "hunter2"));
    config_free(config);
}

/* A template that a person wrote may put a variable where YAML reads escapes or comments. */
static void a_value_is_neither_changed_nor_cut_off(void)
{
    begin();
    refused(HEAD "a: \"{{token}}\"\n", "K10\\x41bc", "breaks out of its place");
    CU_ASSERT_PTR_NULL(strstr(error.text, "K10"));
    refused(HEAD "a: \"{{token}}\"\n", "K10\\\\bc", "breaks out of its place");
    refused(HEAD "a: b {{token}} c\n", "K10 #bc", "breaks out of its place");
    renders_to(HEAD "a: \"{{token}}\"\n", HEAD "a: \"'secret'\"\n");
    renders_to(HEAD "a: b {{token}} c # {{name}}\n", HEAD "a: b 'secret' c # 'ebb-default-1-1'\n");
    char *out = render(HEAD "a: {{token}}\n", "K10 #\\x41\xc3\xa4");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_STRING_EQUAL(out, HEAD "a: 'K10 #\\x41\xc3\xa4'\n");
    free(out);
    config_free(config);
}

static void what_the_shell_sees_is_the_value(void)
{
    char line[512];
    char command[1024];
    begin();
    set("pools[0].agent_args[0]", "--a=$(echo no) `echo no` \"x\" \\ ; exit 3");
    char *out = render(HEAD "a: |\n  printf %s {{agent_args}}\n", "t");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    snprintf(command, sizeof command, "%s", strstr(out, "printf"));
    FILE *shell = popen(command, "r"); // NOLINT(cert-env33-c): the shell is what is tested
    CU_ASSERT_PTR_NOT_NULL_FATAL(shell);
    CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof line, shell));
    CU_ASSERT_EQUAL(pclose(shell), 0);
    CU_ASSERT_STRING_EQUAL(line, "--a=$(echo no) `echo no` \"x\" \\ ; exit 3");
    free(out);
    config_free(config);
}

static void the_size_is_bounded(void)
{
    char *large = malloc(CLOUD_INIT_BYTES_MAX + 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(large);
    begin();
    memset(large, '#', CLOUD_INIT_BYTES_MAX + 1);
    memcpy(large, HEAD, strlen(HEAD));
    large[CLOUD_INIT_BYTES_MAX] = '\0';
    char *out = render(large, "t");
    CU_ASSERT_PTR_NOT_NULL(out);
    free(out);
    large[CLOUD_INIT_BYTES_MAX] = '#';
    large[CLOUD_INIT_BYTES_MAX + 1] = '\0';
    refused(large, "t", "larger than 32768 bytes");
    free(large);
    config_free(config);
}

/* ------------------------------------------------------------------------ the default template */

static char *default_template(void)
{
    static char text[CLOUD_INIT_TEMPLATE_BYTES_MAX + 1];
    FILE *file = fopen(DEFAULT_TEMPLATE, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void the_default_closes_the_metadata_address_first(void)
{
    begin();
    char *out = render(default_template(), "K10abc::server:secret");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    const char *close = strstr(out, "systemctl enable --now ebbtide-close-metadata.service");
    const char *join = strstr(out, "exec sh /run/k3s-install.sh agent '--kubelet-arg=max-pods=50'");
    CU_ASSERT_PTR_NOT_NULL_FATAL(close);
    CU_ASSERT_PTR_NOT_NULL_FATAL(join);
    CU_ASSERT_TRUE(close < join);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "Requires=ebbtide-close-metadata.service"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "INSTALL_K3S_VERSION='v1.36.3+k3s1'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "K3S_URL='https://10.0.0.1:6443'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "K3S_TOKEN_FILE='" CLOUD_INIT_TOKEN_FILE "'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "node-label: ['managed-by=ebbtide', 'team=ci']"));
    const char *token = strstr(out, "secret");
    CU_ASSERT_PTR_NOT_NULL_FATAL(token);
    CU_ASSERT_PTR_NULL(strstr(token + 1, "secret")); /* once: in the file that holds it */
    cloud_init_free(out, strlen(out));
    config_free(config);
}

/* cloud-init's own schema command, from the cache of deploy/unpack-tool. */
static void cloud_init_itself_finds_nothing(void)
{
    char command[2048];
    char folder[512];
    char path[] = "/tmp/ebbtide-cloud-init-XXXXXX";
    const char *cache = getenv("EBBTIDE_CACHE");
    const char *home = getenv("HOME");
    snprintf(folder, sizeof folder, "%s%s/tools/cloud-init",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache/ebbtide");
    if (access(folder, X_OK) != 0) {
        fprintf(stderr, "\nSKIPPED: no cloud-init; run deploy/unpack-tool cloud-init\n");
        return;
    }
    begin();
    char *out = render(default_template(), "K10abc::server:secret");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    int file = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(file >= 0);
    CU_ASSERT_EQUAL(write(file, out, strlen(out)), (ssize_t)strlen(out));
    close(file);
    snprintf(
        command, sizeof command,
        "PYTHONPATH=%s/usr/lib/python3/dist-packages /usr/bin/python3 %s/usr/bin/cloud-init schema "
        "--config-file %s > %s.log 2>&1 || { cat %s.log; exit 1; }",
        folder, folder, path, path, path);
    CU_ASSERT_EQUAL(system(command), 0); // NOLINT(cert-env33-c): the tool is what is asked
    unlink(path);
    snprintf(command, sizeof command, "%s.log", path);
    unlink(command);
    cloud_init_free(out, strlen(out));
    config_free(config);
}

/* --------------------------------------------------------------------------------- the command */

static int run_command(const char *pool, const char *template_path, char **out, char **err)
{
    char path[] = "/tmp/ebbtide-render-XXXXXX";
    size_t out_size = 0;
    size_t err_size = 0;
    FILE *file = fdopen(mkstemp(path), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file,
            "gitea: {url: https://g, token_file: /t}\nhetzner: {token_file: /t}\n"
            "kube: {kubeconfig_file: /k}\npools: [{name: big, cloud_init_file: %s}]\n",
            template_path);
    fclose(file);
    FILE *to = open_memstream(out, &out_size);
    FILE *errors = open_memstream(err, &err_size);
    int status = cloud_init_render_command(path, pool, to, errors);
    fclose(to);
    fclose(errors);
    unlink(path);
    return status;
}

static void people_see_no_token(void)
{
    char *out = NULL;
    char *err = NULL;
    CU_ASSERT_EQUAL(run_command("big", DEFAULT_TEMPLATE, &out, &err), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "content: '" CLOUD_INIT_MASK "'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "node-name: 'ebb-big-1-1'"));
    free(out);
    free(err);
    CU_ASSERT_EQUAL(run_command("small", DEFAULT_TEMPLATE, &out, &err), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "no pool called small"));
    free(out);
    free(err);
    CU_ASSERT_EQUAL(run_command(NULL, "/nowhere.yaml", &out, &err), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "/nowhere.yaml"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "No such file"));
    free(out);
    free(err);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"variables are replaced", variables_are_replaced},
        {"mistakes in the template have a line", mistakes_in_the_template_have_a_line},
        {"hostile values stay values", hostile_values_stay_values},
        {"hostile tokens are refused and not shown", hostile_tokens_are_refused_and_not_shown},
        {"a value is neither changed nor cut off", a_value_is_neither_changed_nor_cut_off},
        {"what the shell sees is the value", what_the_shell_sees_is_the_value},
        {"the size is bounded", the_size_is_bounded},
        {"the default closes the metadata address first",
         the_default_closes_the_metadata_address_first},
        {"cloud-init itself finds nothing", cloud_init_itself_finds_nothing},
        {"people see no token", people_see_no_token},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("cloud_init", tests);
}
