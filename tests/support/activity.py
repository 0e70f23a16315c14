"""Rows as years of use would leave them, put into the database at once."""

from contextlib import closing
from uuid import UUID, uuid4

from tests.support.database import connect, query

ADD_USER = """
INSERT INTO users (id, email, password_hash, role, active) VALUES (%s, %s, 'none', %s, true)
"""
ADD_JOBS = """
WITH made AS (
  SELECT number, (lpad(to_hex(1577836800000 + 60000 * number), 12, '0') ||
      substr(md5(%(owner)s || number), 1, 20))::uuid AS id,
    (ARRAY['succeeded','succeeded','succeeded','failed','cancelled'])[1 + number %% 5] AS state,
    (ARRAY['add','excel_test','wait'])[1 + number %% 3] AS type,
    timestamptz '2020-01-01 00:00:00Z' + number * interval '1 minute' AS created_at
  FROM generate_series(0::bigint, %(count)s - 1) AS number
), jobs AS (
  INSERT INTO jobs (id, user_id, type, params, state, progress, progress_message, version, attempt,
    max_attempts, fence, queue, priority, dispatches, created_at, started_at, finished_at,
    error_code, error_message, error_retryable)
  SELECT id, %(owner)s, type, jsonb_build_object('number', number), state, 1, '', 3, 1, 3, 1,
    'default', 5, 1, created_at, created_at + interval '2 seconds',
    created_at + interval '2 seconds' + (number %% 10) * interval '1 second',
    CASE state WHEN 'failed' THEN 'job_failed' END,
    CASE state WHEN 'failed' THEN '=1+1 failed number ' || number END,
    CASE state WHEN 'failed' THEN false END
  FROM made
), events AS (
  INSERT INTO job_events (job_id, at, attempt, fence, event, message, data)
  SELECT id, created_at, 1, 0, 'accepted', '', '{}' FROM made WHERE %(log)s
), inboxes AS (
  INSERT INTO inboxes (user_id, head_seq) VALUES (%(owner)s, %(count)s)
  ON CONFLICT (user_id) DO UPDATE SET head_seq = excluded.head_seq
)
INSERT INTO notifications (user_id, seq, id, type, title, body, data, job_id, final, created_at,
  expires_at)
SELECT %(owner)s, number + 1, gen_random_uuid(), 'job.' || state, type || ': ' || state, '', '{}', id,
  true, created_at + interval '1 minute', now() + interval '90 days'
FROM made
"""


def add_user(url: str, role: str = "user") -> tuple[UUID, str]:
    """A user who has never signed in; id and e-mail address."""
    user_id = uuid4()
    query(url, ADD_USER, str(user_id), email := f"{user_id}@example.com", role)
    return user_id, email


def add_jobs(url: str, owner: str | UUID, count: int, log: bool = True) -> None:
    """Jobs that ended, one a minute from 2020-01-01 (UTC) on, for somebody who had none.

    Each has a notification and, with `log`, a line in its log.

    Job `number` (from 0) is of type `number % 3` of add, excel_test, wait, in state `number % 5` of
    succeeded (3 times), failed, cancelled, waited 2 seconds and ran `number % 10` seconds.
    """
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(ADD_JOBS, {"count": count, "owner": str(owner), "log": log})
