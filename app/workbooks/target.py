"""Files that are whole or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file that appears under its name when it is complete, and not before.

    It is written beside its place under a random name that ends in `.part`, brought to the disk, and
    then renamed, over an older file as well. If the block raises, the part is deleted. A process that
    is killed leaves a part behind, which nobody takes for the file.

    Raises:
        OSError: the file cannot be written, for example because the disk is full; or it is there, but
            the disk may forget its name if the machine stops now.
    """
    final = Path(path)
    part = final.with_name(f"{secrets.token_hex(16)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(final.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk, where folders can be opened for that."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
