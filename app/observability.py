"""Structured logs. An event is a fixed phrase; what varies is in its fields; ids are bound once.

Every line of a process is one record of one form, also those of libraries, warnings, tracebacks,
and what is printed. No secret of the settings is ever written.
"""

import io
import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import SecretStr
from structlog.contextvars import (
    bind_contextvars,
    bound_contextvars,
    clear_contextvars,
    get_contextvars,
)

from app import setting_addresses
from app.config import Settings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "bind_contextvars",
    "bound_contextvars",
    "clear_contextvars",
    "configure_logging",
    "get_contextvars",
    "get_logger",
    "write_line",
]

# What these print is for a log; what commands print is for people.
SERVICES = ("server", "worker", "beat")
# Shorter ones would also hide innocent words.
MIN_SECRET = 6


def configure_logging(settings: Settings, role: str) -> None:
    """Send every log line of this process, also of libraries, to standard error in one form.

    Args:
        settings: level, form (`json`, or `console` for people), and the secrets to hide.
        role: `server`, `worker`, `beat` …; a field of each line.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {**event, "role": role},
    ]
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(_formatter(settings, shared))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    _tame_libraries()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _catch_the_rest(printed=settings.log_format == "json" and role in SERVICES)


def _formatter(settings: Settings, shared: list[Any]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        # Socket.IO says in this extra field why a publish failed.
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder({"redis_exception"})],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_renderers(settings.log_format),
            _Redaction(settings),
        ],
    )


def _tame_libraries() -> None:
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # eight lines a start
    # Without a level they would take a handler of their own, beside ours.
    for name in ("engineio.server", "socketio.server"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("engineio.server").addFilter(_lower)


def _lower(record: logging.LogRecord) -> bool:
    """What Engine.IO calls an error without an exception is a request that it refused."""
    if record.levelno == logging.ERROR and not record.exc_info:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def get_logger(name: str) -> Any:
    """A logger that takes fields: `log.info("job ended", job_id=…)`."""
    return structlog.get_logger(name)


def write_line(role: str, text: str) -> None:
    """Write a record past the loggers: in a signal handler, which may interrupt one of them."""
    record = {
        "event": "printed",
        "text": text,
        "level": "info",
        "timestamp": datetime.now(UTC).isoformat(),
        "role": role,
    }
    os.write(2, f"{json.dumps(record)}\n".encode())


def _renderers(form: str) -> list[Any]:
    # Plain tracebacks: local variables may hold passwords.
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]


class _Redaction:
    """The last step: hides the secrets of the settings, wherever in a line they stand."""

    def __init__(self, settings: Settings) -> None:
        secrets = set()
        for name in type(settings).model_fields:
            value = getattr(settings, name)
            if isinstance(value, SecretStr):
                secrets |= _forms(value.get_secret_value())
        self._secrets = [secret for secret in secrets if len(secret) >= MIN_SECRET]

    def __call__(self, _logger: Any, _method: str, line: Any) -> str:
        for secret in self._secrets:
            if secret in line:
                line = line.replace(secret, "***")
        return str(line)


def _forms(secret: str) -> set[str]:
    """A secret, or an address's password, as it may stand in a line: plain, quoted, in JSON."""
    secrets = setting_addresses.passwords(secret) if "://" in secret else {secret}
    return secrets | {json.dumps(each)[1:-1] for each in secrets}


def _catch_the_rest(*, printed: bool) -> None:
    """Warnings, uncaught exceptions and (if asked) what is printed become log lines as well."""
    log = get_logger(__name__)
    logging.captureWarnings(True)

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("uncaught exception", exc_info=(kind, error, trace))

    sys.excepthook = uncaught
    threading.excepthook = lambda given: uncaught(
        given.exc_type, given.exc_value or given.exc_type(), given.exc_traceback
    )
    if printed:
        sys.stdout = sys.stderr = _Printed()


class _Printed(io.TextIOBase):
    """Takes the place of the standard streams: a line that is printed becomes a record."""

    def __init__(self) -> None:
        self._log = get_logger("printed")
        self._begun = ""
        self._busy = threading.local()

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """Of the stream behind it."""
        assert sys.__stderr__ is not None
        return sys.__stderr__.fileno()

    @property
    def buffer(self) -> io.RawIOBase:
        """For those who write bytes; what is no text shows as escapes."""
        return _PrintedBytes(self)

    def write(self, text: str, /) -> int:
        """Log the lines that are complete now."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in filter(str.strip, lines):
            self._log_line(line)
        return len(text)

    def _log_line(self, line: str) -> None:
        # `logging` prints its own failures: those must not come round again.
        if getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            self._log.info("printed", text=line)
        finally:
            self._busy.now = False


class _PrintedBytes(io.RawIOBase):
    def __init__(self, text: _Printed) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        written = bytes(data)
        self._text.write(written.decode(errors="backslashreplace"))
        return len(written)
