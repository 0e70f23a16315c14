"""Figures about jobs, out of Postgres: the same in every server that is asked.

What is unfinished is counted anew each time, over an index that holds nothing else. What has
happened is read on from the jobs' log: only the lines since the last time, so that it costs the
same with a hundred finished jobs and with a hundred million.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, product
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import Connection, Engine, text

from app.jobs.models import ACTIVE_STATES, JobState

# Types that the code no longer has, as one label.
REMOVED = "_removed"
# Lines younger than this may stand above lines of transactions that have yet to commit.
SETTLED_SECONDS = 5
# Lines read at once, fewer if that took too long; after a longer absence the rest follows next time.
MAX_LINES = 50_000
MIN_LINES = 500
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
WAITED, RAN = "waited", "ran"

_UNFINISHED = text("""
    SELECT state, type, count(*),
      greatest(0, extract(epoch FROM now() - min(CASE state
        WHEN 'waiting' THEN created_at
        WHEN 'queued' THEN coalesce(run_after, admitted_at, created_at)
        ELSE started_at END)))::float8,
      count(*) FILTER (WHERE state = 'running' AND lease_expires_at < now())
    FROM jobs WHERE state IN ('waiting', 'queued', 'running') GROUP BY state, type
""")
_NEWEST = text("SELECT coalesce(max(id), 0) FROM job_events")
_UNSETTLED = text("""
    SELECT min(id) FROM job_events
    WHERE id > :after AND id <= :last AND at >= now() - make_interval(secs => :settled)
""")
_LINES = text("""
    SELECT type, event, kind, width_bucket(seconds, CAST(:buckets AS float8[])),
      count(*), sum(seconds)
    FROM (
      SELECT j.type, e.event,
        CASE WHEN e.event = 'claimed' AND e.attempt = 1 THEN 'waited'
             WHEN e.event = j.state AND j.started_at IS NOT NULL THEN 'ran' END AS kind,
        extract(epoch FROM CASE
             WHEN e.event = 'claimed' AND e.attempt = 1 THEN e.at - j.created_at
             WHEN e.event = j.state THEN j.finished_at - j.started_at END)::float8 AS seconds
      FROM job_events e JOIN jobs j ON j.id = e.job_id
      WHERE e.id > :after AND e.id <= :last
    ) AS line
    GROUP BY 1, 2, 3, 4
""")
_SESSIONS = text("""
    SELECT replace(application_name, 'ringback-', ''), count(*),
      greatest(0, extract(epoch FROM now() - max(state_change)))::float8
    FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'ringback-%' GROUP BY 1
""")
_ROLES = ("server", "worker", "beat")


@dataclass
class _Durations:
    """A histogram that grows by whole groups of lines."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def buckets(self) -> list[tuple[str, float]]:
        names = [*(str(float(bound)) for bound in BUCKETS), "+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


class JobFigures:
    """Reads and remembers; to be asked by one thread at a time.

    Args:
        engine: a pool of its own, so that figures are there also when requests use up theirs.
        types: names of the job types that the code has.
    """

    def __init__(self, engine: Engine, types: Collection[str]) -> None:
        self._engine = engine
        self._types = frozenset(types)
        self._after: int | None = None
        self._lines = MAX_LINES
        self._events: Counter[tuple[str, str]] = Counter()
        self._durations = {
            (kind, name): _Durations() for kind, name in product((WAITED, RAN), sorted(types))
        }

    def read(self) -> list[Metric]:
        """Ask Postgres; returns how things stand at this moment."""
        with self._engine.connect() as connection:
            self._read_on(connection)
            unfinished = connection.execute(_UNFINISHED).all()
            sessions = connection.execute(_SESSIONS).all()
        return [*self._present(unfinished), *_sessions(sessions)]

    def totals(self) -> Iterator[Metric]:
        """What was read so far, since this process was first asked; it needs no database."""
        events = CounterMetricFamily(
            "ringback_job_events", "Lines of the jobs' logs.", labels=["type", "event"]
        )
        for labels, count in sorted(self._events.items()):
            events.add_metric(labels, count)
        yield events
        yield self._histogram(WAITED, "ringback_job_wait_seconds", "From submit to first claim.")
        yield self._histogram(RAN, "ringback_job_run_seconds", "From last claim to the end.")

    def _read_on(self, connection: Connection) -> None:
        newest = int(connection.execute(_NEWEST).scalar_one())
        if self._after is None or self._after > newest:  # the first time, or an older database
            self._after = newest
        last = min(newest, self._after + self._lines)
        span = {"after": self._after, "last": last}
        unsettled = connection.execute(_UNSETTLED, span | {"settled": SETTLED_SECONDS}).scalar()
        span["last"] = last if unsettled is None else unsettled - 1
        self._lines = max(MIN_LINES, self._lines // 4)  # in case that it does not come to an end
        found = connection.execute(_LINES, span | {"buckets": list(BUCKETS)}).all()
        self._lines = min(MAX_LINES, self._lines * 8)
        for type_name, event, kind, bucket, count, seconds in found:
            self._count(self._label(type_name), event, kind, bucket, count, seconds)
        self._after = span["last"]

    def _count(
        self, type_name: str, event: str, kind: str | None, bucket: int, count: int, seconds: float
    ) -> None:
        self._events[type_name, event] += count
        if kind is not None:
            durations = self._durations.setdefault((kind, type_name), _Durations())
            durations.counts[bucket] += count
            durations.total += seconds

    def _histogram(self, kind: str, name: str, text: str) -> Metric:
        family = HistogramMetricFamily(name, text, labels=["type"])
        for (of_kind, type_name), durations in list(self._durations.items()):
            if of_kind == kind:
                family.add_metric([type_name], durations.buckets(), durations.total)
        return family

    def _present(self, rows: Collection[Any]) -> Iterator[Metric]:
        counts: Counter[tuple[str, str]] = Counter(
            dict.fromkeys(product((JobState.WAITING, *ACTIVE_STATES), sorted(self._types)), 0)
        )
        ages: dict[tuple[str, str], float] = dict.fromkeys(counts, 0.0)
        overdue = 0
        for state, type_name, count, age, late in rows:
            labels = (state, self._label(type_name))
            counts[labels] += count
            ages[labels] = max(age, ages.get(labels, 0.0))
            overdue += late
        text = "Unfinished jobs."
        yield _gauge("ringback_jobs", text, ["state", "type"], counts)
        text = "How long the oldest of them has waited for admission or a worker, or has run."
        yield _gauge("ringback_jobs_oldest_seconds", text, ["state", "type"], ages)
        text = "Running jobs whose lease has run out: their worker is lost, the beat yet to act."
        yield GaugeMetricFamily("ringback_jobs_lease_overdue", text, overdue)

    def _label(self, type_name: str) -> str:
        return type_name if type_name in self._types else REMOVED


def _sessions(rows: Collection[Any]) -> Iterator[Metric]:
    found = {role: (count, silence) for role, count, silence in rows}
    counts = {(role,): found.get(role, (0, 0.0))[0] for role in _ROLES}
    text = "Sessions of the database, by role of the process that holds them."
    yield _gauge("ringback_database_sessions", text, ["role"], counts)
    text = "Since the beat that spoke to the database last did so; missing without a beat."
    silence = GaugeMetricFamily("ringback_beat_silence_seconds", text)
    if "beat" in found:
        silence.add_metric([], found["beat"][1])
    yield silence


def _gauge(name: str, text: str, labels: list[str], values: dict[Any, Any]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric([str(each) for each in key], value)
    return family
