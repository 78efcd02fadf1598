"""Capture and replay: what the reconciler received and said is kept, and decided again the same, byte for byte."""

import json
import os
import signal
import subprocess

from cloud import BIN

CAPTURE = {"enabled": True}


def segments(cloud):
    """The capture's files, oldest first."""
    return sorted((cloud.folder / "state").glob("capture.*"))


def replay(*words, status=0):
    """Runs `ebbtide replay`; returns what it printed."""
    done = subprocess.run([str(BIN / "ebbtide"), "replay", *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False)
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == status, f"status {done.returncode}, not {status}:\n{said[-6000:]}"
    assert "Sanitizer" not in said and "runtime error" not in said, said
    return done.stdout, done.stderr


def replay_json(*words, status=0):
    return json.loads(replay(*words, "--json", status=status)[0])


def one_life(cloud, **changes):
    """A machine from demand to nothing, captured; its name."""
    cloud.start_simulator()
    pools = [dict(cloud.write_config()["pools"][0], max=1)]
    cloud.write_config(**{"pools": pools, "capture": CAPTURE, **changes})
    cloud.start_daemon()
    cloud.push((["linux"], 2))
    name = cloud.until("a server is rented", lambda: next(iter(cloud.servers()), None))
    cloud.until_empty()
    return name


def test_a_whole_life_is_decided_again_the_same(cloud):
    name = one_life(cloud)
    cloud.stop_daemon()
    files = segments(cloud)
    assert len(files) == 1
    assert os.stat(files[0]).st_mode & 0o777 == 0o600
    out, err = replay(*files)
    assert "the same" in out and not err
    print(out)
    print(replay(*files, "--explain", name)[0])
    print(replay(*files, "--until", "40")[0])
