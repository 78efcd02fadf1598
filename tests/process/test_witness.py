"""The simulator's witness over HTTP: what a client does against Ebbtide's promises is seen at the call, and what a person does
is not held against it. The daemon of the first test is real, the bad client of the others is the test itself."""

import pytest
from cloud import RACE_MS, TOKENS, witness_rules
from programs import Http


def client(cloud, api):
    """Asks as the daemon would: without the mark of a person."""
    return Http(f"http://127.0.0.1:{cloud.ports[api]}", TOKENS[api, "write"], "token" if api == "gitea" else "Bearer")


def broken(cloud):
    return [one["promise"] for one in cloud.control.get("/witness")["broken"]]


def test_a_whole_life_is_judged_and_breaks_nothing(running):
    running.push((["linux"], 1))
    running.until("the job has run", lambda: running.summary()["jobs_succeeded"] == 1)
    running.until_empty()
    seen = running.control.get("/witness")
    assert seen["broken_total"] == 0
    for promise in ("job_kept", "fenced_first", "steps_in_order", "servers_capped", "one_demand_one_create", "none_forgotten",
                    "no_idle_hour"):
        assert seen["judged"][promise] > 0, f"{promise} was never judged: {seen}"


@pytest.fixture(name="busy")
def make_busy(cloud):
    """A machine with a job on it, and nobody to look after it any more."""
    cloud.start_simulator()
    cloud.start_daemon()
    cloud.push((["linux"], 600))
    cloud.until("the job runs", lambda: cloud.jobs("in_progress"))
    assert cloud.stop_daemon() == 0
    cloud.stays("nothing is broken, and the runner is no longer so young that nobody could have fenced it",
                lambda: not broken(cloud), RACE_MS / 1000 + 0.5)
    return cloud


def test_whoever_ends_a_job_is_seen(busy):
    busy.breaks_promises = ("job_kept", "steps_in_order", "fenced_first")
    name, server = next(iter(busy.servers().items()))
    pod = next(iter(busy.pods()))
    client(busy, "kube").send("POST", f"/api/v1/namespaces/gitea-runners/pods/{pod}/eviction",
                              {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}})
    assert set(broken(busy)) == {"job_kept", "steps_in_order"}
    client(busy, "gitea").send("DELETE", f"/api/v1/admin/actions/runners/{next(iter(busy.runners()))}")
    assert broken(busy).count("job_kept") == 2 and "fenced_first" in broken(busy)
    client(busy, "kube").send("DELETE", f"/api/v1/nodes/{name}")
    client(busy, "hetzner").send("DELETE", f"/v1/servers/{server['id']}")
    assert {one["sentence"] for one in busy.control.get("/witness")["broken"] if one["promise"] == "job_kept"} == {
        next(one["sentence"] for one in busy.control.get("/witness")["broken"] if one["promise"] == "job_kept")}


def test_a_person_may_do_the_same(busy):
    pod = next(iter(busy.pods()))
    busy.apis["kube"].send("POST", f"/api/v1/namespaces/gitea-runners/pods/{pod}/eviction",
                           {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}})
    busy.apis["gitea"].send("DELETE", f"/api/v1/admin/actions/runners/{next(iter(busy.runners()))}")
    busy.apis["hetzner"].send("DELETE", f"/v1/servers/{next(iter(busy.servers().values()))['id']}")
    assert not broken(busy)


def test_a_persons_fence_that_is_lifted_is_seen(busy):
    busy.breaks_promises = ("persons_fence_kept",)
    runner = next(iter(busy.runners()))
    busy.apis["gitea"].send("PATCH", f"/api/v1/admin/actions/runners/{runner}", {"disabled": True})
    client(busy, "gitea").send("PATCH", f"/api/v1/admin/actions/runners/{runner}", {"disabled": False})
    assert broken(busy) == ["persons_fence_kept"]


def test_a_server_that_nothing_asks_for_or_too_many_is_seen(cloud):
    cloud.breaks_promises = ("one_demand_one_create", "servers_capped", "strangers_untouched", "name_used_once",
                             "steps_in_order")
    cloud.start_simulator()
    cloud.write_config()
    hetzner = client(cloud, "hetzner")

    def rent(name, pool="linux"):
        return hetzner.send("POST", "/v1/servers", {
            "name": name, "server_type": "ccx33", "image": "ubuntu-24.04", "location": "nbg1",
            "labels": {"managed-by": "ebbtide", "ebbtide-cluster": "default", "ebbtide-pool": pool, "ebbtide-id": "1-1"}})

    rent("ebb-linux-1-1")
    assert broken(cloud) == ["one_demand_one_create"]
    cloud.push(*[(["linux"], 5)] * 9)
    for number in range(2, 4):
        rent(f"ebb-linux-1-{number}")
    assert broken(cloud) == ["one_demand_one_create"]
    rent("ebb-linux-1-4")
    assert "servers_capped" in broken(cloud), "the pool's max is three"
    cloud.control.send("POST", "/servers", {"name": "mine", "labels": {}})
    mine = cloud.apis["hetzner"].get("/v1/servers?name=mine")["servers"][0]["id"]
    cloud.until("it is no longer locked and can be deleted", lambda: hetzner.send("DELETE", f"/v1/servers/{mine}"))
    assert "strangers_untouched" in broken(cloud)


@pytest.mark.parametrize("change, key", [({"servers_max": "many"}, "servers_max"), ({"pools": 7}, "pools"),
                                         ({"cluster": None}, "cluster"), ({"race_ms": -1}, "race_ms"),
                                         ({"pools": [{"name": "x"}]}, "min")])
def test_rules_that_are_none_are_named(cloud, change, key):
    cloud.start_simulator()
    cloud.write_config()
    answer = cloud.control.request("PUT", "/witness", dict(witness_rules(cloud.config), **change))
    assert answer.status == 400 and f'\\"{key}\\"' in answer.body.decode(), answer.body
