"""Starts the real servers on loopback: Gitea, etcd, kube-apiserver, controller-manager and kwok (every kubelet).

Each lives in a folder that the caller gives and removes, on ports that were free a moment ago, and is ended by
`stop`. May not: know Ebbtide, or leave a process behind.
"""
import base64
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent.parent / "deploy"


def free_port():
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds, every=0.25):
    """Asks `condition` until it says something true, and returns that; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


class Api:
    """One HTTP API with a bearer token; answers are JSON."""

    def __init__(self, url, token, ca=None, scheme="Bearer"):
        self.url, self.token, self.scheme = url, token, scheme
        self.context = ssl.create_default_context(cafile=str(ca)) if ca else None

    def call(self, method, path, body=None, content_type="application/json", accept_errors=()):
        """The decoded answer; None for one without a body. HTTP errors raise, but for the accepted ones (None)."""
        request = urllib.request.Request(self.url + path, method=method)
        if self.token:
            request.add_header("Authorization", f"{self.scheme} {self.token}")
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", content_type)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context))
        try:
            with opener.open(request, data=data, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code in accept_errors:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from None
        return json.loads(text) if text else None

    def answers(self, path):
        """Whether a GET succeeds."""
        try:
            self.call("GET", path)
            return True
        except (AssertionError, OSError, ValueError):
            return False


class Processes:
    """Programs with a log each; ended in the reverse order of their start."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.running = []

    def start(self, name, command, env=None, cwd=None):
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, env=env, cwd=cwd, start_new_session=True)
        log.close()
        self.running.append((name, process))
        return process

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def wait_answering(self, name, process, api, path, seconds=60):
        def up():
            if process.poll() is not None:
                raise AssertionError(f"{name} ended with {process.returncode}:\n{self.log(name)[-3000:]}")
            return api.answers(path)
        wait_until(f"{name} answers {path}", up, seconds)

    def stop(self):
        for name, process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        self.running = []


GITEA_INI = """
RUN_MODE = prod
RUN_USER = {user}
WORK_PATH = {folder}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
DOMAIN = 127.0.0.1
ROOT_URL = {url}/
LOCAL_ROOT_URL = {url}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret_key}
INTERNAL_TOKEN = {internal_token}
PASSWORD_HASH_ALGO = pbkdf2_v1
[service]
DISABLE_REGISTRATION = true
[mailer]
ENABLED = false
[actions]
ENABLED = true
DEFAULT_ACTIONS_URL = self
[indexer]
ISSUE_INDEXER_TYPE = db
[cron.update_checker]
ENABLED = false
[session]
PROVIDER = memory
[log]
MODE = file
LEVEL = info
ROOT_PATH = {folder}/log
[repository]
DEFAULT_BRANCH = main
"""


