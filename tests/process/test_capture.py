"""Capture and replay: what the reconciler received and said is kept, bounded, without secrets, and decided again the
same, byte for byte; and a person gets an answer from it."""

import json
import os
import re
import signal
import subprocess

import pytest
import yaml

from cloud import BIN, JOIN_TOKEN, TOKENS

CAPTURE = {"enabled": True}


def segments(cloud):
    """The capture's files with something in them, oldest first."""
    files = sorted((cloud.folder / "state").glob("capture.*"))
    return [file for file in files if file.stat().st_size > 0]


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


def plain(*files):
    """All that the files hold, uncompressed."""
    return subprocess.run([str(BIN / "capture_cat"), *map(str, files)], capture_output=True, timeout=60,
                          check=True).stdout


def begin(cloud, **changes):
    """Simulator and daemon with a pool of one, capture on."""
    cloud.start_simulator()
    pools = [dict(cloud.write_config()["pools"][0], max=1)]
    cloud.write_config(**{"pools": pools, "capture": CAPTURE, **changes})
    cloud.start_daemon()
    return cloud


def one_machine(cloud):
    """A machine from demand to nothing; its name."""
    cloud.push((["linux"], 2))
    name = cloud.until("a server is rented", lambda: next(iter(cloud.servers()), None))
    cloud.until_empty()
    # Gone from the lists of the three APIs; the reconciler has yet to see that, and to forget the node.
    cloud.until("the node is forgotten", lambda: not any(
        value for key, value in cloud.metrics().items() if key.startswith("ebbtide_managed_nodes")), 15)
    return name


def test_a_whole_life_is_decided_again_the_same_and_explained(cloud):
    name = one_machine(begin(cloud))
    assert cloud.stop_daemon() == 0
    files = segments(cloud)
    assert len(files) == 1
    assert os.stat(files[0]).st_mode & 0o777 == 0o600

    out, err = replay(*files)
    assert "the same: each was decided as it was then, byte for byte" in out and not err
    assert replay(cloud.folder / "state")[0].splitlines()[-1] == out.splitlines()[-1]

    story = replay_json(*files, "--explain", name)
    assert story["differing_events"] == 0
    texts = [entry["text"] for entry in story["story"]]
    steps = ["create_server", "provisioning -> busy", "busy -> idle", "idle -> deregistering", "deregister_runner",
             "deregistering -> draining", "drain_node", "draining -> removing", "remove_node", "gone after removing"]
    places = [next(place for place, text in enumerate(texts) if step in text) for step in steps]
    assert places == sorted(places), texts
    # Why it was deleted, from which facts: idle, the paid hour, the runner's state, no job.
    assert "hour-ends" in story["answer"] and "it had been idle for" in story["answer"]
    assert re.search(r"the hour that was paid ended at \d\d:\d\d:\d\d", story["answer"])
    assert "it was gone at" in story["answer"]
    facts = next(entry["facts"] for entry in story["story"] if "deregister_runner" in entry["text"])
    assert any("no job in progress names runner" in fact for fact in facts), facts
    assert any("its hour is paid until" in fact for fact in facts), facts
    assert any(re.search(r"runner \d+ \(.*\) is online, not busy", fact) for fact in facts), facts
    people = replay(*files, "--explain", name)[0]
    assert f"In short: {name}: its teardown began at" in people

    busy = next(entry["event"] for entry in story["story"] if "provisioning -> busy" in entry["text"])
    table = replay_json(*files, "--until", busy)["status"]
    assert [(node["name"], node["state"]) for node in table["nodes"]] == [(name, "busy")]
    assert name in replay(*files, "--until", busy)[0]
    assert "known were: " + name in replay(*files, "--explain", "nobody", status=2)[1]


def test_no_secret_is_captured(cloud):
    one_machine(begin(cloud))
    cloud.stop_daemon()
    held = plain(*segments(cloud))
    # It is the plain text that is looked at: names, settings and the table are there ...
    for word in (b"acme/app", b"gitea.poll_interval", b"message gitea_snapshot", b"gitea-runner-"):
        assert word in held
    # ... and no secret, nor where one lies.
    for secret in (*TOKENS.values(), JOIN_TOKEN, "token_file", str(cloud.folder / "secrets")):
        assert secret.encode() not in held, f"{secret} stands in the capture"


def test_a_killed_reconciler_leaves_a_capture_up_to_the_tear(cloud):
    begin(cloud)
    cloud.push((["linux"], 3))
    cloud.until("a job runs", lambda: cloud.jobs("in_progress"), 40)
    os.kill(cloud.workers()["reconciler"], signal.SIGKILL)
    cloud.until("a second life is captured", lambda: len(segments(cloud)) == 2, 20)
    first = segments(cloud)[0]
    assert "the same" in replay(first)[0]
    # What a kill in the middle of a write leaves: cut after any byte, it replays up to there, and says so.
    whole = first.read_bytes()
    torn = cloud.folder / "torn"
    for cut in (1, 5, 33, 100, 1000):
        torn.write_bytes(whole[:-cut])
        out, err = replay(torn)
        assert "the same" in out
        assert "ends inside a record" in err or "is not in the capture" in err, err
        assert re.search(r"after event \d+|event \d+", err), err
    cloud.until_empty()
    cloud.stop_daemon()
    both = replay_json(cloud.folder / "state")
    assert (both["lives"], both["differing_events"]) == (2, 0)
    assert "say --until EPOCH" in replay(cloud.folder / "state", "--until", 10, status=2)[1]


