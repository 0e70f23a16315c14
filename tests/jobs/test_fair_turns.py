"""Whose turn it is when workers are fewer than jobs, with two workers that run one job each."""

from collections.abc import Iterator

import pytest

from app.standalone.servers import Servers
from tests.support.api import Api
from tests.support.database import query
from tests.support.process import AppProcess
from tests.support.stack import Stack
from tests.support.turns import check_order_of_priorities, claims
from tests.support.waiting import wait_for

MANY = 1000
# What `MANY` submissions leave behind, made of one of them.
COPY = """
WITH jobs_added AS (
  INSERT INTO jobs (id, user_id, type, params, state, progress, progress_message, version, attempt,
    max_attempts, fence, queue, priority, dispatches)
  SELECT gen_random_uuid(), user_id, type, params, 'waiting', 0, '', 1, 1, max_attempts, 0, queue,
    priority, 0
  FROM jobs, generate_series(1, %s) WHERE id = %s RETURNING id)
INSERT INTO job_events (job_id, attempt, fence, event, message, data)
SELECT id, 1, 0, 'accepted', '', '{}' FROM jobs_added
"""
# Jobs whose claim began after this one was accepted, and before this one's.
OVERTAKEN_BY = """
SELECT count(*) FROM jobs others, jobs mine WHERE mine.id = %s AND others.id <> mine.id
  AND others.started_at > %s AND others.started_at < mine.started_at
"""


@pytest.fixture(scope="module")
def two_workers(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, AppProcess]]:
    """A stack with its worker, and one more; each runs one job at a time."""
    folder = tmp_path_factory.mktemp("two-workers")
    stack = Stack.start(servers, folder, RINGBACK_WORKER_PROCESSES="1")
    yield stack, stack.add("worker")
    stack.stop()


def crowd(stack: Stack, seconds: float) -> Api:
    """A user with two jobs that run and `MANY` that wait."""
    user = stack.new_user()
    first = [user.submit("wait", seconds=seconds)["id"] for _ in range(5)]
    query(stack.database_url, COPY, MANY, first[-1])
    wait_for(lambda: len(claims(stack, first)) >= 2, "both workers at work")
    return user


def give_up(stack: Stack, user: Api) -> None:
    """Nobody waits for the crowd's end."""
    sql = "UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE state = 'waiting'"
    query(stack.database_url, f"{sql} AND user_id = %s", user.user_id)


def test_a_user_with_a_thousand_jobs_does_not_delay_another_users_single_one(
    two_workers: tuple[Stack, AppProcess],
) -> None:
    stack, _ = two_workers
    many = crowd(stack, seconds=0.5)
    for _ in range(3):
        single = stack.new_user()
        job = single.submit("add", a=1, b=1)["id"]
        ((accepted,),) = query(stack.database_url, "SELECT clock_timestamp()")
        assert single.end_of(job)["state"] == "succeeded"
        ((others,),) = query(stack.database_url, OVERTAKEN_BY, job, accepted)
        # Two claims of one instant see the same; who begins first need not get the first.
        assert others <= 1
    assert many.ok("GET", "/v1/jobs?state=waiting&limit=200")["next"] is not None
    give_up(stack, many)


def test_urgent_jobs_go_first_with_valkey(two_workers: tuple[Stack, AppProcess]) -> None:
    stack, second = two_workers
    second.stop()
    check_order_of_priorities(stack)
    second.start()
