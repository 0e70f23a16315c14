"""A ZIP archive that is written in one pass, its large members as streams.

`zipfile` could hold the same, but compresses with the standard `zlib` alone; see
docs/decisions/0010-an-archive-of-our-own.md. The layout is that of PKWARE's APPNOTE.TXT, the parts of it
that spreadsheet programs read: deflate, and ZIP64 where a member or the archive needs it.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, cast

from app.workbooks.deflate import Compression, deflate_for

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_DESCRIPTOR64 = struct.Struct("<4sLQQ")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_SIZES64 = struct.Struct("<HHQQ")
# "Growth hint" of Open Packaging: room that means nothing, where sizes of ZIP64 may follow.
_ROOM = struct.pack("<HHHH12x", 0xA220, 16, 0xA028, 12)

_DEFLATED = 8
_PLAIN, _ZIP64 = 20, 45
_UTF8, _HAS_DESCRIPTOR = 0x800, 0x8
_MAX32, _MAX16 = 0xFFFFFFFF, 0xFFFF


class Member(NamedTuple):
    """A member that is written."""

    name: bytes
    flags: int
    version: int
    offset: int
    crc: int
    size: int
    packed: int


class Archive:
    """An archive being written; `close` completes it, and without that it is none.

    The methods that openpyxl calls are named as those of `zipfile.ZipFile`.

    Args:
        file: binary. If it can seek, each member's sizes are written before its data; if it cannot,
            they follow behind, and each member is of ZIP64, since nobody knows how long it will be.
        compression: what matters more.
    """

    def __init__(self, file: BinaryIO, compression: Compression = Compression.FAST) -> None:
        self._file = file
        self._deflate = deflate_for(compression)
        self._seekable = _can_seek(file)
        self._place = file.tell() if self._seekable else 0
        self._start = self._place
        self._members: list[Member] = []
        self._names: set[str] = set()
        self._open = False
        self._closed = False
        now = datetime.now()  # noqa: DTZ005 - archives hold local times
        self._time = now.hour << 11 | now.minute << 5 | now.second // 2
        self._date = (now.year - 1980) << 9 | now.month << 5 | now.day

    def namelist(self) -> list[str]:
        """The names of the members so far."""
        return [member.name.decode() for member in self._members]

    def writestr(self, name: str, data: str | bytes) -> None:
        """Write a whole member. Raises what `open` raises."""
        with self.open(name) as part:
            part.write(data.encode() if isinstance(data, str) else data)

    @contextmanager
    def open(self, name: str) -> Iterator["Part"]:
        """Write a member in pieces, one member at a time.

        If the block raises, the archive cannot be completed.

        Raises:
            ValueError: there is a member of that name, another one is not complete, or the archive is
                closed.
        """
        if self._closed or self._open:
            raise ValueError(
                "The archive is closed." if self._closed else "Another member is not complete."
            )
        if name in self._names:
            raise ValueError(f"There is a member of this name already: {name!r}")
        self._open = True
        self._names.add(name)
        part = Part(self, name.encode())
        yield part
        self._members.append(part.finish())
        self._open = False

    def close(self) -> None:
        """Write the directory that makes it an archive.

        Raises:
            ValueError: a member is not complete, or the archive is closed.
        """
        if self._closed or self._open:
            raise ValueError(
                "The archive is closed." if self._closed else "A member is not complete."
            )
        self._closed = True
        begin = self._place - self._start
        for member in self._members:
            self.put(self._directory_entry(member))
        self.put(self._end(begin, self._place - self._start - begin))
        if self._seekable:
            self._cut_off_older()

    def put(self, data: bytes) -> None:
        """Write bytes as they are; for parts."""
        written: int | None = self._file.write(data)
        if written is None and not isinstance(cast(Any, self._file), io.RawIOBase):
            written = len(data)  # of those who do not say
        if written != len(data):
            raise OSError(f"Only {written or 0:,} of {len(data):,} bytes could be written.")
        self._place += len(data)

    def put_back(self, offset: int, data: bytes) -> None:
        """Write bytes over earlier ones; for parts, where the file can seek.

        Raises:
            OSError: the file was opened for appending, and writes at its end only.
        """
        end, self._place = self._place, offset
        self._file.seek(offset)
        self.put(data)
        if self._file.tell() != self._place:
            raise OSError("The file writes at its end only. Open it with 'wb' rather than 'ab'.")
        self._file.seek(end)
        self._place = end

    def _cut_off_older(self) -> None:
        """Readers look for the end of an archive at the end of its file."""
        if self._file.seek(0, io.SEEK_END) > self._place:
            self._file.truncate(self._place)
        self._file.seek(self._place)

    def _directory_entry(self, member: Member) -> bytes:
        """A member's entry in the central directory."""
        numbers = [member.size, member.packed, member.offset]
        large = [number >= _MAX32 for number in numbers]
        own = [number for number, is_large in zip(numbers, large, strict=True) if is_large]
        extra = struct.pack(f"<HH{len(own)}Q", 1, 8 * len(own), *own) if own else b""
        size, packed, offset = (
            _MAX32 if is_large else number for number, is_large in zip(numbers, large, strict=True)
        )
        version = _ZIP64 if own else member.version
        return (
            _CENTRAL.pack(
                b"PK\1\2",
                version,
                version,
                member.flags,
                _DEFLATED,
                self._time,
                self._date,
                member.crc,
                packed,
                size,
                len(member.name),
                len(extra),
                0,
                0,
                0,
                0,
                offset,
            )
            + member.name
            + extra
        )

    def _end(self, begin: int, size: int) -> bytes:
        """The end of the directory, with that of ZIP64 before it where numbers are too large."""
        count = len(self._members)
        end = _END.pack(
            b"PK\5\6",
            0,
            0,
            min(count, _MAX16),
            min(count, _MAX16),
            min(size, _MAX32),
            min(begin, _MAX32),
            0,
        )
        if count < _MAX16 and max(size, begin) < _MAX32:
            return end
        end64 = _END64.pack(b"PK\6\6", 44, _ZIP64, _ZIP64, 0, 0, count, count, size, begin)
        return end64 + _LOCATOR64.pack(b"PK\6\7", 0, begin + size, 1) + end


