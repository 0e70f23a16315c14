"""Members and archives past four gigabytes, where ZIP64 begins."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from isal import isal_zlib

from app.workbooks.archive import Archive
from app.workbooks.deflate import Compression

BLOCK = bytes(1 << 20)
BLOCKS = 4097
SIZE = BLOCKS << 20


class OneWay:
    """A file that cannot seek."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def member(path: Path, name: str) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive, archive.open(name) as part:
        while piece := part.read(1 << 20):
            yield piece


@pytest.mark.parametrize("can_seek", [True, False])
def test_a_member_past_four_gigabytes_is_read_back(
    can_seek: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the standard library, reading takes twenty times as long as writing.
    monkeypatch.setattr(zipfile, "zlib", isal_zlib)
    monkeypatch.setattr(zipfile, "crc32", isal_zlib.crc32)
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        archive = Archive(file if can_seek else OneWay(file), Compression.FAST)  # type: ignore[arg-type]
        archive.writestr("before", b"first")
        with archive.open("large") as part:
            for _ in range(BLOCKS):
                part.write(BLOCK)
            part.write(b"last")
        archive.writestr("after", b"then")
        archive.close()
    with zipfile.ZipFile(path) as read:
        info = read.getinfo("large")
        assert info.file_size == SIZE + 4
        assert info.extract_version == 45
        assert [read.read(name) for name in ("before", "after")] == [b"first", b"then"]
    # zipfile compares the checksum when it comes to the end.
    *pieces, last = (len(piece) for piece in member(path, "large"))
    assert sum(pieces) + last == SIZE + 4


class Gap:
    """Bytes that nobody has to hold."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length


class Sparse:
    """A file that skips gaps instead of filling them, so that it only seems large."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(place, whence)

    def write(self, data: bytes | Gap) -> int:
        if isinstance(data, Gap):
            self._file.seek(len(data), os.SEEK_CUR)
            return len(data)
        return self._file.write(data)


def test_members_that_begin_past_four_gigabytes_are_found(tmp_path: Path) -> None:
    path = tmp_path / "far.zip"
    with path.open("wb") as file:
        archive = Archive(Sparse(file))  # type: ignore[arg-type]
        archive.writestr("before", b"first")
        for number in range(5):
            with archive.open(f"gap {number}"):
                archive._output.write(Gap(1 << 30))  # type: ignore[arg-type]
        archive.writestr("after", b"then" * 1000)
        archive.close()
    with zipfile.ZipFile(path) as read:
        assert read.getinfo("after").header_offset > 0xFFFFFFFF
        assert [read.read(name) for name in ("before", "after")] == [b"first", b"then" * 1000]
