"""A real Kubernetes on loopback: etcd, API server, controller manager, and kwok, which plays every kubelet."""

import os
import pathlib
import subprocess
import urllib.parse

import yaml

from programs import Http, Program, free_ports, wait_until, write_secret

CONTROLLERS = ("disruption-controller,deployment-controller,replicaset-controller,daemonset-controller,"
               "namespace-controller,taint-eviction-controller,node-lifecycle-controller,garbage-collector-controller")
STAGES = ("pod/fast/pod-complete.yaml", "pod/fast/pod-delete.yaml", "pod/fast/pod-ready.yaml",
          "node/fast/node-initialize.yaml", "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml")
PLURALS = {"Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "ClusterRole": "clusterroles",
           "ClusterRoleBinding": "clusterrolebindings", "Role": "roles", "RoleBinding": "rolebindings"}


class Kube:
    """Starts it in `folder` from the folders in `programs` (name: path); ends with end()."""

    def __init__(self, folder, programs):
        self.folder = pathlib.Path(folder)
        (self.folder / "pki").mkdir(parents=True)
        self.programs = []
        self.ports = free_ports(5)
        self.url = f"https://127.0.0.1:{self.ports[0]}"
        self.ca = self.folder / "pki" / "ca.crt"
        self._certificates()
        self.tokens = {name: os.urandom(24).hex() for name in ("admin", "controllers", "poller", "actuator")}
        accounts = "system:serviceaccounts,system:serviceaccounts:ebbtide,system:authenticated"
        write_secret(self.folder / "tokens.csv", "".join((
            f'{self.tokens["admin"]},admin,u1,"system:masters"\n',
            f'{self.tokens["controllers"]},controllers,u2,"system:masters"\n',
            f'{self.tokens["poller"]},system:serviceaccount:ebbtide:ebbtide-poller,u3,"{accounts}"\n',
            f'{self.tokens["actuator"]},system:serviceaccount:ebbtide:ebbtide-actuator,u4,"{accounts}"\n')))
        self._start_etcd(programs["etcd"])
        self._start_api(programs["kube-apiserver"])
        self.api = Http(self.url, self.tokens["admin"], ca=self.ca)
        wait_until("the API server is ready", lambda: self.api.request("GET", "/readyz").status == 200, 90,
                   alive=self.programs)
        self._start_controllers(programs["kube-controller-manager"])
        self._start_kwok(programs["kwok"])

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder / "pki", check=True, capture_output=True, timeout=60)

    def _certificates(self):
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key")
        self._openssl("req", "-x509", "-new", "-key", "ca.key", "-days", "30", "-subj", "/CN=test-ca", "-out", "ca.crt",
                      "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                      "keyUsage=critical,keyCertSign,cRLSign")
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "apiserver.key")
        self._openssl("req", "-new", "-key", "apiserver.key", "-subj", "/CN=kube-apiserver", "-out", "apiserver.csr")
        (self.folder / "pki" / "names.cnf").write_text(
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n"
            "basicConstraints=critical,CA:FALSE\n")
        self._openssl("x509", "-req", "-in", "apiserver.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "30", "-out", "apiserver.crt", "-extfile", "names.cnf")
        self._openssl("genrsa", "-out", "sa.key", "2048")
        self._openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")

    def _start(self, name, arguments):
        program = Program(name, arguments, self.folder / f"{name}.log", dict(os.environ, HOME=str(self.folder)),
                          self.folder)
        self.programs.append(program)
        return program

    def _start_etcd(self, folder):
        client, peer = (f"http://127.0.0.1:{port}" for port in self.ports[1:3])
        self.etcd_url = client
        self._start("etcd", [
            folder / "etcd", "--name", "one", "--data-dir", self.folder / "etcd", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"one={peer}", "--unsafe-no-fsync", "--logger", "zap"])
        http = Http(client)
        wait_until("etcd answers", lambda: http.request("GET", "/health").status == 200, 60, alive=self.programs)

    def _start_api(self, folder):
        self._start("apiserver", [
            folder / "kube-apiserver", f"--etcd-servers={self.etcd_url}", "--bind-address=127.0.0.1",
            f"--secure-port={self.ports[0]}", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            "--tls-cert-file=pki/apiserver.crt", "--tls-private-key-file=pki/apiserver.key",
            "--client-ca-file=pki/ca.crt", "--token-auth-file=tokens.csv", "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.96.0.0/24", "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=pki/sa.pub", "--service-account-signing-key-file=pki/sa.key",
            "--disable-admission-plugins=ServiceAccount", "--cert-dir=pki/made"])

    def _start_controllers(self, folder):
        config = self.kubeconfig("controllers")
        self._start("controllers", [
            folder / "kube-controller-manager", f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}", "--authentication-skip-lookup=true", "--bind-address=127.0.0.1",
            f"--secure-port={self.ports[3]}", "--cert-dir=pki/controllers", "--leader-elect=false",
            "--root-ca-file=pki/ca.crt", "--service-account-private-key-file=pki/sa.key",
            "--use-service-account-credentials=false", f"--controllers={CONTROLLERS}"])

    def _start_kwok(self, folder):
        stages = [word for stage in STAGES for word in ("--config", folder / "stages" / stage)]
        self._start("kwok", [folder / "kwok", *stages, f"--kubeconfig={self.kubeconfig('admin')}",
                             "--manage-all-nodes", "--node-lease-duration-seconds=40",
                             f"--server-address=127.0.0.1:{self.ports[4]}"])

    def kubeconfig(self, name):
        """The path of a kubeconfig with the token of admin, controllers, poller or actuator."""
        path = self.folder / f"{name}.kubeconfig"
        if not path.exists():
            write_secret(path, yaml.safe_dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "test",
                "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.ca)}}],
                "users": [{"name": name, "user": {"token": self.tokens[name]}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}]}))
        return path

    def apply(self, manifest):
        """Creates every object of a file of YAML documents (only the kinds of PLURALS)."""
        for document in yaml.safe_load_all(pathlib.Path(manifest).read_text(encoding="utf-8")):
            version = document["apiVersion"]
            path = f"/api/{version}" if "/" not in version else f"/apis/{version}"
            namespace = document["metadata"].get("namespace")
            if namespace:
                path += f"/namespaces/{namespace}"
            self.api.send("POST", f"{path}/{PLURALS[document['kind']]}", document)

    def nodes(self):
        return self.api.get("/api/v1/nodes")["items"]

    def pods(self, namespace, selector=""):
        query = f"?labelSelector={urllib.parse.quote(selector)}" if selector else ""
        return self.api.get(f"/api/v1/namespaces/{namespace}/pods{query}")["items"]

    def end(self):
        # Clients first, the store last.
        for program in reversed(self.programs):
            program.end(10)
