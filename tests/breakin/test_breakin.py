"""A worker that was taken over gains little: each attempt of attempts.def is refused, the other workers go on, nothing is
rented or removed, and no promise is broken. All of it is seen from outside."""

import subprocess
import time

import pytest
from breakin import HELLO, HELLO_OTHER_ROLE, HELLO_OTHER_TABLE, HELLO_RIGHT, ROLES, Breakin, attempts, frames, peers
from cloud import BIN

# An hour that is long enough that nothing is torn down for its sake while the attempts last.
LONG_HOUR = {"billing": {"period": "200s", "window": "9s"}}
CASES = [pytest.param(role, attempt, id=f"{role}-{attempt.name}", marks=pytest.mark.xdist_group(role))
         for role in ROLES for attempt in attempts() if role in attempt.roles]

# Messages that are believed or refused without a word of their own, and the test that judges what comes of them.
JUDGED_ELSEWHERE = {"picture_of_nothing": "test_a_poller_that_lies_ends_no_job",
                    "refused_orders": "test_refused_orders_do_not_fill_the_disk"}


@pytest.fixture(name="clouds", scope="module")
def keep_clouds(tmp_path_factory):
    """One daemon for each broken role, started when it is first needed; at the end no promise may have been broken."""
    clouds = {}

    def get(role):
        if role not in clouds:
            cloud = clouds[role] = Breakin(tmp_path_factory.mktemp(role), role)
            if role == "reconciler":
                cloud.rules_of_witness = {"demand_memory_ms": 600000}
            cloud.start(period_ms=200000 if role == "reconciler" else 20000, **(LONG_HOUR if role == "reconciler" else {}))
            if role == "reconciler":
                cloud.make_fleet()
        return clouds[role]

    yield get
    broken = []
    for role, cloud in clouds.items():
        try:
            broken += [f"{role}: {line}" for line in cloud.broken_promises().splitlines()]
        finally:
            cloud.end()
    assert not broken, "promises were broken:\n" + "\n".join(broken)


def fleet_of(cloud):
    """The names of all servers, ours or not."""
    return {server["name"] for server in cloud.apis["hetzner"].get("/v1/servers?per_page=50")["servers"]}


@pytest.mark.parametrize("role, attempt", CASES)
def test_attempt(clouds, role, attempt):
    cloud = clouds(role)
    siblings, fleet = cloud.siblings(), fleet_of(cloud)
    outcome = cloud.try_it(attempt)
    assert outcome in attempt.refusals, f"{attempt.name} from the {role}: {outcome}\n{cloud.daemon.tail()[-2500:]}"
    if outcome == "SIGSYS":
        assert cloud.heard(cloud.mark, f"{role} (process {cloud.tried_by}) was killed by its sandbox (SIGSYS)"), cloud.daemon.tail()
    assert outcome != "SENT" or attempt.log or attempt.name in JUDGED_ELSEWHERE, "nothing would be seen"
    for words in attempt.log:
        cloud.until(f"the log says: {words}", lambda words=words: cloud.heard(cloud.mark, words), 10)
    assert cloud.siblings() == siblings, "another worker has ended as well"
    assert not cloud.stranger_called(), "a stranger was connected to"
    assert fleet <= fleet_of(cloud), "a server is gone"
    assert cloud.daemon.alive() and not list(cloud.folder.glob("planted*")), "something was left behind"
    if attempt.name == "order_the_supervisor":
        cloud.until_it_runs(cloud.tried_by)
    if attempt.name == "create_a_thousand":
        assert len(cloud.servers()) <= cloud.config["pools"][0]["max"], "more servers than the judge allows"
        refused = [line for line in cloud.audit() if "pool-max" in str(line)]
        assert refused, "the audit log does not show what was refused"


# The table of messages lets the monitor say hello to these, and nothing else that could carry a descriptor along.
MUTE = {("monitor", "stray_descriptor"): {"actuator", "dialer", "poller-gitea", "poller-hetzner", "poller-kube"}}


