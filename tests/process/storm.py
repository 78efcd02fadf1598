"""A storm over a cloud: from one seed come the work, the kills, the stops and the faults, at moments that no state of a
node explains. A storm is a list of strokes, made before it begins, so that its seed is its whole story; what is timed by
the machine (when a stroke lands within an action) is what makes two runs of one seed differ.

May not: say what must be so afterwards (test_campaign.py does)."""

import os
import random
import signal
import time

from cloud import APIS
from programs import Failure

ROLES = ["poller-gitea", "poller-hetzner", "poller-kube", "reconciler", "actuator", "dialer", "monitor"]
STORM_SECONDS = 26

# Faults that heal by themselves or with the storm: (effect, keys drawn from the seed).
READ_FAULTS = ["status", "html", "hang", "close", "rate_limit", "truncated", "wrong_length", "bad_json", "stale", "half_list",
               "stall", "wrong_types", "delay", "empty"]
WRITE_FAULTS = ["answer_status", "answer_hang", "answer_close", "bad_json", "truncated", "status", "close", "delay", "stall",
                "wrong_types", "rate_limit"]
WORLD_FAULTS = ["no_capacity", "action_fails", "never_boots", "no_node", "no_runner"]


def _fault(draw):
    kind = draw.choice(["read", "read", "write", "write", "world"])
    if kind == "world":
        return {"effect": draw.choice(WORLD_FAULTS), "count": 1}
    rule = {"effect": draw.choice(READ_FAULTS if kind == "read" else WRITE_FAULTS), "api": draw.choice(APIS),
            "count": draw.randint(1, 6), "probability": draw.choice([0.3, 1.0]), "seed": draw.randrange(1 << 30)}
    if kind == "read":
        rule.update(method="GET", for_ms=draw.randint(500, 6000))
    else:
        rule["method"] = draw.choice(["POST", "PATCH", "DELETE", "PUT"])
    if rule["effect"] in ("status", "answer_status"):
        rule["status"] = draw.choice([500, 502, 503, 504, 403, 409])
    if rule["effect"] == "delay":
        rule.update(delay_ms=draw.randint(200, 2500), before_effect=draw.random() < 0.5)
    return rule


def _stroke(draw):
    what = draw.choice(["kill", "kill", "kill", "stop", "stop", "fault", "fault", "fault", "daemon", "order", "freeze"])
    if what == "kill":
        return what, draw.choice(ROLES), None
    if what == "stop":
        return what, draw.choice(ROLES), draw.choice([draw.uniform(0.1, 1.5), draw.uniform(0.1, 4.5), draw.uniform(5.5, 8)])
    if what == "fault":
        return what, _fault(draw), None
    return what, None, draw.uniform(0.2, 7) if what == "freeze" else draw.uniform(0, 1.5)


def _work(draw):
    jobs = [{"labels": ["linux"], "duration_ms": draw.randint(300, 6000)} for _ in range(draw.randint(1, 3))]
    if len(jobs) > 1 and draw.random() < 0.3:
        jobs[-1]["needs"] = [0]
    return "work", jobs, None


def storm_of(seed, seconds=STORM_SECONDS, disk=False):
    """[(at which second, what, on what, how long)], by time. With a disk it fills up once or twice, for some seconds."""
    draw = random.Random(seed)
    strokes = [(0.0, *_work(draw))]
    strokes += [(draw.uniform(0, seconds * 0.8), *_work(draw)) for _ in range(draw.randint(2, 4))]
    strokes += [(draw.uniform(0.5, seconds), *_stroke(draw)) for _ in range(draw.randint(6, 12))]
    if disk:
        fills = [at * seconds / 2 + draw.uniform(1, 4) for at in range(2)]
        strokes += [(at, "fill", None, draw.uniform(2, 7)) for at in fills]
        strokes += [(at + 1, *_work(draw)) for at in fills]
    return sorted(strokes, key=lambda stroke: stroke[0])


