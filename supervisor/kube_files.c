/* How a worker reaches Kubernetes: a kubeconfig and the files that it names, or, in a pod, a
 * kubeconfig made here from the service account (only the supervisor knows the environment). May
 * not keep a secret: what a kubeconfig holds is wiped as soon as its files are known. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/kubeconfig.h"
#include "common/secret.h"
#include "supervisor/worker_files_private.h"

/* Where Kubernetes mounts them. [kubernetes.io/docs/tasks/run-application/access-api-from-pod] */
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define POD_TOKEN       SERVICE_ACCOUNT "/token"
#define POD_ROOTS       SERVICE_ACCOUNT "/ca.crt"
#define POD_CONFIG_NAME "the pod's service account"
#define HOST_BYTES_MAX  256
#define HOUR_MS         3600000

/* Texts that go into a file that we make: nothing that could end a quoted word. */
static bool is_address(const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);
    return length > 0 && length < HOST_BYTES_MAX &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-") ==
               length;
}

/* Sealed: who is handed it can only read it. */
static int memory_file(const char *text, struct error *error)
{
    int descriptor = memfd_create("kubeconfig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) {
        error_set_errno(error, errno, "kube.in_cluster: cannot make a file in memory");
        return -1;
    }
    size_t length = strlen(text);
    if (write(descriptor, text, length) != (ssize_t)length || lseek(descriptor, 0, SEEK_SET) != 0 ||
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) !=
            0) {
        error_set_errno(error, errno, "kube.in_cluster: cannot write a file in memory");
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static int pod_kubeconfig(struct error *error)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    if (!is_address(host) || !is_address(port)) {
        error_set(error, "kube.in_cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do "
                         "not name the API server: this is no pod, use kube.kubeconfig_file");
        return -1;
    }
    bool bracket = strchr(host, ':') != NULL;
    char text[2048];
    snprintf(text, sizeof text,
             "apiVersion: v1\nkind: Config\ncurrent-context: pod\n"
             "clusters: [{name: pod, cluster: {server: \"https://%s%s%s:%s\", "
             "certificate-authority: \"" POD_ROOTS "\"}}]\n"
             "users: [{name: pod, user: {tokenFile: \"" POD_TOKEN "\"}}]\n"
             "contexts: [{name: pod, context: {cluster: pod, user: pod}}]\n",
             bracket ? "[" : "", host, bracket ? "]" : "", port);
    return memory_file(text, error);
}

static bool open_pod(struct worker_files *files, const struct config *config, struct error *error)
{
    int descriptor = pod_kubeconfig(error);
    if (descriptor < 0 ||
        !worker_files_add(files, FILE_KUBECONFIG, 0, POD_CONFIG_NAME, descriptor, NULL, error))
        return false;
    const char *roots = config->kube.ca_file[0] != '\0' ? config->kube.ca_file : POD_ROOTS;
    /* The kubelet sets the token's mode, often 0644 in a volume that only this pod has. */
    return worker_files_open_one(files, FILE_KUBE_TOKEN, 0, "kube.in_cluster", POD_TOKEN, 0,
                                 error) &&
           worker_files_open_one(files, FILE_CA_KUBE, 0, "kube.in_cluster", roots, 0, error);
}

static bool parse(int descriptor, const char *path, struct kubeconfig **out, struct error *error)
{
    struct secret *text = secret_read(descriptor, path, error);
    if (text == NULL)
        return false;
    bool parsed = kubeconfig_parse(secret_text(text), secret_length(text), path, out, error);
    secret_free(text);
    return parsed;
}

bool kube_server_of(const struct config *config, bool write, char *out, size_t size,
                    struct error *error)
{
    const char *key = write ? "kube.write_kubeconfig_file" : "kube.kubeconfig_file";
    const char *path = write ? config->kube.write_kubeconfig_file : config->kube.kubeconfig_file;
    struct file_mark mark;
    struct kubeconfig *named = NULL;
    bool pod = config->kube.in_cluster;
    int descriptor = pod ? pod_kubeconfig(error) : open_file(key, path, SECRET, &mark, error);
    if (descriptor < 0)
        return false;
    bool good = parse(descriptor, pod ? POD_CONFIG_NAME : path, &named, error);
    close(descriptor);
    if (!good)
        return error_wrap(error, "%s", key);
    int length = snprintf(out, size, "%s", named->server == NULL ? "" : named->server);
    kubeconfig_free(named);
    if (length > 0 && (size_t)length < size)
        return true;
    out[0] = '\0';
    return error_set(error, "%s: %s names no server, or one with too long an address", key, path);
}

/* The files that a kubeconfig names; the roots by the order that kubeconfig.h tells. */
static bool open_named(struct worker_files *files, const struct config *config,
                       const struct kubeconfig *named, const char *key, struct error *error)
{
    const struct {
        enum file_kind kind;
        const char *path;
        unsigned traits;
    } list[] = {
        {FILE_KUBE_TOKEN, named->token_file, SECRET},
        {FILE_KUBE_CLIENT_CERTIFICATE, named->client_certificate_file, 0},
        {FILE_KUBE_CLIENT_KEY, named->client_key_file, SECRET},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].path != NULL && !worker_files_open_one(files, list[i].kind, 0, key,
                                                           list[i].path, list[i].traits, error))
            return false;
    if (config->kube.ca_file[0] != '\0')
        return worker_files_open_one(files, FILE_CA_KUBE, 0, "kube.ca_file", config->kube.ca_file,
                                     0, error);
    if (named->roots_file != NULL)
        return worker_files_open_one(files, FILE_CA_KUBE, 0, key, named->roots_file, 0, error);
    if (named->roots != NULL)
        return true;
    return worker_files_open_one(files, FILE_CA_KUBE, 0, key, SYSTEM_ROOTS, MAY_MISS, error);
}

/* The loader holds the other endpoints to the same rule; only a kubeconfig names this one. */
static bool check_period(const struct config *config, const struct kubeconfig *named,
                         const char *path, struct error *error)
{
    if (config->billing.period_ms >= HOUR_MS ||
        (named->server != NULL && config_url_is_loopback(named->server)))
        return true;
    return error_set(error,
                     "%s: billing.period may be less than 1h only where every endpoint is on "
                     "loopback (demo, tests), and the server of this kubeconfig is not",
                     path);
}

bool worker_files_kube(struct worker_files *files, const struct config *config, bool write,
                       struct error *error)
{
    if (config->kube.in_cluster)
        return open_pod(files, config, error);
    const char *key = write ? "kube.write_kubeconfig_file" : "kube.kubeconfig_file";
    const char *path = write ? config->kube.write_kubeconfig_file : config->kube.kubeconfig_file;
    if (path[0] == '\0')
        return true; /* the loader has refused it where it is needed */
    uint32_t place = files->count;
    if (!worker_files_open_one(files, FILE_KUBECONFIG, 0, key, path, SECRET, error))
        return false;
    struct kubeconfig *named;
    if (!parse(files->file[place].descriptor, path, &named, error))
        return error_wrap(error, "%s", key);
    bool good = check_period(config, named, path, error) || error_wrap(error, "%s", key);
    good = good && open_named(files, config, named, key, error);
    kubeconfig_free(named);
    return good;
}
