#!/usr/bin/python3
"""Measures the whole idle tree of processes: memory (PSS) of each, and CPU time of a poll round. Prints lines; compares
with nothing.

    EBBTIDE_BIN=build/release/bin tests/bench/tree.py"""

import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "process"))
from cloud import Cloud  # noqa: E402  pylint: disable=wrong-import-position

SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")


def pss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"no Pss of {pid}")


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS


def main():
    with tempfile.TemporaryDirectory(prefix="ebbtide-bench-") as folder:
        cloud = Cloud(folder)
        try:
            cloud.start_simulator().start_daemon()
            time.sleep(3)
            tree = {"supervisor": cloud.daemon.pid, **cloud.workers()}
            began, before, polls = time.monotonic(), {role: cpu_ms(pid) for role, pid in tree.items()}, {}
            for source in ("gitea", "hetzner", "kube"):
                polls[source] = len(cloud.requests(source))
            time.sleep(SECONDS)
            seconds = time.monotonic() - began
            used = {role: cpu_ms(pid) - before[role] for role, pid in tree.items()}
            memory = {role: pss_kib(pid) for role, pid in tree.items()}
            for role in tree:
                print(f"idle tree: {role:15} {memory[role] / 1024:6.1f} MiB PSS, {used[role] / seconds:6.2f} ms CPU a second")
            print(f"idle tree: {'all':15} {sum(memory.values()) / 1024:6.1f} MiB PSS, "
                  f"{sum(used.values()) / seconds:6.2f} ms CPU a second")
            for source, count in polls.items():
                requests = len(cloud.requests(source)) - count
                spent = used[f"poller-{source}"]
                print(f"poll round: {source:8} {requests / seconds:5.1f} requests a second, "
                      f"{spent / max(requests, 1):6.2f} ms CPU a request")
        finally:
            cloud.end()


if __name__ == "__main__":
    main()
