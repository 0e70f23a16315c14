"""`Servers`: Postgres and Valkey together, in one folder."""

from pathlib import Path
from types import TracebackType
from typing import Self

from app.standalone.folder import Folder, StandaloneError, keep_secret
from app.standalone.postgres import Postgres
from app.standalone.server import Server
from app.standalone.valkey import Valkey


class Servers:
    """Real servers on free loopback ports, with their data, logs and secrets in one folder.

        with Servers(folder) as servers:
            settings = servers.environment()

    What is in the folder is there again at the next start, whatever ended the last one. When this
    process ends abruptly, the servers end as well (on Linux; elsewhere at the next start): start
    them in a thread that stays, best the main one.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is started yet.

        Args:
            path: the folder; made if it is missing.
        """
        self._folder = Folder(path)
        self.path = self._folder.path
        self.postgres = Postgres(self.path / "postgres")
        self.valkey = Valkey(self.path / "valkey")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def lock(self) -> None:
        """Take the folder before any server starts; `start` does it, too.

        Raises:
            StandaloneError: it is in use, or another user's.
        """
        self._folder.lock()

    def start(self) -> None:
        """Start both and wait until they answer.

        Raises:
            StandaloneError: one of them cannot start; then none is left running.
        """
        self.lock()
        try:
            self.postgres.start()
            self.valkey.start()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                raise StandaloneError(f"The servers cannot start: {error}.") from error
            raise

    def stop(self) -> None:
        """Stop both cleanly and let go of the folder; no harm if they are stopped."""
        try:
            self.valkey.stop()
        finally:
            self.postgres.stop()
            self._folder.unlock()

    def stopped(self) -> Server | None:
        """The server that has ended by itself, if one has."""
        both: tuple[Server, Server] = (self.postgres, self.valkey)
        return next((server for server in both if not server.is_running), None)

    def secret_key(self) -> str:
        """What signs tokens; made once and kept in the folder."""
        return keep_secret(self.path / "secret_key")

    def environment(self) -> dict[str, str]:
        """The settings that an application needs to use these servers, as variables."""
        return {
            "RINGBACK_DATABASE_URL": self.postgres.url,
            "RINGBACK_REDIS_URL": self.valkey.url,
            "RINGBACK_SECRET_KEY": self.secret_key(),
        }
