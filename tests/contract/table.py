#!/usr/bin/python3
"""Writes docs/contract.md from the cases: each fact, who relies on it, which case holds it, against which server.

  table.py           prints it
  table.py --write   writes it

Reads the cases' source, runs nothing."""

import ast
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "contract.md"
TITLES = {"gitea": "Gitea", "kube": "Kubernetes", "hetzner": "Hetzner Cloud"}
HEAD = """# The contract: what Ebbtide relies on
<!-- Written by tests/contract/table.py --write from the cases; a test compares it. -->

Each row is a fact about a server that code of ours needs, the files (and names in them) that need it, and the case
that holds it. The cases of `tests/contract/cases` are played against the simulator (`tests/run contract`) and against
a real Gitea and a real Kubernetes API server (`tests/real/run`). Where they disagree, the simulator is wrong: mend it.

A case knows only the fixtures `gitea`, `kube` and `hetzner`. Each has two implementations of one interface
(`tests/contract/shapes.py`): the simulator over its control endpoint (`simulated.py`), the real programs (`actual.py`).
Times differ: each side has its own bounds. A case that one side cannot play says why, and is listed when a run ends.
"""


def marks(node, name):
    """The literal arguments of the decorators `name(...)` of a function, or of the module's pytestmark."""
    found = getattr(node, "decorator_list", None) or [node]
    return [[ast.literal_eval(one) for one in call.args] for call in found
            if isinstance(call, ast.Call) and getattr(call.func, "id", None) == name]


def module_only(tree):
    """(server, reason) where the whole file is for one server."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "pytestmark":
            values = node.value.elts if isinstance(node.value, ast.List) else [node.value]
            for found in (marks(value, "only") for value in values):
                if found:
                    return found[0]
    return None


def cases():
    """All cases: dicts of api, file, name, fact, relied_on_by, only. Raises where a case has no fact."""
    found = []
    for path in sorted((HERE / "cases").glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        api = path.stem.split("_")[1]
        if api not in TITLES:
            continue
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            facts = marks(node, "fact")
            if len(facts) != 1 or len(facts[0]) < 2:
                raise ValueError(f"{path}:{node.lineno}: {node.name} must say one fact and who relies on it")
            only = (marks(node, "only") or [module_only(tree)])[0]
            found.append({"api": api, "file": path.name, "name": node.name, "fact": facts[0][0],
                          "relied_on_by": facts[0][1:], "only": only})
    return found


def place(text):
    """`FILE` or `FILE`: NAME as the page shows it."""
    path, _, name = text.partition(":")
    return f"`{path}`" + (f" {name}" if name else "")


def page():
    parts = [HEAD]
    found = cases()
    for api, title in TITLES.items():
        rows = [case for case in found if case["api"] == api]
        parts.append(f"\n## {title}\n")
        for server, reason in sorted({tuple(case["only"]) for case in rows if case["only"]}):
            count = sum(case["only"] == [server, reason] for case in rows)
            which = "All" if count == len(rows) else f"{count} cases, marked *,"
            parts.append(f"{which} against the {server} only: {reason}.\n")
        parts.append("| fact | relied on by | case |\n|---|---|---|")
        starred = any(case["only"] is None for case in rows)
        for case in rows:
            star = "*" if case["only"] and starred else ""
            needed = ", ".join(place(one) for one in case["relied_on_by"])
            parts.append(f"| {case['fact']} | {needed} | `{case['file']}` {case['name']}{star} |")
    return "\n".join(parts) + "\n"


def missing_places():
    """What the cases say of our sources and is not so."""
    wrong = []
    for case in cases():
        for text in case["relied_on_by"]:
            path, _, name = text.partition(":")
            file = ROOT / path
            if not file.is_file():
                wrong.append(f"{case['file']}: {case['name']}: there is no {path}")
            elif name and name not in file.read_text(encoding="utf-8"):
                wrong.append(f"{case['file']}: {case['name']}: {path} has no {name}")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
