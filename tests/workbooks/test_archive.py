"""The archive: other programs read it, its headers agree, and it needs no place to go back to."""

import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO

import pytest

from app.workbooks.archive import Archive
from app.workbooks.deflate import Compression
from tests.workbooks import headers

MEMBERS = {
    "a.txt": b"hello",
    "empty.xml": b"",
    "xl/größe 😀.xml": "ü".encode() * 1000,
    "zeros": bytes(3_000_000),
    "random": bytes(zlib.crc32(str(n).encode()) % 256 for n in range(300_000)),
}


class Pipe:
    """A target that only takes bytes, such as the answer to a request."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def getvalue(self) -> bytes:
        return b"".join(self._parts)


class Forgetful(BytesIO):
    """A target that says that it cannot seek, and cannot."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("It cannot seek.")

    def tell(self) -> int:
        raise OSError("It cannot tell.")


TARGETS: list[Callable[[], BytesIO]] = [BytesIO, Forgetful, Pipe]  # type: ignore[list-item]
targets = pytest.mark.parametrize("make", TARGETS)
compressions = pytest.mark.parametrize("compression", Compression)


def filled(target: BytesIO, compression: Compression = Compression.FAST) -> bytes:
    """An archive of all members, each written in pieces of many lengths."""
    archive = Archive(target, compression)
    for name, data in MEMBERS.items():
        with archive.open(name) as part:
            for begin in range(0, len(data), 70_001):
                part.write(data[begin : begin + 70_001])
    archive.writestr("text", "größe")
    assert archive.namelist() == [*MEMBERS, "text"]
    archive.close()
    return target.getvalue()


@targets
@compressions
def test_what_was_written_is_read_back(
    make: Callable[[], BytesIO], compression: Compression
) -> None:
    with zipfile.ZipFile(BytesIO(filled(make(), compression))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*MEMBERS, "text"]
        assert {name: archive.read(name) for name in MEMBERS} == MEMBERS
        assert archive.read("text").decode() == "größe"
        sizes = {info.filename: info.compress_size for info in archive.infolist()}
    assert sizes["zeros"] < 30_000


def test_both_headers_of_a_member_agree() -> None:
    data = filled(BytesIO())
    entries = headers.entries(data)
    assert [entry.header.name.decode() for entry in entries] == [*MEMBERS, "text"]
    for entry in entries:
        assert headers.local_header(data, entry.offset) == entry.header
        assert entry.header.version == 20
        assert entry.header.method == zipfile.ZIP_DEFLATED
        assert entry.header.flags == 0x800
    sizes = {entry.header.name.decode(): entry.header.size for entry in entries}
    assert {name: sizes[name] for name in MEMBERS} == {n: len(d) for n, d in MEMBERS.items()}


def test_members_stand_right_behind_each_other() -> None:
    data = filled(BytesIO())
    place = 0
    for entry in headers.entries(data):
        assert entry.offset == place
        *_, name, extra = headers.LOCAL.unpack_from(data, entry.offset)
        place += headers.LOCAL.size + name + extra + entry.header.packed
    assert headers.directory(data)[1] == place


@pytest.mark.parametrize("make", TARGETS[1:])
def test_where_nobody_can_go_back_sizes_follow_behind(make: Callable[[], BytesIO]) -> None:
    data = filled(make())
    for entry in headers.entries(data):
        local = headers.local_header(data, entry.offset)
        assert (local.crc, local.packed, local.size) == (0, 0, 0)
        assert local.flags == entry.header.flags == 0x808
        # A reader that meets sizes of eight bytes has to know that from the first header on.
        assert local.version == entry.header.version == 45
        *_, name, extra = headers.LOCAL.unpack_from(data, entry.offset)
        behind = entry.offset + headers.LOCAL.size + name + extra + entry.header.packed
        assert data[behind : behind + 4] == b"PK\7\x08"
        assert int.from_bytes(data[behind + 4 : behind + 8], "little") == entry.header.crc
        assert int.from_bytes(data[behind + 8 : behind + 16], "little") == entry.header.packed
        assert int.from_bytes(data[behind + 16 : behind + 24], "little") == entry.header.size


def test_an_archive_may_stand_behind_other_bytes() -> None:
    target = BytesIO()
    target.write(b"x" * 1000)
    filled(target)
    with zipfile.ZipFile(BytesIO(target.getvalue()[1000:])) as archive:
        assert archive.testzip() is None


@targets
def test_an_archive_that_is_not_closed_is_none(make: Callable[[], BytesIO]) -> None:
    target = make()
    Archive(target).writestr("a", b"data")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(BytesIO(target.getvalue()))


def test_an_archive_without_members_is_empty() -> None:
    target = BytesIO()
    Archive(target).close()
    assert zipfile.ZipFile(target).namelist() == []


def break_off(archive: Archive) -> None:
    with archive.open("a") as part:
        part.write(b"data")
        raise LookupError("broken off")


def test_a_member_that_broke_off_keeps_the_archive_from_being_completed() -> None:
    target = BytesIO()
    archive = Archive(target)
    with pytest.raises(LookupError):
        break_off(archive)
    with pytest.raises(ValueError, match="not complete"):
        archive.close()
    with pytest.raises(ValueError, match="not complete"):
        archive.writestr("b", b"")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(target)


def test_members_are_written_one_at_a_time_under_names_of_their_own() -> None:
    archive = Archive(BytesIO())
    archive.writestr("a", b"")
    with pytest.raises(ValueError, match="'a'"):
        archive.writestr("a", b"")
    with archive.open("b"), pytest.raises(ValueError, match="not complete"):
        archive.writestr("c", b"")
    archive.close()
    for late in (archive.close, lambda: archive.writestr("d", b"")):
        with pytest.raises(ValueError, match="closed"):
            late()


class Short(BytesIO):
    """A target that takes a part of what it is given, as sockets and raw files may."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return super().write(data[:1000])


def test_a_target_that_takes_less_than_it_is_given_is_an_error() -> None:
    with pytest.raises(OSError, match="could be written"):
        filled(Short())


def test_more_members_than_two_bytes_count() -> None:
    target = BytesIO()
    archive = Archive(target)
    for number in range(65_536):
        archive.writestr(str(number), b"")
    archive.close()
    with zipfile.ZipFile(target) as read:
        assert len(read.namelist()) == 65_536
    assert headers.directory(target.getvalue())[0] == 65_536
