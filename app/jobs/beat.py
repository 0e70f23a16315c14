"""The beat: a process that needs only Postgres and mends what the others lost."""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import Flask

from app.extensions import is_away
from app.jobs import retention, sweep
from app.jobs.silence import Silence
from app.observability import get_logger
from app.services import services

log = get_logger(__name__)

# Looking for orphan files means walking through the whole store: so many times in the age at which
# they go, an hour apart as it is delivered, and the first time five minutes after the start.
ORPHAN_WALKS = 24
FIRST_ORPHAN_WALK = 288
# A thread that waits for the store of files must not hold up the end of the process.
PATIENCE_SECONDS = 1.0


class Beat:
    """Works until told to stop; any number of beats may run beside each other.

    On threads of their own: one looks at the clock of the database, one takes care of unfinished jobs,
    one deletes what was kept long enough, and one does what `more` says. So a store of files, however
    slow, holds up no job.

    Args:
        app: a core app, for its contexts.
        more: steps of others, each turn; named in the log by their `__name__`.

    Attributes:
        silence: tells whether leases that ran out may be called expired.
    """

    def __init__(self, app: Flask, more: Sequence[Callable[[], Any]] = ()) -> None:
        self._app, self._more = app, more
        with app.app_context():
            self._settings = services().settings
        self.silence = Silence(self._settings.lease_seconds, self._settings.sweep_seconds)
        first_walk = self._settings.orphan_seconds / FIRST_ORPHAN_WALK
        self._orphans_from = time.monotonic() + first_walk
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        log.info("beat started")
        self.work()
        log.info("beat stopped")

    def stop(self) -> None:
        """Let `work` return soon; from any thread."""
        self._stopping.set()

    def work(self) -> None:
        """Take turn after turn until `stop`."""
        others = [self._thread(turn) for turn in (self.look, self.tidy, self.go_on)]
        self._repeat(self.turn)
        for thread in others:
            thread.join(PATIENCE_SECONDS)

    def look(self) -> None:
        """Find out whether the database stood still."""
        self._take([self.silence.look])

    def turn(self) -> None:
        """See to all unfinished jobs."""
        self._take([self._rescue_lost, sweep.redispatch, sweep.admit_waiting])

    def tidy(self) -> None:
        """Delete what was kept long enough."""
        steps: list[Callable[[], Any]] = [
            retention.expire_artifacts,
            retention.expire_uploads,
            retention.expire_notifications,
            retention.expire_keys,
            retention.expire_jobs,
        ]
        now = time.monotonic()
        if now >= self._orphans_from:
            self._orphans_from = now + self._settings.orphan_seconds / ORPHAN_WALKS
            steps.append(retention.remove_orphans)
        self._take(steps)

    def go_on(self) -> None:
        """Do what others ask for each turn."""
        self._take(self._more)

    def _thread(self, turn: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._repeat, args=[turn], name=turn.__name__, daemon=True)
        thread.start()
        return thread

    def _repeat(self, turn: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            turn()
            self._stopping.wait(self._settings.sweep_seconds)

    def _take(self, steps: Iterable[Callable[[], Any]]) -> None:
        """Take each step for itself; an outage of the database is logged and waited out."""
        for step in steps:
            try:
                with self._app.app_context():
                    step()
            except Exception as error:
                if is_away(error):
                    log.warning("database away", reason=str(error))
                    return
                # One step that fails must not keep the others from their work, this turn or ever.
                log.exception("step failed, the next turn tries again", step=step.__name__)

    def _rescue_lost(self) -> None:
        sweep.rescue_lost(until=self.silence.over_until)
