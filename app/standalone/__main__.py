"""`python -m app.standalone`: Ringback on one machine, in the foreground. `make run` calls it."""

import argparse
import contextlib
import http.client
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.config import Settings
from app.errors import AppError
from app.standalone.folder import DATA_FOLDER, StandaloneError
from app.standalone.ports import LOOPBACK, require_free
from app.standalone.servers import Servers
from app.standalone.supervisor import Supervisor
from app.standalone.welcome import welcome

PROCESSES = {"server": "serve", "worker": "worker", "beat": "beat"}
READY_SECONDS = 60.0
POLL_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit status (0 after Ctrl-C or SIGTERM)."""
    parser = argparse.ArgumentParser(prog="python -m app.standalone", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DATA_FOLDER, help="where all data is kept")
    folder: Path = parser.parse_args(arguments).folder
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # whatever the locale, a log line must not end us
    try:
        run(folder)
    except KeyboardInterrupt:
        print(f"\nStopped. The data is kept in {folder}; `make run` goes on with it.", flush=True)
        return 0
    except AppError as error:
        print(f"\n{error.message}", file=sys.stderr, flush=True)
        return 1
    return 0


def run(folder: Path) -> None:
    """Start everything and watch over it, until an interrupt.

    Args:
        folder: where the data of the servers and the result files are kept.

    Raises:
        KeyboardInterrupt: told to stop; everything is stopped.
        StandaloneError: it could not start, or a part of it ended; everything is stopped.
    """
    servers = Servers(folder)
    servers.lock()
    os.environ.update(_environment(servers))
    settings = Settings.load()
    require_free(settings.host, settings.port)
    print("Starting Postgres and Valkey ...", flush=True)
    with servers:
        os.environ.update(servers.environment())
        _migrate()
        with Supervisor() as supervisor:
            for name, command in PROCESSES.items():
                supervisor.start(name, _python("-m", "app", command))
            _watch(servers, supervisor, settings)


def _stop(*_: object) -> None:
    """The first signal stops everything; later ones must not cut that short."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # the terminal may be closed
        os.write(1, b"\nStopping ...\n")  # print() must not be entered twice
    raise KeyboardInterrupt


def _environment(servers: Servers) -> dict[str, str]:
    """What every process is given beside the addresses of the servers."""
    return {
        "RINGBACK_ENVIRONMENT": "development",
        "RINGBACK_DEMO_USERS": "true",
        "RINGBACK_LOG_FORMAT": "console",
        "RINGBACK_ARTIFACT_DIR": str(servers.path / "artifacts"),
        "RINGBACK_SECRET_KEY": servers.secret_key(),
        "PYTHONUNBUFFERED": "1",
        # Ctrl-C means now. What runs is begun again at the next start.
        "RINGBACK_STOP_GRACE_SECONDS": "1",
    }


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _migrate() -> None:
    print("Bringing the database to the present schema ...", flush=True)
    if subprocess.run(_python("-m", "app", "migrate"), check=False).returncode:
        raise StandaloneError("The database could not be migrated; the lines above say why.")


def _watch(servers: Servers, supervisor: Supervisor, settings: Settings) -> None:
    """Greet once the server answers, then raise as soon as anything ends by itself."""
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(_reachable(settings.host), settings.port):
        _require_all(servers, supervisor)
        if time.monotonic() > deadline:
            raise StandaloneError("The server does not answer. All is stopped.")
        time.sleep(POLL_SECONDS)
    print(welcome(settings.port), flush=True)
    while True:
        _require_all(servers, supervisor)
        time.sleep(POLL_SECONDS)


def _require_all(servers: Servers, supervisor: Supervisor) -> None:
    """Check that everything runs; raise StandaloneError otherwise."""
    if culprit := supervisor.ended():
        raise StandaloneError(
            f"{culprit} ended by itself; its last lines above say why. All is stopped."
        )
    if server := servers.stopped():
        raise StandaloneError(
            f"{server.name} ended by itself; its log, {server.log}, says why. All is stopped."
        )


def _reachable(host: str) -> str:
    return LOOPBACK if host in {"", "0.0.0.0", "::"} else host  # noqa: S104


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
