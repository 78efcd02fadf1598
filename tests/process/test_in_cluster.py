"""Ebbtide in a pod: it finds the API server in its environment, and follows the service account's token as it rotates.

The pod is a mount namespace with the files that a kubelet would mount; the API server is a TLS front before the
simulator that takes only the token that is valid now. Needs root (for the namespace)."""

import http.server
import os
import pathlib
import ssl
import subprocess
import threading

import pytest
from cloud import BIN, TOKENS
from programs import Http, Program, free_ports

# A kubelet's mount of the service account, and nothing else of this machine's /run.
POD = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
mount --bind "$0" /run/secrets/kubernetes.io/serviceaccount
exec "$@"
"""


class Front:
    """An API server's TLS: passes requests with the valid token on to the simulator, refuses all others."""

    def __init__(self, folder, upstream):
        self.valid = "first-token"
        self.served = set()
        self.port = free_ports(1)[0]
        simulator = Http(upstream, TOKENS["kube", "read"])
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                shown = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if shown != front.valid:
                    self.answer(401, b'{"kind":"Status","status":"Failure","message":"Unauthorized","code":401}')
                    return
                front.served.add(shown)
                answer = simulator.request("GET", self.path)
                self.answer(answer.status, answer.body)

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *arguments):  # pylint: disable=redefined-builtin
                pass

        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-keyout", str(folder / "front.key"), "-out", str(folder / "front.crt"), "-days", "2",
                        "-subj", "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True, stdin=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "front.crt", folder / "front.key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def put_token(account, token):
    """As the kubelet does it: a new file in the place of the old one, in one piece."""
    fresh = account / "fresh"
    fresh.write_text(token)
    fresh.chmod(0o644)
    fresh.rename(account / "token")


@pytest.fixture(name="pod")
def make_pod(cloud, tmp_path):
    """(cloud, front, account): the daemon runs in a pod, in mode observe."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can make the mount namespace that stands for a pod")
    account = pathlib.Path(tmp_path) / "account"
    account.mkdir()
    cloud.start_simulator()
    front = Front(pathlib.Path(tmp_path), f"http://127.0.0.1:{cloud.ports['kube']}")
    (account / "ca.crt").write_bytes((pathlib.Path(tmp_path) / "front.crt").read_bytes())
    put_token(account, front.valid)
    cloud.write_config(mode="observe", billing={"period": "1h", "window": "5m"},
                       kube={"in_cluster": True, "kubeconfig_file": None, "write_kubeconfig_file": None})
    environment = {"PATH": os.environ["PATH"], "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                   "KUBERNETES_SERVICE_PORT": str(front.port)}
    environment.update({key: os.environ[key] for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if key in os.environ})
    cloud.daemon = Program("ebbtide", ["unshare", "--mount", "--propagation", "private", "sh", "-c", POD, account,
                                       BIN / "ebbtide", "run", "--config", cloud.config_file],
                           cloud.folder / "ebbtide-1.log", environment=environment)
    cloud.programs.append(cloud.daemon)
    try:
        cloud.wait_ready()
        yield cloud, front, account
    finally:
        cloud.daemon.end(8)
        front.end()


def test_the_service_account_is_used(pod):
    _, front, _ = pod
    assert front.served == {"first-token"}


def test_a_rotated_token_is_followed(pod):
    cloud, front, account = pod
    put_token(account, "second-token")
    front.valid = "second-token"
    cloud.until("the poller shows the new token", lambda: "second-token" in front.served, 30)
    # ... and goes on with whole pictures, as the same process.
    cloud.until("Kubernetes is fresh again",
                lambda: cloud.metrics().get('ebbtide_snapshot_stale{api="kube"}') == 0 and cloud.ready(), 30)
    assert "is started again" not in cloud.daemon.text()
