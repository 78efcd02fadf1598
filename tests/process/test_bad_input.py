"""What a user gets wrong: each is a sentence that names the place and what to do, and nothing is lost or left running."""

import re
import socket
import subprocess

import pytest
from cloud import BIN
from doors import TlsDoor, certificate
from programs import write_secret

# (what is written, what the finding names): ten mistakes in one file.
TEN_MISTAKES = """\
mode: sometimes
gitea:
  url: ftp://git.example.com
  poll_interval: 5
  tokenfile: /etc/ebbtide/gitea
  scope: planet
hetzner:
  token_file: /etc/ebbtide/hetzner
  token_file: /etc/ebbtide/hetzner-again
billing:
  period: 1 hour
rails:
  max_servers: many
  max_hourly_cost: -1.00
pools:
  - name: Not A Name
    capacity: 0
    max: 3
"""
NAMED = ["mode", "gitea.url", "poll_interval", "tokenfile", "scope", "token_file", "period", "max_servers",
         "max_hourly_cost", "name", "capacity"]


def run(*words, seconds=20):
    return subprocess.run([str(BIN / "ebbtide"), *map(str, words)], capture_output=True, text=True, check=False,
                          timeout=seconds, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("command", [("check-config",), ("run", "--config")], ids=["check-config", "run"])
def test_ten_mistakes_are_named_at_once(tmp_path, command):
    path = tmp_path / "bad.yaml"
    path.write_text(TEN_MISTAKES)
    result = run(*command, path)
    said = result.stdout + result.stderr
    assert result.returncode != 0
    places = re.findall(rf"{re.escape(str(path))}:(\d+):(\d+): ", said)
    assert len(places) >= 10, said
    missing = [name for name in NAMED if name.rsplit(".", 1)[-1] not in said]
    assert not missing, f"{missing} not named in:\n{said}"


def test_render_shows_the_pool_that_is_named(cloud):
    first = cloud.write_config()["pools"][0]
    cloud.write_config(pools=[dict(first, labels={"of": "first"}),
                              dict(first, name="big", label_sets=[["big"]], labels={"of": "second"})])
    for words, seen in (((), "of=first"), (("--pool", "linux"), "of=first"), (("--pool", "big"), "of=second"),
                        (("--pool=big",), "of=second")):
        result = run("render", "--config", cloud.config_file, *words)
        assert result.returncode == 0, result.stderr
        assert re.findall("of=(?:first|second)", result.stdout) == [seen], result.stdout
    for words, said in ((("--pool", "small"), "no pool called small"), (("--pool",), "nothing follows --pool"),
                        (("--pool", "big", "--pool=linux"), "one pool, not also linux"),
                        (("--pools=big",), "does not know --pools=big"), ((cloud.config_file,), "takes one file")):
        result = run("render", "--config", cloud.config_file, *words)
        assert result.returncode != 0 and said in result.stderr, (words, result.stderr)
    result = run("status", "--pool", "big")
    assert result.returncode == 2 and "does not know --pool" in result.stderr


def start_fails(cloud, *names, seconds=20):
    """The daemon ends by itself with an error that names every word of `names`."""
    daemon = cloud.spawn_daemon()
    status = daemon.wait(seconds)
    text = daemon.text()
    assert status not in (0, -6, -11), text
    for name in names:
        assert str(name) in text, f"{name} is not named in:\n{text}"
    assert not cloud.workers()
    return text


def test_a_config_file_that_is_not_there(tmp_path):
    path = tmp_path / "nowhere.yaml"
    result = run("run", "--config", path)
    assert result.returncode != 0
    assert str(path) in result.stderr and "No such file" in result.stderr
    assert "copy /etc/ebbtide/ebbtide.example.yaml" in result.stderr and "first-hour.md" in result.stderr


def test_every_command_says_how_it_is_used():
    commands = re.findall(r"^  ([a-z-]+) ", run("help").stdout, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        result = run(command, "--help")
        assert result.returncode == 0 and "usage: ebbtide" in result.stdout, result


@pytest.mark.parametrize("which, worker", [("gitea-read", "poller-gitea"), ("hetzner-write", "actuator")])
def test_a_token_of_two_words_is_named(cloud, which, worker):
    cloud.write_config()
    path = cloud.folder / "secrets" / which
    write_secret(path, "two words\n")
    cloud.start_simulator()
    cloud.spawn_daemon()
    cloud.until("the log names the file", lambda: re.search(
        rf"{worker}: .*{re.escape(str(path))}: it holds no token: one word", cloud.daemon.text()))


def test_a_token_file_that_is_missing(cloud):
    config = cloud.write_config()
    path = cloud.folder / "secrets" / "gitea-read"
    path.unlink()
    start_fails(cloud, config["gitea"]["token_file"], "No such file")


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_short_period_with_a_cluster_that_is_not_on_loopback(cloud, kind):
    cloud.write_config()
    cloud.write_kubeconfig(kind, "https://192.0.2.1:6443")
    start_fails(cloud, cloud.folder / "secrets" / f"kube-{kind}", "billing.period", "loopback")


@pytest.mark.parametrize("which", ["gitea-write", "hetzner-read", "kube-write", "join"])
def test_a_secret_that_others_may_read(cloud, which):
    cloud.write_config()
    path = cloud.folder / "secrets" / which
    path.chmod(0o444)
    text = start_fails(cloud, path, "0400")
    assert "chmod" in text or "mode" in text


def test_an_empty_token_file(cloud):
    cloud.write_config()
    path = cloud.folder / "secrets" / "hetzner-write"
    write_secret(path, "\n")
    cloud.start_simulator()
    cloud.spawn_daemon()
    cloud.until("the log names the empty file", lambda: str(path) in cloud.daemon.text() and
                "empty" in cloud.daemon.text())


TEMPLATES = {"unknown variable": ("#cloud-config\nhostname: {{nme}}\n", ":2", "nme"),
             "not for cloud-init": ("hostname: {{name}}\n", "#cloud-config"),
             "larger than Hetzner takes": ("#cloud-config\nhostname: {{name}}\n#" + 33000 * "x", "32768"),
             "larger than any template": ("#cloud-config\n#" + 66000 * "x", "65536")}


@pytest.mark.parametrize("which", TEMPLATES)
def test_a_template_that_cannot_be_rendered(cloud, which):
    text, *said = TEMPLATES[which]
    path = cloud.folder / "template.yaml"
    path.write_text(text)
    config = cloud.write_config()
    cloud.write_config(pools=[dict(config["pools"][0], cloud_init_file=str(path))])
    start_fails(cloud, path, "pools[0].cloud_init_file", *said)


def test_a_port_that_is_taken(cloud):
    cloud.write_config()
    with socket.socket() as other:
        other.bind(("127.0.0.1", cloud.ports["monitor"]))
        other.listen()
        start_fails(cloud, cloud.ports["monitor"], "in use", "monitor.listen_port")


def test_an_api_that_answers_html(running):
    running.fault(api="gitea", effect="html")
    running.until("the log says that Gitea answers HTML", lambda: re.search(
        r"poller-gitea.*(HTML|text/html|JSON)", running.daemon.text()))
    running.push((["linux"], 1))
    running.stays("nothing is rented on a picture that is no picture", lambda: not running.servers(), 4)
    running.heal()
    running.until("it goes on when the API does", running.servers)


def test_a_wrong_authority_is_named(cloud):
    cloud.start_simulator()
    folder = cloud.folder / "pki"
    for name in ("right", "wrong"):
        certificate(folder, name)
    with TlsDoor(folder / "right.crt", folder / "right.key", cloud.ports["gitea"]) as door:
        url = f"https://127.0.0.1:{door.port}"
        cloud.write_config(gitea={"url": url, "ca_file": str(folder / "wrong.crt")})
        cloud.spawn_daemon()
        cloud.until("the log names the address and the certificate", lambda: re.search(
            rf"poller-gitea.*{re.escape(url)}.*certificate", cloud.daemon.text()))
        assert not cloud.requests("gitea")
        cloud.stop_daemon()
        cloud.write_config(gitea={"url": url, "ca_file": str(folder / "right.crt")})
        cloud.start_daemon()
        assert cloud.requests("gitea")
