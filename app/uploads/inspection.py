"""Whether a file is one of those that are taken; by its content, whatever it calls itself.

Nothing here knows of requests or of the database: it runs in a real thread, because unpacking and
decoding take time.
"""

from functools import partial
from typing import BinaryIO

from app.uploads.packages import Limits, media_type_of_package
from app.uploads.refusal import UploadRefused
from app.workbooks.reading.texts import NoText, encoding_of

CSV = "text/csv"

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK = 1 << 20
# Names in the directory of an OLE container, which a password-protected workbook is, too.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLD_BOOKS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))


def media_type_of(file: BinaryIO, limits: Limits) -> str:
    """What the file is, once all of it was looked through.

    Raises:
        UploadRefused: it is nothing that is taken; says why.
    """
    file.seek(0)
    head = file.read(len(_OLE))
    if head.startswith(_ZIP):
        return media_type_of_package(file, limits)
    if head == _OLE:
        raise UploadRefused(_about_ole(file))
    try:
        encoding_of(file)
    except NoText as error:
        raise UploadRefused(str(error)) from error
    return CSV


def _about_ole(file: BinaryIO) -> str:
    if contains(file, _ENCRYPTED):
        return (
            "The workbook is protected with a password, so nobody else can read it. Save it without "
            "one."
        )
    if any(contains(file, each) for each in _OLD_BOOKS):
        return "This is an old .xls workbook. Save it as .xlsx in your spreadsheet program."
    return "This is an old Office document and no workbook. Send .xlsx, .xlsm or CSV."


def contains(file: BinaryIO, wanted: bytes) -> bool:
    """Whether the bytes stand anywhere in the file."""
    file.seek(0)
    before = b""
    for chunk in iter(partial(file.read, _CHUNK), b""):
        if wanted in before + chunk:
            return True
        before = chunk[1 - len(wanted) :]
    return False
