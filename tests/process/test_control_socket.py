"""Who may ask for the status: the credentials of the one who connects count, even where the socket's own mode lets all in."""

import grp
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from cloud import BIN, Cloud

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can ask as somebody else")

STRANGER = 65533  # a user and a group that nothing belongs to
REFUSED = f"user {STRANGER} (pid "


@pytest.fixture(name="asked", scope="module")
def start_asked():
    """(cloud, group): a daemon whose control socket belongs to a group, then made writable for all by hand."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ebbtide-test-"))
    folder.chmod(0o755)
    group = next(one for one in grp.getgrall() if one.gr_gid not in (0, STRANGER))
    cloud = Cloud(folder)
    try:
        cloud.start_simulator()
        config = cloud.write_config()
        cloud.write_config(files=dict(config["files"], control_group=group.gr_name))
        cloud.config_file.chmod(0o644)
        cloud.start_daemon()
        (folder / "control.sock").chmod(0o666)
        yield cloud, group.gr_gid
    finally:
        cloud.end()
        shutil.rmtree(folder)


def status_by(cloud, *words):
    """`ebbtide status` by whom the words of setpriv say."""
    return subprocess.run([*words, str(BIN / "ebbtide"), "status", "--config", str(cloud.config_file)], capture_output=True,
                          text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)


def test_a_stranger_is_refused_by_its_credentials(asked):
    cloud, _ = asked
    mark = len(cloud.daemon.text())
    said = status_by(cloud, "setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")
    assert said.returncode == 1 and said.stdout == "", said
    assert "the daemon closed the connection" in said.stderr, said
    cloud.until("the log says who", lambda: REFUSED in cloud.daemon.text()[mark:])
    assert "may not ask for the status: it is neither root, nor the daemon's user, nor in files.control_group" in \
        cloud.daemon.text()[mark:]


@pytest.mark.parametrize("who", ["root", "member", "primary"])
def test_who_may_ask_is_answered(asked, who):
    cloud, group = asked
    words = {"root": (), "member": ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", f"--groups={group}"),
             "primary": ("setpriv", f"--reuid={STRANGER}", f"--regid={group}", "--clear-groups")}[who]
    mark = len(cloud.daemon.text())
    said = status_by(cloud, *words)
    assert said.returncode == 0 and "servers" in said.stdout, said
    assert "may not ask" not in cloud.daemon.text()[mark:]
