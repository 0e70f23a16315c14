"""The beat: a process that needs only Postgres and mends what the others lost."""

import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask

from app.extensions import is_away
from app.jobs import sweep
from app.observability import get_logger
from app.services import services

log = get_logger(__name__)

# Looking for orphan files means walking through the whole store: so many times in the age at which
# they go, an hour apart as it is delivered, and the first time five minutes after the start.
ORPHAN_WALKS = 24
FIRST_ORPHAN_WALK = 288


class Beat:
    """Turns until told to stop; any number of beats may run beside each other.

    After a database outage, and at the start (which may follow one), no lease is called expired for
    one full lease: workers that were cut off as well must first have their chance to renew. An
    outage need not show as an error: if the database stood still, only its clock tells.

    Args:
        app: a core app, for its contexts.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        with app.app_context():
            self._settings = services().settings
        longest = self._settings.lease_seconds / 2 + self._settings.sweep_seconds
        self._longest_silence = timedelta(seconds=longest)
        self._seen: datetime | None = None  # by the clock of the database, when it last answered
        self._wait_for_workers()
        first_walk = self._settings.orphan_seconds / FIRST_ORPHAN_WALK
        self._orphans_from = time.monotonic() + first_walk
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        log.info("beat started")
        while not self._stopping.is_set():
            self.turn()
            self._stopping.wait(self._settings.sweep_seconds)
        log.info("beat stopped")

    def turn(self) -> None:
        """One turn, each step for itself; an outage of the database is logged and waited out."""
        for work in self._due():
            try:
                with self._app.app_context():
                    self._look_at_clock()
                    work()
            except Exception as error:
                if is_away(error):
                    self._wait_for_workers()
                    log.warning("database away", reason=str(error))
                    return
                # One step that fails must not keep the others from their work, this turn or ever.
                log.exception("step failed, the next turn tries again", step=work.__name__)

    def _due(self) -> list[Callable[[], Any]]:
        due: list[Callable[[], Any]] = [
            self._rescue_lost,
            sweep.redispatch,
            sweep.admit_waiting,
            sweep.expire_artifacts,
            sweep.expire_notifications,
            sweep.expire_keys,
            sweep.expire_jobs,
        ]
        now = time.monotonic()
        if now >= self._orphans_from:
            self._orphans_from = now + self._settings.orphan_seconds / ORPHAN_WALKS
            due.append(sweep.remove_orphans)
        return due

    def _look_at_clock(self) -> None:
        now = sweep.database_time()
        if self._seen is not None and now > self._seen + self._longest_silence:
            log.warning("database was silent", seconds=(now - self._seen).total_seconds())
            self._wait_for_workers()
        self._seen = now

    def _rescue_lost(self) -> None:
        if self._seen is not None and time.monotonic() >= self._rescue_from:
            sweep.rescue_lost(until=self._seen + self._longest_silence)

    def _wait_for_workers(self) -> None:
        self._rescue_from = time.monotonic() + self._settings.lease_seconds
