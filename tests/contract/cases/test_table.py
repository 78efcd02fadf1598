"""docs/contract.md says what the cases say, and what they say of our sources is so. Asks no server."""

import table
from facts import only

pytestmark = only("simulator", "it reads the tree and asks no server")


def test_the_page_is_made_from_the_cases():
    seen = table.PAGE.read_text(encoding="utf-8")
    assert seen == table.page(), "write it anew: tests/contract/table.py --write"


def test_who_relies_on_a_fact_is_there():
    assert table.missing_places() == []


def test_a_case_without_a_fact_is_found(tmp_path, monkeypatch):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "test_gitea_x.py").write_text("def test_nothing(gitea):\n    pass\n", encoding="utf-8")
    monkeypatch.setattr(table, "HERE", tmp_path)
    try:
        table.cases()
    except ValueError as error:
        assert "test_nothing must say one fact" in str(error)
    else:
        raise AssertionError("it was not found")
