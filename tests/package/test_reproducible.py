"""Two builds of one commit, in two folders, at two times, by people with other habits, give the same package."""

import hashlib
import os
import subprocess

from conftest import BIN, ROOT, needs, said

HABITS = [
    {"folder": "one", "umask": 0o022, "environment": {"TZ": "UTC", "LANG": "C", "LC_ALL": "C"}},
    {"folder": "a-much-longer-name/of a folder", "umask": 0o077,
     "environment": {"TZ": "Pacific/Auckland", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "USER": "somebody"}},
]


def copy_tree(folder):
    """The sources as they are: tracked, or new and not ignored."""
    names = said("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ":!tests")
    folder.mkdir(parents=True)
    present = [name for name in names.split("\0") if name and (ROOT / name).exists()]
    listed = subprocess.run(["tar", "-C", str(ROOT), "-cf", "-", "--no-recursion", "--null", "-T", "-"],
                            input="\0".join(present).encode(), stdout=subprocess.PIPE, check=True)
    # Files of now: a clone's are as old as the clone.
    subprocess.run(["tar", "-C", str(folder), "-xmf", "-"], input=listed.stdout, check=True)


def build(folder, umask, environment):
    """The package's bytes, built in this folder without a cache."""
    environment = dict(os.environ, CCACHE_DISABLE="1", **environment)
    more = {"cwd": folder, "env": environment, "umask": umask}
    said("cmake", "--preset", "release", "-DEBBTIDE_TESTS=OFF", **more)
    said("cmake", "--build", "--preset", "release", **more)
    said("cpack", "--config", "build/release/CPackConfig.cmake", "-G", "DEB", "-B", folder / "out", **more)
    package, = (folder / "out").glob("*.deb")
    return package


def test_two_builds_of_one_commit_give_the_same_package(tmp_path):
    needs("dpkg-shlibdeps")
    commit = said("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()
    packages = []
    for habit in HABITS:
        copy_tree(tmp_path / habit["folder"])
    for habit in HABITS:
        packages.append(build(tmp_path / habit["folder"], habit["umask"],
                              dict(habit["environment"], SOURCE_DATE_EPOCH=commit)))
    sums = [hashlib.sha256(package.read_bytes()).hexdigest() for package in packages]
    if sums[0] != sums[1]:
        for number, package in enumerate(packages):
            said("dpkg-deb", "-R", package, tmp_path / f"{number}")
        raise AssertionError("they differ:\n" + said("diff", "-rq", tmp_path / "0", tmp_path / "1", check=False)
                             + said("bash", "-c", f"diff <(dpkg-deb -c '{packages[0]}') <(dpkg-deb -c '{packages[1]}')",
                                    check=False))


def test_the_time_of_the_package_is_the_commits(package):
    commit = int(said("git", "-C", ROOT, "log", "-1", "--format=%ct"))
    listing = said("dpkg-deb", "--fsys-tarfile", package, check=False, errors="replace")
    assert listing
    times = said("bash", "-c", f"dpkg-deb --fsys-tarfile '{package}' | TZ=UTC tar -tvf - --full-time | awk '{{print $4, $5}}' | "
                 "sort -u").splitlines()
    assert times == [said("date", "-u", "-d", f"@{commit}", "+%Y-%m-%d %H:%M:%S").strip()]
    assert BIN.exists()
