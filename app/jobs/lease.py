"""The lease of a running job: renewed from a thread beside the work, with Postgres' clock.

The worker itself goes by its own monotonic clock, counted from before the last renewal that
succeeded: it stops no later than anybody else may call the lease expired.
"""

import threading
import time
from datetime import timedelta
from types import TracebackType

from flask import Flask
from sqlalchemy import func, update

from app.errors import JobCancelled, LeaseLost
from app.extensions import db, transaction
from app.jobs.log import ids_of
from app.jobs.models import Job, JobState
from app.jobs.storable import storable
from app.jobs.view import publish_job
from app.observability import bind_contextvars, get_logger
from app.services import services

log = get_logger(__name__)

MAX_MESSAGE = 200


class Lease:
    """Keeps the lease and carries progress out, while its `with` block runs.

    Work only notes its progress here, which costs next to nothing; the thread writes it to the row
    together with the renewal, and sends it to the owner's browsers.

    Args:
        app: for the thread's own database session.
        job: as claimed.
        claimed_at: `time.monotonic()` from before the claim.
    """

    def __init__(self, app: Flask, job: Job, claimed_at: float) -> None:
        settings = services().settings
        self._app = app
        self._job_id, self._fence = job.id, job.fence
        self._ids = ids_of(job)
        self._seconds = settings.lease_seconds
        self._heartbeat = settings.heartbeat_seconds
        self._report = settings.progress_seconds
        self._renewed_at = claimed_at
        self._progress = (0.0, "")
        self._reported = self._progress
        self._lost = False
        self._cancelled = False
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
        """Take note of progress; raises `LeaseLost` or `JobCancelled` when the work must stop."""
        share = min(fraction, 1.0) if fraction > 0 else 0.0  # NaN counts as nothing
        self._progress = (share, storable(message, MAX_MESSAGE))
        if not self.held():
            raise LeaseLost("This worker no longer holds the job; it stops and writes nothing.")
        if self._cancelled:
            raise JobCancelled("Cancelled by its owner.")

    def _run(self) -> None:
        bind_contextvars(**self._ids)
        next_beat = time.monotonic() + self._heartbeat
        while not self._stopping.wait(self._report):
            changed = self._progress != self._reported
            if not changed and time.monotonic() < next_beat:
                continue
            next_beat = time.monotonic() + self._heartbeat
            self._try_to_renew()

    def _try_to_renew(self) -> None:
        try:
            with self._app.app_context():
                self._renew(*self._progress)
        except Exception as error:  # noqa: BLE001
            # Not lost yet: `held` goes by the clock, and the next turn tries again.
            log.warning("lease not renewed", reason=f"{type(error).__name__}: {error}")

    def _renew(self, fraction: float, message: str) -> None:
        before = time.monotonic()
        renewing = update(Job).where(
            Job.id == self._job_id, Job.fence == self._fence, Job.state == JobState.RUNNING
        )
        renewing = renewing.values(
            lease_expires_at=func.now() + timedelta(seconds=self._seconds),
            progress=fraction,
            progress_message=message,
            version=Job.version + 1,
        )
        with transaction():
            job = db.session.scalar(renewing.returning(Job))
        if job is None:
            self._lost = True
            return
        self._renewed_at = before
        self._cancelled = job.cancel_requested_at is not None
        if self._reported != (fraction, message):
            self._reported = (fraction, message)
            log.debug("job progressed", progress=fraction)
            publish_job(job)
