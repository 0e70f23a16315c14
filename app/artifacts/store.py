"""The contract of an artifact store: complete files under immutable keys."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID


@dataclass(frozen=True)
class StoredFile:
    """A complete file in the store.

    Attributes:
        key: `<job>/<fence>/<name>`, the address inside the store.
        name: the name its owner sees.
        media_type: for example `text/csv`.
        size: bytes.
        sha256: hex digest of the whole file.
    """

    key: str
    name: str
    media_type: str
    size: int
    sha256: str


class Writing(Protocol):
    """A file being written. Leaving its `with` block normally makes it complete."""

    @property
    def file(self) -> BinaryIO:
        """Seekable, empty at first."""

    @property
    def stored(self) -> StoredFile:
        """What came out; readable after the block."""


class ArtifactStore(Protocol):
    """Keeps result files.

    A file appears whole or not at all, and a key is never written twice: each claim of a job has
    a fence of its own, so two workers that both believe in one job cannot meet.
    """

    def write(
        self, job_id: UUID, fence: int, name: str, media_type: str
    ) -> AbstractContextManager[Writing]:
        """Write a file aside, then publish it under its key.

        Raises:
            FileExistsError: the key exists already.
            OSError: the disk is full, read-only or gone; nothing is left under the key.
        """

    def path(self, key: str) -> Path:
        """Where the file can be read.

        Raises:
            NotFound: there is no such file (any more).
        """

    def delete(self, key: str) -> None:
        """Remove the file; a missing one is no error."""

    def free_bytes(self) -> int:
        """How much more can be kept; also tries whether files can be reached.

        Raises:
            OSError: they cannot.
        """

    def stale_keys(self, age: timedelta) -> Iterator[str]:
        """Keys of all files, also half-written ones, last written to longer than `age` ago."""
