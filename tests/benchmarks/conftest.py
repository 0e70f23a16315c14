"""A benchmark that is measured in no time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.comparison import options
from benchmarks.comparison.__main__ import main
from benchmarks.comparison.model import (
    Benchmark,
)
from tests.benchmarks.comparing import TinySuite


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Runs the command line on a benchmark; its files are in `tmp_path`."""

    def run(prepared: Benchmark, *arguments: str) -> int:
        monkeypatch.setitem(options.SUITES, "tiny", "nowhere")
        monkeypatch.setattr(options, "load", lambda name: TinySuite(prepared))
        files = ["--output", tmp_path, "--images", tmp_path, "--page", tmp_path / "page.md"]
        return main(["--only", "tiny", *map(str, files), *arguments])

    return run
