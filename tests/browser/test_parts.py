"""The page's parts that need no server: the job list, the form, formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.tab import Tab

OpenTab = Callable[..., Tab]


@pytest.fixture
def run(open_tab: OpenTab) -> Callable[..., Any]:
    """Runs a script in the page, which is opened from disk and signed out."""
    return open_tab("http://localhost:9", from_disk=True).open().page.evaluate


def test_the_latest_version_of_a_job_wins_and_keeps_what_a_hint_leaves_out(
    run: Callable[..., Any],
) -> None:
    assert run(
        """() => {
          const list = new JobList(), shown = [];
          list.addEventListener("changed", ({ detail }) => shown.push(detail));
          const params = { a: 1 };
          list.accept({ id: "a", version: 3, state: "running", params, result: null });
          list.accept({ id: "a", version: 2, state: "queued", params, result: null });
          list.accept({ id: "a", version: 4, state: "succeeded", params: null, result: null });
          return [shown, list.isFinal("a")];
        }"""
    ) == [
        [
            {"id": "a", "version": 3, "state": "running", "params": {"a": 1}, "result": None},
            {"id": "a", "version": 4, "state": "succeeded", "params": {"a": 1}, "result": None},
        ],
        True,
    ]


def test_parameters_that_were_read_stay_as_they_are_whatever_a_hint_says(
    run: Callable[..., Any],
) -> None:
    assert run(
        """() => {
          const list = new JobList(), shown = [];
          list.addEventListener("changed", ({ detail }) => shown.push(describeValues(detail.params)));
          const exact = (version) => exactParams(
            `{"id": "a", "version": ${version}, "params": {"a": 12345678901234567890, "b": [0.10]}}`);
          list.acceptHint({ id: "a", version: 2, params: { a: 12345678901234567000, b: [0.1] } });
          list.accept(exact(1)); // the answer, which the hint has overtaken
          list.acceptHint({ id: "a", version: 3, params: { a: 12345678901234567000, b: [0.1] } });
          list.accept(exact(4));
          return shown;
        }"""
    ) == ["a 12345678901234567000, b 0.1", *["a 12345678901234567890, b 0.1"] * 2]


FORM = """
const started = [];
const type = { name: "t", title: "T", parameters: { properties }, example };
const form = new JobForm(type, async (params) => started.push(params)).element;
document.body.append(form);
const field = (name) => form.querySelector(`[data-field=${name}]`);
"""


def test_a_form_is_made_from_the_schema_and_filled_from_the_example(
    run: Callable[..., Any],
) -> None:
    states = {"type": "array", "items": {"enum": ["failed", "running", "waiting"]}}
    properties = {
        "rows": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
        "name": {"type": "string", "default": "x"},
        "bold": {"type": "boolean", "default": True},
        "paper": {"enum": ["A4", "A5"], "default": "A5"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "since": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "until": {"type": "string", "format": "date", "default": "2026-11-21"},
        "states": states | {"default": ["running", "waiting"]},
        "others": states | {"default": []},
        "sizes": {"type": "array", "items": {"type": "integer"}, "default": [1, 2]},
    }
    kinds, params = run(
        f"""async (properties) => {{
          const example = {{ rows: 4, tags: ["a", "b"] }};
          {FORM}
          form.requestSubmit();
          const fields = [...form.querySelectorAll("[data-field]")];
          return [fields.map((field) => [field.dataset.field, field.type]), started[0]];
        }}""",
        properties,
    )
    assert dict(kinds) == {
        "rows": "number",
        "share": "number",
        "name": "text",
        "bold": "checkbox",
        "paper": "select-one",
        "tags": "text",
        "since": "date",
        "until": "date",
        "states": "fieldset",
        "others": "fieldset",
        "sizes": "textarea",
    }
    assert list(dict(kinds)) == list(properties)
    assert params == {
        "rows": 4,
        "name": "x",
        "bold": True,
        "paper": "A5",
        "tags": ["a", "b"],
        "until": "2026-11-21",
        "states": ["running", "waiting"],
        "others": [],
        "sizes": [1, 2],
    }


def test_words_are_split_at_commas_and_none_are_left_out(run: Callable[..., Any]) -> None:
    assert run(
        f"""async () => {{
          const words = {{ type: "array", items: {{ type: "string" }} }};
          const properties = {{ tags: words, none: words }}, example = {{}};
          {FORM}
          field("tags").value = " a,, b c , =1+1 ,";
          field("none").value = " , ";
          form.requestSubmit();
          return started;
        }}"""
    ) == [{"tags": ["a", "b c", "=1+1"]}]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("😀" * 500, "😀" * 79 + "…"),
    ],
)
def test_long_text_is_shortened_between_two_letters(
    run: Callable[..., Any], text: str, short: str
) -> None:
    assert run("text => shorten(text)", text) == short


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=report.xlsx", "report.xlsx"),
        ('attachment; filename="a report.xlsx"', "a report.xlsx"),
        ("attachment; filename=B.xlsx; filename*=UTF-8''B%C3%BCcher.xlsx", "Bücher.xlsx"),
        ("", ""),
    ],
)
def test_the_name_of_a_file_is_the_servers(
    run: Callable[..., Any], disposition: str, name: str
) -> None:
    assert run("text => fileName(text)", disposition) == name


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("formatDuration(3.21)", "3.2 s"),
        ("formatDuration(9.97)", "10 s"),
        ("formatDuration(125)", "2 min 5 s"),
        ("formatDuration(3660)", "1 h 1 min"),
        ("formatSize(0)", "0 B"),
        ("formatSize(999)", "999 B"),
        ("formatSize(61234)", "61 kB"),
        ("formatSize(1500000)", "1.5 MB"),
    ],
)
def test_figures_are_short(run: Callable[..., Any], call: str, text: str) -> None:
    assert run(call) == text


def test_the_page_has_no_script_or_style_within() -> None:
    html = (Path(__file__).resolve().parents[2] / "test.html").read_text()
    assert "<style" not in html
    assert " style=" not in html
    assert html.count("<script") == html.count('<script src="')
    assert " on" + "click=" not in html
