"""Answers that no well-behaved server gives, from each of the three APIs, to those that read and to the one that acts: each
ends in a sentence that says what was tried, on what and what came back; nothing is lost, and it heals."""

import re
import subprocess

import pytest
from cloud import APIS, BIN
from odd_answers import ODD, after_effect
from programs import Failure


def beings_everywhere(cloud):
    """One of each that a list can hold, none of it ours to touch: a list that is empty has nothing that can be wrong."""
    labels = {"managed-by": "ebbtide", "ebbtide-cluster": "default"}
    cloud.control.send("POST", "/servers", {"name": "stranger", "labels": labels})
    cloud.control.send("POST", "/nodes", {"name": "stranger", "labels": labels})
    cloud.control.send("POST", "/runners", {"name": "rack-1", "labels": ["gpu"]})
    cloud.push({"labels": ["nobody-has-this"], "duration_ms": 1000})


def status(cloud):
    """What a person sees, each alarm on one line."""
    said = subprocess.run([str(BIN / "ebbtide"), "status", "--config", str(cloud.config_file)], capture_output=True,
                          text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    assert said.returncode == 0, said
    return said.stdout


def lines_of(cloud, api, since):
    return [line for line in cloud.daemon.text()[since:].splitlines() if f"poller-{api}: cannot " in line]


def test_each_poller_names_each_odd_answer(cloud):
    cloud.start_simulator()
    cloud.write_config(http={"total_timeout": "1s", "connect_timeout": "1s"})
    beings_everywhere(cloud)
    cloud.start_daemon()
    workers = cloud.workers()
    for name, (fault, words) in ODD.items():
        since = len(cloud.daemon.text())
        cloud.fault(**fault, method="GET")
        try:
            for api in APIS:
                address = re.escape(cloud.apis[api].base)
                pattern = rf"{address}.*({words})"
                cloud.until(f"poller-{api} says of {name!r} what came back", lambda api=api, pattern=pattern, since=since:
                            any(re.search(pattern, line) for line in lines_of(cloud, api, since)), 10)
        except Failure as failure:
            raise Failure(f"{failure}; it said: {cloud.daemon.text()[since:][:3000]}") from None
        cloud.heal()
        since = cloud.requests()[-1]["n"]
        cloud.until(f"each API is read again after {name!r}", lambda since=since: {
            one["api"] for one in cloud.requests(since=since) if one["status"] == 200 and not one["fault"]} == set(APIS), 10)
    assert cloud.workers() == workers, "no worker died of an answer"
    assert not cloud.changes()
    cloud.fault(**ODD["invalid UTF-8"][0], method="GET")
    for api in APIS:
        cloud.until(f"the table shows an alarm of {api} with what came back", lambda api=api: re.search(
            rf"stale-source.*{api}.*decode byte", status(cloud)), 15)
    cloud.heal()
    cloud.until("the daemon is ready again", cloud.ready)
    cloud.until("no alarm stands any longer", lambda: "stale-source" not in status(cloud))
    cloud.push((["linux"], 1))
    cloud.until("it rents again", lambda: any(name != "stranger" for name in cloud.servers()))


WRITES = [("hetzner", "POST", "^/v1/servers$", "create"), ("hetzner", "DELETE", "^/v1/servers/", "delete"),
          ("gitea", "PATCH", "/actions/runners/", "disable"), ("gitea", "DELETE", "/actions/runners/", "delete"),
          ("kube", "PATCH", "^/api/v1/nodes/", "cordon"), ("kube", "POST", "/eviction", "evict"),
          ("kube", "DELETE", "^/api/v1/nodes/", "delete")]
MACHINES = 3
KINDS = ["64 MiB", "invalid UTF-8", "deep nesting", "wrong types", "nothing", "a list at the top", "a length too long",
         "a length too short", "a negative length", "two lengths", "broken chunks", "no HTTP", "a head without end",
         "half a body, then silence", "silence"]
PARTS = [KINDS[at::5] for at in range(5)]


@pytest.mark.parametrize("kinds", PARTS, ids=lambda kinds: "-".join(kinds).replace(" ", "_").replace(",", ""))
def test_a_change_whose_answer_is_odd_is_made_once(cloud, kinds):
    """Each kind of change is answered oddly once in each of these ways, after it took effect."""
    cloud.start_simulator()
    cloud.write_config(http={"total_timeout": "1s", "connect_timeout": "1s"}, pools=[dict(cloud.write_config()["pools"][0], max=MACHINES)])
    cloud.start_daemon()
    workers = cloud.workers()
    for place, kind in enumerate(kinds):
        for api, method, pattern, _ in WRITES:
            cloud.fault(**after_effect(ODD[kind][0]), api=api, method=method, path_regex=pattern, skip=place, count=1,
                        comment=kind)
    cloud.push(*[(["linux"], 2)] * MACHINES)
    cloud.until("the jobs have run", lambda: cloud.summary()["jobs_succeeded"] == MACHINES, 60)
    cloud.until_empty(90)
    summary = cloud.summary()
    assert summary["jobs_lost"] == 0
    created = [one["request"]["name"] for one in cloud.requests("hetzner", "POST")]
    assert summary["servers_rented"] == len(set(created)) <= MACHINES + 1, "a server was made twice"
    assert cloud.workers() == workers, "no worker died of an answer"
    struck = [rule["fault"] for rule in cloud.control.get("/faults")["faults"] if rule["struck"]]
    assert len([rule for rule in struck if rule["api"] == "hetzner" and rule["method"] == "POST"]) >= len(kinds) - 1
    for kind in {rule["comment"] for rule in struck if rule["method"] == "POST" and rule["api"] == "hetzner"}:
        assert re.search(rf"actuator: .*create.*/v1/servers.*({ODD[kind][1]})", cloud.daemon.text()), \
            f"no sentence about {kind} in:\n{cloud.daemon.text()}"


# What only the actuator asks before it acts: its own eyes.
LOOKS = [("hetzner", "^/v1/servers/[0-9]"), ("hetzner", r"^/v1/servers\?name="), ("hetzner", "^/v1/actions/"),
         ("gitea", r"jobs\?status=in_progress&limit"), ("gitea", "/version$"), ("kube", "^/api/v1/nodes/[^?]"),
         ("kube", r"^/api/v1/pods\?.*fieldSelector")]
STRIKES = 4  # on each of them, each time with another kind


def test_the_actuators_own_looks_may_be_answered_oddly(cloud):
    """Each of its looks is answered oddly some times, and each way to be odd strikes one; it says so, and acts on none."""
    cloud.start_simulator()
    cloud.write_config(http={"total_timeout": "1s", "connect_timeout": "1s"})
    cloud.start_daemon()
    workers = cloud.workers()
    kinds = list(ODD)
    assert len(LOOKS) * STRIKES >= len(kinds)
    for place in range(len(LOOKS) * STRIKES):
        (api, pattern), kind = LOOKS[place // STRIKES], kinds[place % len(kinds)]
        cloud.fault(**ODD[kind][0], api=api, method="GET", path_regex=pattern, skip=2 * (place % STRIKES), count=1,
                    comment=kind)
    cloud.push(*[(["linux"], 2)] * 3)
    cloud.until("the jobs have run", lambda: cloud.summary()["jobs_succeeded"] == 3, 60)
    cloud.until_empty(90)
    assert cloud.summary()["jobs_lost"] == 0
    assert cloud.workers() == workers, "no worker died of an answer"
    struck = {rule["fault"]["comment"] for rule in cloud.control.get("/faults")["faults"] if rule["struck"]}
    lines = [line for line in cloud.daemon.text().splitlines() if " actuator: " in line and " cannot " in line]
    # Following a create's action is asked again in silence, and the version is asked once.
    unsaid = [kind for kind in struck if not any(re.search(ODD[kind][1], line) for line in lines)]
    assert len(struck) > len(kinds) // 2, f"too few struck: {struck}"
    assert len(unsaid) <= STRIKES + 1, f"no sentence about {unsaid} in:\n" + "\n".join(lines)
