"""The package as cpack makes it from build/release, once for all tests of this folder."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("EBBTIDE_BIN", "build/release/bin")).resolve()


def said(*words, check=True, **more):
    """What a command prints, both streams."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True, **more)
    assert not check or done.returncode == 0, f"{words}: status {done.returncode}\n{done.stdout}"
    return done.stdout


def needs(tool):
    """Skips the test, and says so, where this machine has no such program."""
    if shutil.which(tool) is None:
        pytest.skip(f"SKIPPED: this machine has no {tool}: deploy/install-deps --package")


@pytest.fixture(name="package", scope="session")
def make_package(tmp_path_factory):
    """The .deb."""
    needs("dpkg-shlibdeps")
    folder = tmp_path_factory.mktemp("package")
    said("cpack", "--config", BIN.parent / "CPackConfig.cmake", "-G", "DEB", "-B", folder)
    found = list(folder.glob("*.deb"))
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(name="unpacked", scope="session")
def unpack(package, tmp_path_factory):
    """Its files, and its control files in DEBIAN."""
    folder = tmp_path_factory.mktemp("unpacked")
    said("dpkg-deb", "-R", package, folder)
    return folder
