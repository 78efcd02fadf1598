"""The supervisor by itself, over workers that do nothing (worker.c): what each is handed, how the dead are replaced, what a
reload changes, how all ends. Run by CTest:  test_supervisor_alone.py FOLDER_WITH_PROGRAMS"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "process"))
from programs import Program, free_ports, wait_until, write_secret  # noqa: E402  pylint: disable=wrong-import-position

BIN = pathlib.Path(sys.argv.pop()).resolve() if len(sys.argv) > 1 else None
DAEMON = 57901  # a user and group that no machine gives to anybody
ROLES = ["dialer", "actuator", "reconciler", "poller-gitea", "poller-hetzner", "poller-kube", "monitor"]
SECRETS = ["gitea-read", "gitea-write", "hetzner-read", "hetzner-write", "join"]
KUBECONFIG = {"apiVersion": "v1", "kind": "Config", "current-context": "a", "contexts": [
    {"name": "a", "context": {"cluster": "a", "user": "a"}}], "users": [{"name": "a", "user": {"token": "kube-secret"}}],
    "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}]}


class Supervised(unittest.TestCase):
    """A daemon over idle workers, in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ebbtide-supervisor-")  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "ebbtide.yaml"
        self.port = free_ports(1)[0]
        for name in SECRETS:
            write_secret(self.folder / name, f"secret-{name}\n")
        for name in ("kube-read", "kube-write"):
            write_secret(self.folder / name, json.dumps(KUBECONFIG))
        (self.folder / "cloud-init").write_text("#cloud-config\n", encoding="utf-8")
        self.daemon = None
        self.config = {
            "mode": "act",
            "gitea": {"url": "http://127.0.0.1:1", "token_file": self.path("gitea-read"),
                      "write_token_file": self.path("gitea-write")},
            "hetzner": {"url": "http://127.0.0.1:1/v1", "token_file": self.path("hetzner-read"),
                        "write_token_file": self.path("hetzner-write")},
            "kube": {"kubeconfig_file": self.path("kube-read"), "write_kubeconfig_file": self.path("kube-write")},
            "http": {"allow_http_on_loopback": True},
            "pools": [{"name": "linux", "label_sets": [["linux"]], "cloud_init_file": self.path("cloud-init"),
                       "server_url": "https://10.0.0.1:6443", "join_token_file": self.path("join")}],
            "files": {"state_dir": self.path("state"), "control_socket": self.path("control.sock")},
            "monitor": {"listen_port": self.port},
            "supervisor": {"heartbeat_timeout": "3s", "restart_first": "50ms", "restart_most": "200ms",
                           "stop_timeout": "4s"},
        }

    def path(self, name):
        return str(self.folder / name)

    def write(self, **changes):
        for section, values in changes.items():
            if isinstance(values, dict):
                self.config.setdefault(section, {}).update(values)
            else:
                self.config[section] = values
        self.file.write_text(json.dumps(self.config, indent=1), encoding="utf-8")

    def spawn(self, environment=None):
        if not self.file.exists():
            self.write()
        self.daemon = Program("ebbtide", [BIN / "ebbtide", "run", "--config", self.file], self.folder / "log",
                              environment=environment)
        self.addCleanup(self.daemon.end)

    def start(self, environment=None):
        self.spawn(environment)
        self.until("all workers run", lambda: "workers run" in self.said())

    def said(self):
        return self.daemon.text()

    def until(self, what, condition, seconds=15):
        try:
            return wait_until(what, condition, seconds, pause=0.05, alive=[self.daemon])
        except AssertionError as error:
            raise AssertionError(f"{error}; the log:\n{self.said()}") from None

    def until_said(self, pattern, times=1):
        self.until(f"{times} x {pattern}", lambda: len(re.findall(pattern, self.said())) >= times)

    def pids(self):
        found = {}
        for role, pid in re.findall(r"([a-z-]+) runs \(process (\d+)\)", self.said()):
            found[role] = int(pid)
        return found

    def fails(self, *names):
        self.spawn()
        self.assertNotIn(self.daemon.wait(10), (0, -6, -11), self.said())
        for name in names:
            self.assertIn(str(name), self.said())

    # ---- what workers are handed

    def test_each_worker_is_handed_its_own_files_and_no_others(self):
        self.start()
        self.assertEqual(sorted(self.pids()), sorted(ROLES))
        given = set(re.findall(r"([a-z-]+): file ([a-z-]+) (\d+) (.*)", self.said()))
        kinds = {role: {(kind, int(index)) for one, kind, index, _ in given if one == role} for role in ROLES}
        names = {kind for kind in ("resolv-conf", "hosts") if os.path.exists(
            {"resolv-conf": "/etc/resolv.conf", "hosts": "/etc/hosts"}[kind])}
        for role, own in {"poller-gitea": {"gitea-token"}, "poller-hetzner": {"hetzner-token"},
                          "poller-kube": {"kubeconfig"}, "monitor": {"listener"},
                          "actuator": {"gitea-token", "hetzner-token", "kubeconfig", "cloud-init", "join-token", "audit",
                                       "audit-head"},
                          "dialer": names, "reconciler": {"checkpoint", "control-listener"}}.items():
            self.assertEqual({kind for kind, _ in kinds[role]} - {"ca-gitea", "ca-hetzner", "ca-kube"}, own, role)
        self.assertEqual({index for kind, index in kinds["reconciler"] if kind == "checkpoint"}, {0, 1})
        tokens = {role: path for role, kind, _, path in given if kind == "gitea-token"}
        self.assertEqual(tokens, {"poller-gitea": self.path("gitea-read"), "actuator": self.path("gitea-write")})
        self.assertNotIn("secret-", self.said())

    def test_observe_opens_no_secret_with_which_one_could_write(self):
        self.write(mode="observe")
        for name in ("gitea-write", "hetzner-write", "kube-write", "join"):
            os.unlink(self.folder / name)
        self.start()
        given = re.findall(r"actuator: file ([a-z-]+) ", self.said())
        self.assertFalse({"gitea-token", "hetzner-token", "kubeconfig", "join-token"} & set(given))

    def test_workers_hold_no_descriptor_that_was_not_given_and_no_environment(self):
        self.start(dict(os.environ, GITEA_TOKEN="passed-on", https_proxy="http://evil"))
        for role, pid in self.pids().items():
            if os.geteuid() == 0:
                targets = {os.readlink(f"/proc/{pid}/fd/{one}") for one in os.listdir(f"/proc/{pid}/fd")}
                self.assertFalse([one for one in targets if one.startswith(str(self.folder)) and
                                  not one.endswith("/log")], role)
                environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
                self.assertNotIn(b"passed-on", environment)
                self.assertNotIn(b"evil", environment)

    def test_as_root_every_worker_is_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("SKIPPED: not root")
        self.start()
        uids = {os.stat(f"/proc/{pid}/task").st_uid for pid in self.pids().values()}
        status = [pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8") for pid in self.pids().values()]
        uids = {re.search(r"Uid:\t(\d+)\t(\d+)\t(\d+)", one).groups() for one in status}
        self.assertEqual(len(uids), len(ROLES))
        self.assertFalse([one for one in uids if "0" in one])
        # What an earlier worker wrote is read by the worker's own user, who can gain nothing any more.
        # Only a build with sanitizers lets it ask who it is by then; in another it is told nothing (-1).
        recalled = set(re.findall(r"recalls as user (\d+), no new privileges -?1\n", self.said()))
        self.assertIn(recalled, ({one[0] for one in uids}, {str(2**32 - 1)}))
        for one in status:
            self.assertRegex(one, r"NoNewPrivs:\t1")
            self.assertRegex(one, r"CapPrm:\t0000000000000000")
        self.assertIn("this machine has no users for them", self.said())

    def start_as_another_user(self, capabilities):
        """As systemd would start it: a user that is not root, with ambient capabilities and a supplementary group."""
        programs = self.folder / "bin"
        programs.mkdir()
        for one in BIN.iterdir():
            shutil.copy(one, programs)  # the clone may lie where nobody else may look
        self.write()
        for one in (self.folder, *self.folder.iterdir()):
            os.chown(one, DAEMON, DAEMON)
        words = ",".join(f"+{one}" for one in capabilities)
        self.daemon = Program("ebbtide", [
            "setpriv", "--reuid", DAEMON, "--regid", DAEMON, "--groups", DAEMON + 1, "--inh-caps", f"-all,{words}",
            "--ambient-caps", f"-all,{words}", "--bounding-set", f"-all,{words}", "--no-new-privs",
            programs / "ebbtide", "run", "--config", self.file], self.folder / "log")
        self.addCleanup(self.daemon.end)
        self.until("all workers run", lambda: "workers run" in self.said())

    @unittest.skipIf(os.geteuid() != 0, "SKIPPED: not root")
    def test_a_user_with_two_capabilities_serves_as_well_as_root(self):
        self.start_as_another_user(["setuid", "setgid"])
        users = set()
        for role, pid in self.pids().items():
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            users.add(re.search(r"Uid:\t(\d+)\t\1\t\1\t\1\n", status).group(1))
            self.assertRegex(status, r"Groups:\s*\n", role)
            for kind in ("Inh", "Prm", "Eff", "Amb"):
                self.assertRegex(status, rf"Cap{kind}:\t0{{16}}\n", role)
        self.assertEqual(len(users), len(ROLES))
        self.assertFalse(users & {"0", str(DAEMON)})
        # It ends those that hang, though they are not of its user, and none outlives it.
        hung = self.pids()["monitor"]
        os.kill(hung, signal.SIGSTOP)
        self.until("another monitor", lambda: self.pids()["monitor"] != hung, 20)
        pids = self.pids().values()
        self.daemon.kill(signal.SIGKILL)
        self.daemon.wait(5)
        wait_until("all are gone", lambda: not [pid for pid in pids if os.path.exists(f"/proc/{pid}/exe")], 10)

    @unittest.skipIf(os.geteuid() != 0, "SKIPPED: not root")
    def test_a_user_that_may_not_change_groups_keeps_its_workers_as_its_own(self):
        self.start_as_another_user(["setuid"])
        for role, pid in self.pids().items():
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            self.assertRegex(status, rf"Uid:\t{DAEMON}\t{DAEMON}\t", role)
            self.assertRegex(status, r"CapPrm:\t0{16}\n", role)
        self.assertIn("could read what the others hold", self.said())
        self.assertEqual(self.daemon.end(), 0)

    # ---- death and replacement

    def test_nobody_empties_the_capture_by_asking_for_segments(self):
        self.write(capture={"enabled": True})
        self.start()
        self.assertEqual(len(re.findall("reconciler: file capture 1 ", self.said())), 1)
        time.sleep(1.2)
        self.write(rails={"max_servers": 777})
        os.kill(self.daemon.pid, signal.SIGHUP)
        self.until_said("actuator asks for a file of kind capture, which is not for it")
        self.until_said("reconciler: file capture 2 ")
        time.sleep(0.5)
        self.assertNotIn("file capture 3", self.said())
        self.assertEqual(sorted(path.name for path in (self.folder / "state").glob("capture.*")),
                         ["capture.000001", "capture.000002"])

    def test_each_worker_that_dies_is_replaced_and_gets_its_peers_again(self):
        self.write(supervisor={"restarts_max": 20})
        self.start()
        for role in ROLES:
            before = self.said().count("talks to")
            old = self.pids()[role]
            os.kill(old, signal.SIGKILL)
            self.until(f"another {role}", lambda role=role, old=old: self.pids()[role] != old)
            peers = {"monitor": 5, "reconciler": 5, "actuator": 2}.get(role, 2)
            self.until(f"the peers of {role} have met it", lambda before=before, peers=peers:
                       self.said().count("talks to") >= before + 2 * peers)
        epochs = [int(one) for one in re.findall(r"reconciler: starts in mode act, epoch (\d+)", self.said())]
        self.assertEqual(epochs, [epochs[0], epochs[0] + 1])

    def test_a_worker_that_hangs_is_killed_and_replaced(self):
        self.start()
        old = self.pids()["poller-kube"]
        os.kill(old, signal.SIGSTOP)
        self.until("another one", lambda: self.pids()["poller-kube"] != old)
        self.assertRegex(self.said(), "poller-kube .* is killed: no heartbeat")

    def test_too_many_deaths_end_the_daemon_with_a_sentence(self):
        self.write(supervisor={"restarts_max": 2, "restarts_within": "1m"})
        self.start()
        for _ in range(3):
            old = self.pids()["monitor"]
            os.kill(old, signal.SIGKILL)
            wait_until("it is replaced, or all ends", lambda old=old: self.pids()["monitor"] != old or
                       not self.daemon.alive(), 10)
        self.assertEqual(self.daemon.wait(10), 1)
        self.assertRegex(self.said(), "monitor has died more than 2 times within 1m .*restarts_max")

    def test_no_worker_outlives_a_supervisor_that_is_killed(self):
        self.start()
        pids = self.pids().values()
        self.daemon.kill(signal.SIGKILL)
        self.daemon.wait(5)
        wait_until("all are gone", lambda: not [pid for pid in pids if os.path.exists(f"/proc/{pid}/exe")], 10)
        self.daemon = None

    # ---- reload

    def hang_up(self):
        self.daemon.kill(signal.SIGHUP)

    def test_a_hot_key_is_committed_and_nobody_is_restarted(self):
        self.start()
        pids = self.pids()
        self.write(rails={"max_servers": 7})
        self.hang_up()
        self.until_said(r"(actuator|reconciler): commits max_servers 7", 2)
        self.until_said("changed: rails.max_servers")
        self.assertEqual(self.pids(), pids)

    def test_who_dies_while_others_are_asked_has_the_new_values_too(self):
        """It has agreed, dies, and begins anew with the old values before the last one has answered."""
        self.start()
        actuator, reconciler = self.pids()["actuator"], self.pids()["reconciler"]
        os.kill(reconciler, signal.SIGSTOP)
        self.write(rails={"max_servers": 7})
        self.daemon.kill(signal.SIGHUP)
        time.sleep(0.3)
        os.kill(actuator, signal.SIGKILL)
        self.until("another actuator runs", lambda: self.pids()["actuator"] != actuator)
        os.kill(reconciler, signal.SIGCONT)
        self.until_said("the new configuration is in force")
        self.until("the actuator has the new value",
                   lambda: re.findall(r"actuator: .*max_servers (\d+)", self.said())[-1] == "7")

    def test_a_value_that_a_worker_refuses_changes_nothing(self):
        self.start()
        self.write(rails={"max_servers": 666}, gitea={"url": "http://127.0.0.1:2"})
        self.hang_up()
        self.until_said(r"the old one stays in force: .* refuses it: rails.max_servers: 666 is not for me")
        self.assertNotIn("commits", self.said())
        self.assertEqual(len(re.findall("runs \\(process", self.said())), len(ROLES))

    def test_a_bad_file_keeps_the_old_one_and_names_the_place(self):
        self.start()
        self.write(rails={"max_servers": "many"})
        self.hang_up()
        self.until_said(rf"{re.escape(str(self.file))}:\d+:\d+: .*max_servers")
        self.until_said("the old configuration stays in force")
        self.assertTrue(self.daemon.alive())

    def test_a_secret_that_is_not_there_keeps_the_old_configuration(self):
        self.start()
        self.write(gitea={"token_file": self.path("nowhere")})
        self.hang_up()
        self.until_said(rf"stays in force: gitea.token_file: cannot open {self.path('nowhere')}")

    def test_a_key_that_needs_it_restarts_only_who_reads_it(self):
        self.start()
        old = self.pids()
        self.write(hetzner={"proxy": "http://127.0.0.1:3"})
        self.hang_up()
        self.until("the Hetzner poller is another", lambda: self.pids()["poller-hetzner"] != old["poller-hetzner"])
        self.until("the actuator is another", lambda: self.pids()["actuator"] != old["actuator"])
        for role in ("poller-gitea", "poller-kube", "reconciler", "monitor"):
            self.assertEqual(self.pids()[role], old[role])
        self.assertNotIn("is started again in", self.said(), "no back-off: nobody died")

    def test_a_key_of_all_restarts_all_with_the_new_one(self):
        self.start()
        self.write(mode="observe", files={"state_dir": self.path("other")})
        self.hang_up()
        self.until_said("starts in mode observe", len(ROLES))
        self.until_said("all 7 workers run", 2)
        self.assertTrue((self.folder / "other" / "epoch").exists())

    def test_a_token_that_changes_on_disk_is_handed_over_anew_and_a_bad_one_is_not(self):
        self.start()
        pids, pattern = self.pids(), r"poller-gitea: file gitea-token 0"
        os.rename(write_secret(self.folder / "new", "secret-new\n"), self.folder / "gitea-read")
        self.until_said(pattern, 2)
        os.chmod(self.folder / "gitea-read", 0o444)
        self.until_said(r"poller-gitea keeps the file that it has.*gitea-read has mode 0444")
        os.chmod(self.folder / "gitea-read", 0o400)
        self.until_said(pattern, 3)
        self.assertEqual(self.pids(), pids)

    # ---- the end

    def test_sigterm_ends_in_order_and_says_what_stays_rented(self):
        self.start()
        pids = self.pids().values()
        self.daemon.kill(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(10), 0, self.said())
        ended = re.findall(r"([a-z-]+) has stopped: one server stays rented: ebb-test-1", self.said())
        self.assertEqual(ended[0], "reconciler")
        self.assertEqual(set(ended[-2:]), {"monitor", "dialer"})
        self.assertEqual(sorted(ended), sorted(ROLES))
        self.assertFalse([pid for pid in pids if os.path.exists(f"/proc/{pid}")])
        self.assertFalse((self.folder / "control.sock").exists())

    def test_what_does_not_end_is_killed_in_time(self):
        self.start()
        os.kill(self.pids()["reconciler"], signal.SIGSTOP)
        self.daemon.kill(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(6), 0, self.said())
        self.assertIn("did not end in time", self.said())

    def test_stop_and_reload_find_the_daemon(self):
        self.start()
        words = [str(BIN / "ebbtide"), "reload", "--config", str(self.file)]
        result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.until_said("is read again")
        words[1] = "stop"
        result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("has ended", result.stdout)
        self.assertEqual(self.daemon.wait(5), 0)
        result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        self.assertIn("no ebbtide works in", result.stderr)
        self.assertEqual(result.returncode, 1)

    def test_status_of_a_daemon_that_is_not_there_says_what_to_do(self):
        self.write()
        result = subprocess.run([str(BIN / "ebbtide"), "status", "--config", str(self.file)], capture_output=True,
                                text=True, check=False, timeout=20)
        self.assertEqual(result.returncode, 1)
        self.assertIn(self.path("control.sock"), result.stderr)
        self.assertIn("ebbtide run", result.stderr)

    # ---- what cannot begin

    def test_a_second_daemon_is_refused_and_told_which_is_the_first(self):
        self.start()
        first = self.daemon
        self.write(files={"control_socket": self.path("other.sock")}, monitor={"listen_port": free_ports(1)[0]})
        second = Program("second", [BIN / "ebbtide", "run", "--config", self.file], self.folder / "log2")
        self.addCleanup(second.end)
        self.assertEqual(second.wait(10), 1)
        self.assertIn(f"another ebbtide (process {first.pid})", second.text())

    def test_secrets_that_cannot_be_used(self):
        path = self.folder / "hetzner-write"
        path.chmod(0o444)
        self.fails("hetzner.write_token_file", path, "0444", "0400")

    def test_an_empty_secret(self):
        write_secret(self.folder / "gitea-read", "")
        self.fails("gitea.token_file", self.path("gitea-read"), "is empty")

    def test_a_folder_for_a_secret(self):
        os.unlink(self.folder / "join")
        os.mkdir(self.folder / "join")
        self.fails("pools[0].join_token_file", self.path("join"), "regular file")

    def test_a_pipe_for_a_secret_does_not_stop_the_start(self):
        os.unlink(self.folder / "join")
        os.mkfifo(self.folder / "join", 0o400)
        self.fails(self.path("join"), "regular file")

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", self.port)):
            self.fails("monitor.listen_port", self.port, "in use", "another port")

    def test_a_kubeconfig_whose_token_file_others_may_read(self):
        token = self.folder / "kube-token"
        token.write_text("t\n", encoding="utf-8")
        token.chmod(0o644)
        changed = json.loads(json.dumps(KUBECONFIG))
        changed["users"][0]["user"] = {"tokenFile": str(token)}
        write_secret(self.folder / "kube-read", json.dumps(changed))
        self.fails("kube.kubeconfig_file", token, "0644")
        token.chmod(0o400)
        self.start()
        self.assertIn(f"poller-kube: file kube-token 0 {token}", self.said())

    # ---- systemd

    def test_systemd_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(self.path("notify"))
            systemd.settimeout(10)
            environment = dict(os.environ, NOTIFY_SOCKET=self.path("notify"), WATCHDOG_USEC="400000")
            environment.pop("WATCHDOG_PID", None)
            self.start(environment)
            heard = []

            def hear(word):
                while not [one for one in heard if one.startswith(word)]:
                    heard.append(systemd.recv(4096).decode())
                found = [one for one in heard if one.startswith(word)]
                heard.clear()
                return found[0]

            hear("READY=1")
            hear("WATCHDOG=1")
            self.hang_up()
            self.assertRegex(hear("RELOADING=1"), r"MONOTONIC_USEC=\d+")
            hear("READY=1")
            self.daemon.kill(signal.SIGTERM)
            hear("STOPPING=1")
            self.assertEqual(self.daemon.wait(10), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
