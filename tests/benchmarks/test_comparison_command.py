"""The command line of the benchmarks, and what it writes."""

import json
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import pytest

from benchmarks.comparison import options, page
from benchmarks.comparison.__main__ import main
from benchmarks.comparison.model import (
    Case,
    Contender,
    Fault,
    Measurement,
    Unusable,
)
from tests.benchmarks.comparing import (
    CASES,
    MARKS,
    benchmark,
    contender,
)


def test_a_run_writes_report_picture_and_figures_and_nothing_else_of_the_page(
    compare: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.md").write_text(MARKS)
    assert compare(benchmark(contender("ours", 1), contender("other", 3)), "--write") == 0
    written = (tmp_path / "page.md").read_text()
    assert written.startswith("# Ours\n\n<!-- bench:tiny -->\n\nTimes as long as Ours")
    assert written.endswith("</details>\n\n<!-- /bench:tiny -->\n\nThe end.\n")
    assert "| clean, 10 rows | 3.00 |" in written
    assert "(benchmark-tiny.png)" in written
    assert "old" not in written
    found = json.loads((tmp_path / "benchmark-tiny.json").read_text())
    rounds = found["cases"][1]["contenders"]["other"]["measurements"]
    assert [each["seconds"] for each in rounds] == [3.0, 3.0, 3.0]
    assert found["cases"][1]["ratios"] == {"other": 3.0}
    assert matplotlib.image.imread(tmp_path / "benchmark-tiny.png").shape[1] > 1000
    assert capsys.readouterr().err == ""


def test_a_fault_ends_with_status_1_and_is_told(
    compare: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(case: Case, who: Contender, _: Measurement, folder: Path) -> None:
        if who.key == "other" and case is CASES[1]:
            raise Fault("a row is missing")

    prepared = benchmark(contender("ours"), contender("other"), check=refuse)
    assert compare(prepared, "--rounds", "2") == 1
    shown = capsys.readouterr()
    assert shown.err == "FAULT: Other, clean, 20 rows: a row is missing\n"
    assert shown.out.count("FAULT: a row is missing") == 1  # it is not tried again
    found = json.loads((tmp_path / "benchmark-tiny.json").read_text())
    assert found["cases"][0]["ratios"]["other"] == 1.0
    assert found["cases"][1]["ratios"]["other"] is None


def test_some_of_the_contenders_can_be_chosen(
    compare: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = benchmark(contender("ours"), contender("other"), contender("third"))
    assert compare(prepared, "--rounds", "1", "--contenders", "third,ours") == 0
    found = json.loads((tmp_path / "benchmark-tiny.json").read_text())
    assert [*found["contenders"]] == ["ours", "third"]
    assert compare(prepared, "--contenders", "nobody") == 2
    assert "'nobody' is none of ours, other, third" in capsys.readouterr().err


def test_what_is_missing_is_told_with_the_command_that_installs_it_before_anything_is_measured(
    compare: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = benchmark(contender("ours"), contender("other", missing="Run: make bench"))
    assert compare(prepared) == 2
    shown = capsys.readouterr()
    assert shown.err == "Other is missing. Run: make bench\n"
    assert shown.out == ""
    assert compare(prepared, "--contenders", "ours", "--rounds", "1") == 0


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "<!-- bench:tiny -->",
        "<!-- /bench:tiny --> <!-- bench:tiny -->",
        MARKS + MARKS,
    ],
)
def test_a_page_without_its_marks_is_refused_before_anything_is_measured(
    compare: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
) -> None:
    if text is not None:
        (tmp_path / "page.md").write_text(text)
    assert compare(benchmark(contender("ours")), "--write") == 2
    shown = capsys.readouterr()
    assert "<!-- bench:tiny -->" in shown.err
    assert shown.out == ""


def test_a_page_can_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(MARKS, encoding="utf-8")
    for text in ("one", "zwölf\n"):
        page.replace(path, "tiny", text)
    expected = MARKS.replace("\nold\n", "\n\nzwölf\n\n")
    assert path.read_text(encoding="utf-8") == expected
    with pytest.raises(Unusable, match="bench:other"):
        page.replace(path, "other", "text")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nothing"], "'nothing' is none of workbook"),
        (["--only", "workbook", "--rounds", "0"], "0 is not above 0"),
        (["--only", "workbook", "--rounds", "many"], "invalid number value: 'many'"),
        (["--only", "workbook", "--slow-seconds", "nan"], "nan is not above 0"),
        (["--only", "workbook", "--counts", "0"], "count from 1 to 1,048,575"),
        (["--only", "workbook", "--counts", "1048576"], "count from 1 to 1,048,575"),
        (["--only", "workbook", "--data", "clean,tidy"], "'tidy' is none of clean, dirty"),
        (["--only", "workbook", "--sources", ""], "'' is none of generator, postgres"),
        (["--only", "workbook", "--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_options_that_cannot_be_are_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_an_option_of_one_suite_needs_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(options.SUITES, "tiny", "nowhere")
    with pytest.raises(SystemExit):
        main(["--counts", "10"])
    assert "--counts is no option of all suites" in capsys.readouterr().err
