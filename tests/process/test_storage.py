"""What the daemon keeps on its disk: a disk that is full, an audit log that cannot be written or grows too long, a
checkpoint that is torn. Creates stop first, teardown goes on while it can, each trouble is an alarm, and all goes on by
itself when the cause is gone."""

import json
import os
import re
import signal
import subprocess

import pytest
from chain import chain
from cloud import BIN
from disks import SmallDisk, immutable

CREATE = re.compile(r"/v1/servers$")


def creates(cloud):
    return [one for one in cloud.requests("hetzner", "POST") if CREATE.search(one["path"])]


def idle_machines(cloud, count):
    """So many machines whose jobs are done."""
    cloud.push(*[(["linux"], 1)] * count)
    cloud.until("their jobs are done", lambda: cloud.summary()["jobs_succeeded"] == count)
    return cloud.until("their runners are there", lambda: len(cloud.runners()) == count and list(cloud.servers()))


def alarm_over(cloud, since):
    return "alarm storage" in cloud.daemon.text()[since:] and re.search(
        r"alarm storage \([^)]*\) is over", cloud.daemon.text()[since:])


def status(cloud):
    return subprocess.run([str(BIN / "ebbtide"), "status", "--config", str(cloud.config_file)], capture_output=True,
                          text=True, check=False, timeout=20, stdin=subprocess.DEVNULL).stdout


def begin(cloud, **files):
    config = cloud.write_config()
    cloud.write_config(pools=[dict(config["pools"][0], max=3)], files=files, supervisor={"restarts_max": 20})
    cloud.start_daemon()


def test_a_full_disk_stops_creates_while_teardown_goes_on(cloud):
    cloud.start_simulator()
    disk = SmallDisk(cloud.folder / "state", 512)
    begin(cloud, audit_reserve="64KiB")
    workers = cloud.workers()
    idle_machines(cloud, 1)
    asked = len(creates(cloud))
    disk.fill()
    cloud.push(*[(["linux"], 2)] * 3)
    cloud.until("the alarm says that the disk is full", lambda: re.search(
        r"alarm storage .*(full|No space left)", cloud.daemon.text()), 10)
    assert re.search(r"storage.*(full|No space left)", status(cloud)), status(cloud)
    cloud.until("the jobs have run on the one machine", lambda: cloud.summary()["jobs_succeeded"] == 4)
    cloud.until_empty()
    assert len(creates(cloud)) == asked, "nothing is rented on a full disk"
    assert disk.free() == 0
    cloud.until("the whole teardown stands in the reserve", lambda: any(
        line.get("outcome") == "done" and line["kind"] == "remove_node" for line in cloud.audit()), 5)
    disk.drain()
    since = 0
    cloud.push((["linux"], 1))
    cloud.until("it rents again", lambda: len(creates(cloud)) > asked, 20)
    cloud.until("the alarm is over", lambda: alarm_over(cloud, since), 20)
    assert "storage" not in status(cloud)
    assert cloud.workers() == workers, "nobody was restarted"


def test_when_the_reserve_is_used_up_all_stops_until_room_is_back(cloud):
    cloud.start_simulator()
    disk = SmallDisk(cloud.folder / "state", 512)
    begin(cloud, audit_reserve="4KiB")
    idle_machines(cloud, 3)
    cloud.daemon.kill(signal.SIGKILL)
    cloud.daemon.wait(5)
    log = cloud.folder / "state" / "audit.jsonl"
    os.truncate(log, log.stat().st_size)  # gives back what was kept beyond the end
    disk.fill()
    cloud.start_daemon()
    workers = cloud.workers()

    def stopped():
        cloud.hindered()
        return re.search(r"alarm storage \(ebb-[^)]*\): .*No space left", cloud.daemon.text())

    cloud.until("the alarm names the node whose teardown cannot be written down", stopped, 40)
    changes = len(cloud.changes())
    assert cloud.servers(), "something is left to be given back"

    def nothing_is_done():
        cloud.hindered()
        return len(cloud.changes()) == changes

    cloud.stays("nothing is done that cannot be written down first", nothing_is_done, 4)
    disk.drain()
    cloud.until_empty()
    assert cloud.workers() == workers, "nobody was restarted"
    assert cloud.summary()["jobs_lost"] == 0
    cloud.until("the alarm is over", lambda: alarm_over(cloud, 0), 10)


