"""A ZIP archive that is written in one pass, its large members as streams.

`zipfile` could hold the same, but compresses with the standard `zlib` alone; see
docs/decisions/0010-an-archive-of-our-own.md. The layout is that of PKWARE's APPNOTE.TXT, the parts of it
that spreadsheet programs read: deflate, and ZIP64 where a member or the archive needs it.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO, NamedTuple

from app.workbooks.deflate import Compression, Deflate, deflate_for
from app.workbooks.output import Output

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


class Moment(NamedTuple):
    """Local time of day and date, as archives hold them."""

    time: int
    date: int


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
        self._output = Output(file)
        self._deflate = deflate_for(compression)
        self._moment = _moment_of(datetime.now())  # noqa: DTZ005 - archives hold local times
        self._members: list[Member] = []
        self._names: set[str] = set()
        self._open = False
        self._closed = False

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
        part = Part(self._output, self._deflate, self._moment, name.encode())
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
        output, begin = self._output, self._output.place
        for member in self._members:
            output.write(self._directory_entry(member))
        output.write(self._end(begin, output.place - begin))
        if output.can_seek:  # readers look for the end of an archive at the end of its file
            output.cut_off_older()

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
                *self._moment,
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
        output: of the archive.
        deflate: how to compress.
        moment: when the archive was begun.
        name: of the member, in UTF-8.
    """

    def __init__(self, output: Output, deflate: Deflate, moment: Moment, name: bytes) -> None:
        self._output, self._moment, self._name = output, moment, name
        self._compressor, self._crc32 = deflate.start(), deflate.crc32
        self._offset = output.place
        self._crc = self._size = 0
        if output.can_seek:
            output.write(self._header(0, 0, _PLAIN, _ROOM))
        else:
            sizes = _SIZES64.pack(1, 16, 0, 0)
            output.write(self._header(_MAX32, _MAX32, _ZIP64, sizes, _HAS_DESCRIPTOR))
        self._begin = output.place

    def write(self, data: bytes) -> None:
        """Write a piece."""
        self._crc = self._crc32(data, self._crc)
        self._size += len(data)
        if packed := self._compressor.compress(data):
            self._output.write(packed)

    def finish(self) -> Member:
        """End the member and write its sizes."""
        output = self._output
        output.write(self._compressor.flush())
        packed = output.place - self._begin
        if output.can_seek:
            flags, version = 0, self._complete_header(packed)
        else:
            flags, version = _HAS_DESCRIPTOR, _ZIP64
            output.write(_DESCRIPTOR64.pack(b"PK\7\x08", self._crc, packed, self._size))
        return Member(
            self._name, _UTF8 | flags, version, self._offset, self._crc, self._size, packed
        )

    def _complete_header(self, packed: int) -> int:
        """Go back and write the sizes; the version that a reader needs comes back."""
        if max(self._size, packed) < _MAX32:
            version, header = _PLAIN, self._header(packed, self._size, _PLAIN, _ROOM)
        else:
            sizes = _SIZES64.pack(1, 16, self._size, packed)
            version, header = _ZIP64, self._header(_MAX32, _MAX32, _ZIP64, sizes)
        self._output.write_over(self._offset, header)
        return version

    def _header(self, packed: int, size: int, version: int, extra: bytes, flags: int = 0) -> bytes:
        """The local header."""
        return (
            _LOCAL.pack(
                b"PK\3\4",
                version,
                _UTF8 | flags,
                _DEFLATED,
                *self._moment,
                self._crc,
                packed,
                size,
                len(self._name),
                len(extra),
            )
            + self._name
            + extra
        )


def _moment_of(now: datetime) -> Moment:
    return Moment(
        now.hour << 11 | now.minute << 5 | now.second // 2,
        (now.year - 1980) << 9 | now.month << 5 | now.day,
    )
