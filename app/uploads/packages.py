"""Whether a ZIP archive is a workbook that can be unpacked without harm.

All of it is unpacked here once, into nothing, and counted: what the archive says of its own sizes is
its sender's word. What was counted is then compared with that word, because others will rely on it.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from app.uploads.beginnings import Beginning
from app.uploads.refusal import UploadRefused

MEDIA_TYPES = {
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
    b"application/vnd.ms-excel.sheet.macroEnabled.main+xml": (
        "application/vnd.ms-excel.sheet.macroEnabled.12"
    ),
}
CONTENT_TYPES = "[Content_Types].xml"
BINARY_BOOK = b"application/vnd.ms-excel.sheet.binary.macroEnabled.main"
MAX_CONTENT_TYPES = 8 << 20

_CHUNK = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENTRY = b"PK\x01\x02"
_DAMAGED = "The archive is damaged or incomplete{}. Send the whole file again."


@dataclass(frozen=True)
class Limits:
    """What a workbook may unpack to.

    Attributes:
        unpacked_bytes: all parts together.
        entries: how many parts.
    """

    unpacked_bytes: int
    entries: int


def media_type_of_package(file: BinaryIO, limits: Limits) -> str:
    """Which kind of workbook it is.

    Raises:
        UploadRefused: it is none, is damaged, or would do harm when it is unpacked.
    """
    _refuse_many_entries(file, limits.entries)
    try:
        with zipfile.ZipFile(file) as archive:
            return _media_type(archive, limits)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError) as error:
        raise UploadRefused(_DAMAGED.format("")) from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's word for what it cannot unpack
        raise UploadRefused("The archive is packed in a way that workbooks are not.") from error


def _media_type(archive: zipfile.ZipFile, limits: Limits) -> str:
    entries = archive.infolist()
    _refuse_many(len(entries), limits.entries)
    _refuse_names([each.orig_filename for each in entries])
    if sum(each.file_size for each in entries) > limits.unpacked_bytes:
        raise UploadRefused(_too_large(limits))
    left, content_types = limits.unpacked_bytes, b""
    for entry in entries:
        found = _look_through(archive, entry, left, limits)
        left -= found.size
        if entry.filename == CONTENT_TYPES:
            content_types = found.content
    return _kind_of(content_types)


def _kind_of(content_types: bytes) -> str:
    for name, media_type in MEDIA_TYPES.items():
        if b'"' + name + b'"' in content_types or b"'" + name + b"'" in content_types:
            return media_type
    if BINARY_BOOK in content_types:
        raise UploadRefused("This is a binary workbook (.xlsb). Save it as .xlsx.")
    raise UploadRefused("This is an archive, but no workbook. Send .xlsx, .xlsm or CSV.")


def _refuse_many_entries(file: BinaryIO, most: int) -> None:
    """Count before the directory is read, which takes more memory than the file has bytes."""
    file.seek(0)
    count, before = 0, b""
    for chunk in iter(partial(file.read, _CHUNK), b""):
        count += (before + chunk).count(_ENTRY)
        before = chunk[1 - len(_ENTRY) :]
    _refuse_many(count, most)


def _refuse_many(count: int, most: int) -> None:
    if count > most:
        raise UploadRefused(f"The workbook consists of more than {most:,} parts.")


def _refuse_names(names: list[str]) -> None:
    """What would be written elsewhere than it seems, or stand for two things."""
    seen = set()
    for name in names:
        plain = name.replace("\\", "/")
        if plain.startswith("/") or ":" in plain or "\0" in plain or ".." in plain.split("/"):
            raise UploadRefused("The archive names a part outside of itself, as no workbook does.")
        if plain.casefold() in seen:
            raise UploadRefused("The archive has two parts of one name, as no workbook has.")
        seen.add(plain.casefold())


@dataclass(frozen=True)
class _Found:
    size: int
    content: bytes


def _look_through(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, limits: Limits
) -> _Found:
    """Unpack one part, no farther than the bytes that are left."""
    if entry.flag_bits & 1:
        raise UploadRefused("The archive is protected with a password. Send it without one.")
    if entry.compress_type not in _METHODS:
        raise UploadRefused("The archive is packed in a way that workbooks are not.")
    said, size, kept = entry.file_size, 0, b""
    for chunk in _checked_xml(_unpacked(archive, entry)):
        size += len(chunk)
        if size > left:
            raise UploadRefused(_too_large(limits))
        if entry.filename == CONTENT_TYPES and size <= MAX_CONTENT_TYPES:
            kept += chunk
    if size != said:
        raise UploadRefused(_DAMAGED.format(": a part has another size than it says"))
    return _Found(size, kept)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """What the part really unpacks to: zipfile stops at the size that the entry claims."""
    said, entry.file_size = entry.file_size, 1 << 62
    try:
        with archive.open(entry) as part:
            yield from iter(partial(part.read, _CHUNK), b"")
    finally:
        entry.file_size = said


def _checked_xml(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks; of XML, the beginning is judged."""
    beginning = Beginning()
    for chunk in chunks:
        beginning.feed(chunk)
        yield chunk
    beginning.end()


def _too_large(limits: Limits) -> str:
    return f"The workbook unpacks to more than the {limits.unpacked_bytes:,} bytes that are taken."
