"""`extract_text`: text, tables and statistics of a workbook or CSV file."""

import tracemalloc
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.errors import InvalidInput, JobCancelled, JobFailed
from app.job_types.base import UploadedFile
from app.job_types.extract_text import MAX_SHEETS, ExtractText
from app.job_types.registry import JobTypes
from tests.job_types.extracting import Extracted, uploaded
from tests.job_types.recording import RecordingContext
from tests.uploads import files


def test_extract_text_gives_text_tables_and_statistics_of_a_workbook(tmp_path: Path) -> None:
    rows: list[Iterable[Any]] = [
        ["Item", "Price", None, "Paid"],
        ["Küche 🎻", 12.5, None, True],
        [],
        [
            date(2026, 1, 31),
            datetime.fromisoformat("2026-01-31T12:30"),
            time(8, 15),
            timedelta(hours=1),
        ],
        ["=1/0", "#DIV/0!", 10**15, "two\nlines"],
    ]
    run = Extracted(tmp_path, files.workbook({"Orders": rows, "Empty": []}), "Umsätze.xlsx")
    assert run.sheets["Orders"]["rows"][:3] == [
        ["Item", "Price", None, "Paid"],
        ["Küche 🎻", 12.5, None, True],
        [],
    ]
    assert run.sheets["Orders"]["rows"][3] == [
        "2026-01-31T00:00:00",
        "2026-01-31T12:30:00",
        "08:15:00",
        "1:00:00",
    ]
    # A formula that no spreadsheet program has worked out has no value yet.
    assert run.sheets["Orders"]["rows"][4] == [None, "#DIV/0!", 10**15, "two\nlines"]
    assert run.sheets["Orders"]["text"] == "Item\tPrice\tPaid\nKüche 🎻\ntwo\nlines\n"
    assert run.sheets["Empty"] == {"name": "Empty", "rows": [], "text": ""}
    assert run.context.stored is not None
    assert (run.context.stored.name, run.context.stored.media_type) == (
        "Umsätze.json",
        "application/json",
    )
    cells = {"text": 5, "number": 2, "date": 4, "boolean": 1, "error": 1, "empty": 3}
    assert run.result["cells"] == cells
    assert (run.result["format"], run.result["rows"]) == ("workbook", 5)
    orders, empty = run.result["sheets"]
    assert orders == {
        "name": "Orders",
        "rows": 5,
        "columns": 4,
        "cells": cells,
        "longest_text": 9,
    }
    assert (empty["rows"], empty["columns"], empty["longest_text"]) == (0, 0, 0)


def test_extract_text_keeps_the_cells_of_csv_as_they_are_and_says_what_they_look_like(
    tmp_path: Path,
) -> None:
    content = (
        "\ufeffArticle;Stock;Since;Sold\r\n"
        '007;1.5e3;2026-01-31;TRUE\r\n"a;""b""\r\nc";#N/A; ;-\r\n\r\n'
    )
    run = Extracted(tmp_path, content.encode())
    (sheet,) = run.file["sheets"]
    assert sheet["rows"] == [
        ["Article", "Stock", "Since", "Sold"],
        ["007", "1.5e3", "2026-01-31", "TRUE"],
        ['a;"b"\r\nc', "#N/A", None, "-"],
        [],
    ]
    assert run.result["cells"] == {
        "text": 6,
        "number": 2,
        "date": 1,
        "boolean": 1,
        "error": 1,
        "empty": 1,
    }
    told = {key: run.result[key] for key in ("file", "format", "encoding", "delimiter")}
    assert told == {"file": "a.csv", "format": "csv", "encoding": "utf-8", "delimiter": ";"}
    assert run.file.items() >= told.items()