class Gitea:
    """A real Gitea with one admin; `api` may do everything, `read_token` and `write_token` what Ebbtide needs."""

    ADMIN = "keeper"

    def __init__(self, binaries, folder, processes, extra=""):
        """`extra`: more lines of app.ini."""
        self.program = binaries["gitea"]
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ini = self.folder / "app.ini"
        # Git and Gitea read the home folder: nothing of this machine's user may play a part.
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GITEA_WORK_DIR": str(self.folder)}
        internal = self.run("generate", "secret", "INTERNAL_TOKEN")
        self.ini.write_text(GITEA_INI.format(
            user=subprocess.check_output(["id", "-un"], text=True).strip(), folder=self.folder, port=self.port,
            url=self.url, static=self.program.parent / "static", secret_key=secrets.token_hex(32),
            internal_token=internal) + extra)
        process = processes.start("gitea", [self.program, "web", "-c", self.ini, "-w", self.folder], env=self.env)
        processes.wait_answering("gitea", process, Api(self.url, None), "/api/v1/version")
        self.password = secrets.token_hex(12)
        self.admin("user", "create", "--username", self.ADMIN, "--password", self.password, "--email",
                   "keeper@example.invalid", "--admin", "--must-change-password=false")
        self.api = Api(self.url + "/api/v1", self.token("all", "all"), scheme="token")
        self.read_token = self.token("read", "read:admin,read:repository,read:organization")
        self.write_token = self.token("write", "write:admin,write:repository")

    def run(self, *words, form=r".+"):
        """The last line of what it prints that has this form: its log may stand before and behind it."""
        printed = subprocess.check_output([str(self.program), *words], env=self.env, text=True,
                                          stdin=subprocess.DEVNULL)
        lines = [line for line in printed.splitlines() if re.fullmatch(form, line)]
        assert lines, f"gitea {words[0]} printed no line of the form {form}:\n{printed[-1000:]}"
        return lines[-1]

    def admin(self, *words, form=r".+"):
        return self.run("admin", *words, "-c", str(self.ini), "-w", str(self.folder), form=form)

    def token(self, name, scopes):
        return self.admin("user", "generate-access-token", "--username", self.ADMIN, "--token-name", name,
                          "--scopes", scopes, "--raw", form=r"[0-9a-f]{40}")

    def registration_token(self):
        return self.run("actions", "generate-runner-token", "-c", str(self.ini), "-w", str(self.folder),
                        form=r"[0-9A-Za-z]{40}")

    def push_workflow(self, repository, text):
        """Makes a repository and pushes one commit that holds the workflow: its jobs begin to wait."""
        self.api.call("POST", "/user/repos", {"name": repository, "auto_init": False, "default_branch": "main"})
        clone = self.folder / f"clone-{repository}"
        workflow = clone / ".gitea" / "workflows" / "ci.yaml"
        workflow.parent.mkdir(parents=True)
        workflow.write_text(text)
        remote = f"http://{self.ADMIN}:{self.password}@127.0.0.1:{self.port}/{self.ADMIN}/{repository}.git"
        identity = ["-c", "user.name=keeper", "-c", "user.email=keeper@example.invalid"]
        for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", "Begin"],
                        ["push", "-q", remote, "main"]):
            subprocess.run(["git", *command], cwd=clone, env=self.env, check=True, stdin=subprocess.DEVNULL)

    def jobs(self, repository):
        """All jobs of a repository, by name."""
        answer = self.api.call("GET", f"/repos/{self.ADMIN}/{repository}/actions/jobs?limit=50")
        return {job["name"]: job for job in answer["jobs"]}

    def runners(self):
        return self.api.call("GET", "/admin/actions/runners?limit=50")["runners"]


