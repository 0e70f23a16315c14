"""The doors: `python -m app COMMAND`; `--help` lists the commands.

`serve` reads the settings in a process of its own before it becomes the server: the engine must
patch the standard library before anything else is imported, and the settings name the engine.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.config import Settings

# Workers need not know of each other, and the job's lease is the heartbeat.
WORKER_OPTIONS = ("--without-gossip", "--without-mingle", "--without-heartbeat")
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h
PROBE_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    from app.errors import AppError, ConfigError

    try:
        command = globals()[f"_{options.command.replace('-', '_')}"]
        return int(command(options) or 0)
    except ConfigError as error:
        print(error.message, file=sys.stderr)
        return EXIT_CONFIG
    except AppError as error:
        print(error.message, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="Ringback")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the server")
    serve.add_argument("--engine", choices=("eventlet", "gevent"), help=argparse.SUPPRESS)
    commands.add_parser("worker", help="run a Celery worker")
    commands.add_parser("beat", help="run the beat: sweeps and schedules")
    commands.add_parser("migrate", help="bring the database to the present schema")
    commands.add_parser("config", help="print the effective settings, secrets masked")
    admin = commands.add_parser("create-admin", help="add the first administrator")
    admin.add_argument("email")
    secret = commands.add_parser("make-secret", help="write a new secret, unless there is one")
    secret.add_argument("path", help="the file; only its owner may read it")
    probe = commands.add_parser("probe", help="ask a process here whether it works: a health check")
    probe.add_argument("target", help="`worker`, `beat`, or an address that answers with 200")
    return parser


def _load(role: str) -> "Settings":
    from app.config import Settings
    from app.observability import configure_logging, get_logger

    settings = Settings.load()
    configure_logging(settings, role)
    log = get_logger(__name__)
    for note in settings.notes:
        log.warning("setting not used", reason=note)
    return settings


def _serve(options: argparse.Namespace) -> None:
    if options.engine is None:
        from app.config import Settings

        engine_name = Settings.load().engine
        os.execv(sys.executable, [sys.executable, "-m", "app", "serve", "--engine", engine_name])
    _serve_patched(options.engine)


def _serve_patched(engine_name: str) -> None:
    from app import engine as engines

    engine = engines.load(engine_name)
    engine.patch()
    from app.factory import EventLoop, create_app
    from app.operations.draining import draining

    settings = _load("server")
    app = create_app(settings, loop=EventLoop(engine.name, engine.offload))
    try:
        engine.serve(
            app,
            draining(app),
            host=settings.host,
            port=settings.port,
            backlog=settings.backlog,
            limit=settings.max_connections,
            reuse_port=settings.reuse_port,
        )
    except (OSError, UnicodeError) as error:  # a name that is none is a UnicodeError
        raise _cannot_serve(settings, error) from error


def _cannot_serve(settings: "Settings", error: OSError | UnicodeError) -> Exception:
    from app.errors import ConfigError

    if isinstance(error, OSError) and error.errno is None:  # our own: it says what to change
        return ConfigError(str(error))
    reason = getattr(error, "strerror", None) or error
    place = f"{settings.host} port {settings.port}"
    return ConfigError(
        f"The server cannot listen on {place}: {reason}. Change RINGBACK_HOST or RINGBACK_PORT."
    )


def _worker(_: argparse.Namespace) -> None:
    """RabbitMQ refuses a second worker of one name, so each has its own also on one host."""
    _load("worker")
    options = (*WORKER_OPTIONS, f"--hostname=celery-{os.getpid()}@%h")
    command = ("-m", "celery", "--quiet", "-A", "worker", "worker", *options)
    os.execv(sys.executable, [sys.executable, *command])


def _beat(_: argparse.Namespace) -> None:
    settings = _load("beat")
    from app.factory import create_core
    from app.jobs.beat import Beat
    from app.schedules import system
    from app.services import services

    core = create_core(settings, role="beat")
    with core.app_context():
        steps = system.steps(services().job_types)
    Beat(core, steps).run()


def _migrate(_: argparse.Namespace) -> None:
    settings = _load("migrate")
    from app.factory import create_core
    from app.migrate import migrate

    migrate(create_core(settings, role="migrate"))


def _config(_: argparse.Namespace) -> None:
    from app.config import Settings

    print(Settings.load().describe())


def _create_admin(options: argparse.Namespace) -> None:
    settings = _load("create-admin")
    from app.accounts.commands import create_admin
    from app.factory import create_core

    with create_core(settings, role="create-admin").app_context():
        create_admin(options.email)


def _make_secret(options: argparse.Namespace) -> None:
    """The file appears whole: whoever reads it meanwhile finds none, or a good one."""
    import secrets
    from contextlib import suppress
    from pathlib import Path
    from tempfile import NamedTemporaryFile

    from app.errors import AppError

    path = Path(options.path)
    try:
        with NamedTemporaryFile("w", dir=path.parent) as file:  # for its owner's eyes only
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(file.name, path)
    except OSError as error:
        raise AppError(f"{path} cannot be written: {error.strerror}.") from error


def _probe(options: argparse.Namespace) -> None:
    if "://" in options.target:
        return _probe_address(options.target)
    from app.jobs import alive

    checks = {"worker": alive.check_worker, "beat": alive.check_beat}
    if options.target not in checks:
        _parser().error(f"no such target: {options.target}")
    checks[options.target](_load("probe"))


def _probe_address(address: str) -> None:
    """Without settings, which take longer to read than the answer to come."""
    from urllib.error import HTTPError
    from urllib.request import ProxyHandler, build_opener

    from app.errors import AppError

    try:
        build_opener(ProxyHandler({})).open(address, timeout=PROBE_SECONDS).close()
    except HTTPError as error:
        raise AppError(error.read(2000).decode(errors="replace")) from error
    except OSError as error:
        raise AppError(f"{address} does not answer: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