@pytest.mark.parametrize("role", ["reconciler", "actuator"])
def test_a_worker_is_started_again_on_a_full_disk(cloud, role):
    cloud.start_simulator()
    disk = SmallDisk(cloud.folder / "state", 512)
    begin(cloud, audit_reserve="64KiB")
    idle_machines(cloud, 1)
    disk.fill()
    for _ in range(3):
        pid = cloud.until(f"the {role} runs", lambda: cloud.workers().get(role))
        os.kill(pid, signal.SIGKILL)
        cloud.hindered()
        cloud.until("it is started again", lambda pid=pid: cloud.workers().get(role) not in (None, pid), 10)
        cloud.until("and it is ready", cloud.ready, 10)
    cloud.until_empty()
    assert disk.free() == 0
    assert cloud.summary()["jobs_lost"] == 0


def whole_log(cloud):
    """Every line of every segment, in order; an assertion where one is no JSON or one is missing."""
    folder = cloud.folder / "state"
    paths = [folder / "audit.jsonl", *sorted(folder.glob("audit.jsonl.*"), key=lambda path: int(path.suffix[1:]))]
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()], paths


def fill_segment(cloud, free):
    """Lines of an older time in the log, so that only `free` bytes are left of 64 KiB."""
    log = cloud.folder / "state" / "audit.jsonl"
    body = {"time": "2026-01-01T00:00:00Z", "event": "outcome", "id": "1-1", "kind": "drain_node", "node": "old",
            "outcome": "done", "trouble": "none", "http_status": 0, "duration_ms": 0, "retry_after_ms": 0, "server_id": 0,
            "created_ms": 0, "left": 0, "text": 400 * "x"}
    count = (65536 - free) // len(chain([body] * 100)) * 100
    while len(chain([body] * (count + 1))) <= 65536 - free:
        count += 1
    log.write_text(chain([body] * count))


def test_the_audit_log_goes_on_in_the_next_segment(cloud):
    cloud.start_simulator()
    cloud.write_config()
    fill_segment(cloud, 20000)
    begin(cloud, audit_max="64KiB", audit_reserve="8KiB")
    workers = cloud.workers()
    idle_machines(cloud, 1)
    cloud.until("there is a next segment", lambda: (cloud.folder / "state" / "audit.jsonl.1").exists(), 20)
    os.kill(cloud.workers()["actuator"], signal.SIGKILL)
    cloud.hindered()
    cloud.until("the actuator is started again", lambda: cloud.workers().get("actuator") not in (
        None, workers["actuator"]))
    cloud.until_empty()

    def ids(event):
        return {line["id"] for line in whole_log(cloud)[0] if line["event"] == event}

    cloud.until("every intent has its outcome, whatever segment it is in", lambda: ids("intent") <= ids("outcome"), 5)
    lines, paths = whole_log(cloud)
    assert len(paths) >= 2 and {"create_server", "remove_node"} <= {line.get("kind") for line in lines}
    assert [line["id"] for line in lines if line["event"] == "segment"][0] != "0-0", "a segment says what went before"


def test_an_empty_next_segment_is_gone_on_in(cloud):
    """The disk was full when it was made: what stands in the one before is known, and nothing keeps the daemon from running."""
    cloud.start_simulator()
    cloud.write_config()
    fill_segment(cloud, 33200)
    empty = cloud.folder / "state" / "audit.jsonl.1"
    empty.touch(mode=0o600)
    begin(cloud, audit_max="64KiB", audit_reserve="8KiB")
    idle_machines(cloud, 1)
    cloud.until_empty()
    lines, _ = whole_log(cloud)
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1)), "one count over both"


def test_a_next_segment_that_cannot_be_opened_comes_when_it_can(cloud):
    cloud.start_simulator()
    config = cloud.write_config()
    fill_segment(cloud, 33200)
    blocked = cloud.folder / "state" / "audit.jsonl.1"
    cloud.write_config(pools=[dict(config["pools"][0], max=3)], files={"audit_max": "64KiB", "audit_reserve": "32KiB"})
    cloud.start_daemon()
    blocked.mkdir()
    workers = cloud.workers()
    idle_machines(cloud, 1)
    cloud.push(*[(["linux"], 2)] * 3)
    cloud.until("the log says what is in the way", lambda: re.search(
        rf"actuator does not get its next segment: .*{re.escape(str(blocked))}", cloud.daemon.text()), 10)
    cloud.until("creates stop with an alarm", lambda: re.search(
        r"alarm storage .*no next segment came", cloud.daemon.text()), 10)
    cloud.until_empty()
    blocked.rmdir()
    asked = len(creates(cloud))
    cloud.push((["linux"], 1))
    cloud.until("it rents again", lambda: len(creates(cloud)) > asked, 30)
    cloud.until("the next segment is there", blocked.is_file, 10)
    assert cloud.workers() == workers, "nobody was restarted"


