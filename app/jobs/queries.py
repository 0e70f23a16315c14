"""Reading jobs. The owner stands in every query, so another user's job does not exist.

The exception is `ANYBODY`, which only who may read everybody's jobs may be given.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Row, Select, Text, case, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, defer

from app.artifacts.models import Artifact
from app.errors import NotFound
from app.extensions import db
from app.jobs.models import Job, JobEvent


@dataclass(frozen=True)
class Anybody:
    """In the place of an owner: everybody's jobs; for callers who hold `jobs.read_any`."""


ANYBODY = Anybody()
Whose = UUID | Anybody

# At most: the clock of the server that makes an id, and that of the database.
_CLOCKS_DIFFER_SECONDS = 24 * 60 * 60

LARGE_BYTES = 8 * 1024
"""Beyond that, as JSON, lists and hints leave out the parameters or the result of a job."""


class Standing(NamedTuple):
    """What of a job tells whether it has changed."""

    version: int
    state: str


class Listed(NamedTuple):
    """A job of a list, whose own `params` and `result` were not loaded.

    Attributes:
        params, result: None if they are large.
        shortened: whether one of them is.
    """

    job: Job
    artifact: Artifact | None
    params: dict[str, Any] | None
    result: dict[str, Any] | None
    shortened: bool


@dataclass(frozen=True)
class Filters:
    """Which jobs to list; None means any. Times bound `created_at`: since <= t < until."""

    state: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    schedule_id: UUID | None = None


def list_jobs(owner: Whose, filters: Filters, before: UUID | None, limit: int) -> Sequence[Listed]:
    """The owner's jobs, newest first, at most `limit`, older than the job `before`."""
    wanted = _with_artifact().where(*owned_by(Job.user_id, owner), *_conditions(filters))
    if before is not None:
        wanted = wanted.where(Job.id < before)
    wanted = wanted.options(*(defer(each, raiseload=True) for each in (Job.params, Job.result)))
    page: Select[*tuple[Any, ...]] = wanted.order_by(Job.id.desc()).limit(limit)
    page = page.add_columns(
        unless_large(Job.params), unless_large(Job.result), Job.result.is_not(None)
    )
    return [_listed(*row) for row in db.session.execute(page)]


def _listed(
    job: Job, artifact: Artifact | None, params: Any, result: Any, has_result: bool
) -> Listed:
    shortened = params is None or (result is None and has_result)
    return Listed(job, artifact, params, result, shortened)


def unless_large(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """A column of JSON, or NULL if it is large.

    What is stored is looked at before it is read: the size of that tells at once of most. It is
    compressed, though, so of the rest it takes a look at the text.
    """
    text = case((func.octet_length(cast(column, Text)) <= LARGE_BYTES, column))
    return case((func.pg_column_size(column) <= LARGE_BYTES, text))


def owned_by(column: InstrumentedAttribute[UUID], whose: Whose) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a row, whose owner the column names, is one of these."""
    return () if isinstance(whose, Anybody) else (column == whose,)


def get_job(owner: Whose, job_id: UUID) -> Row[Job, Artifact | None]:
    """One job of the owner, with its file; raises `NotFound`."""
    wanted = _with_artifact().where(*owned_by(Job.user_id, owner), Job.id == job_id)
    # A session that knew the job before must not show it with a file that came later.
    row = db.session.execute(wanted.execution_options(populate_existing=True)).first()
    if row is None:
        raise NotFound("There is no such job.", code="job_not_found")
    return row


def standings(engine: Engine, job_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """How these jobs stand, whoever owns them; of those that are gone, nothing.

    Not on the session: a thread without a context may ask.
    """
    wanted = select(Job.id, Job.version, Job.state).where(Job.id.in_(job_ids))
    with engine.connect() as connection:
        return {row.id: Standing(row.version, row.state) for row in connection.execute(wanted)}


def get_artifact(user_id: UUID, job_id: UUID) -> Artifact:
    """The file of a job of the user; raises `NotFound` with a code that says why."""
    job, artifact = get_job(user_id, job_id)
    if artifact is None:
        raise NotFound(f"This job has no file; it is {job.state}.", code="artifact_not_found")
    if artifact.deleted_at is not None or _is_past(artifact.expires_at):
        raise NotFound("The file was kept until it expired.", code="artifact_gone")
    return artifact


def _is_past(moment: datetime) -> bool:
    return bool(db.session.scalar(select(func.now() >= moment)))


def list_events(owner: Whose, job_id: UUID, after: int, limit: int) -> Sequence[JobEvent]:
    """The log of a job of the owner, oldest first, from the line after `after`."""
    get_job(owner, job_id)
    wanted = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.id > after)
    return db.session.scalars(wanted.order_by(JobEvent.id).limit(limit)).all()


def _first_id(seconds: int) -> UUID:
    """The lowest id that is made so many seconds after the epoch: ids begin with the time of their making.

    They lead to the jobs by an index, `created_at` does not.
    """
    return UUID(int=max(0, seconds) * 1000 << 80)


def _with_artifact() -> Select[Job, Artifact | None]:
    return select(Job, Artifact).outerjoin(Artifact, Artifact.job_id == Job.id)


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.state is not None:
        yield Job.state == filters.state
    if filters.type is not None:
        yield Job.type == filters.type
    if filters.since is not None:
        yield Job.created_at >= filters.since
        yield Job.id >= _first_id(int(filters.since.timestamp()) - _CLOCKS_DIFFER_SECONDS)
    if filters.until is not None:
        yield Job.created_at < filters.until
        yield Job.id < _first_id(int(filters.until.timestamp()) + _CLOCKS_DIFFER_SECONDS)
    if filters.schedule_id is not None:
        yield Job.schedule_id == filters.schedule_id
