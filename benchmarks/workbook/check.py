"""Is a file what it should be? Read back, as far as its size allows."""

import re
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isclose
from pathlib import Path
from typing import Any
from uuid import UUID

import python_calamine

from benchmarks.comparison.model import Fault
from benchmarks.workbook.rows import Row, Table

READ_ROWS = 100_000
"""Larger files are not read cell by cell: their rows are counted."""
CHUNK = 1 << 20
ROW, OVERLAP = b"<row ", 4
LAYOUT = {"frozen header": b"<pane ", "widths": b"<col ", "filter": b"<autoFilter "}
SECOND = 1.0


def check(path: Path, table: Table, count: int) -> None:
    """Check a file.

    Raises:
        Fault: it is wrong; the message says where.
    """
    try:
        _check_parts(path, count)
        if count <= READ_ROWS:
            _check_cells(path, table, count)
    except (OSError, zipfile.BadZipFile, python_calamine.CalamineError) as error:
        raise Fault(f"a file that cannot be read: {error}") from error


def _check_parts(path: Path, count: int) -> None:
    """Count the rows in the XML; reading it to the end checks its sum, too."""
    found, missing = 0, set(LAYOUT)
    with zipfile.ZipFile(path) as archive:
        sheets = [
            name for name in archive.namelist() if re.match(r"xl/worksheets/[^/]+\.xml", name)
        ]
        for name in sheets:
            with archive.open(name) as part:
                rest = b""
                while chunk := part.read(CHUNK):
                    text = rest + chunk
                    found += text.count(ROW)
                    missing -= {what for what in missing if LAYOUT[what] in text}
                    rest = text[-OVERLAP:]
    if found != count + len(sheets):
        raise Fault(f"a file of {found - len(sheets):,} rows, not {count:,}")
    if missing:
        raise Fault(f"a file without: {', '.join(sorted(missing))}")


def _check_cells(path: Path, table: Table, count: int) -> None:
    with python_calamine.load_workbook(str(path)) as book:
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    titles = [each.title for each in table.fields]
    if len(rows) != count + 1 or rows[0] != titles:
        raise Fault(f"a sheet of {len(rows) - 1:,} rows under the header {rows[:1]}, not {count:,}")
    for index in sorted({0, count // 2, count - 1}):
        _check_row(index, rows[index + 1], table)


def _check_row(index: int, found: list[Any], table: Table) -> None:
    expected: Row = table.row(index)
    for field, value, read in zip(table.fields, expected, found, strict=True):
        if not same(value, read):
            raise Fault(f"row {index + 1:,}, {field.title}: {read!r} instead of {value!r}")


def same(value: Any, read: Any) -> bool:
    """Whether a cell holds a value, by the rules of all contenders: None and "" are empty."""
    wanted, got = _plain(value), _plain(read)
    if isinstance(wanted, float) and isinstance(got, float):
        return isclose(wanted, got, rel_tol=1e-12)
    if isinstance(wanted, datetime) and isinstance(got, datetime):
        return abs((wanted - got).total_seconds()) < SECOND
    return type(wanted) is type(got) and wanted == got


def _plain(value: Any) -> Any:
    """What tells values apart in a workbook: it has no integers, no UUIDs, no days, no zones."""
    if value is None or isinstance(value, bool):
        return "" if value is None else value
    if isinstance(value, int | Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    is_aware = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(UTC).replace(tzinfo=None) if is_aware else value
