"""The text, the tables and the statistics of an uploaded workbook or CSV file."""

import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO
from uuid import UUID

from pydantic import Field

from app.artifacts.store import FULL, read_failure, store_failure
from app.errors import InvalidInput, JobFailed
from app.job_types.base import JobContext, JobType, Json, Owner, Parameters
from app.workbooks.reading.cells import KINDS, Cell
from app.workbooks.reading.tables import Tables, Unreadable, open_tables

MAX_SHEETS = 100
"""Sheets that the result tells of; the file has them all."""

REPORT_ROWS = 200
SAMPLE_NAME = "sample.csv"
SAMPLE = b"""Item;Price;Ordered;Paid
Lamp;12.50;2026-01-31;true
Desk;#N/A;2026-02-01;false
"K\xc3\xbcchentisch; oak";310;;true
"""
_CHUNK = 1 << 17


class ExtractTextParameters(Parameters):
    """Which file."""

    upload_id: UUID | None = Field(
        None,
        title="File",
        description="Id that `POST /v1/uploads` answered; left out, a small sample is read instead.",
        json_schema_extra={"x-upload": [".xlsx", ".xlsm", ".csv"]},
    )


class ExtractText(JobType[ExtractTextParameters]):
    """Reads the file, and writes what is in it as JSON."""

    name = "extract_text"
    title = "Extract text"
    parameters = ExtractTextParameters
    example = {}
    soft_seconds = 1800
    hard_seconds = 1860

    def check(self, owner: Owner, parameters: ExtractTextParameters) -> None:
        """See `JobType.check`."""
        wanted = parameters.upload_id
        if wanted is not None and not owner.has_upload(wanted):
            raise InvalidInput(
                "The parameters do not fit the job type extract_text.",
                {"params.upload_id": ["You have no such upload, or it is no longer kept"]},
                code="invalid_parameters",
            )

    def run(self, context: JobContext, parameters: ExtractTextParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        with _opened(context, parameters.upload_id) as (file, name):
            try:
                return _extract(context, file, name)
            except Unreadable as error:
                raise JobFailed(str(error), code="file_unreadable") from error


@contextmanager
def _opened(context: JobContext, upload_id: UUID | None) -> Iterator[tuple[BinaryIO, str]]:
    """The file and its name. While it is open it stays readable, whoever deletes it."""
    if upload_id is None:
        yield io.BytesIO(SAMPLE), SAMPLE_NAME
        return
    upload = context.upload(upload_id)
    try:
        with _open(upload.path) as file:
            yield file, upload.name
    except OSError as error:
        raise (store_failure if error.errno in FULL else read_failure)(error) from error


def _open(path: Path) -> BinaryIO:
    """Apart from the work: what that does not find is another file than the upload."""
    try:
        return path.open("rb")
    except FileNotFoundError as error:  # deleted since it was looked up
        raise JobFailed("The upload is no longer kept.", code="upload_not_found") from error


def _extract(context: JobContext, file: BinaryIO, name: str) -> dict[str, Json]:
    with (
        open_tables(file, Path(name).stem) as tables,
        context.artifact(f"{Path(name).stem}.json", "application/json") as out,
    ):
        report = _Report(context, tables)
        sheets = _write(out, name, tables, report)
    context.progress(1.0, f"{report.rows:,} rows")
    total = sum((each.kinds for each in sheets), Counter[str]())
    return {
        "file": name,
        **tables.about,
        "rows": report.rows,
        "cells": {kind: total[kind] for kind in KINDS},
        "sheets": [each.as_json() for each in sheets[:MAX_SHEETS]],
        "sheets_left_out": max(len(sheets) - MAX_SHEETS, 0),
    }


class _Report:
    """Tells how far the reading is, never less than before."""

    def __init__(self, context: JobContext, tables: Tables) -> None:
        self._context, self._tables = context, tables
        self._told = 0.0
        self.rows = 0

    def count(self) -> None:
        self.rows += 1
        if self.rows % REPORT_ROWS == 1:
            self._told = max(self._told, self._tables.fraction)
            self._context.progress(self._told, f"{self.rows:,} rows")


class _Sheet:
    """The statistics of one sheet, kept while its rows stream past."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.columns, self.longest = name, 0, 0, 0
        self.kinds: Counter[str] = Counter()

    def add(self, row: list[Cell]) -> None:
        self.rows += 1
        self.columns = max(self.columns, len(row))
        self.kinds.update(each.kind for each in row)
        texts = (len(str(each.value)) for each in row if each.kind == "text")
        self.longest = max(self.longest, max(texts, default=0))

    def as_json(self) -> Json:
        return {
            "name": self.name,
            "rows": self.rows,
            "columns": self.columns,
            "cells": {kind: self.kinds[kind] for kind in KINDS},
            "longest_text": self.longest,
        }


def _write(out: BinaryIO, name: str, tables: Tables, report: _Report) -> list[_Sheet]:
    """`{"file": …, "sheets": [{"name": …, "rows": [[…], …], "text": …}, …]}`, in a stream."""
    sheets: list[_Sheet] = []
    out.write(_json({"file": name, **tables.about})[:-1] + b', "sheets": [')
    for title, rows in tables:
        out.write(b",\n" if sheets else b"\n")
        sheets.append(_Sheet(title))
        # The text stands behind the rows, and both are known at once: it waits on the disk.
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as text:
            _write_rows(out, text, rows, sheets[-1], report)
            _write_text(out, text)
    out.write(b"\n]}\n")
    return sheets


def _write_rows(
    out: BinaryIO, text: TextIO, rows: Iterator[list[Cell]], sheet: _Sheet, report: _Report
) -> None:
    out.write(b'{"name": ' + _json(sheet.name) + b', "rows": [')
    for row in rows:
        out.write(b",\n" if sheet.rows else b"\n")
        out.write(_json([each.value for each in row]))
        words = [str(each.value) for each in row if each.kind == "text"]
        if words:
            text.write("\t".join(words) + "\n")
        sheet.add(row)
        report.count()
    out.write(b"\n],\n")


def _write_text(out: BinaryIO, text: TextIO) -> None:
    out.write(b'"text": "')
    text.seek(0)
    while chunk := text.read(_CHUNK):
        out.write(_json(chunk)[1:-1])
    out.write(b'"}')


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
