"""Programs that a test starts: each with its log in a file, ended by its own process id, never left running; free
ports; waits with a deadline; a small HTTP client for loopback."""

import collections
import ctypes
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

PR_SET_PDEATHSIG = 1
LOG_TAIL_BYTES = 12000
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(AssertionError):
    """A promise that was not kept in time; says what was waited for and what was seen last."""


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """One running program. Its standard output and error go to `log`."""

    def __init__(self, name, arguments, log, environment=None, folder=None):
        self.name = name
        self.log = str(log)
        with open(self.log, "ab") as out:
            # Taken off the test's own terminal and group; killed by the kernel if the test itself is killed.
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=environment, cwd=folder, start_new_session=True, preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def text(self):
        """All that it has said so far."""
        with open(self.log, "r", encoding="utf-8", errors="replace") as file:
            return file.read()

    def tail(self):
        text = self.text()
        return text if len(text) <= LOG_TAIL_BYTES else "...\n" + text[-LOG_TAIL_BYTES:]

    def kill(self, number=signal.SIGKILL):
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds):
        """Its exit status; Failure where it does not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} has not ended within {seconds} s; it said:\n{self.tail()}") from None

    def end(self, seconds=10):
        """Asks it to end, and kills it (and what it left in its group) when it does not. Returns the status."""
        self.kill(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(5)
        return status


# Tests run beside each other, and a port is listened on only some time after it was chosen: each process of tests has ports of
# its own, and takes none twice until it has taken many others.
PORTS_FIRST, PORTS_EACH, PORTS_SHARES = 10000, 340, 64
_taken = collections.deque(maxlen=PORTS_EACH // 2)


def _share():
    """The part of the ports that is this process's: by its number among pytest's workers, the last one without such."""
    number = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    return int(number[1]) % (PORTS_SHARES - 1) if number else PORTS_SHARES - 1


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on now, all different; below those that the kernel gives to connections, any of
    which might have one by the time that it is listened on."""
    found = []
    while len(found) < count:
        port = PORTS_FIRST + _share() * PORTS_EACH + random.SystemRandom().randrange(PORTS_EACH)
        if port in _taken:
            continue
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        _taken.append(port)
    return found


def wait_until(what, condition, seconds, pause=0.2, alive=()):
    """Asks `condition` until it returns something true, and returns that. Failure names `what`, and the program of
    `alive` that ended meanwhile. An exception of the condition counts as "not yet" and is named at the end."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, ValueError, KeyError, IndexError) as error:
            last = error
        for program in alive:
            if not program.alive():
                raise Failure(f"{program.name} ended with {program.process.returncode} while the test waited for: "
                              f"{what}; it said:\n{program.tail()}")
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds} s: {what}; seen last: {last!r}")
        time.sleep(pause)


class Answer:
    """What came back: status, headers, body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body) if self.body else None


class Http:
    """Requests to one server of loopback."""

    def __init__(self, base, token=None, scheme="Bearer", ca=None):
        self.base = base
        self.headers = {"Authorization": f"{scheme} {token}"} if token else {}
        self.context = ssl.create_default_context(cafile=str(ca)) if ca else None
        handlers = [urllib.request.ProxyHandler({})]
        if self.context:
            handlers.append(urllib.request.HTTPSHandler(context=self.context))
        self.opener = urllib.request.build_opener(*handlers)

    def request(self, method, path, body=None, content_type="application/json", seconds=10):
        """An Answer, also of a refusal; OSError where there is none."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = dict(self.headers)
        if data is not None:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers)
        try:
            with self.opener.open(request, timeout=seconds) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.headers, refusal.read())

    def get(self, path):
        """The JSON of a GET that must succeed."""
        answer = self.request("GET", path)
        if answer.status != 200:
            raise ValueError(f"GET {self.base}{path}: {answer.status} {answer.body[:300]!r}")
        return answer.json()

    def send(self, method, path, body=None, content_type="application/json"):
        """The JSON of a change that must succeed."""
        answer = self.request(method, path, body, content_type)
        if not 200 <= answer.status < 300:
            raise ValueError(f"{method} {self.base}{path}: {answer.status} {answer.body[:500]!r}")
        return answer.json()


def write_secret(path, text):
    """A file that only its owner reads."""
    if os.path.exists(path):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return str(path)
