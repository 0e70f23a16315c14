"""The cursor on disk, so that a program that was ended goes on where it was."""

import contextlib
import json
import secrets
from pathlib import Path

from app.client.errors import RingbackError


class CursorFile:
    """One user's cursor in one file, written whole or not at all.

    Args:
        path: of the file; its folder must exist.
        user_id: whose cursor it is.
    """

    def __init__(self, path: Path, user_id: str) -> None:
        self._path, self._user_id = path, user_id

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
        return cursor

    def write(self, cursor: int) -> None:
        """Put the cursor in place of the one before."""
        aside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            aside.write_text(json.dumps({"user": self._user_id, "cursor": cursor}) + "\n")
            aside.replace(self._path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()


def _problem(message: str) -> RingbackError:
    return RingbackError(f"{message}.", code="cursor_file")
