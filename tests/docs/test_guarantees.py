"""Each promise names the test that holds it, and each fault that is tested is told of."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/guarantees.md"
# What tests the harness itself.
OF_THE_HARNESS = {"test_audit.py"}


def functions_of(folder: Path) -> Iterator[str]:
    """Names of the test functions of all modules below a folder."""
    for path in folder.rglob("test_*.py"):
        if path.name not in OF_THE_HARNESS:
            yield from re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)


def named() -> set[str]:
    """The tests that the page names."""
    return set(re.findall(r"`(test_\w+)`", PAGE.read_text()))


def test_each_test_that_the_guarantees_name_exists() -> None:
    assert named() - set(functions_of(ROOT / "tests")) == set()


def test_the_guarantees_name_each_fault_that_is_tested() -> None:
    assert set(functions_of(ROOT / "tests/faults")) - named() == set()


def test_each_line_of_a_table_names_its_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    heads = {"| What", "| Fault", "| ---"}
    silent = [row for row in rows if not row.startswith(tuple(heads)) and "`test_" not in row]
    assert silent == []
