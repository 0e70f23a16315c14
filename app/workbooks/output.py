"""Bytes into a binary file from where it stands, whether it can seek or not."""

import io
from typing import Any, BinaryIO, cast


class Output:
    """A file that takes each write whole, and knows how far it is.

    Places are counted from where the file stood at first.

    Attributes:
        can_seek: whether what was written can be written over.
        place: how many bytes there are.

    Args:
        file: binary.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.can_seek = _can_seek(file)
        self.place = 0
        self._start = file.tell() if self.can_seek else 0

    def write(self, data: bytes) -> None:
        """Write at the end.

        Raises:
            OSError: the file took less.
        """
        self._put(data)
        self.place += len(data)

    def write_over(self, place: int, data: bytes) -> None:
        """Write over earlier bytes, where the file can seek.

        Raises:
            OSError: the file took less, or was opened for appending, and writes at its end only.
        """
        self._file.seek(self._start + place)
        self._put(data)
        if self._file.tell() != self._start + place + len(data):
            raise OSError("The file writes at its end only. Open it with 'wb' rather than 'ab'.")
        self._file.seek(self._start + self.place)

    def cut_off_older(self) -> None:
        """Leave nothing of the file behind the end, where the file can seek."""
        end = self._start + self.place
        if self._file.seek(0, io.SEEK_END) > end:
            self._file.truncate(end)
        self._file.seek(end)

    def _put(self, data: bytes) -> None:
        written: int | None = self._file.write(data)
        if written is None and not isinstance(cast(Any, self._file), io.RawIOBase):
            written = len(data)  # of those who do not say
        if written != len(data):
            raise OSError(f"Only {written or 0:,} of {len(data):,} bytes could be written.")


def _can_seek(file: BinaryIO) -> bool:
    try:
        return file.seekable()
    except AttributeError:
        return False