class Part:
    """A member being written.

    Args:
        archive: into which.
        name: of the member, in UTF-8.
    """

    def __init__(self, archive: Archive, name: bytes) -> None:
        self._archive, self._name = archive, name
        self._compressor = archive._deflate.start()
        self._crc32 = archive._deflate.crc32
        self._offset = archive._place
        self._crc = self._size = 0
        if archive._seekable:
            archive.put(self._header(0, 0, _PLAIN, _ROOM))
        else:
            sizes = _SIZES64.pack(1, 16, 0, 0)
            archive.put(self._header(_MAX32, _MAX32, _ZIP64, sizes, _HAS_DESCRIPTOR))
        self._begin = archive._place

    def write(self, data: bytes) -> None:
        """Write a piece."""
        self._crc = self._crc32(data, self._crc)
        self._size += len(data)
        if packed := self._compressor.compress(data):
            self._archive.put(packed)

    def finish(self) -> Member:
        """End the member and write its sizes."""
        archive = self._archive
        archive.put(self._compressor.flush())
        packed = archive._place - self._begin
        if archive._seekable:
            flags, version = 0, self._complete_header(packed)
        else:
            flags, version = _HAS_DESCRIPTOR, _ZIP64
            archive.put(_DESCRIPTOR64.pack(b"PK\7\x08", self._crc, packed, self._size))
        offset = self._offset - archive._start
        return Member(self._name, _UTF8 | flags, version, offset, self._crc, self._size, packed)

    def _complete_header(self, packed: int) -> int:
        """Go back and write the sizes; the version that a reader needs comes back."""
        if max(self._size, packed) < _MAX32:
            version, header = _PLAIN, self._header(packed, self._size, _PLAIN, _ROOM)
        else:
            sizes = _SIZES64.pack(1, 16, self._size, packed)
            version, header = _ZIP64, self._header(_MAX32, _MAX32, _ZIP64, sizes)
        self._archive.put_back(self._offset, header)
        return version

    def _header(self, packed: int, size: int, version: int, extra: bytes, flags: int = 0) -> bytes:
        """The local header."""
        return (
            _LOCAL.pack(
                b"PK\3\4",
                version,
                _UTF8 | flags,
                _DEFLATED,
                self._archive._time,
                self._archive._date,
                self._crc,
                packed,
                size,
                len(self._name),
                len(extra),
            )
            + self._name
            + extra
        )


def _can_seek(file: BinaryIO) -> bool:
    try:
        return file.seekable()
    except AttributeError:
        return False
