"""`make reset`: delete the data folder, unless Ringback is using it."""

import os
import shutil
import sys
from pathlib import Path

from app.standalone.folder import DATA_FOLDER, Folder, StandaloneError, make_private_folder


def reset(path: Path) -> str:
    """Delete the folder at `path`.

    Returns:
        A sentence that says what was done.

    Raises:
        StandaloneError: Ringback runs, or the folder is another user's.
    """
    if not path.exists():
        return f"Nothing to delete: there is no {path}."
    make_private_folder(path)
    path.chmod(0o700)
    folder = Folder(path)
    folder.lock()
    try:
        _open_up(path)
        shutil.rmtree(path)
    except OSError as error:
        raise StandaloneError(f"{error.filename} cannot be deleted: {error.strerror}.") from error
    finally:
        folder.unlock()
    return f"Deleted {path}. `make run` starts afresh."


def _open_up(path: Path) -> None:
    """Let the owner into every folder, whatever its mode became."""
    for parent, folders, _ in os.walk(path):
        for name in folders:
            if not (folder := Path(parent, name)).is_symlink():
                folder.chmod(0o700)


if __name__ == "__main__":
    try:
        sys.stdout.write(reset(Path(*sys.argv[1:]) if sys.argv[1:] else DATA_FOLDER) + "\n")
    except StandaloneError as error:
        sys.exit(error.message)
