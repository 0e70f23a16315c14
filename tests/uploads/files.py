"""Files to upload: good ones, and those that somebody built to do harm."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

import openpyxl

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSM = "application/vnd.ms-excel.sheet.macroEnabled.12"
CONTENT_TYPES = "[Content_Types].xml"
MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
MACRO = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

Parts = dict[str, bytes]


def workbook(sheets: dict[str, Iterable[Iterable[Any]]] | None = None) -> bytes:
    """A workbook with these rows on these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in (sheets or {"Sheet": [["Lamp", 12.5]]}).items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def parts_of(package: bytes) -> Parts:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def package(parts: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these parts, in this order, whatever they are called."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return file.getvalue()


def changed(**parts: bytes) -> bytes:
    """A small workbook with parts put in place of its own: `sheet=…`, `book=…`, `styles=…`."""
    paths = {
        "sheet": "xl/worksheets/sheet1.xml",
        "book": "xl/workbook.xml",
        "styles": "xl/styles.xml",
    }
    given = {paths[name]: content for name, content in parts.items()}
    return package((parts_of(workbook()) | given).items())


def with_part(name: str, content: bytes) -> bytes:
    """A small workbook with one more part."""
    return package([*parts_of(workbook()).items(), (name, content)])


def bomb(unpacked: int) -> bytes:
    """A workbook that says itself that it unpacks to so many bytes more."""
    return with_part("xl/media/zeros.bin", bytes(unpacked))


def lying(archive: bytes, says: int) -> bytes:
    """The same, but its last part claims another size, in both of its headers."""
    name = zipfile.ZipFile(io.BytesIO(archive)).namelist()[-1].encode()
    data = bytearray(archive)
    local, central = data.find(name) - 30, data.rfind(b"PK\x01\x02")
    assert data[local : local + 4] == b"PK\x03\x04"
    data[local + 22 : local + 26] = struct.pack("<L", says)
    data[central + 24 : central + 28] = struct.pack("<L", says)
    return bytes(data)


def lying_to_its_checksum(unpacked: int, says: int) -> bytes:
    """A bomb whose size and checksum are those of its beginning, which is all that most readers see."""
    data = bytearray(lying(bomb(unpacked), says))
    checksum = struct.pack("<L", zlib.crc32(bytes(says)))
    local, central = data.find(b"xl/media/zeros.bin") - 30, data.rfind(b"PK\x01\x02")
    data[local + 14 : local + 18] = data[central + 16 : central + 20] = checksum
    return bytes(data)


def ole(*names: str) -> bytes:
    """As much of an old Office container as tells what is in it."""
    directory = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in names)
    return OLE + bytes(504) + directory


def laughs() -> bytes:
    """A sheet whose one cell holds a billion laughs."""
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    )
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cell = '<c r="A1" t="inlineStr"><is><t>&a9;</t></is></c>'
    return (
        f'<?xml version="1.0"?><!DOCTYPE worksheet [{entities}]>'
        f'<worksheet xmlns="{space}"><sheetData><row r="1">{cell}</row></sheetData></worksheet>'
    ).encode()
