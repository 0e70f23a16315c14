"""Whether leases may be called expired: not after a silence of the database."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from app.extensions import db, is_away, transaction
from app.observability import get_logger

log = get_logger(__name__)

NEVER = datetime.min.replace(tzinfo=UTC)


class Silence:
    """Tells silences of the database by looking at its clock again and again.

    After one, and at the start (which may follow one), no lease is called expired for one full
    lease: workers that were cut off as well must first have their chance to renew. An outage need
    not show as an error: if the database stood still, only its clock tells. So `look` is called
    from a thread that does nothing else: however long other work takes, that is no silence.

    Args:
        lease_seconds: how long a lease holds.
        pause_seconds: the longest there should be between two looks.
    """

    def __init__(self, lease_seconds: float, pause_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._longest = timedelta(seconds=lease_seconds / 2 + pause_seconds)
        self._seen: datetime | None = None  # by the clock of the database, when it last answered
        self._wait_for_workers()

    def look(self) -> None:
        """Look at the database's clock; needs an app context.

        Raises:
            OperationalError, InterfaceError: the database does not answer.
        """
        try:
            with transaction():
                now = db.session.execute(select(func.now())).scalar_one()
        except Exception as error:
            if is_away(error):
                self._wait_for_workers()
            raise
        if self._seen is not None and now > self._seen + self._longest:
            log.warning("database was silent", seconds=(now - self._seen).total_seconds())
            self._wait_for_workers()
        self._seen = now

    def over_until(self) -> datetime:
        """Until when, by the database's clock, leases that ran out may be called expired.

        Once that clock is past it, the database may have stood still again.
        """
        # In this order: another thread may be looking, and takes note of a silence first.
        seen = self._seen
        if seen is None or time.monotonic() < self._trusted_from:
            return NEVER
        return seen + self._longest

    def _wait_for_workers(self) -> None:
        self._trusted_from = time.monotonic() + self._lease_seconds