def start_fails(cloud, *words):
    daemon = cloud.spawn_daemon()
    result = daemon.wait(30)
    assert result not in (0, -6, -11), daemon.text()
    for word in words:
        assert re.search(word, daemon.text()), f"{word} is not said in:\n{daemon.text()}"


@pytest.mark.parametrize("name", ["audit.jsonl", "checkpoint.0", "checkpoint.1", "epoch", "lock"])
def test_a_folder_where_a_file_should_be_is_named(cloud, name):
    cloud.start_simulator()
    cloud.write_config(supervisor={"restarts_max": 1})
    (cloud.folder / "state" / name).mkdir()
    start_fails(cloud, "epoch" if name == "epoch" else re.escape(str(cloud.folder / "state" / name)) if name != "lock"
                else re.escape(str(cloud.folder / "state")), "directory|regular file")
    assert not cloud.workers()


def test_an_audit_log_that_turns_immutable_stops_all_and_heals(cloud):
    cloud.start_simulator()
    begin(cloud)
    workers = cloud.workers()
    log = cloud.folder / "state" / "audit.jsonl"
    immutable(log)
    try:
        cloud.push((["linux"], 1))
        cloud.until("the alarm names the file", lambda: re.search(
            rf"alarm storage .*{re.escape(str(log))}", cloud.daemon.text()), 15)
        assert not cloud.changes(), "nothing is done that cannot be written down first"
    finally:
        immutable(log, False)
    cloud.until("the job has run", lambda: cloud.summary()["jobs_succeeded"] == 1)
    cloud.until_empty()
    assert cloud.workers() == workers


def test_an_immutable_audit_log_is_named_at_the_start(cloud):
    cloud.start_simulator()
    cloud.write_config(supervisor={"restarts_max": 1})
    log = cloud.folder / "state" / "audit.jsonl"
    log.touch()
    immutable(log)
    try:
        start_fails(cloud, re.escape(str(log)), "not permitted")
    finally:
        immutable(log, False)


def cut(length):
    return lambda bytes_: bytes_[:length]


def flip(place):
    return lambda bytes_: bytes_[:place] + bytes([bytes_[place] ^ 0x10]) + bytes_[place + 1:]


DAMAGES = {
    "empty": cut(0), "one byte": cut(1), "half a magic": cut(5), "the magic alone": cut(8), "no sum": cut(20),
    "a head alone": cut(44), "one byte of it": cut(45), "all but one byte": cut(-1),
    "garbage": lambda bytes_: b"\xff\x00garbage" * 500, "zeros": lambda bytes_: bytes(len(bytes_)),
    "a long length": lambda bytes_: bytes_[:8] + b"\xff\xff\xff\xff" + bytes_[12:], "a flipped bit": flip(60),
    "another magic": flip(0), "a flipped sum": flip(20), "text": lambda bytes_: b"hello, world\n",
}


def test_a_torn_checkpoint_loses_no_server_and_ends_no_job(cloud):
    """One job runs through it all. Both slots, the newer and the older are torn, each in some of the ways."""
    cloud.start_simulator(billing_period_ms=120000)
    cloud.write_config(billing={"period": "2m", "window": "20s"})
    cloud.start_daemon()
    job = cloud.push((["linux"], 600))[0]
    cloud.until("the job runs", lambda: cloud.jobs("in_progress"))
    slots = [cloud.folder / "state" / f"checkpoint.{slot}" for slot in (0, 1)]
    for turn, (name, damage) in enumerate(DAMAGES.items()):
        cloud.until("both slots were written", lambda: all(slot.stat().st_size for slot in slots), 10)
        cloud.daemon.kill(signal.SIGKILL)
        cloud.daemon.wait(5)
        newest = max(slots, key=lambda slot: slot.stat().st_mtime_ns)
        for slot in slots if turn % 3 == 0 else [newest] if turn % 3 == 1 else [one for one in slots if one != newest]:
            slot.write_bytes(damage(slot.read_bytes()))
        cloud.start_daemon(10)
        if name not in ("empty", "zeros"):
            assert re.search(r"slot [01] of the checkpoint is torn|no slot of the checkpoint is whole", cloud.daemon.text()), \
                f"{name}: {cloud.daemon.text()}"
        assert cloud.jobs("in_progress"), f"{name}: the job still runs"
    cloud.control.send("POST", f"/jobs/{job}/cancel")
    assert cloud.summary()["servers_rented"] == 1
    assert cloud.summary()["jobs_lost"] == 0
