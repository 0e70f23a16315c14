"""Deflate, by the fastest library at hand.

`isal` is Intel's ISA-L and several times as fast as the standard `zlib` at its quickest level; `zlib_ng` makes
smaller files. Where neither is installed, the standard library does the same work in more time.
"""

import zlib
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Protocol

isal_zlib: ModuleType | None = None
zlib_ng: ModuleType | None = None
# There are no wheels of these for every machine.
with suppress(ImportError):
    isal_zlib = import_module("isal.isal_zlib")
with suppress(ImportError):
    zlib_ng = import_module("zlib_ng.zlib_ng")

RAW = -15
"""Window bits of a stream without a header of its own, as archives hold it."""

MEMORY_LEVEL = 9


class Compression(Enum):
    """What matters more."""

    FAST = "fast"
    SMALL = "small"


class Compressor(Protocol):
    """A stream being compressed."""

    def compress(self, data: bytes, /) -> bytes:
        """Take a piece; what is ready comes back."""

    def flush(self) -> bytes:
        """End the stream; the rest comes back."""


class Deflate(NamedTuple):
    """A way to compress.

    Attributes:
        name: of the library, and its level.
        start: makes a compressor of a raw deflate stream.
        crc32: the checksum of data, going on from an earlier one.
    """

    name: str
    start: Callable[[], Compressor]
    crc32: Callable[[bytes, int], int]


def deflate_for(compression: Compression) -> Deflate:
    """The best way that is installed."""
    if compression is Compression.FAST and isal_zlib is not None:
        return _of(isal_zlib, "isal", 2)
    if compression is Compression.SMALL and zlib_ng is not None:
        return _of(zlib_ng, "zlib-ng", 6)
    return _of(zlib, "zlib", 1 if compression is Compression.FAST else 6)


def _of(library: Any, name: str, level: int) -> Deflate:
    def start() -> Compressor:
        made: Compressor = library.compressobj(level, library.DEFLATED, RAW, MEMORY_LEVEL)
        return made

    return Deflate(f"{name} {level}", start, library.crc32)