@pytest.mark.parametrize("role", [pytest.param(role, marks=pytest.mark.xdist_group(role)) for role in ROLES])
@pytest.mark.parametrize("frame, words", [pytest.param(*row, id=row[0]) for row in frames()])
def test_frame(clouds, role, frame, words):
    """What breaks the form of a channel closes it, whoever it is said to: each peer says so by itself, the supervisor last,
    which then starts the worker anew, with all its channels."""
    cloud = clouds(role)
    cloud.start_anew()
    siblings, fleet, before = cloud.siblings(), fleet_of(cloud), cloud.workers()[role]
    mark = len(cloud.daemon.text())
    mute = MUTE.get((role, frame), set())
    assert len(peers(role)) > 1 and set(peers(role)) <= set(siblings)
    for peer in peers(role):
        assert cloud.say_to(peer, frame) == ("MUTE" if peer in mute else "SENT"), f"{frame} to the {peer}"
    for peer in set(peers(role)) - mute:
        line = f" {peer}: channel to the {role} ended: the {role} {words}"
        cloud.until(f"the {peer} refuses it", lambda line=line: cloud.heard(mark, line), 10)
    assert cloud.workers()[role] == before, "the worker has ended before the supervisor was spoken to"
    assert cloud.say_to("supervisor", frame) == "SENT"
    line = f" supervisor: {role}: its control channel is closed: the {role} {words}"
    cloud.until("the supervisor refuses it", lambda: cloud.heard(mark, line), 10)
    cloud.until_it_runs(before)
    assert cloud.siblings() == siblings and fleet <= fleet_of(cloud) and cloud.daemon.alive()


@pytest.mark.parametrize("role", [pytest.param(f"poller-{api}", marks=pytest.mark.xdist_group(f"lies-{api}"))
                                  for api in ("gitea", "hetzner", "kube")])
def test_a_poller_that_lies_ends_no_job(tmp_path, role):
    """It says again and again that nothing is there; the actuator looks for itself before it touches anything."""
    cloud = Breakin(tmp_path, role)
    lie = next(attempt for attempt in attempts() if attempt.name == "picture_of_nothing")
    try:
        cloud.start(period_ms=20000)
        cloud.push((["linux"], 9))
        cloud.until("a machine runs the job", lambda: cloud.jobs("in_progress"))
        busy = set(cloud.servers())
        for _ in range(40):
            assert cloud.try_it(lie) == "SENT"
            time.sleep(0.1)
        assert busy <= set(cloud.servers()), "a machine that runs a job is gone"
        assert len(cloud.servers()) <= cloud.config["pools"][0]["max"]
        cloud.start_anew()
        cloud.until("the job ends", lambda: cloud.jobs("completed"), 20)
        assert cloud.summary()["jobs_lost"] == 0
        assert not cloud.broken_promises()
    finally:
        cloud.end()


@pytest.mark.xdist_group("refusals")
def test_refused_orders_do_not_fill_the_disk(tmp_path):
    """Ten thousand orders that the actuator refuses: each is answered and counted, the audit log grows by what a person can
    read, and says how many more there were. The person hears of it without the reconciler, and by the next one."""
    cloud = Breakin(tmp_path, "reconciler")
    rows = {attempt.name: attempt for attempt in attempts()}
    log = cloud.folder / "state" / "audit.jsonl"
    try:
        cloud.start(period_ms=200000, **LONG_HOUR)
        began = time.monotonic()
        for _ in range(20):
            assert cloud.try_it(rows["refused_orders"]) == "SENT"
            time.sleep(0.1)

        def counted(name, outcome="refused"):
            return sum(value for series, value in cloud.metrics().items()
                       if series.startswith(name + "{") and f'outcome="{outcome}"' in series)

        cloud.until("each of them was refused", lambda: counted("ebbtide_actions_total") == 10000, 30)
        least = 64 + (time.monotonic() - began) / 7.5 + 1
        lines = [line for line in cloud.audit() if line.get("outcome") == "refused"]
        assert 64 <= len(lines) <= least, "so many have lines of their own"
        assert log.stat().st_size < 256 * 1024, "the audit log is filled with what was refused"
        assert "more orders were refused than the audit log has lines for" in cloud.daemon.text()
        told = [line for line in cloud.daemon.text().splitlines() if " actuator: " in line and "rail offer" in line]
        assert 64 <= len(told) <= least, "the actuator fills the daemon's log instead"
        assert counted("ebbtide_audit_omitted_total") == 10000 - len(lines)
        cloud.until("there is an alarm", lambda: "alarm audit (audit log): at " in cloud.daemon.text(), 20)
        mark = len(cloud.daemon.text())
        cloud.start_anew()
        cloud.until("the next reconciler raises it too", lambda: cloud.heard(mark, "alarm audit (audit log): at "), 20)
        cloud.push((["linux"], 1))
        cloud.until("work goes on", lambda: cloud.jobs("completed"), 40)
        all_lines = cloud.audit(own=True)
        numbers = [line for line in all_lines if line["event"] == "omitted"]
        assert sum(line["count"] for line in numbers) == 10000 - len(lines), "nobody was forgotten"
        assert numbers[0]["of"] == [{"kind": "create_server", "outcome": "refused", "rail": "offer", "count": numbers[0]["count"]}]
        made = next(line["seq"] for line in all_lines if line["event"] == "intent" and line["server_type"] == "ccx33")
        assert numbers[0]["seq"] < made, "the number stands before what came later"
        status, said = audit_says(cloud, "verify")
        assert status == 0 and f"left out: {10000 - len(lines)} actions" in said, said
        status, said = audit_says(cloud, "show", "--failed")
        assert status == 0 and f"{10000 - len(lines)} create_server: refused (rail offer)" in said, said
        assert not cloud.broken_promises()
    finally:
        cloud.end()


