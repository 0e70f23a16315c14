"""The lease of a running job: renewed from a thread beside the work, with Postgres' clock.

The worker itself goes by its own monotonic clock, counted from before the last renewal that
succeeded: it stops no later than anybody else may call the lease expired. The thread also has the
last word over work that does not stop when it has to.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any

from flask import Flask
from sqlalchemy import func, select, update

from app.errors import AppError, JobCancelled, LeaseLost, WorkerStopping
from app.extensions import db, is_away, transaction
from app.jobs import child
from app.jobs.finish import CANCELLED, finish, hand_back, timed_out
from app.jobs.log import ids_of
from app.jobs.models import Job, JobState
from app.jobs.stopping import stopping
from app.jobs.storable import storable
from app.jobs.time_limits import TimeLimits
from app.jobs.view import publish_job
from app.observability import bind_contextvars, get_logger
from app.services import services

log = get_logger(__name__)

MAX_MESSAGE = 200
# A cancel is noticed within the sum of both.
TURN_SECONDS = 0.4
LOOK_SECONDS = 0.4
# How long work that has to be handed back may take to come to its next progress call.
PATIENCE_SECONDS = 2.0
STOPPING = "The worker has to stop; another one runs the job."


class Lease:
    """Keeps the lease and carries progress out, while its `with` block runs.

    Work only notes its progress here, which costs next to nothing; the thread writes it to the row
    together with the renewal, and sends it to the owner's browsers.

    Args:
        app: for the thread's own database session.
        job: as claimed.
        claimed_at: `time.monotonic()` from before the claim.
        limits: of the job's type.

    Attributes:
        cancelled: whether the owner asked for it.
        interruption: what the work was stopped with, whatever it has made of that.
        cut_off: whether it was the database that kept the lease from being renewed the last time.
    """

    def __init__(self, app: Flask, job: Job, claimed_at: float, limits: TimeLimits) -> None:
        settings = services().settings
        self.cancelled = False
        self.interruption: AppError | None = None
        self.cut_off = False
        self._app = app
        self._limits = limits
        self._job_id, self._fence = job.id, job.fence
        self._ids = ids_of(job)
        self._seconds = settings.lease_seconds
        self._heartbeat = settings.heartbeat_seconds
        self._report = settings.progress_seconds
        self._renewed_at = claimed_at
        self._asked_at = time.monotonic()
        self._beat_at = self._asked_at + self._heartbeat
        self._progress = (0.0, "")
        self._reported = self._progress
        self._lost = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lease-{job.id}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Renew no more; what was held stays held until it runs out."""
        self._stopping.set()
        self._thread.join()

    def held(self) -> bool:
        """Whether this worker may still act for the job."""
        return not self._lost and time.monotonic() < self._renewed_at + self._seconds

    def note(self, fraction: float, message: str) -> None:
        """Take note of progress.

        Raises:
            LeaseLost, JobCancelled, JobTimedOut, WorkerStopping: the work must stop.
        """
        share = min(fraction, 1.0) if fraction > 0 else 0.0  # NaN counts as nothing
        self._progress = (share, storable(message, MAX_MESSAGE))
        self.check()

    def check(self) -> None:
        """See whether the work may go on.

        Raises:
            LeaseLost, JobCancelled, JobTimedOut, WorkerStopping: the work must stop.
        """
        reason = self._reason_to_stop()
        if reason is not None:
            self.interruption = reason
            raise reason

    def _reason_to_stop(self) -> AppError | None:
        if not self.held():
            return LeaseLost("This worker no longer holds the job; it stops and writes nothing.")
        if self.cancelled:
            return JobCancelled("Cancelled by its owner.")
        if self._limits.soft_passed:
            return self._limits.error()
        return WorkerStopping(STOPPING) if stopping.overdue() else None

    def _run(self) -> None:
        bind_contextvars(**self._ids)
        while not self._stopping.wait(min(self._report, TURN_SECONDS)):
            try:
                if self._limits.hard_passed:
                    return self._give_up("hard time limit", self._end_as_timed_out)
                if stopping.overdue(PATIENCE_SECONDS):
                    return self._give_up("its worker has to stop", self._hand_back)
                self._turn()
            except MemoryError:
                continue  # the work has taken it all, and is told so, too

    def _turn(self) -> None:
        now = time.monotonic()
        changed = self._progress != self._reported and now >= self._asked_at + self._report
        if changed or now >= self._beat_at:
            self._beat_at = now + self._heartbeat
            self._try(self._renew)
        elif now >= self._asked_at + LOOK_SECONDS:
            self._try(self._look)

    def _try(self, ask: Callable[[], Any]) -> None:
        self._asked_at = time.monotonic()
        held_until = self._renewed_at + self._seconds
        try:
            with self._app.app_context():
                ask()
        except Exception as error:  # noqa: BLE001
            # Not lost yet: `held` goes by the clock, and the next turn tries again.
            self.cut_off = self.cut_off or is_away(error)
            log.warning("lease not renewed", reason=f"{type(error).__name__}: {error}")
        if self._asked_at < held_until < time.monotonic():  # asked in time, and told too late
            self.cut_off = True

    def _look(self) -> None:
        """See whether the job is still ours and wanted; its row is left alone."""
        mine = select(Job.cancel_requested_at).where(
            Job.id == self._job_id, Job.fence == self._fence, Job.state == JobState.RUNNING
        )
        row = db.session.execute(mine).one_or_none()
        self._lost = row is None
        self.cancelled = row is not None and row.cancel_requested_at is not None

    def _renew(self) -> None:
        before, (fraction, message) = self._asked_at, self._progress
        news = self._reported != (fraction, message)
        renewing = update(Job).where(
            Job.id == self._job_id, Job.fence == self._fence, Job.state == JobState.RUNNING
        )
        renewing = renewing.values(
            lease_expires_at=func.now() + timedelta(seconds=self._seconds),
            progress=fraction,
            progress_message=message,
            version=Job.version + int(news),  # a lease is nothing that a client sees
        )
        with transaction():
            job = db.session.scalar(renewing.returning(Job))
        if job is None:
            self._lost = True
            return
        self.cut_off = False
        self._renewed_at = before
        self._limits.renewed(before)
        self.cancelled = job.cancel_requested_at is not None
        if news:
            self._reported = (fraction, message)
            log.debug("job progressed", progress=fraction)
            publish_job(job)

    def _give_up(self, reason: str, last_word: Callable[[], bool]) -> None:
        """Decide over the job here, and end the process, since the work does not stop by itself."""
        self._lost = True
        log.warning("work does not stop, its process ends", reason=reason)
        try:
            with self._app.app_context():
                last_word()
                services().store.discard(self._job_id, self._fence)
        except Exception as error:  # noqa: BLE001  # what is left undone here, the sweep does
            log.warning("job left to the sweep", reason=f"{type(error).__name__}: {error}")
        child.kill_itself()

    def _end_as_timed_out(self) -> bool:
        outcome = CANCELLED if self.cancelled else timed_out(self._limits.hard)
        return finish(self._job_id, self._fence, outcome)

    def _hand_back(self) -> bool:
        return hand_back(self._job_id, self._fence, STOPPING)
