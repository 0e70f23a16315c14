"""Showing one job: to whom, whether the caller knows it already, and, if wished, not before it changes."""

import time
from dataclasses import dataclass
from uuid import UUID

from flask import g
from werkzeug.datastructures import ETags
from werkzeug.http import quote_etag

from app.accounts.permissions import Permission
from app.accounts.tokens import Identity, check_again
from app.api.waiting import waiting
from app.artifacts.models import Artifact
from app.extensions import transaction
from app.jobs import queries
from app.jobs.models import FINAL_STATES, Job
from app.jobs.queries import Standing


@dataclass(frozen=True)
class Shown:
    """A job that the reader may see, with its file's row."""

    reader: Identity
    job: Job
    artifact: Artifact | None

    @property
    def etag(self) -> str:
        """As the header has it. Weak, for the estimated time left changes without a new version."""
        return quote_etag(self._tag, weak=True)

    @property
    def _tag(self) -> str:
        is_gone = self.artifact is not None and self.artifact.deleted_at is not None
        return f"{self.job.id}-{self.job.version}{'-without-file' if is_gone else ''}"

    def is_known(self, known: ETags) -> bool:
        """Whether the caller, who knows these, knows the job as it is."""
        return known.contains_weak(self._tag)

    def is_news(self, known: ETags) -> bool:
        """Whether there is nothing to wait for: see `news`."""
        return self.job.state in FINAL_STATES or (bool(known) and not self.is_known(known))


def whose(reader: Identity) -> queries.Whose:
    """Among whose jobs the reader is shown one: all of it but its file."""
    return queries.ANYBODY if reader.may(Permission.JOBS_READ_ANY) else reader.user_id


def read(reader: Identity, job_id: UUID) -> Shown:
    """The job as it is; holds no connection afterwards.

    Raises:
        NotFound: `job_not_found`.
    """
    with transaction():
        job, artifact = queries.get_job(whose(reader), job_id)
    return Shown(reader, job, artifact)


def news(shown: Shown, known: ETags, seconds: float) -> Shown:
    """Wait until the job is other than what the caller knows, or, who knows nothing, until it ends.

    A job that has ended changes no more and is not waited for.

    Args:
        shown: the job as it was just read.
        seconds: longest wait.

    Returns:
        The job as it is then, to whoever may see it then.

    Raises:
        Unauthenticated: `token_revoked`, the reader's session has ended meanwhile.
        NotFound: the job is gone, or the reader may read everybody's no more.
        ServerBusy, TooManyRequests: see `app.api.waiting.Waiting.wait`.
    """
    if shown.is_news(known):
        return shown
    before = shown.job.version

    def is_news(now: Standing | None) -> bool:
        return now is None or now.state in FINAL_STATES or (bool(known) and now.version != before)

    began = time.monotonic()
    try:
        waiting().wait(shown.reader.user_id, shown.job.id, is_news, seconds)
    finally:
        g.waited = time.monotonic() - began
    return read(check_again(shown.reader), shown.job.id)