def audit_says(cloud, *words):
    """`ebbtide audit` of this daemon: its status, and all that it says."""
    done = subprocess.run([str(BIN / "ebbtide"), "audit", *words, "--config", str(cloud.config_file)], capture_output=True,
                          text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


# What does not hang on the list of system calls alone: users and Landlock refuse it as well. Not among them: listen_anywhere.
TWICE_REFUSED = ("open_secret", "open_secret_by_openat2", "open_memory", "open_environment", "open_descriptors",
                 "open_supervisor", "write_file", "make_folder", "remove_file", "trace", "kill_sibling", "signal_sibling",
                 "connect_elsewhere", "listen_tcp", "packet_socket", "fork_child", "other_root", "become_root", "become_root_again",
                 "take_capabilities", "raise_limits", "run_program")


@pytest.mark.parametrize("role", [pytest.param(role, marks=pytest.mark.xdist_group(f"without-seccomp-{role}"))
                                  for role in ("poller-gitea", "actuator")])
def test_without_the_list_of_system_calls(tmp_path, role):
    """Where one wall is down the next one stands."""
    cloud = Breakin(tmp_path, role)
    rows = {attempt.name: attempt for attempt in attempts()}
    try:
        cloud.start(period_ms=20000, sandbox={"without": ["seccomp"]})
        siblings = cloud.siblings()
        seen = {name: cloud.try_it(rows[name]) for name in TWICE_REFUSED}
        assert {name: one for name, one in seen.items() if one not in ("EACCES", "EPERM", "EAGAIN")} == {}
        assert cloud.siblings() == siblings and not list(cloud.folder.glob("planted*"))
        assert not cloud.stranger_called()
    finally:
        cloud.end()


@pytest.mark.parametrize("role", [pytest.param(role, marks=pytest.mark.xdist_group(role)) for role in ROLES])
@pytest.mark.parametrize("hello, words", [(HELLO_OTHER_TABLE, "was built from another table of messages"),
                                          (HELLO_OTHER_ROLE, "said hello")], ids=["other-table", "other-role"])
def test_hello(clouds, role, hello, words):
    """Who does not say the right hello is not talked to."""
    cloud = clouds(role)
    siblings, mark = cloud.siblings(), len(cloud.daemon.text())
    cloud.board.put(HELLO, "I", hello)
    try:
        cloud.start_anew()
        cloud.until("a peer refuses the hello", lambda: cloud.heard(mark, words), 10)
    finally:
        cloud.board.put(HELLO, "I", HELLO_RIGHT)
    assert cloud.siblings() == siblings
    cloud.start_anew()


@pytest.mark.parametrize("role", [pytest.param(role, marks=pytest.mark.xdist_group(role)) for role in ROLES])
def test_work_goes_on(clouds, role):
    """After all that: started anew, the worker does its own work again, and the fleet with it."""
    cloud = clouds(role)
    cloud.start_anew()
    cloud.until("the daemon is ready", cloud.ready)
    before = {job for job, one in cloud.jobs("completed").items()}
    cloud.push((["linux"], 1))
    cloud.until("a job ends", lambda: set(cloud.jobs("completed")) - before, 40)
    assert "forged by a poller" not in cloud.daemon.text(), "a poller was believed of another's API"
    assert cloud.summary()["jobs_lost"] == 0
