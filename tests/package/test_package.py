"""The Debian package: what lintian says, what is in it, what it needs."""

import gzip
import re

from conftest import BIN, needs, said
from test_hardening import PROGRAMS


def test_lintian_finds_no_error(package):
    needs("lintian")
    found = said("lintian", "--no-cfg", "--allow-root", "--fail-on", "none", package)
    assert not re.findall(r"^E: .*", found, re.MULTILINE), found


def test_it_needs_the_libraries_that_its_programs_link(package, unpacked):
    depends = said("dpkg-deb", "-f", package, "Depends")
    for library in ("libc6", "libcurl4", "libevent-core", "libjansson4", "libssl3", "libyaml-0-2", "libseccomp2", "systemd"):
        assert re.search(rf"\b{library}", depends), depends
    # The supervisor looks for its workers there, and test_hardening at all of them.
    programs = {path.name for path in (*(unpacked / "usr/bin").iterdir(), *(unpacked / "usr/libexec/ebbtide").iterdir())}
    assert programs == set(PROGRAMS)


def test_it_ships_no_tool_of_the_tests(unpacked):
    names = {path.name for path in unpacked.rglob("*")}
    assert not [name for name in names if "simulator" in name and not name.endswith(".md")]
    assert not (unpacked / "etc/ebbtide/ebbtide.yaml").exists(), "it would start before anybody has configured it"


def test_files_of_etc_are_kept_as_the_administrator_has_them(unpacked):
    etc = {f"/{path.relative_to(unpacked)}" for path in (unpacked / "etc").rglob("*") if path.is_file()}
    assert etc == set((unpacked / "DEBIAN/conffiles").read_text(encoding="utf-8").split())


def test_nobody_else_may_change_its_files(unpacked):
    assert not [path for path in unpacked.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o6022]


def test_the_manual_page_has_every_command(unpacked):
    page = gzip.decompress((unpacked / "usr/share/man/man8/ebbtide.8.gz").read_bytes()).decode().replace("\\", "")
    described = set(re.findall(r"^\.B[IR]? \"?([a-z-]+)\b", page[page.index(".SH COMMANDS"):page.index(".SH FILES")],
                               re.MULTILINE))
    commands = set(re.findall(r"^  ([a-z-]+) ", said(BIN / "ebbtide", "help"), re.MULTILINE))
    assert described - {"ebbtide"} == commands


def test_copyright_and_changelog_are_there(unpacked):
    documents = unpacked / "usr/share/doc/ebbtide"
    assert "License: Expat" in (documents / "copyright").read_text(encoding="utf-8")
    assert gzip.decompress((documents / "changelog.Debian.gz").read_bytes()).startswith(b"ebbtide (")
    assert (documents / "changelog.gz").exists()


def test_the_links_of_its_documents_lead_somewhere(unpacked):
    documents = unpacked / "usr/share/doc/ebbtide"
    pages = [documents / "README.md", documents / "SECURITY.md", *(documents / "docs").glob("*.md")]
    assert len(pages) > 12
    dead = []
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not name.startswith("https://") and not (target.exists() and (not anchor or anchor in anchors(target))):
                dead.append(f"{page.relative_to(documents)}: {link}")
    assert dead == []


def anchors(page):
    """Of its headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_it_names_of_its_own_is_there(unpacked):
    words = [(path, path.read_text(encoding="utf-8")) for path in (
        *(unpacked / "usr/share/doc/ebbtide").rglob("*.md"), *(unpacked / "usr/share/doc/ebbtide/examples").iterdir(),
        unpacked / "DEBIAN/postinst", unpacked / "usr/lib/systemd/system/ebbtide.service",
        *(path for path in (unpacked / "etc").rglob("*") if path.is_file()))]
    page = gzip.decompress((unpacked / "usr/share/man/man8/ebbtide.8.gz").read_bytes()).decode()
    named = 0
    for path, text in (*words, ("the manual page", page)):
        for name in re.findall(r"/usr/share/(?:doc/)?ebbtide[\w./-]*\w", text):
            named += 1
            assert (unpacked / name[1:]).exists(), f"{path} names {name}"
    assert named > 8


def test_the_manifests_lie_where_the_documents_say(unpacked):
    for name in ("kubernetes/access.yaml", "kubernetes/runner.yaml", "nftables/ebbtide.nft", "cloud-init/k3s.yaml"):
        link = unpacked / "usr/share/doc/ebbtide/deploy" / name
        assert link.resolve() == (unpacked / "usr/share/ebbtide" / name).resolve()
        assert (unpacked / "usr/share/ebbtide" / name).exists()
