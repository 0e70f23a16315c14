"""Text of any kind on its way from a request into a file: it arrives, and stops no job."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.workbooks.values import MAX_TEXT
from tests.support.api import Api
from tests.workbooks.reading import calamine_rows, openpyxl_rows

GONE = "\ufffd"
SHORT_FORM = "/v1/create_excel_test"

ARRIVING = {
    "a formula": "=1+1",
    "a link": '=HYPERLINK("http://example.com","click")',
    "plus": "+1",
    "minus": "-1+2",
    "at": "@SUM(A1)",
    "a command": "=cmd|' /C calc'!A0",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85",
    "an escape": "_x0041_ _x005F_ _x000D_",
    "half an escape": "_x0041\x01",
    "blanks": "  two at each end  ",
    "lines": "one\ntwo\r\nthree\rfour\n",
    "emoji": "👩‍🚀 🇺🇳 😀",
    "right to left": "مرحبا \u202eabc\u202c שלום",
    "markup": "</t></is></c><c t='str'><f>1+1</f> & ]]> <!--",
    "no characters": "\ufdd0\U0001ffff",
}
MENDED = {
    "NUL": ("a\x00b", f"a{GONE}b"),
    "a high half": ("a\ud800b", f"a{GONE}b"),
    "a low half": ("\udfff", GONE),
    "halves in the wrong order": ("\ude00\ud83d", GONE * 2),
    "U+FFFE": ("a\ufffe\uffff", f"a{GONE * 2}"),
    "40,000 characters": ("x" * 40_000, "x" * MAX_TEXT),
    "40,000 emoji": ("😀" * 40_000, "😀" * (MAX_TEXT // 2)),
    "40,000 controls": ("\x01" * 40_000, "\x01" * MAX_TEXT),
}


def send(user: Api, path: str, body: Any) -> dict[str, Any]:
    """As ASCII, in which JSON can spell every text."""
    headers = {"Content-Type": "application/json"}
    job: dict[str, Any] = user.ok("POST", path, data=json.dumps(body), headers=headers)
    return job


def fetch(user: Api, job: dict[str, Any], folder: Path) -> Path:
    path = folder / str(job["artifact"]["name"])
    path.write_bytes(user.call("GET", job["artifact"]["url"]).content)
    return path


def comments(user: Api, job: dict[str, Any], folder: Path) -> list[str]:
    """What the Comment column of the job's file holds, after a look for formulas."""
    job = user.end_of(job["id"])
    assert job["state"] == "succeeded", job["error"]
    path = fetch(user, job, folder)
    cells = openpyxl.load_workbook(path)["Rows"]["J"][1:]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [row[9] for row in openpyxl_rows(path, "Rows")[1:]] == [
        row[9] for row in calamine_rows(path, "Rows")[1:]
    ]
    return [row[9] for row in calamine_rows(path, "Rows")[1:]]


@pytest.mark.parametrize("text", ARRIVING.values(), ids=ARRIVING)
def test_text_arrives_in_the_file_as_it_was_sent(user: Api, text: str, tmp_path: Path) -> None:
    job = send(user, SHORT_FORM, {"rows": 2, "comment": text})
    assert job["params"]["comment"] == text
    assert comments(user, job, tmp_path) == [text, text]


@pytest.mark.parametrize(("text", "arrives"), MENDED.values(), ids=MENDED)
def test_what_neither_postgres_nor_excel_can_hold_is_mended_and_the_answer_shows_it(
    user: Api, text: str, arrives: str, tmp_path: Path
) -> None:
    long_form = {"type": "excel_test", "params": {"rows": 2, "comment": text}}
    for path, body in ((SHORT_FORM, long_form["params"]), ("/v1/jobs", long_form)):
        job = send(user, path, body)
        shown = job["params"]["comment"]
        assert "\x00" not in shown
        assert not any(unicodedata.category(each) == "Cs" for each in shown)
        assert shown == user.job(job["id"])["params"]["comment"]
        assert comments(user, job, tmp_path) == [arrives, arrives]


def test_a_name_that_cannot_be_stored_is_refused(user: Api) -> None:
    for name in ("\x00", "\ud800"):
        body = json.dumps({"type": "excel_test", "params": {name: 1}})
        headers = {"Content-Type": "application/json"}
        response = user.call("POST", "/v1/jobs", data=body, headers=headers)
        assert (response.status_code, list(response.json()["errors"])) == (422, ["params"])
