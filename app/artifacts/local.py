"""An artifact store in a folder of the local disk (or of a volume shared by all processes)."""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from io import BufferedRandom, FileIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from app.artifacts.store import StoredFile, store_failure
from app.errors import AppError, NotFound
from app.observability import get_logger

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

log = get_logger(__name__)

PART_SUFFIX = ".part"


@dataclass
class _Writing:
    file: BufferedRandom
    stored: StoredFile = field(init=False)


class LocalArtifactStore:
    """See `app.artifacts.store.ArtifactStore`.

    Args:
        root: the folder; made when the first file is written.
        max_bytes: size of the largest file; None for any size.
    """

    def __init__(self, root: Path, max_bytes: int | None = None) -> None:
        self.root = root.absolute()
        self._max_bytes = max_bytes

    @contextmanager
    def write(self, job_id: UUID, fence: int, name: str, media_type: str) -> Iterator[_Writing]:
        """Write aside, fsync, rename: the file is complete or absent, also after a power cut."""
        key = f"{job_id}/{fence}/{_checked(name)}"
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + PART_SUFFIX)
        raw = _BoundedFile(part, self._max_bytes)
        try:
            writing = _Writing(BufferedRandom(raw))
            yield writing
            size, sha256 = _complete(writing.file, raw)
            os.link(part, target)  # unlike a rename, refuses to overwrite
        finally:
            _clear_away(raw, part)
        _sync_folder(target.parent)
        writing.stored = StoredFile(key, name, media_type, size, sha256)

    def path(self, key: str) -> Path:
        """Where the file can be read; raises `NotFound`."""
        path = self.root / key
        if not path.is_file():
            raise NotFound("The file is no longer kept.", code="artifact_gone")
        return path

    def delete(self, key: str) -> None:
        """Remove the file and the folders that it leaves empty."""
        path = self.root / key
        path.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent):
            with suppress(OSError):  # not empty, or gone: somebody else is at work in it
                folder.rmdir()

    def discard(self, job_id: UUID, fence: int) -> None:
        """See `ArtifactStore.discard`."""
        folder = self.root / str(job_id) / str(fence)
        with suppress(FileNotFoundError):  # there was none, or somebody else is deleting, too
            shutil.rmtree(folder)
        with suppress(OSError):  # files of other claims
            folder.parent.rmdir()

    def free_bytes(self) -> int:
        """See `ArtifactStore.free_bytes`; the folder is made with its first file."""
        there = self.root
        while not there.exists():
            there = there.parent
        with os.scandir(there) as entries:
            next(entries, None)
        return shutil.disk_usage(there).free

    def stale_keys(self, age: timedelta) -> Iterator[str]:
        """See `ArtifactStore.stale_keys`."""
        newest = time.time() - age.total_seconds()
        for folder, _, names in os.walk(self.root, onerror=_unless_gone):
            for path in (Path(folder, name) for name in names):
                with suppress(FileNotFoundError):  # somebody else may be deleting, too
                    if path.stat().st_mtime < newest:
                        yield path.relative_to(self.root).as_posix()


def _unless_gone(error: OSError) -> None:
    """Go on without a folder that somebody else has deleted meanwhile."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _checked(name: str) -> str:
    if name != Path(name).name or name in {"", ".", ".."} or len(name.encode()) > 200:
        raise ValueError(f"not a plain file name of at most 200 bytes: {name!r}")
    return name


class _BoundedFile(FileIO):
    """A new file that ends at a size, and that tells errors of the disk from those of its writer.

    Once it has failed it goes on failing: a writer that caught the error must not publish a part.
    """

    def __init__(self, path: Path, max_bytes: int | None) -> None:
        super().__init__(path, "xb+")
        self._max_bytes = sys.maxsize if max_bytes is None else max_bytes
        self._failure: AppError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """See `FileIO.write`."""
        with self._watched():
            self._require(self.tell() + memoryview(data).nbytes)
            return super().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        """See `FileIO.truncate`."""
        with self._watched():
            self._require(size or 0)
            return super().truncate(size)

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        """See `FileIO.readinto`."""
        with self._watched():
            return super().readinto(buffer)

    def raise_failure(self) -> None:
        """Raise what went wrong at any time."""
        if self._failure is not None:
            raise self._failure

    @contextmanager
    def _watched(self) -> Iterator[None]:
        self.raise_failure()
        try:
            yield
        except OSError as error:
            self._failure = store_failure(error)
            raise self._failure from error

    def _require(self, size: int) -> None:
        if size > self._max_bytes:
            self._failure = AppError(
                f"The result file is larger than the {self._max_bytes:,} bytes that one may have "
                "(RINGBACK_MAX_ARTIFACT_BYTES). Ask for less in one job.",
                code="artifact_too_large",
            )
            raise self._failure


def _complete(file: BufferedRandom, raw: _BoundedFile) -> tuple[int, str]:
    """Bring all to the disk; returns size and sha256."""
    file.flush()
    raw.raise_failure()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = file.seek(0, os.SEEK_END)
    os.fsync(file.fileno())
    return size, digest


def _clear_away(raw: _BoundedFile, part: Path) -> None:
    """Leave neither file nor descriptor, whatever went before."""
    try:
        raw.close()  # not by way of its buffer, which would write what is left
        part.unlink(missing_ok=True)
    except OSError as error:
        log.warning("file not removed, left to the sweep", reason=str(error))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
