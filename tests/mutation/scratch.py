"""A copy of the tree with a build of its own, in which one wrong edit at a time is made, built and tried."""

import os
import re
import resource
import shutil
import subprocess
import time

import rows

BUILD_SECONDS_MAX = 600
UNIT_SECONDS_MAX = 60
MEMORY_BYTES_MAX = 4 << 30
SEEDS = 60  # from seed 1: what the simulation gives a mutant that the unit tests let live
SIMULATION_SECONDS_MAX = 120


class BuildError(Exception):
    """An edit that does not compile: its row is wrong."""


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, seconds, stderr=subprocess.STDOUT, **options):
    """(status, output); status None where it did not end in time."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=seconds, check=False, **options)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
        return None, text.decode(errors="replace") if isinstance(text, bytes) else text


def tree_files():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=True).stdout
    return sorted({name for name in listed.split("\0") if name and os.path.isfile(name)})


def write_if_other(path, data):
    """Leaves the file's time alone where nothing changes, so that nothing is built again."""
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return
    except OSError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def unit_tests_of(path, tree="."):
    """Names of the unit tests that a source can break, the likeliest first."""
    starts = ["core"] if path.startswith("reconciler/core/") else ["judge", "since", "actions_"]
    if path.startswith("actuator/") and not path.endswith(("judge.c", "facts.c")):
        starts.reverse()
    if "/audit" in path or path.endswith(("omitted.c", "allowance.c")):
        starts = ["audit", *starts]
    if path.endswith(("allowance.c", "pace.c")):
        starts = ["pace", *starts]
    if path.endswith("http_send.c"):
        starts = ["http_send", *starts]
    if path.startswith("reconciler/") and not path.startswith("reconciler/core/"):
        starts = ["shell", "checkpoint"]
    if path.startswith("poller/"):
        starts = ["poller"]
    if path.startswith("common/kube"):
        starts = ["kube", *starts]
    names = sorted(name[5:-2] for name in os.listdir(f"{tree}/tests/unit") if re.fullmatch(r"test_\w+\.c", name))
    return [name for start in starts for name in names if name.startswith(start)]


class Scratch:
    def __init__(self, place):
        self.root = os.path.abspath(place)
        self.source, self.build = f"{self.root}/source", f"{self.root}/build"
        self.plain = f"{self.root}/simulate-unchanged"
        self.edited = {}
        self.plain_holds = {}

    # ------------------------------------------------------------------------------------------------ the build

    def prepare(self):
        wanted = tree_files()
        for name in wanted:
            with open(name, "rb") as file:
                write_if_other(f"{self.source}/{name}", file.read())
            shutil.copymode(name, f"{self.source}/{name}")
        for folder, _, names in os.walk(self.source):
            for name in names:
                path = os.path.relpath(f"{folder}/{name}", self.source)
                if path not in set(wanted):
                    os.remove(f"{self.source}/{path}")
        launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        status, said = run(["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", *launcher,
                            "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2"],
                           BUILD_SECONDS_MAX)
        if status != 0:
            raise BuildError(said)

    def make(self, targets):
        status, said = run(["ninja", "-C", self.build, "-j", "1", *targets], BUILD_SECONDS_MAX)
        if status != 0:
            wrong = [line for line in said.split("\n") if "error:" in line]
            raise BuildError(wrong[0] if wrong else said[-2000:])

    def keep_unchanged(self):
        self.make(["simulate"])
        shutil.copy2(f"{self.build}/bin/simulate", self.plain)

    def edit(self, row):
        self.restore()
        for path, text in rows.apply(row, rows.source).items():
            self.edited[path] = rows.source(path)
            write_if_other(f"{self.source}/{path}", text.encode())

    def restore(self):
        for path, text in self.edited.items():
            write_if_other(f"{self.source}/{path}", text.encode())
        self.edited = {}

    # ------------------------------------------------------------------------------------------------ the tests

    def unit(self, names):
        """Runs unit tests, all at once (they mostly wait), until one fails: (its name, what failed), or None."""
        self.make([f"test_{name}" for name in names])
        running = {name: self.start(name) for name in names}
        deadline, found = time.monotonic() + UNIT_SECONDS_MAX, None
        while running and found is None:
            time.sleep(0.02)
            for name in list(running):
                ended = running[name].poll() is not None
                found = self.failure(name, running[name].poll(), time.monotonic() > deadline)
                if found is not None:
                    break
                if ended:
                    del running[name]
        for process in running.values():
            process.kill()
            process.wait()
        return found

    def start(self, name):
        """Line by line, so that a failure is read before the program has come to its end."""
        with open(f"{self.root}/{name}.log", "wb") as log:
            return subprocess.Popen(["stdbuf", "-oL", f"{self.build}/bin/test_{name}"], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=subprocess.DEVNULL, preexec_fn=limit_memory)

    def failure(self, name, status, late):
        """(the program's name, what failed in it), or None: nothing as yet, or all passed."""
        with open(f"{self.root}/{name}.log", encoding="utf-8", errors="replace") as log:
            failed = re.search(r"Test: (.*?) ?\.\.\.FAILED", log.read())
        if failed:
            return f"unit.{name}", failed.group(1)
        if status is None:
            return (f"unit.{name}", "never ends") if late else None
        if status == 0:
            return None
        return f"unit.{name}", "crashes" if status < 0 else "fails"

    def holds_unchanged(self, seed):
        if seed not in self.plain_holds:
            status, _ = run([self.plain, "--seed", str(seed)], SIMULATION_SECONDS_MAX)
            self.plain_holds[seed] = status == 0
        return self.plain_holds[seed]

    def simulate(self, seeds, seconds, workers):
        """Runs seeds until one breaks a promise that holds without the edit: (seed, promise), or None."""
        program, began, first = f"{self.build}/bin/simulate", time.monotonic(), 1
        self.make(["simulate"])
        while first <= seeds:
            left = seconds - (time.monotonic() - began)
            if left <= 0:
                return None
            status, said = run([program, "--from", str(first), "--seeds", str(seeds - first + 1), "--workers",
                                str(workers), "--seconds", f"{left:.0f}", "--shrink-seconds", "0"],
                               left + SIMULATION_SECONDS_MAX, preexec_fn=limit_memory)
            if status == 0:
                return None
            broken = re.search(r"^seed (\d+) breaks (\w+):", said, re.M)
            died = re.search(r"^a worker died in seed (\d+)", said, re.M)
            if status is None:
                return "?", "never ends"
            if not broken and not died and status < 0:
                continue  # the parent runs nothing of the core: somebody else ended it
            if not broken and not died:
                raise BuildError(f"simulate ended with {status} and words that are not known here: {said[-300:]}")
            if not broken:
                return died.group(1), "the core stops"
            seed = int(broken.group(1))
            if self.holds_unchanged(seed):
                return str(seed), broken.group(2)
            first = seed + 1  # this seed finds something without the edit, too
        return None
