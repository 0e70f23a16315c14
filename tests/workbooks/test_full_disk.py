"""A target that fails: the error passes through as it is, and what is there is no workbook."""

import errno
import zipfile
from datetime import UTC, datetime, tzinfo
from io import BytesIO

import pytest

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = [(number, f"{number * 7919 % 10_007} and {number}") for number in range(5000)]


class Disk(BytesIO):
    """A target with room for so many bytes."""

    def __init__(self, room: int, *, seekable: bool = True) -> None:
        super().__init__()
        self._room, self._seekable = room, seekable

    def seekable(self) -> bool:
        return self._seekable

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.tell() + len(data) > self._room:
            super().write(data[: max(0, self._room - self.tell())])
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


class StillClock(datetime):
    """It is always the same moment."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "StillClock":
        return cls.fromtimestamp(NOW.timestamp(), tz)


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times in a workbook change its size by a byte or two, and here each byte counts."""
    monkeypatch.setattr("app.workbooks.book.datetime", StillClock)


def workbook(target: BytesIO) -> None:
    with Workbook(target) as book:
        book.openpyxl.properties.created = NOW.replace(tzinfo=None)
        book.write(Sheet("Rows", [Column("A"), Column("B")]), ROWS)
        book.add_sheet("Other")


def size() -> int:
    target = BytesIO()
    workbook(target)
    return len(target.getvalue())


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("missing", [1, 21, 500, 1500, 5000, 30_000, 10**9])
def test_a_full_disk_is_told_and_leaves_no_workbook(missing: int, seekable: bool) -> None:
    target = Disk(max(0, size() - missing), seekable=seekable)
    with pytest.raises(OSError, match="No space left") as told:
        workbook(target)
    assert told.value.errno == errno.ENOSPC
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(BytesIO(target.getvalue()))