def test_extract_text_says_that_a_file_was_read_as_windows_1252(tmp_path: Path) -> None:
    run = Extracted(tmp_path, "Käse;5 €\n".encode("cp1252"))
    assert run.result["encoding"] == "windows-1252"
    assert run.sheets["a"]["rows"] == [["Käse", "5 €"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_extract_text_finds_the_delimiter(delimiter: str, tmp_path: Path) -> None:
    noise = '"a, b; c | d\te"'
    lines = [delimiter.join([f'"1,5; {n}"', noise, str(n)]) for n in range(4)]
    run = Extracted(tmp_path, "\n".join(lines).encode())
    assert run.result["delimiter"] == delimiter
    assert run.result["sheets"][0]["columns"] == 3


@pytest.mark.parametrize(
    ("text", "delimiter", "columns"),
    [
        ("1,5;2,5\n3,5;4,5\n", ";", 2),
        ("1,5;2,5", ";", 2),
        ("1,5;2,5\n3,5;4,5\n1,", ";", 2),  # cut off, as the sample of a long file is
        ("7;1,25;2,5\n8;3,00;-4,5\n", ";", 3),
        ("1,2,3\n4,5,6\n", ",", 3),
        ("1,2,a;b\n3,4,c;d\n", ",", 3),
        ("1,2;\n3,4\n5,6\n", ",", 2),
    ],
)
def test_extract_text_takes_a_decimal_comma_for_no_delimiter(
    text: str, delimiter: str, columns: int, tmp_path: Path
) -> None:
    run = Extracted(tmp_path, text.encode())
    assert (run.result["delimiter"], run.result["sheets"][0]["columns"]) == (delimiter, columns)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_extract_text_reads_one_column_and_all_ends_of_lines(end: str, tmp_path: Path) -> None:
    run = Extracted(tmp_path, end.join(["one", "two words", "3"]).encode())
    assert run.sheets["a"]["rows"] == [["one"], ["two words"], ["3"]]


def test_extract_text_tells_how_far_it_is_by_rows(tmp_path: Path) -> None:
    text = "".join(f"{n},some text\n" for n in range(10_000)).encode()
    run = Extracted(tmp_path, text)
    fractions = [fraction for fraction, _ in run.context.reports]
    assert fractions == sorted(fractions)
    assert len({round(each, 1) for each in fractions}) > 8
    assert run.context.reports[-1] == (1.0, "10,000 rows")
    (tmp_path / "book").mkdir()
    rows = [[n] for n in range(1000)]
    book = Extracted(tmp_path / "book", files.workbook({"a": rows, "b": rows}), "a.xlsx")
    fractions = [fraction for fraction, _ in book.context.reports]
    assert fractions == sorted(fractions)
    assert 0.4 < fractions[len(fractions) // 2] < 0.9


def test_extract_text_needs_no_more_memory_for_more_rows_of_csv(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        folder = tmp_path / str(rows)
        folder.mkdir()
        (folder / "big").write_bytes(b"".join(b"%d;text %d\n" % (n, n) for n in range(rows)))
        context = RecordingContext(folder / "store")
        parameters = uploaded(context, folder / "big")
        tracemalloc.start()
        ExtractText().run(context, parameters)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    few, many = peak(20_000), peak(60_000)
    assert many < few + 1_000_000, (few, many)


def test_extract_text_tells_of_so_many_sheets_and_writes_all(tmp_path: Path) -> None:
    count = MAX_SHEETS + 3
    run = Extracted(tmp_path, files.workbook({f"s{n}": [[n]] for n in range(count)}), "a.xlsx")
    assert len(run.result["sheets"]) == MAX_SHEETS
    assert run.result["sheets_left_out"] == 3
    assert (run.result["rows"], len(run.file["sheets"])) == (count, count)


def test_extract_text_can_be_tried_without_an_upload(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    result = ExtractText().run(context, JobTypes.validate(ExtractText(), {}))  # type: ignore[arg-type]
    assert result["file"] == "sample.csv"
    assert result["cells"] == {
        "text": 7,
        "number": 2,
        "date": 2,
        "boolean": 3,
        "error": 1,
        "empty": 1,
    }


@pytest.mark.parametrize("bad", ["", "a", 1, True, [], "00000000-0000-0000-0000-00000000000"])
def test_extract_text_refuses_what_is_no_id(bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(ExtractText(), {"upload_id": bad})
    assert list(caught.value.fields) == ["params.upload_id"]


def test_extract_text_fails_with_a_reason_when_the_upload_is_gone(tmp_path: Path) -> None:
    context, upload_id = RecordingContext(tmp_path), uuid4()
    parameters = JobTypes.validate(ExtractText(), {"upload_id": str(upload_id)})
    for _ in range(2):  # not known; then known, and deleted before it was opened
        with pytest.raises(JobFailed) as caught:
            ExtractText().run(context, parameters)  # type: ignore[arg-type]
        assert caught.value.code == "upload_not_found"
        context.uploads[upload_id] = UploadedFile(tmp_path / "gone", "a.csv", "text/csv", 1)


def test_extract_text_reads_on_when_the_upload_is_deleted_meanwhile(tmp_path: Path) -> None:
    class Deleting(RecordingContext):
        def progress(self, fraction: float, message: str = "") -> None:
            super().progress(fraction, message)
            (tmp_path / "upload").unlink(missing_ok=True)

    for content in (b"a,b\n" * 20_000, files.workbook({"a": [[1]] * 2000})):
        context, path = Deleting(tmp_path / str(len(content))), tmp_path / "upload"
        path.write_bytes(content)
        result = ExtractText().run(context, uploaded(context, path))
        assert result["rows"] in {20_000, 2000}
        assert not path.exists()


def test_extract_text_of_many_rows_stops_soon_after_it_is_cancelled(tmp_path: Path) -> None:
    with pytest.raises(JobCancelled):
        Extracted(tmp_path, b"a,b\n" * 100_000, cancel_at=2)
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