def make_certificates(folder):
    """A CA, a server certificate for 127.0.0.1 and a key pair for service accounts, made by openssl."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key")
    openssl("req", "-x509", "-new", "-key", "ca.key", "-days", "30", "-subj", "/CN=test-ca", "-out", "ca.crt",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "server.key")
    openssl("req", "-new", "-key", "server.key", "-subj", "/CN=kube-apiserver", "-out", "server.csr")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
            "30", "-out", "server.crt", "-extfile", "extensions")
    openssl("genrsa", "-out", "sa.key", "2048")
    openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")


KUBECONFIG = {"apiVersion": "v1", "kind": "Config", "current-context": "real",
              "contexts": [{"name": "real", "context": {"cluster": "real", "user": "user"}}]}

# What kwok is told of a kubelet's life: files of its module, kept beside its program.
KWOK_STAGES = ["pod/fast/pod-ready.yaml", "pod/fast/pod-complete.yaml", "pod/fast/pod-delete.yaml",
               "node/fast/node-initialize.yaml", "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml"]


class Kubernetes:
    """etcd, kube-apiserver (RBAC on), controller-manager and kwok. `api` may do everything."""

    def __init__(self, binaries, folder, processes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.binaries, self.processes = binaries, processes
        self.port, self.etcd_port, self.peer_port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.tokens = {name: secrets.token_hex(24) for name in ("keeper", "manager", "poller", "actuator")}
        groups = {"keeper": "system:masters", "manager": "system:masters"}
        (self.folder / "tokens.csv").write_text("".join(
            f'{token},{name},{name},"{groups.get(name, "")}"\n' for name, token in self.tokens.items()))
        make_certificates(self.folder)
        self.ca = self.folder / "ca.crt"
        self.api = Api(self.url, self.tokens["keeper"], ca=self.ca)
        self.start_etcd()
        self.start_apiserver()
        self.start_controllers()

    def kubeconfig(self, name):
        """A kubeconfig file for one of the users, with the CA and token inline."""
        path = self.folder / f"{name}.kubeconfig"
        authority = base64.b64encode(self.ca.read_bytes()).decode()
        path.write_text(json.dumps({
            **KUBECONFIG,
            "clusters": [{"name": "real", "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "users": [{"name": "user", "user": {"token": self.tokens[name]}}]}))
        path.chmod(0o400)
        return path

    def start_etcd(self):
        url, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.peer_port}"
        process = self.processes.start("etcd", [
            self.binaries["etcd"], "--name", "real", "--data-dir", self.folder / "etcd", "--listen-client-urls", url,
            "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"real={peer}", "--unsafe-no-fsync"])
        self.processes.wait_answering("etcd", process, Api(url, None), "/health")

    def start_apiserver(self):
        process = self.processes.start("kube-apiserver", [
            self.binaries["kube-apiserver"], f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1", f"--secure-port={self.port}", "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none", "--tls-cert-file=server.crt", "--tls-private-key-file=server.key",
            "--client-ca-file=ca.crt", "--token-auth-file=tokens.csv", "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.96.0.0/24", "--service-account-key-file=sa.pub",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-account-signing-key-file=sa.key",
            "--disable-admission-plugins=ServiceAccount", "--allow-privileged=true"], cwd=self.folder)
        self.processes.wait_answering("kube-apiserver", process, self.api, "/api/v1/namespaces/default", 120)

    def restart_apiserver(self):
        """Ends it and starts it anew over the same etcd: nothing is in its cache. It is killed, since it waits for
        the watches of others when it is asked to end."""
        entry = next(one for one in self.processes.running if one[0] == "kube-apiserver")
        entry[1].kill()
        entry[1].wait(30)
        self.processes.running.remove(entry)
        self.start_apiserver()

    def start_controllers(self):
        manager, keeper = self.kubeconfig("manager"), self.kubeconfig("keeper")
        self.processes.start("kube-controller-manager", [
            self.binaries["kube-controller-manager"], f"--kubeconfig={manager}",
            f"--authentication-kubeconfig={manager}", f"--authorization-kubeconfig={manager}",
            # Without it the disruption controller never runs here, and no eviction succeeds.
            "--authentication-skip-lookup=true", "--bind-address=127.0.0.1", f"--secure-port={free_port()}",
            f"--cert-dir={self.folder / 'manager'}", "--leader-elect=false", "--root-ca-file=ca.crt",
            "--controllers=disruption-controller,daemonset-controller,node-lifecycle-controller,"
            "pod-garbage-collector-controller,taint-eviction-controller"], cwd=self.folder)
        stages = self.binaries["kwok"].parent / "stages"
        configs = [word for stage in KWOK_STAGES for word in ("--config", stages / stage)]
        self.processes.start("kwok", [
            self.binaries["kwok"], *configs, "--kubeconfig", keeper, "--manage-all-nodes",
            "--node-lease-duration-seconds=40", f"--server-address=127.0.0.1:{free_port()}"],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)})

    def items(self, path):
        return self.api.call("GET", path)["items"]

    def apply(self, kind_paths, manifest):
        """Creates one object of a manifest; what is there already stays."""
        self.api.call("POST", kind_paths[manifest["kind"]], manifest, accept_errors=(409,))


def real_programs():
    """The servers' programs by name, from the folder that tests/real/build prints."""
    folder = pathlib.Path(os.environ["EBBTIDE_REAL_SERVERS"])
    return {path.name: path for path in folder.glob("*/*") if path.is_file() and os.access(path, os.X_OK)}


def grant(kube):
    """Applies the manifests that users apply, and gives their roles to the two test users."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    paths = {"Namespace": "/api/v1/namespaces", "ClusterRole": f"{rbac}/clusterroles",
             "ServiceAccount": "/api/v1/namespaces/ebbtide/serviceaccounts",
             "Secret": "/api/v1/namespaces/ebbtide/secrets", "ClusterRoleBinding": f"{rbac}/clusterrolebindings",
             "DaemonSet": "/apis/apps/v1/namespaces/gitea-runners/daemonsets"}
    kube.apply(paths, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gitea-runners"}})
    for manifest in ("access.yaml", "runner.yaml"):
        for part in yaml.safe_load_all((DEPLOY / "kubernetes" / manifest).read_text()):
            kube.apply(paths, part)
    for name in ("poller", "actuator"):
        kube.apply(paths, {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": f"test-{name}"}, "subjects": [{"kind": "User", "name": name}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"ebbtide-{name}"}})
