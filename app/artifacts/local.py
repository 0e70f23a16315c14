"""An artifact store in a folder of the local disk (or of a volume shared by all processes)."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from io import BufferedRandom
from pathlib import Path
from uuid import UUID

from app.artifacts.store import StoredFile
from app.errors import NotFound

PART_SUFFIX = ".part"


@dataclass
class _Writing:
    file: BufferedRandom
    stored: StoredFile = field(init=False)


class LocalArtifactStore:
    """See `app.artifacts.store.ArtifactStore`.

    Args:
        root: the folder; made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @contextmanager
    def write(self, job_id: UUID, fence: int, name: str, media_type: str) -> Iterator[_Writing]:
        """Write aside, fsync, rename: the file is complete or absent, also after a power cut."""
        key = f"{job_id}/{fence}/{_checked(name)}"
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + PART_SUFFIX)
        try:
            with part.open("xb+") as file:
                writing = _Writing(file)
                yield writing
                size, sha256 = _measure(file)
                os.fsync(file.fileno())
            os.link(part, target)  # unlike a rename, refuses to overwrite
        finally:
            part.unlink(missing_ok=True)
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
        for path in self.root.glob("*/*/*"):
            with suppress(FileNotFoundError):  # somebody else may be deleting, too
                if path.stat().st_mtime < newest:
                    yield path.relative_to(self.root).as_posix()


def _checked(name: str) -> str:
    if name != Path(name).name or name in {"", ".", ".."} or len(name.encode()) > 200:
        raise ValueError(f"not a plain file name of at most 200 bytes: {name!r}")
    return name


def _measure(file: BufferedRandom) -> tuple[int, str]:
    file.flush()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    return file.seek(0, os.SEEK_END), digest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
