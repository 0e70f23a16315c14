"""The suites, by the name after `--only`."""

from importlib import import_module
from typing import cast

from benchmarks.comparison.model import Suite

SUITES = {"workbook": "benchmarks.workbook.suite"}
"""Name -> the module that has a `SUITE`."""


def load(name: str) -> Suite:
    """The suite of this name; its module is imported only now."""
    return cast(Suite, import_module(SUITES[name]).SUITE)
