"""A daemon of which one worker is its breaking build (tests/breakin/hook.c): starts it, asks for attempts through the shared
board, and tells what came of each. The table of attempts is attempts.def."""

import errno
import mmap
import os
import pathlib
import re
import shutil
import signal
import socket
import struct

from cloud import BIN, Cloud
from programs import free_ports, wait_until

HERE = pathlib.Path(__file__).resolve().parent
ROLES = ("poller-gitea", "reconciler", "actuator", "dialer", "monitor")
GROUPS = {"ALL": ROLES, "CALLERS": ("poller-gitea", "actuator"), "LISTENERS": ("reconciler", "monitor"),
          "ALL_BUT_ACTUATOR": ("poller-gitea", "reconciler", "dialer", "monitor"),
          "ALL_BUT_DIALER": ("poller-gitea", "reconciler", "actuator", "monitor"), "DIALER": ("dialer",), "POLLER": ("poller-gitea",),
          "RECONCILER": ("reconciler",), "ACTUATOR": ("actuator",), "MONITOR": ("monitor",)}
ROW = re.compile(r'^ATTEMPT\((\w+), \w+, (\w+), "([^"]*)", "([^"]*)", "([^"]*)", "[^"]*"\)$', re.MULTILINE)
FRAME_ROW = re.compile(r'^FRAME\((\w+), \w+, "([^"]+)", "[^"]*"\)$', re.MULTILINE)
EDGE = re.compile(r"^EDGE\(ROLE_(\w+), ROLE_(\w+), ", re.MULTILINE)

# Every address of 127.0.0.0/8 is this machine's.
OTHER_HOST = "127.0.0.2"

# board.h
BOARD_BYTES, BEGUN, DONE, OUTCOME, NAME, WITH, PID, SERVER, NODE, HELLO, PEER = 4096, 4, 8, 12, 16, 80, 592, 600, 608, 864, 868
WORDS = {0: "WORKED", -1: "SENT", -2: "NONE", -3: "SIGSYS", -4: "MUTE"}
HELLO_RIGHT, HELLO_OTHER_TABLE, HELLO_OTHER_ROLE = 0, 1, 2


class Attempt:
    """A row ATTEMPT of attempts.def."""

    def __init__(self, name, roles, about, refusals, log):
        self.name, self.roles, self.about, self.log = name, GROUPS[roles], about, [words for words in log.split("|") if words]
        self.refusals = refusals.split("|")


def attempts():
    text = (HERE / "attempts.def").read_text(encoding="utf-8")
    rows = [Attempt(*row) for row in ROW.findall(text)]
    assert len(rows) == len(re.findall(r"^ATTEMPT", text, re.MULTILINE)), "a row of attempts.def is not read"
    return rows


def frames():
    """The rows FRAME of attempts.def: name and words."""
    text = (HERE / "attempts.def").read_text(encoding="utf-8")
    rows = FRAME_ROW.findall(text)
    assert len(rows) == len(re.findall(r"^FRAME", text, re.MULTILINE)), "a row of attempts.def is not read"
    return rows


def peers(role):
    """Who has a channel to this worker, by the supervisor's table; the supervisor has one to each."""
    text = (HERE.parent.parent / "supervisor" / "edges.def").read_text(encoding="utf-8")
    edges = [{one.lower().replace("_", "-") for one in edge} for edge in EDGE.findall(text)]
    assert len(edges) == len(re.findall(r"^EDGE", text, re.MULTILINE)), "a row of edges.def is not read"
    return sorted(peer for edge in edges if role in edge for peer in edge - {role})


class Board:
    """The page that test and attacker share."""

    def __init__(self, path):
        with open(path, "wb+") as file:
            file.truncate(BOARD_BYTES)
            os.fchmod(file.fileno(), 0o666)
            self.page = mmap.mmap(file.fileno(), BOARD_BYTES)

    def number(self, at, form="I"):
        return struct.unpack_from(form, self.page, at)[0]

    def put(self, at, form, value):
        struct.pack_into(form, self.page, at, value)

    def text(self, at, size, value):
        struct.pack_into(f"{size}s", self.page, at, value.encode() + b"\0")

    def ask(self, name, about="", pid=0, server=0, node="", peer=""):
        self.text(NAME, 64, name)
        self.text(WITH, 512, about)
        self.put(PID, "Q", pid)
        self.put(SERVER, "Q", server)
        self.text(NODE, 256, node)
        self.text(PEER, 32, peer)
        self.put(0, "I", self.number(0) + 1)

    def answered(self):
        return self.number(DONE) == self.number(0)

    def outcome(self):
        number = self.number(OUTCOME, "i")
        return WORDS.get(number) or errno.errorcode.get(number, str(number))


