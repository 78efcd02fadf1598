"""Webhooks: a job that was pushed is seen at once and not at the next interval, because Gitea told of it; and nobody
but Gitea can make that happen, nor make anything else happen, nor too often, nor take the monitor down."""

import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid

import pytest

from cloud import BIN
from programs import free_ports, write_secret

SECRET = "of-the-hook-7f3a"
OTHER_SECRET = "of-nobody-0000"
INTERVAL = "600s"  # what is seen sooner was asked for
BOUNDS = {"gitea_age_max": "3600s"}


class Hook:
    """The monitor's door for webhooks, of one cloud in the mode observe, where only a hint makes Gitea be looked at."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.port = free_ports(1)[0]
        self.secret_file = cloud.folder / "secrets" / "webhook"
        self.url = f"http://127.0.0.1:{self.port}/webhook"

    def start(self, *words, **changes):
        cloud = self.cloud
        cloud.start_simulator(*words)
        cloud.write_config()  # makes the folder of the secrets
        write_secret(self.secret_file, SECRET + "\n")
        cloud.write_config(**{
            "mode": "observe", "log_level": "debug", "gitea": {"poll_interval": INTERVAL}, "trust": BOUNDS,
            "monitor": self.settings(), **changes})
        cloud.start_daemon()
        return self

    def settings(self, **changes):
        return {"listen_port": self.cloud.ports["monitor"], "webhook_listen_address": "127.0.0.1",
                "webhook_listen_port": self.port, "webhook_secret_file": str(self.secret_file), **changes}

    def let_gitea_tell(self, secret=SECRET):
        self.cloud.control.send("PUT", "/gitea", {"webhook_url": self.url, "webhook_secret": secret})

    # ---- what is so

    def count(self, name, **labels):
        """A counter of the page, 0 where it has no series."""
        total = 0
        for key, value in self.cloud.metrics().items():
            if key.split("{")[0] == name and all(f'{label}="{word}"' in key for label, word in labels.items()):
                total += value
        return total

    def looks(self):
        """How often the poller has begun to look at Gitea's jobs, as the simulator saw it."""
        return sum(one["path"].split("?")[0].endswith("/actions/jobs") for one in self.cloud.requests("gitea", "GET"))

    def waiting(self):
        return self.count("ebbtide_jobs", state="waiting")

    def taken(self, outcome):
        return self.count("ebbtide_webhooks_total", outcome=outcome)

    # ---- deliveries by hand

    @staticmethod
    def body(job, action="queued", **more):
        return json.dumps({"action": action, "workflow_job": {"id": job}, **more}).encode()

    @staticmethod
    def headers(body, secret=SECRET, **changes):
        headers = {"Content-Type": "application/json", "X-Gitea-Event": "workflow_job",
                   "X-Gitea-Delivery": str(uuid.uuid4()),
                   "X-Gitea-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
        headers.update({key.replace("_", "-"): value for key, value in changes.items()})
        return {key: value for key, value in headers.items() if value is not None}

    def post(self, body, headers, method="POST", path="/webhook"):
        """Status and words of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def deliver(self, job, **changes):
        body = self.body(job)
        return self.post(body, self.headers(body, **changes))

    def raw(self, *pieces, pause=0.0, seconds=10):
        """Sends bytes as they are; what came back until the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as client:
            try:
                for piece in pieces:
                    client.sendall(piece)
                    time.sleep(pause)
            except OSError:
                pass  # it was ended meanwhile
            answer = b""
            try:
                while piece := client.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer.decode(errors="replace")


@pytest.fixture(name="hook")
def make_hook(cloud):
    return Hook(cloud)


def test_a_pushed_job_is_seen_because_gitea_told_of_it(hook):
    hook.start().let_gitea_tell()
    looks = hook.looks()
    assert hook.waiting() == 0
    job, = hook.cloud.push((["linux"], 60))
    hook.cloud.until("the job is seen", lambda: hook.waiting() == 1, 20)
    assert (hook.taken("hint"), hook.count("ebbtide_job_hints_sent_total")) == (1, 1)
    hook.cloud.until("the reconciler counts it", lambda: hook.count("ebbtide_job_hints_taken_total") == 1)
    assert hook.looks() == looks + 1, "one look more, and that is because of the hint"
    text = hook.cloud.daemon.text()
    told = text.index(f"monitor: a webhook says that job {job} waits: the reconciler is told")
    assert "poller-gitea: asked to poll now: a webhook says that a job waits" in text[told:]
    assert text.count("asked to poll now: a webhook") == 1


def test_a_machine_is_rented_for_it(hook):
    """The same in the mode act: the loop goes on from there by itself."""
    hook.cloud.rules_of_witness = {"silence_ms": 3600000}
    hook.start("--gitea-webhook-url", hook.url, "--gitea-webhook-secret", SECRET, mode="act")
    hook.cloud.push((["linux"], 1))
    hook.cloud.until("a server is rented", hook.cloud.servers, 20)
    assert "asked to poll now: a webhook" in hook.cloud.daemon.text()


def test_without_the_right_secret_nothing_happens_until_it_is_renewed(hook):
    hook.start().let_gitea_tell(OTHER_SECRET)
    monitor = hook.cloud.workers()["monitor"]
    looks = hook.looks()
    hook.cloud.push((["linux"], 60))
    hook.cloud.until("the forged delivery is refused", lambda: hook.taken("forged") == 1)
    hook.cloud.stays("nobody looks at Gitea", lambda: hook.looks() == looks and hook.waiting() == 0, 2)
    assert hook.deliver(5, X_Gitea_Signature=None) == (401, hook.deliver(6, X_Gitea_Signature="")[1])
    assert re.search(r"warn +monitor: a webhook is refused with 401: .*webhook_secret_file", hook.cloud.daemon.text())
    assert hook.count("ebbtide_job_hints_sent_total") == 0

    fresh = hook.secret_file.with_suffix(".new")
    write_secret(fresh, OTHER_SECRET)
    os.rename(fresh, hook.secret_file)
    hook.cloud.until("the new secret is there", lambda: "holds only 14 bytes" in hook.cloud.daemon.text())
    hook.cloud.push((["linux"], 60))
    hook.cloud.until("both jobs are seen", lambda: hook.waiting() == 2, 20)
    assert hook.deliver(7)[0] == 401, "the old secret is no longer good"
    assert hook.cloud.workers()["monitor"] == monitor, "it was not started again for that"
    text = hook.cloud.daemon.text()
    assert SECRET not in text and OTHER_SECRET not in text


def test_a_delivery_is_taken_once(hook):
    hook.start()
    looks = hook.looks()
    body = hook.body(41)
    headers = hook.headers(body)
    assert hook.post(body, headers)[0] == 200
    hook.cloud.until("Gitea is looked at", lambda: hook.looks() == looks + 1)
    for again in (headers, {**headers, "X-Gitea-Delivery": str(uuid.uuid4())}):
        status, words = hook.post(body, again)
        assert (status, "taken before" in words) == (200, True)
    hook.cloud.stays("that was all", lambda: hook.looks() == looks + 1, 2.5)
    assert (hook.taken("hint"), hook.taken("repeated")) == (1, 2)


def test_other_events_and_actions_are_answered_and_do_nothing(hook):
    hook.start()
    looks = hook.looks()
    for job, (action, event) in enumerate([("in_progress", "workflow_job"), ("completed", "workflow_job"),
                                           ("queued", "push"), ("queued", "workflow_run")], 1):
        body = hook.body(job, action)
        assert hook.post(body, hook.headers(body, X_Gitea_Event=event))[0] == 200
    hook.cloud.stays("nobody looks at Gitea", lambda: hook.looks() == looks, 1.5)
    assert (hook.taken("ignored"), hook.count("ebbtide_job_hints_sent_total")) == (4, 0)


def test_what_is_no_delivery_is_refused_and_the_monitor_lives_on(hook):
    hook.start(monitor=hook.settings(request_timeout="1s"))
    monitor, looks = hook.cloud.workers()["monitor"], hook.looks()
    deep = b'{"x":' + 5000 * b"[" + 5000 * b"]" + b',"action":"queued","workflow_job":{"id":1}}'
    large = hook.body(1, padding="x" * 300000)
    odd = hook.body(1)
    for body, changes, status in [
            (deep, {}, 400), (b"", {}, 400), (b"{", {}, 400), (b"\xff\xfe\x00", {}, 400), (large, {}, 413),
            (odd, {"Content_Type": "application/x-www-form-urlencoded"}, 415), (odd, {"Content_Type": None}, 415),
            (odd, {"X_Gitea_Delivery": None}, 400), (odd, {"X_Gitea_Delivery": "x" * 65}, 400),
            (odd, {"X_Gitea_Signature": "sha256=" + 64 * "0"}, 401), (odd, {"Sec_Fetch_Site": "cross-site"}, 403)]:
        answer = hook.post(body, hook.headers(body, **changes))
        assert answer[0] == status, (body[:40], changes, answer)
        assert 10 < len(answer[1]) < 300 and answer[1].endswith("\n"), answer
    assert hook.post(None, {}, "GET")[0] == 405
    assert hook.post(odd, hook.headers(odd), path="/elsewhere")[0] == 404

    head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert " 413 " in hook.raw(head + b"Content-Length: 99999999999\r\n\r\n{")
    assert " 400 " in hook.raw(head + b"X: " + 20000 * b"x" + b"\r\n\r\n")
    assert " 400 " in hook.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 HTTP\r\n\r\n")
    assert " 408 " in hook.raw(*[b"P"] * 30, pause=0.1)
    assert " 408 " in hook.raw(head + b"Content-Length: 100\r\n\r\n", *[b"x"] * 30, pause=0.1)
    assert hook.cloud.workers()["monitor"] == monitor
    assert hook.looks() == looks and hook.count("ebbtide_job_hints_sent_total") == 0
    assert hook.count("ebbtide_monitor_requests_refused_total", reason="time") == 2
    assert hook.deliver(9)[0] == 200
    hook.cloud.until("a right one is still taken", lambda: hook.looks() == looks + 1)


def test_a_flood_of_right_ones_is_few_looks(hook):
    """One a second and not more, however many come; and pages are still served."""
    hook.start(monitor=hook.settings(requests_per_minute=100000))
    looks, began, sent = hook.looks(), time.monotonic(), 0
    while time.monotonic() - began < 4:
        sent += 1
        assert hook.deliver(sent)[0] == 200
    hook.cloud.stays("no more follows than was owed", lambda: hook.taken("hint") == sent, 1.5)
    took = time.monotonic() - began
    assert sent > 50 and hook.taken("hint") == sent
    hints = hook.count("ebbtide_job_hints_sent_total")
    assert 3 <= hints <= took + 1, f"{hints} hints of {sent} deliveries in {took:.1f} s"
    assert hook.looks() - looks <= hints
    assert hook.count("ebbtide_job_hints_dropped_total") == 0, "an honest monitor stays within the reconciler's budget"


def test_a_monitor_that_was_taken_over_causes_few_looks(hook):
    """It floods the reconciler with hints: five at once and one a second come through, whatever it sends."""
    cloud = hook.cloud
    folder = cloud.folder / "bin"
    folder.mkdir()
    shutil.copy(BIN / "ebbtide", folder)  # a copy, since the supervisor looks for workers beside itself
    for name in ("dialer", "poller", "reconciler", "actuator"):
        (folder / f"ebbtide-{name}").symlink_to(BIN / f"ebbtide-{name}")
    (folder / "ebbtide-monitor").symlink_to(BIN / "test_flooding_monitor")
    cloud.start_simulator()
    cloud.write_config(mode="observe", log_level="debug", gitea={"poll_interval": INTERVAL}, trust=BOUNDS)
    cloud.spawn_daemon(folder / "ebbtide")
    cloud.until("the flood begins", lambda: "floods the reconciler" in cloud.daemon.text())
    began = time.monotonic()
    cloud.until("some of it comes through", lambda: hook.looks() >= 5)
    cloud.stays("all the others live", lambda: len(cloud.workers()) == 7, 4)
    asked, took = cloud.daemon.text().count("asked to poll now: a webhook"), time.monotonic() - began
    assert 5 <= asked <= 5 + took + 1, f"{asked} hints came through in {took:.1f} s"
    assert hook.looks() <= 1 + asked
    assert not cloud.changes() and not cloud.servers()


def test_too_many_of_one_address_are_told_so(hook):
    hook.start(monitor=hook.settings(requests_per_minute=10))
    assert {hook.deliver(job)[0] for job in range(1, 11)} == {200}
    assert hook.deliver(11)[0] == 429


def test_hints_change_nothing_but_when_gitea_is_looked_at(hook):
    """A capture with hints in it is decided again the same, byte for byte: the core was told nothing of them."""
    hook.start(capture={"enabled": True})
    hook.let_gitea_tell()
    for _ in range(3):
        hook.cloud.push((["linux"], 60))
        time.sleep(0.5)
    hook.cloud.until("all are seen", lambda: hook.waiting() == 3, 20)
    hook.cloud.until("the hints are counted", lambda: hook.count("ebbtide_job_hints_taken_total") >= 2)
    hook.cloud.stop_daemon()
    done = subprocess.run([str(BIN / "ebbtide"), "replay", str(hook.cloud.folder / "state")], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_door_opens_and_closes_with_a_reload(hook):
    cloud = hook.cloud
    hook.start(monitor={"listen_port": cloud.ports["monitor"]})
    with pytest.raises(OSError):
        hook.deliver(1)

    def answers():
        try:
            return hook.deliver(int(time.time() * 1000))[0]
        except OSError:
            return None

    for settings, expected in ((hook.settings(), 200), ({"listen_port": cloud.ports["monitor"]}, None)):
        cloud.write_config(mode="observe", gitea={"poll_interval": INTERVAL}, trust=BOUNDS, monitor=settings)
        cloud.daemon.kill(signal.SIGHUP)
        cloud.until(f"a delivery is answered with {expected}", lambda expected=expected: answers() == expected or None)
    assert "monitor takes webhooks on 127.0.0.1 port" in cloud.daemon.text()


@pytest.mark.parametrize("changes, words", [
    ({"webhook_secret_file": ""}, "monitor.webhook_secret_file is missing"),
    ({"webhook_listen_port": 9464, "listen_port": 9464}, "expected another port"),
    ({"webhook_listen_address": "localhost"}, "an IPv4 or IPv6 address"),
    ({"hosts": ["ci.example.com:9464"]}, "a host's name, without a port"),
    ({"hosts": ["ci..example.com"]}, "a host's name, without a port")])
def test_a_door_that_could_not_be_is_refused(hook, changes, words):
    hook.cloud.write_config(in_force=False, monitor=hook.settings(**changes))
    done = subprocess.run([str(BIN / "ebbtide"), "check-config", str(hook.cloud.config_file)], capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_an_open_secret_is_refused(hook):
    cloud = hook.cloud
    cloud.start_simulator()
    cloud.write_config()
    write_secret(hook.secret_file, SECRET)
    os.chmod(hook.secret_file, 0o644)
    cloud.write_config(in_force=False, monitor=hook.settings())
    assert cloud.spawn_daemon().wait(20) == 1
    assert "monitor.webhook_secret_file" in cloud.daemon.text() and "chmod 0400" in cloud.daemon.text()