def test_segments_are_bounded_and_each_replays_by_itself(cloud):
    begin(cloud, capture={"enabled": True, "segment": "64KiB", "keep": "128KiB"},
          **{api: {"poll_interval": "200ms"} for api in ("gitea", "hetzner", "kube")})
    cloud.push((["linux"], 2), (["linux"], 2))

    def sizes():
        return [file.stat().st_size for file in (cloud.folder / "state").glob("capture.*")]

    def third():
        assert sum(sizes()) <= 128 * 1024 and all(size <= 64 * 1024 for size in sizes()), sizes()
        return (cloud.folder / "state" / "capture.000003").exists()

    cloud.until("a third segment is there", third, 100)
    cloud.until("it is in use", lambda: len(segments(cloud)) == 2 and segments(cloud)[1].name == "capture.000003", 30)
    cloud.stop_daemon()
    files = segments(cloud)
    assert len(files) >= 2
    assert not (cloud.folder / "state" / "capture.000001").exists(), "the oldest went"
    for file in files:
        assert "the same" in replay(file)[0]
    together = replay_json(*files)
    assert (together["segments"], together["lives"], together["differing_events"]) == (len(files), 1, 0)
    # The memory that a segment begins with is not of its first event: they count on.
    assert together["last_event"] > together["events"]


def test_another_configuration_shows_what_it_would_have_asked(cloud):
    name = one_machine(begin(cloud))
    cloud.stop_daemon()
    files = segments(cloud)
    assert "the same would have been asked for" in replay(*files, "--config", cloud.config_file)[0]

    def other(**pool):
        config = dict(cloud.config, pools=[dict(cloud.config["pools"][0], **pool)])
        path = cloud.folder / "other.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    keeps = replay_json(*files, "--config", other(min=1), status=1)
    only_then = {(row["kind"], row["node"]) for row in keeps["other"] if row["how"] == "only-then"}
    assert {("deregister_runner", name), ("drain_node", name), ("remove_node", name)} <= only_then, keeps["other"]
    assert "would have answered otherwise" in keeps["limit"]
    # What follows from the first difference of a node is marked: the world would have answered otherwise.
    assert [row["follows"] for row in keeps["other"] if row["node"] == name][:2] == [False, True]
    earlier = [row for row in keeps["other"] if row["kind"] == "create_server"]
    assert [row["how"] for row in earlier] == ["earlier"], "min: 1 rents before there is a job"
    nothing = replay(*files, "--config", other(max=0), status=1)[0]
    assert "only then:   create_server" in nothing
    broken = cloud.folder / "broken.yaml"
    broken.write_text("mode: sometimes\n", encoding="utf-8")
    assert "no configuration that could run" in replay(*files, "--config", broken, status=2)[1]


def test_capture_is_off_until_it_is_switched_on(running):
    assert not list((running.folder / "state").glob("capture.*"))
    running.push((["linux"], 2))
    running.until("a job runs", lambda: running.jobs("in_progress"), 40)
    running.write_config(capture=CAPTURE)
    running.daemon.kill(signal.SIGHUP)
    running.until("the capture has begun", lambda: segments(running), 20)
    running.until_empty()
    running.write_config(capture={"enabled": False})
    running.daemon.kill(signal.SIGHUP)
    running.until("the capture has ended", lambda: "the capture is switched off" in running.daemon.text(), 20)
    file, = segments(running)
    size = file.stat().st_size
    running.stays("nothing more is written", lambda: file.stat().st_size == size, 2)
    # It began in the middle of a life, with the memory of that moment.
    out = replay_json(file)
    assert out["differing_events"] == 0 and out["last_event"] > out["events"] > 10


def test_a_full_disk_pauses_the_capture_and_not_the_deciding(cloud):
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can mount a small disk for the state")
    state = cloud.folder / "state"
    apart = cloud.folder / "apart"
    apart.mkdir()
    cloud.start_simulator()
    pools = [dict(cloud.write_config()["pools"][0], max=1)]
    cloud.write_config(pools=pools, capture={"enabled": True, "segment": "64KiB", "keep": "1MiB"},
                       files={"audit_file": str(apart / "audit.jsonl"), "checkpoint_file": str(apart / "checkpoint")})
    wrapper = cloud.folder / "with-a-small-disk"
    wrapper.write_text("#!/bin/sh\nexec unshare --mount --propagation private sh -c '"
                       f"mount -t tmpfs -o size=512k,mode=0700 tmpfs {state} || exit 99\n"
                       f"exec \"$0\" \"$@\"' {BIN}/ebbtide \"$@\"\n", encoding="utf-8")
    wrapper.chmod(0o755)
    cloud.spawn_daemon(wrapper)
    try:
        cloud.wait_ready()
    except AssertionError:
        if cloud.daemon.process.poll() == 99:
            pytest.skip("NOT TESTED: no tmpfs can be mounted here")
        raise
    inside = f"/proc/{cloud.daemon.pid}/root{state}"
    with open(f"{inside}/filler", "wb", buffering=0) as filler:
        with pytest.raises(OSError):
            while True:
                filler.write(b"x" * 4096)
    cloud.until("the capture pauses", lambda: "the capture pauses" in cloud.daemon.text(), 30)
    cloud.push((["linux"], 1))
    cloud.until("a machine is rented all the same", cloud.servers, 20)
    cloud.until("the pause shows", lambda: cloud.metrics().get('ebbtide_capture_paused{process="reconciler"}') == 1, 10)
    os.unlink(f"{inside}/filler")
    cloud.until("the capture goes on", lambda: "the capture goes on" in cloud.daemon.text(), 60)
    cloud.until_empty()
    text = cloud.daemon.text()
    assert text.count("the capture pauses") == 1, "it is said once"
    kept = cloud.folder / "kept"
    subprocess.run(["cp", "-r", inside, str(kept)], check=True)
    cloud.stop_daemon()
    found = replay_json(kept)
    assert found["differing_events"] == 0
    assert any("in no file that was named" in note["text"] for note in found["notes"]), found["notes"]
