"""The contract of an artifact store: complete files under immutable keys."""

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

from app.errors import AppError

FULL = {errno.ENOSPC, errno.EDQUOT}
STORAGE_FULL = "storage_full"


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
        """Seekable, empty at first.

        It is in the hands of code that has errors of its own, so those of the store are told apart:
        each is an `AppError` (`storage_full`, `storage_unavailable`, `artifact_too_large`).
        """

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
            AppError: see `Writing.file`.
        """

    def path(self, key: str) -> Path:
        """Where the file can be read.

        Raises:
            NotFound: there is no such file (any more).
        """

    def delete(self, key: str) -> None:
        """Remove the file; a missing one is no error."""

    def discard(self, job_id: UUID, fence: int) -> None:
        """Remove all that one claim of a job has left, also half-written; nothing is no error.

        Raises:
            OSError: something stays.
        """

    def free_bytes(self) -> int:
        """How much more can be kept; also tries whether files can be reached.

        Raises:
            OSError: they cannot.
        """

    def stale_keys(self, age: timedelta) -> Iterator[str]:
        """Keys of all files, also half-written ones, last written to longer than `age` ago."""


def read_failure(error: OSError) -> AppError:
    """What the owner of a job reads when a file that is kept cannot be read; a later run may."""
    return AppError(
        f"The file cannot be read from where it is kept: {error.strerror or type(error).__name__}. "
        "Whoever runs this has to look after the disk of the files; then start the job again.",
        code="storage_unavailable",
        retryable=True,
    )


def store_failure(error: OSError) -> AppError:
    """What the owner of a job reads when its file could not be kept; a later run may succeed."""
    if error.errno in FULL:
        return AppError(
            "There is no room left for result files. Whoever runs this has to free some or to add to "
            "the disk; then start the job again.",
            code=STORAGE_FULL,
            retryable=True,
        )
    return AppError(
        f"Result files cannot be stored: {error.strerror or type(error).__name__}. Whoever runs this "
        "has to look after the folder that RINGBACK_ARTIFACT_DIR names; then start the job again.",
        code="storage_unavailable",
        retryable=True,
    )
