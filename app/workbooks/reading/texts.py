"""Reading CSV text that a stranger wrote: its encoding, its delimiter, its rows, within bounds."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

DELIMITERS = (",", ";", "\t", "|")
MAX_ROW = 4 << 20
"""Characters of one row: a quotation mark that is never closed makes the rest of a file one row."""

SAMPLE = 64 << 10
SAMPLE_ROWS = 100
CHUNK = 1 << 17
# What no text contains; tab, line feed, form feed and carriage return it may.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")

# The comma at the very end of a sample may have lost its digits to the cut.
_NO_DECIMAL_COMMA = re.compile(r"(?<!\d),|,(?!\d|\Z)")


class NoText(ValueError):
    """It cannot be read as a table of text; the message says why, for people."""


def encoding_of(file: BinaryIO) -> str:
    """How the bytes spell text: `utf-8`, or else `windows-1252`, which older programs write.

    Reads all of the file, in pieces.

    Raises:
        NoText: it is neither, or there is nothing in it.
    """
    for encoding in ("utf-8", "windows-1252"):
        try:
            if not _has_text(file, encoding):
                raise NoText("The file is empty.")
        except UnicodeDecodeError:
            continue
        return encoding
    raise NoText("The file is neither a workbook nor text. Send .xlsx, .xlsm or CSV as UTF-8.")


def _has_text(file: BinaryIO, encoding: str) -> bool:
    """Whether there is more than space in it; decodes all of it."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    found = False
    for chunk in iter(partial(file.read, CHUNK), b""):
        found |= _is_filled(decoder.decode(chunk))
    return found | _is_filled(decoder.decode(b"", final=True))


def _is_filled(text: str) -> bool:
    if _CONTROL.search(text):
        raise NoText(
            "The file holds bytes that no text has, so it is neither a workbook nor CSV. "
            "Save it as .xlsx, or as CSV in UTF-8."
        )
    return bool(text.strip("\ufeff \t\r\n\f"))


def delimiter_of(sample: str) -> str:
    """The delimiter that cuts the first rows most evenly; a comma if none does.

    Where a semicolon does as well as a comma, and all commas stand between digits, they are those of
    decimal numbers.
    """
    best = max(DELIMITERS, key=lambda each: _evenness(sample, each))
    if best == "," and not _NO_DECIMAL_COMMA.search(sample):
        rows, _ = _evenness(sample, ";")
        return ";" if 0 < rows >= _evenness(sample, ",")[0] else best
    return best


def _evenness(sample: str, delimiter: str) -> tuple[int, int]:
    """How many of the first rows have the same number of columns, above one; and that number."""
    widths: Counter[int] = Counter()
    try:
        for row, _ in zip(_reader(sample, delimiter), range(SAMPLE_ROWS), strict=False):
            widths[len(row)] += 1
    except csv.Error:
        return 0, 0
    del widths[0], widths[1]
    return max(((count, width) for width, count in widths.items()), default=(0, 0))


def _reader(sample: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)


class CsvRows:
    """The rows of a CSV file, one at a time; memory does not grow with them.

    Args:
        file: at any place; stays open after `close`.

    Attributes:
        encoding, delimiter: as they were found out.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.encoding = encoding_of(file)
        file.seek(0)
        codec = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        self._text = io.TextIOWrapper(file, codec, newline="")
        self._file, self._size = file, file.seek(0, io.SEEK_END)
        file.seek(0)
        self.delimiter = delimiter_of(self._text.read(SAMPLE))
        self._text.seek(0)
        self._room = MAX_ROW

    def __iter__(self) -> Iterator[list[str]]:
        """Raises `NoText` where the file stops being CSV."""
        csv.field_size_limit(MAX_ROW)
        rows = csv.reader(self._lines(), delimiter=self.delimiter)
        try:
            for row in rows:
                self._room = MAX_ROW
                yield row
        except csv.Error as error:
            raise NoText(f"Line {rows.line_num:,} is not CSV: {error}.") from error

    def close(self) -> None:
        """Let go of the file; no more rows can be read."""
        self._text.detach()

    @property
    def fraction(self) -> float:
        """How much of the file is read, 0.0 to 1.0."""
        return min(self._file.tell() / self._size, 1.0) if self._size else 1.0

    def _lines(self) -> Iterator[str]:
        number = 0
        while line := self._text.readline(MAX_ROW):
            number += 1
            self._room -= len(line)
            if self._room <= 0:
                raise NoText(
                    f"The row at line {number:,} is longer than {MAX_ROW:,} characters. "
                    "A quotation mark may not be closed."
                )
            yield line
