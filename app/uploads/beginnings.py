"""Whether the beginning of a part of a workbook is one that may be parsed.

Entities can be defined before the first element and nowhere else, so the beginning is read by the
parser that will read the part later: what it sees, whatever the bytes look like, is what counts.
"""

from typing import Any, Never
from xml.parsers import expat

from app.uploads.refusal import UploadRefused

MAX_BYTES = 1 << 20
"""Most that may stand before the first element; the parser would keep a longer comment in memory."""

_PLAIN = {"utf-8", "us-ascii", "ascii"}
# What may stand before the first `<`: marks of encodings, space, and in wide encodings zeros.
_BEFORE = b"\xef\xbb\xbf\xfe\xff\0 \t\r\n"
_OTHER_ENCODING = "A part of the workbook is XML in another encoding than UTF-8."
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class Beginning:
    """Takes the bytes of a part, as they come, until it is known that there is nothing to refuse."""

    def __init__(self) -> None:
        self._known = False
        self._fed, self._head, self._first = 0, b"", b""
        self._parser = expat.ParserCreate()
        self._parser.XmlDeclHandler = _refuse_other_encoding
        self._parser.StartDoctypeDeclHandler = _refuse_definitions
        self._parser.StartElementHandler = self._see_element

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes.

        Raises:
            UploadRefused: it is XML that defines entities, in another encoding than UTF-8, or that
                cannot be read.
        """
        self._look(chunk)
        if self._known:
            return
        self._parse(chunk)
        self._fed += len(chunk)
        if self._fed >= MAX_BYTES and not self._known:
            raise UploadRefused("A part of the workbook has too much before its first element.")

    def end(self) -> None:
        """There are no more bytes; raises what `feed` does."""
        if not self._known:
            self._parse(b"", final=True)

    def _look(self, chunk: bytes) -> None:
        """By the bytes alone: other parsers know more encodings than this one."""
        if self._first:
            return
        self._head = (self._head + chunk[:4])[:4]
        self._first = chunk.lstrip(_BEFORE)[:1]
        if self._first not in {b"", b"<"}:
            self._known = True  # it is no XML
        elif self._first and (b"\0" in self._head or self._head.startswith(_WIDE)):
            raise UploadRefused(_OTHER_ENCODING)

    def _parse(self, chunk: bytes, *, final: bool = False) -> None:
        try:
            self._parser.Parse(chunk, final)
        except (expat.ExpatError, ValueError) as error:  # ValueError: of an encoding
            if self._first and not self._known:
                raise UploadRefused("A part of the workbook is XML that is damaged.") from error
            self._known = True

    def _see_element(self, *_: Any) -> None:
        self._known = True
        self._parser.StartElementHandler = None  # of the rest, no element matters


def _refuse_other_encoding(_: str, encoding: str | None, __: int) -> None:
    if encoding is not None and encoding.lower() not in _PLAIN:
        raise UploadRefused(_OTHER_ENCODING)


def _refuse_definitions(*_: object) -> Never:
    raise UploadRefused("A part of the workbook defines XML entities, as no workbook does.")