class Storm:
    """Strikes a cloud by its seed, and says what it does."""

    def __init__(self, cloud, seed, seconds=STORM_SECONDS, say=print, disk=None):
        self.cloud, self.seed, self.say, self.disk = cloud, seed, say, disk
        self.strokes = storm_of(seed, seconds, disk is not None)
        self.full_until = None
        self.stopped = []  # (when to let it go on, pid)
        self.killed = set()
        self.jobs = []
        self.orders = 0

    def blow(self):
        begin = time.monotonic()
        for at, what, target, seconds in self.strokes:
            self._wait(begin + at)
            self.say(f"seed {self.seed}, second {at:5.2f}: {what} {target or ''} {'' if seconds is None else f'{seconds:.2f} s'}")
            getattr(self, f"_{what}")(target, seconds)
            if what != "work":
                self.cloud.hindered()
        while self.stopped:
            self._wait(self.stopped[0][0])
        if self.full_until is not None:
            self._wait(self.full_until)

    def _wait(self, until):
        """Waits, and lets those go on whose time has come."""
        while True:
            now = time.monotonic()
            if self.full_until is not None and now >= self.full_until:
                self.disk.drain()
                self.full_until = None
            if self.full_until is not None:
                self.cloud.hindered()
            for when, pid in [one for one in self.stopped if one[0] <= now]:
                self._signal(pid, signal.SIGCONT)
                self.stopped.remove((when, pid))
                self.cloud.hindered()
            if now >= until:
                return
            time.sleep(min([until - now, 0.05]))

    def _signal(self, pid, number):
        """To a worker of this daemon only: its id may be another's by now."""
        if pid not in self.cloud.workers().values():
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        if number == signal.SIGKILL:
            self.killed.add(pid)
        return True

    def _pid(self, role):
        return self.cloud.workers().get(role)

    def _work(self, jobs, _):
        self.jobs += self.cloud.push(*jobs)

    def _kill(self, role, _):
        pid = self._pid(role)
        if pid is not None:
            self._signal(pid, signal.SIGKILL)

    def _stop(self, role, seconds):
        pid = self._pid(role)
        if pid is not None and self._signal(pid, signal.SIGSTOP):
            self.stopped.append((time.monotonic() + seconds, pid))
            self.stopped.sort()

    def _freeze(self, _, seconds):
        """The supervisor itself stands still; its workers go on."""
        daemon = self.cloud.daemon
        daemon.kill(signal.SIGSTOP)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._wait(min(time.monotonic() + 0.5, end))
            self.cloud.hindered()
        daemon.kill(signal.SIGCONT)

    def _fill(self, _, seconds):
        if self.full_until is None:
            self.disk.fill()
            if self.disk.free() != 0:
                raise Failure(f"the disk was to be full, and {self.disk.free()} bytes of it are free")
            self.full_until = time.monotonic() + seconds

    def _fault(self, rule, _):
        self.cloud.fault(**rule)

    def _again(self, pause):
        time.sleep(pause)
        self.stopped.clear()  # they died with their parent
        self.cloud.spawn_daemon()

    def _daemon(self, _, pause):
        """The whole tree dies at once."""
        self.killed.update(self.cloud.workers().values())
        self.cloud.daemon.kill(signal.SIGKILL)
        self.cloud.daemon.wait(5)
        self._again(pause)

    def _order(self, _, pause):
        """It is told to end, as systemd would, and started again."""
        self.orders += 1
        if not self.cloud.daemon.alive():
            raise Failure(f"the daemon has ended by itself:\n{self.cloud.daemon.tail()}")
        self.killed.update(self.cloud.workers().values())  # what hangs is killed by the supervisor
        status = self.cloud.stop_daemon(30)
        if status != 0 and (status != -signal.SIGTERM or self.cloud.daemon.text()):  # it had not even begun
            raise Failure(f"the daemon was told to end and ended with {status}:\n{self.cloud.daemon.tail()}")
        self._again(pause)
