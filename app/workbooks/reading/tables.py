"""Reading the tables of a file that a stranger sent: a workbook or CSV, row by row.

Workbooks are read by openpyxl's `read_only` mode: rows come one at a time and can be stopped between
any two. A reader that builds a whole sheet takes what the farthest cell asks for, and a workbook of
two cells can ask for everything.
"""

import errno
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO

import openpyxl

from app.errors import AppError
from app.workbooks.reading.cells import Cell, of_text, of_workbook, trimmed
from app.workbooks.reading.texts import CsvRows, NoText

ZIP_MAGIC = b"PK\x03\x04"
MAX_ROWS = 1_048_576
MAX_NAME = 100


class Unreadable(ValueError):
    """The file cannot be read to its end; the message says why, for people."""


class Tables:
    """The tables of one file, one after the other.

    Attributes:
        about: what was found out about the file as a whole, for people and programs.
    """

    about: dict[str, str | None]

    @property
    def fraction(self) -> float:
        """How much of the file is read, 0.0 to 1.0."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[str, Iterator[list[Cell]]]]:
        """Name and rows of each; read the rows before going on. Raises `Unreadable`."""
        raise NotImplementedError


@contextmanager
def open_tables(file: BinaryIO, name: str) -> Iterator[Tables]:
    """Read a file, by its content.

    Args:
        name: of the table in a CSV file.

    Raises:
        Unreadable: also while the rows are read.
        OSError: the disk does not give the file; also then.
    """
    file.seek(0)
    if file.read(4) != ZIP_MAGIC:
        with _told("The file"):
            rows = CsvRows(file)
        with closing(rows):
            yield _CsvTables(rows, name)
        return
    with warnings.catch_warnings():
        # Of what openpyxl leaves out: nothing that has rows.
        warnings.filterwarnings("ignore", module="openpyxl")
        with _told("The workbook"):
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        with closing(book):
            yield _WorkbookTables(book)


class _CsvTables(Tables):
    def __init__(self, rows: CsvRows, name: str) -> None:
        self._rows, self._name = rows, name
        self.about = {
            "format": "csv",
            "encoding": rows.encoding,
            "delimiter": rows.delimiter,
        }

    @property
    def fraction(self) -> float:
        return self._rows.fraction

    def __iter__(self) -> Iterator[tuple[str, Iterator[list[Cell]]]]:
        yield self._name, _each((trimmed(map(of_text, row)) for row in self._rows), "The file")


class _WorkbookTables(Tables):
    def __init__(self, book: Any) -> None:
        self.about = {"format": "workbook", "encoding": None, "delimiter": None}
        self._sheets: list[Any] = book.worksheets
        self._done, self._row, self._rows = 0, 0, 1

    @property
    def fraction(self) -> float:
        """By the number of rows that each sheet claims to have."""
        return (self._done + min(self._row / self._rows, 1.0)) / max(len(self._sheets), 1)

    def __iter__(self) -> Iterator[tuple[str, Iterator[list[Cell]]]]:
        for sheet in self._sheets:
            self._row, self._rows = 0, max(sheet.max_row or 1, 1)
            name = str(sheet.title)[:MAX_NAME]
            yield name, _each(self._read(sheet), f"Sheet {name!r}")
            self._row, self._rows, self._done = 0, 1, self._done + 1

    def _read(self, sheet: Any) -> Iterator[list[Cell]]:
        sheet.reset_dimensions()  # each row would be filled up to the width that the file claims
        for row in sheet.iter_rows():
            self._row += 1
            if self._row > MAX_ROWS:
                raise Unreadable(f"has more than {MAX_ROWS:,} rows, which no workbook has")
            yield trimmed(of_workbook(each.value, is_error=each.data_type == "e") for each in row)


def _each(rows: Iterator[list[Cell]], what: str) -> Iterator[list[Cell]]:
    """The rows; what goes wrong between two of them is told, and what their reader raises is not."""
    while True:
        with _told(what):
            row = next(rows, None)
        if row is None:
            return
        yield row


@contextmanager
def _told(what: str) -> Iterator[None]:
    """A parser meets what nobody foresaw; whatever it raises, the file is to blame.

    Unless it could not be read: an error of the disk goes on as it is.
    """
    try:
        yield
    except (AppError, MemoryError):  # of the job, not of the file
        raise
    except NoText as error:
        raise Unreadable(str(error)) from error
    except Unreadable as error:
        raise Unreadable(f"{what} {error}.") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise Unreadable(f"{what} is damaged: {error}.") from error
    except Exception as error:
        # A place before the beginning is one that the file has named itself.
        if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:
            raise
        reason = (str(error).splitlines() or [""])[0][:200]
        raise Unreadable(
            f"{what} cannot be read ({type(error).__name__}: {reason}). Open it in a spreadsheet "
            "program, save it again as .xlsx, and upload that."
        ) from error
