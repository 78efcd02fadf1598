"""What the package's scripts do when dpkg calls them: in a mount namespace of their own, with a systemd that writes down what
it is told."""

import os
import subprocess

import pytest
from conftest import ROOT, needs

SCRIPTS = ROOT / "deploy/debian"
TOOLS = {
    "systemctl": 'case "$*" in *is-active*) [ -e /run/is-active ];; *) exit 0;; esac',
    "deb-systemd-invoke": 'echo "told: $1" >> /run/told; [ "$1" != start ] || [ -e /run/is-refused ] || : > /run/is-active',
    "deb-systemd-helper": "exit 0", "systemd-sysusers": "exit 0", "systemd-tmpfiles": "exit 0",
}
WORLD = """set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc
mkdir -p /run/systemd/system /etc/ebbtide
: > /etc/ebbtide/ebbtide.yaml
"""


@pytest.fixture(name="dpkg")
def make_dpkg(tmp_path):
    """Runs lines of shell there; what was printed."""
    needs("unshare")
    for name, text in TOOLS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("SKIPPED: needs root, for a mount namespace")

    def run(lines):
        done = subprocess.run(["unshare", "--mount", "sh", "-c", WORLD + lines + "\ntouch /run/told; cat /run/told"], check=False, text=True, capture_output=True,
                              env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "D": str(SCRIPTS)}, timeout=20)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_what_was_removed_and_is_installed_again_is_started(dpkg):
    said = dpkg('"$D/preinst" install 0.1.0; "$D/postinst" configure 0.1.0; [ ! -e /run/ebbtide-installed-again ]')
    assert "told: start" in said and "DOES NOT RUN" not in said


def test_an_upgrade_restarts_what_runs_and_starts_nothing(dpkg):
    said = dpkg(': > /run/is-active; "$D/preinst" upgrade 0.1.0; "$D/postinst" configure 0.1.0')
    assert "told: restart" in said and "told: start" not in said
    said = dpkg('"$D/preinst" upgrade 0.1.0; "$D/postinst" configure 0.1.0')
    assert "told:" not in said and "IT DOES NOT RUN" in said


def test_one_that_does_not_start_is_said(dpkg):
    said = dpkg(': > /run/is-refused; "$D/preinst" install 0.1.0; "$D/postinst" configure 0.1.0')
    assert "told: start" in said and "IT DOES NOT RUN" in said
