"""Whether a worker and a beat do their work, asked from beside them: for health checks.

A process that is there may still do nothing, so neither looks at processes.
"""

import psycopg2
from celery.utils.nodenames import default_nodename

from app.config import Settings
from app.errors import AppError
from app.jobs.broker import make_celery

WORKER_SECONDS = 5.0
BEAT_TURNS = 10
BEAT_SECONDS = 30.0

# Both connections come from this machine, or container, and from nowhere else.
_LAST_TURN = """
select extract(epoch from now() - max(state_change)) from pg_stat_activity
where application_name = 'ringback-beat' and datname = current_database()
  and client_addr is not distinct from inet_client_addr()
"""


def check_worker(settings: Settings) -> None:
    """Ask the workers of this host through the broker, the way on which they get their jobs.

    One that answers is enough: in a container there is one.

    Raises:
        AppError: `worker_silent`.
    """
    host = default_nodename(None).partition("@")[2]
    answers = make_celery(settings).control.ping(
        pattern=f"*@{host}", matcher="glob", limit=1, timeout=WORKER_SECONDS
    )
    if not answers:
        reason = f"The worker of {host} does not answer within {WORKER_SECONDS:g} s."
        raise AppError(reason, code="worker_silent")


def check_beat(settings: Settings) -> None:
    """Ask Postgres when the beat of this host last spoke to it; each of its turns does.

    Raises:
        AppError: `beat_silent`, or `database_unavailable`.
    """
    longest = BEAT_SECONDS + BEAT_TURNS * settings.sweep_seconds
    age = _seconds_since_last_turn(settings)
    if age is None or age > longest:
        last = "It is not connected" if age is None else f"Its last turn was {age:.0f} s ago"
        raise AppError(f"The beat of this host does not turn. {last}.", code="beat_silent")


def _seconds_since_last_turn(settings: Settings) -> float | None:
    address = settings.database_url.get_secret_value().replace("+psycopg2", "", 1)
    try:
        connection = psycopg2.connect(address, connect_timeout=5, application_name="ringback-probe")
        try:
            with connection.cursor() as cursor:
                cursor.execute(_LAST_TURN)
                (age,) = cursor.fetchone() or (None,)
        finally:
            connection.close()
    except psycopg2.OperationalError as error:
        reason = f"The database does not answer: {str(error).strip()}"
        raise AppError(reason, code="database_unavailable", retryable=True) from error
    return None if age is None else float(age)
