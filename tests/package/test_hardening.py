"""What the compiler and the linker put into every program against attackers, read from the programs that were built and from
those of the package."""

import re
import shutil

import pytest

from conftest import BIN, ROOT, said

PROGRAMS = ["ebbtide", *(f"ebbtide-{name}" for name in ("actuator", "audit", "dialer", "monitor", "poller", "reconciler", "replay"))]
X86 = "x86-64"
# Of every unit of ours, as the compiler wrote it down; clang knows most by the same names.
FLAGS = ["-fstack-protector-strong"]
FLAGS_X86 = ["-fcf-protection=full", "-fstack-clash-protection"]


def installed(unpacked, name):
    return unpacked / ("usr/bin" if name == "ebbtide" else "usr/libexec/ebbtide") / name


def is_x86(path):
    return "X86-64" in said("readelf", "-W", "-h", path)


@pytest.fixture(name="program", params=[(name, place) for name in PROGRAMS for place in ("built", "packed")],
                ids=lambda one: "-".join(one))
def each_program(request):
    name, place = request.param
    return BIN / name if place == "built" else installed(request.getfixturevalue("unpacked"), name)


def test_it_lies_at_another_address_each_time(program):
    assert re.search(r"Type:\s+DYN", said("readelf", "-W", "-h", program))
    assert re.search(r"FLAGS_1.*\bPIE\b", said("readelf", "-W", "-d", program))


def test_what_the_linker_resolves_is_read_only_before_main(program):
    assert "GNU_RELRO" in said("readelf", "-W", "-l", program)
    dynamic = said("readelf", "-W", "-d", program)
    assert re.search(r"\(FLAGS\).*BIND_NOW|FLAGS_1.*\bNOW\b", dynamic)
    assert "TEXTREL" not in dynamic


def test_nothing_is_both_writable_and_executable(program):
    segments = said("readelf", "-W", "-l", program)
    for line in segments.splitlines():
        found = re.match(r"\s+(LOAD|GNU_STACK)\s+(0x\S+\s+){5}([RWE ]{3})", line)
        assert not found or not {"W", "E"} <= set(found.group(3)), line
    assert re.search(r"GNU_STACK\s+(0x\S+\s+){5}RW\s", segments), "the stack's rights are not said"


def test_libraries_come_from_the_system_only(program):
    assert not re.search(r"R(UN)?PATH", said("readelf", "-W", "-d", program))


def test_the_stack_and_copies_into_known_room_are_guarded(program):
    symbols = said("readelf", "-W", "--dyn-syms", program)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(v?snprintf|memcpy|v?asprintf|fprintf|printf|read|memmove|memset)_chk", symbols)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_unit_was_compiled_with_the_guards(name):
    producers = re.findall(r"DW_AT_producer\s*:.*?(?:\): )?(GNU C.*|clang.*)", said(
        "readelf", "-W", "--debug-dump=info", "--dwarf-depth=1", BIN / name))
    wanted = FLAGS + (FLAGS_X86 if is_x86(BIN / name) else [])
    assert len(producers) > 5, "the program bears no notes of its compiler"
    for producer in producers:
        assert [flag for flag in wanted if flag not in producer] == [], producer
        assert re.search(r"-fPI[EC]\b", producer), producer


@pytest.mark.parametrize("name", PROGRAMS)
def test_indirect_jumps_land_where_they_may(name):
    if not is_x86(BIN / name):
        pytest.skip("SKIPPED: no x86-64: there is no CET")
    code = said("objdump", "-d", "--disassemble=main", "--no-show-raw-insn", BIN / name)
    assert re.search(r"<main>:\n[^\n]*endbr64", code), "main is no place to jump to: -fcf-protection is off"
    # The whole program is marked only where the C library's own start files are, which Debian's are not.
    start = said(shutil.which("gcc") or "cc", "-print-file-name=crt1.o").strip()
    if "IBT" in said("readelf", "-n", start):
        assert re.search(r"IBT.*SHSTK", said("readelf", "-n", BIN / name))


def test_fortify_is_at_its_highest():
    commands = (BIN.parent / "build.ninja").read_text(encoding="utf-8")
    flags = [line for line in commands.splitlines() if line.startswith("  FLAGS = ") and "-std=c17" in line]
    assert flags
    assert not [line for line in flags if not re.search(r"-O2.*-D_FORTIFY_SOURCE=3", line)]


def test_assertions_stay_on():
    assert "NDEBUG" not in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8").replace("no -DNDEBUG", "")
    assert "__assert_fail" in said("readelf", "-W", "--dyn-syms", BIN / "ebbtide-reconciler")
