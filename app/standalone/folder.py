"""The data folder: whose it is, who uses it now, and the secrets it keeps.

Standard library only, so that `make reset` works without a virtual environment.
"""

import fcntl
import os
import secrets
from pathlib import Path

from app.errors import AppError

DATA_FOLDER = Path(".ringback")
START_AFRESH = "`make reset` starts afresh (it deletes all data)."


class StandaloneError(AppError):
    """The stand-alone set-up cannot start or go on; the message says why and what to do."""

    code = "standalone_error"


class Folder:
    """A folder that one process at a time uses."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    def lock(self) -> None:
        """Make the folder if it is missing and take its lock; does nothing while it is held.

        Raises:
            StandaloneError: another process holds the lock, or the folder is another user's.
        """
        if self._lock is not None:
            return
        make_private_folder(self.path)
        try:
            file = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StandaloneError(
                f"{self.path} cannot be used: {error.strerror}. {START_AFRESH}"
            ) from error
        self._take(file)

    def unlock(self) -> None:
        """Let others use the folder; does nothing if the lock is not held."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise StandaloneError(
                f"Ringback is running here already (process {holder}, {self.path}). "
                f"Stop it first: Ctrl-C in its terminal, or `kill {holder}`.",
                code="already_running",
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._lock = file


def make_private_folder(path: Path) -> None:
    """Make `path` for this user alone, or check that it is theirs.

    Raises:
        StandaloneError: it cannot be made, or belongs to another user.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = path.stat().st_uid
    except OSError as error:
        raise StandaloneError(f"{path} cannot be made: {error.strerror}.") from error
    if owner != os.geteuid():
        raise StandaloneError(
            f"{path} belongs to another user (uid {owner}; this is uid {os.geteuid()}). "
            f"Run Ringback as that user, or let them delete it: {START_AFRESH}"
        )


def keep_secret(path: Path) -> str:
    """The secret kept in `path`; made, for this user's eyes only, if there is none.

    Returns:
        64 hexadecimal digits: they need no quoting in an address or a settings file.

    Raises:
        StandaloneError: the file is there and does not hold such a secret.
    """
    if not path.exists():
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.write(secrets.token_hex(32))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.rename(path)
    try:
        secret = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StandaloneError(f"{path} cannot be read: {error}. {START_AFRESH}") from error
    if len(secret) != 64:
        raise StandaloneError(f"{path} does not hold the secret it should. {START_AFRESH}")
    return secret
