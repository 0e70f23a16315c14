"""The cursor on disk, so that a program that was ended goes on where it was."""

import contextlib
import json
import logging
import math
import os
import secrets
import time
from pathlib import Path

from app.client.errors import RingbackError

log = logging.getLogger(__name__)

# A disk takes its time for each: what was handled in between is given again after a crash.
KEEP_SECONDS = 1.0


class CursorFile:
    """One user's cursor in one file, written whole or not at all. One thread at a time may use it.

    Args:
        path: of the file; its folder must exist.
        user_id: whose cursor it is.
    """

    def __init__(self, path: Path, user_id: str) -> None:
        self._path, self._user_id = path, user_id
        self._kept: int | None = None
        self._next_at = 0.0

    def read(self) -> int | None:
        """The cursor; None if there is no file yet.

        Raises:
            RingbackError: `cursor_file`: the file is another user's, or not a cursor file.
        """
        try:
            content = json.loads(self._path.read_text())
            user_id, cursor = content["user"], int(content["cursor"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise _problem(
                f"{self._path} is not a cursor file; remove it, or name another"
            ) from error
        if user_id != self._user_id:
            raise _problem(f"{self._path} has the cursor of another user; name another file")
        self._kept = cursor
        return cursor

    def due_in(self, cursor: int | None) -> float:
        """Seconds until `keep` should be called; infinite if the file has this cursor."""
        if cursor is None or cursor == self._kept:
            return math.inf
        return max(0.0, self._next_at - time.monotonic())

    def keep(self, cursor: int | None) -> None:
        """Write a cursor that is new; that it cannot be written is logged, and tried again later."""
        if cursor is None or cursor == self._kept:
            return
        self._next_at = time.monotonic() + KEEP_SECONDS
        try:
            self.write(cursor)
        except OSError:
            log.exception("the cursor could not be written")

    def write(self, cursor: int) -> None:
        """Put the cursor in place of the one before; it is on the disk when this returns."""
        aside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with aside.open("w") as file:
                file.write(json.dumps({"user": self._user_id, "cursor": cursor}) + "\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
            self._kept = cursor
        finally:
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()


def _problem(message: str) -> RingbackError:
    return RingbackError(f"{message}.", code="cursor_file")
