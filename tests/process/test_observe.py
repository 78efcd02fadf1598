"""mode: observe decides, logs and shows, and touches nothing."""

from cloud import BIN
from programs import Program


def test_observe_changes_nothing_and_says_what_it_would_do(cloud):
    cloud.start_simulator()
    cloud.write_config(mode="observe")
    cloud.start_daemon()
    cloud.push(*[(["linux"], 1)] * 3)
    cloud.until("the log says that a server would be created", lambda: "create_server" in cloud.daemon.text())
    cloud.stays("nothing is changed anywhere", lambda: not cloud.changes(), 4)
    assert not cloud.audit()
    tokens = {one["token"] for one in cloud.requests()}
    assert tokens == {"read"}, "in observe no process has a token that may write"


def test_observe_needs_no_write_secrets(cloud):
    cloud.start_simulator()
    config = cloud.write_config(mode="observe")
    cloud.write_config(mode="observe", gitea={"write_token_file": None}, hetzner={"write_token_file": None},
                       kube={"write_kubeconfig_file": None},
                       pools=[{key: value for key, value in config["pools"][0].items() if key != "join_token_file"}])
    cloud.start_daemon()
    cloud.push((["linux"], 1))
    cloud.until("the log says what it would do", lambda: "create_server" in cloud.daemon.text())


def test_who_watches_for_long_is_not_told_that_the_daemon_is_silent(cloud):
    cloud.start_simulator()
    cloud.write_config(mode="observe")
    cloud.start_daemon()
    watch = Program("watch", [BIN / "ebbtide", "status", "--config", cloud.config_file, "--watch"],
                    cloud.folder / "watch.log")
    try:
        # Longer than the wait for one answer (5 s): the limit of one question must not end a later one.
        cloud.until("nine pictures", lambda: watch.text().count("ebbtide observe") >= 9, 30)
    finally:
        watch.end()
    assert "not answered" not in watch.text()
