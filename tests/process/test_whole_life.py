"""The whole loop: jobs wait, machines come, jobs run, machines go before the next paid hour, in the one order."""

import re

from cloud import APIS

STEPS = ["create_server", "deregister_runner", "drain_node", "remove_node"]


def done_steps(audit, node):
    """The kinds of the actions of a node that ended well, in their order, each repetition once."""
    kinds = [line["kind"] for line in audit if line.get("node") == node and line.get("outcome") == "done"]
    return [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]


def first(requests, method, pattern, body=""):
    """The number of the first request that matched, or an assertion that names it."""
    for request in requests:
        if request["method"] == method and re.search(pattern, request["path"]) and body in str(request["request"]):
            return request["n"]
    raise AssertionError(f"no {method} {pattern} {body} among {[(r['method'], r['path']) for r in requests]}")


def test_one_machine_from_demand_to_nothing(cloud):
    cloud.start_simulator()
    cloud.write_config(pools=[dict(cloud.write_config()["pools"][0], max=1)])
    cloud.start_daemon()
    jobs = cloud.push((["linux"], 2), (["linux"], 2))
    server = cloud.until("a server is rented", lambda: next(iter(cloud.servers().values()), None))
    cloud.until("both jobs have run", lambda: all(
        cloud.jobs().get(job, {}).get("status") == "completed" for job in jobs), 40)
    cloud.until_empty()
    changes = [one for one in cloud.changes() if one["status"] < 300]
    order = [
        first(changes, "POST", r"/v1/servers"),
        first(changes, "PATCH", r"/actions/runners/\d+$", "True"),
        first(changes, "DELETE", r"/actions/runners/\d+$"),
        first(changes, "PATCH", r"/api/v1/nodes/", "unschedulable"),
        first(changes, "DELETE", rf"/api/v1/nodes/{server['name']}"),
        first(changes, "DELETE", rf"/v1/servers/{server['id']}$"),
    ]
    assert order == sorted(order), f"the steps came in another order: {order}"
    summary = cloud.summary()
    assert summary["jobs_succeeded"] == 2
    assert summary["jobs_lost"] == 0
    assert summary["servers_rented"] == 1
    cloud.until("the audit log holds the last outcome", lambda: done_steps(cloud.audit(), server["name"]) == STEPS, 5)


def test_given_back_before_the_next_paid_hour(cloud):
    cloud.start_simulator().start_daemon()
    cloud.push((["linux"], 2))
    cloud.until("a server is rented", cloud.servers)
    cloud.until_empty()
    summary = cloud.summary()
    assert summary["paid_periods"] == 1
    # Kept while it cost nothing more: gone in the last minutes of the hour, not when its job was done.
    gone = next(one for one in cloud.changes("hetzner") if one["method"] == "DELETE")
    came = next(one for one in cloud.changes("hetzner") if one["method"] == "POST")
    assert 10000 < gone["mono_ms"] - came["mono_ms"] < 20000


def test_nothing_is_rented_for_what_cannot_run(running):
    # A label that nobody serves, and a job that waits for it.
    running.push({"labels": ["gpu"], "duration_ms": 1000, "name": "lonely"},
                 {"labels": ["linux"], "duration_ms": 1000, "needs": [0], "name": "later"})
    running.stays("no server is rented", lambda: not running.servers(), 6)
    assert not running.changes()


def test_a_burst_rents_at_most_the_pools_max(running):
    jobs = running.push(*[(["linux"], 3)] * 8)
    running.until("all jobs have run", lambda: sum(
        one["status"] == "completed" for one in running.jobs("completed").values()) == len(jobs), 60)
    assert running.summary()["servers_max"] == 3
    running.until_empty()
    assert running.summary()["jobs_succeeded"] == len(jobs)


def test_every_intent_has_its_outcome(running):
    """An outcome without an intent is of a look that found nothing to change."""
    running.push((["linux"], 1))
    running.until("a server is rented", running.servers)
    running.until_empty()

    def open_intents():
        intents, outcomes = [], []
        for line in running.audit():
            (outcomes if "outcome" in line else intents).append(line["id"])
            assert "outcome" in line or line["id"] not in outcomes, f"an intent after its outcome: {line}"
        assert len(set(intents)) == len(intents), "one intent twice"
        return set(intents) - set(outcomes)

    running.until("every intent has its outcome", lambda: not open_intents(), 5)
    kinds = {line["kind"] for line in running.audit() if "outcome" not in line}
    assert kinds == set(STEPS), "each step that changes something says so before"


def test_a_permanent_runner_that_is_free_saves_a_machine(running):
    running.control.send("POST", "/runners", {"name": "rack-1", "labels": ["linux"]})
    running.push((["linux"], 1))
    running.until("the job has run", lambda: running.summary()["jobs_succeeded"] == 1)
    assert not running.changes("hetzner")
    assert len(running.runners()) == 1, "a permanent runner is never touched"


def test_readyz_and_metrics_show_the_fleet(running):
    running.push((["linux"], 3))
    running.until("a node is busy", lambda: any(
        value == 1 for name, value in running.metrics().items() if "busy" in name and "nodes" in name))
    assert running.monitor.request("GET", "/healthz").status == 200
    assert {api for api in APIS if running.requests(api)} == set(APIS)