class Breakin(Cloud):
    """Simulator and daemon, with the breaking build of one worker."""

    def __init__(self, folder, role):
        super().__init__(folder)
        self.role = role
        self.board = Board(self.folder / f"breakin-{role}.board")
        self.stranger = free_ports(1)[0]
        self.door = None  # of a stranger: another address, Gitea's port
        self.places = {}  # {busy}, {idle}, {foreign}: (server id, node)
        self.mark = 0  # where the daemon's log stood when the last try began
        self.tried_by = 0  # the process that made it

    def start(self, period_ms, **changes):
        self.start_simulator(billing_period_ms=period_ms)
        self.write_config(supervisor={"restarts_max": 1000, "restart_first": "100ms", "restart_most": "100ms"}, **changes)
        self.tell_witness()
        self.door = socket.create_server((OTHER_HOST, self.ports["gitea"]))
        self.door.setblocking(False)
        binary = self.make_programs()
        self.start_daemon(binary=binary)
        return self

    def make_programs(self):
        """A folder like bin, with one worker exchanged. The supervisor looks for workers beside itself."""
        programs = self.folder / "bin"
        programs.mkdir()
        shutil.copy(BIN / "ebbtide", programs / "ebbtide")
        broken = "poller" if self.role.startswith("poller") else self.role
        for worker in ("poller", "reconciler", "actuator", "dialer", "monitor"):
            source = BIN / (f"breakin-{worker}" if worker == broken else f"ebbtide-{worker}")
            (programs / f"ebbtide-{worker}").symlink_to(source)
        return programs / "ebbtide"

    def spawn_daemon(self, binary=None):
        before = os.getcwd()
        os.chdir(self.folder)  # where the hook looks for its board
        try:
            return super().spawn_daemon(binary)
        finally:
            os.chdir(before)

    def end(self):
        if self.door:
            self.door.close()
        super().end()

    def stranger_called(self):
        """Whether somebody has connected to the stranger."""
        try:
            self.door.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def siblings(self):
        found = self.workers()
        found.pop(self.role, None)
        return found

    def about(self, attempt):
        """What fills the row's `with`."""
        victim = "poller-hetzner" if self.role == "actuator" else "actuator"
        secret = "gitea-read" if self.role == "actuator" else "hetzner-write"
        pid = self.workers()[victim]
        server, node = self.places.get(attempt.about.strip("{}"), (0, "ebb-linux-1-1"))
        words = {"secret": self.folder / "secrets" / secret, "victim": pid, "supervisor": self.daemon.pid,
                 "stranger": self.stranger, "api": self.ports["gitea"], "folder": self.folder}
        text = attempt.about if attempt.about.strip("{}") in self.places else attempt.about.format(**words)
        return {"about": text, "pid": pid, "server": server, "node": node}

    def try_it(self, attempt):
        """The outcome's word. Where a channel is missing (an earlier attempt broke it) the worker is first started anew;
        what the log says of that stands before the mark."""
        outcome = "NONE"
        self.until_it_runs(None)
        for _ in range(2):
            self.tried_by, self.mark = self.workers()[self.role], len(self.daemon.text())
            self.board.ask(attempt.name, **self.about(attempt))
            self.until_answered(attempt.name)
            outcome = self.board.outcome()
            if outcome != "NONE":
                break
            self.start_anew()
        return outcome

    def until_answered(self, name):
        """Most answers come at once, and there are hundreds."""
        wait_until(f"{name} has been tried", self.board.answered, 20, pause=0.02, alive=[self.simulator, self.daemon])

    def say_to(self, peer, frame):
        """The outcome's word of a frame to this peer."""
        self.board.ask(frame, peer=peer)
        self.until_answered(f"{frame} to the {peer}")
        return self.board.outcome()

    def start_anew(self):
        """Another process of the broken worker, with new channels."""
        self.until_it_runs(None)
        before = self.workers()[self.role]
        os.kill(before, signal.SIGKILL)
        self.until_it_runs(before)

    def until_it_runs(self, before):
        """A process of the broken worker that is not `before` is ready."""
        def runs():
            pid = self.workers().get(self.role)
            return pid not in (None, before) and f"{self.role} runs (process {pid})" in self.daemon.text()
        wait_until(f"the {self.role} runs again", runs, 20, pause=0.05, alive=[self.daemon])

    def heard(self, mark, words):
        """The words stand in the daemon's log since `mark`."""
        return words in self.daemon.text()[mark:]

    # ---- a fleet to attack

    def make_fleet(self):
        """A machine that runs a job, one that is idle, and a server that is somebody else's."""
        self.push((["linux"], 3), (["linux"], 120))
        self.until("two machines run jobs", lambda: len(self.jobs("in_progress")) == 2)
        self.until("one of them is idle", lambda: len(self.jobs("in_progress")) == 1)
        busy = next(iter(self.jobs("in_progress").values()))["runner_name"]
        made = self.apis["hetzner"].send("POST", "/v1/servers", {
            "name": "somebody-elses", "server_type": "ccx33", "image": "debian-12", "location": "nbg1"})
        self.places["foreign"] = (made["server"]["id"], "somebody-elses")
        pods = self.pods()
        for name, server in self.servers().items():
            is_busy = any(pod["spec"].get("nodeName") == name and key == busy for key, pod in pods.items())
            self.places["busy" if is_busy else "idle"] = (server["id"], name)
        assert sorted(self.places) == ["busy", "foreign", "idle"], self.places
