"""`GET /v1/jobs?state=&type=&since=&until=&schedule_id=`: each alone, all together, and bad ones."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from tests.jobs.conftest import Jobs
from tests.support.in_process import Caller

FORGET_LOG = "DELETE FROM job_events WHERE job_id = %s"
MAKE_OLDER = "UPDATE jobs SET created_at = %s, id = %s WHERE id = %s"
DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]


def add(owner: Caller) -> str:
    body = {"type": "add", "params": {"a": 1, "b": 1}}
    return str(owner.ok("POST", "/v1/jobs", json=body)["id"])


def wait(owner: Caller) -> str:
    body = {"type": "wait", "params": {"seconds": 1}}
    return str(owner.ok("POST", "/v1/jobs", json=body)["id"])


def ids(owner: Caller, **query: str) -> list[str]:
    return [job["id"] for job in owner.ok("GET", "/v1/jobs", query_string=query)["items"]]


@pytest.fixture
def dated(owner: Caller, jobs: Jobs) -> list[str]:
    """A job of noon of each of the days, also by the time in its id."""
    noons = [datetime.fromisoformat(f"{day}T12:00:00+00:00") for day in DAYS]
    dated = [
        str(UUID(int=int(noon.timestamp()) * 1000 << 80 | uuid4().int >> 48)) for noon in noons
    ]
    for noon, job_id in zip(noons, dated, strict=True):
        made = add(owner)
        jobs.sql(FORGET_LOG, made)
        jobs.sql(MAKE_OLDER, noon.isoformat(), job_id, made)
    return dated


def test_jobs_are_listed_by_each_state(owner: Caller, jobs: Jobs) -> None:
    made = {state: add(owner) for state in ("succeeded", "failed", "cancelled")}
    for state, job_id in made.items():
        jobs.end(job_id, state)
    made |= {state: add(owner) for state in ("running", "q1", "q2", "q3", "waiting")}
    jobs.start(made["running"])
    for state in ("succeeded", "failed", "cancelled", "running", "waiting"):
        assert ids(owner, state=state) == [made[state]]
    assert ids(owner, state="queued") == [made["q3"], made["q2"], made["q1"]]


def test_jobs_are_listed_by_type(owner: Caller) -> None:
    added, waiting = add(owner), wait(owner)
    assert (ids(owner, type="add"), ids(owner, type="wait")) == ([added], [waiting])
    assert ids(owner, type="never_heard_of") == []


def test_since_includes_its_moment_and_until_does_not(owner: Caller, dated: list[str]) -> None:
    first, second, third = dated
    noon = "2026-01-02T12:00:00Z"
    assert ids(owner, since=noon) == [third, second]
    assert ids(owner, until=noon) == [first]
    assert ids(owner, since=noon, until="2026-01-03T12:00:00Z") == [second]
    assert ids(owner, since=noon, until=noon) == []


def test_times_count_with_their_offset(owner: Caller, dated: list[str]) -> None:
    assert ids(owner, since="2026-01-03T14:00:00+02:00") == [dated[2]]
    assert ids(owner, since="2026-01-03T14:00:00+01:00") == []


def test_all_filters_hold_together(owner: Caller, jobs: Jobs, dated: list[str]) -> None:
    jobs.end(dated[1])
    also = {"type": "add", "since": "2026-01-01T00:00:00Z", "until": "2026-01-04T00:00:00Z"}
    assert ids(owner, state="succeeded", **also) == [dated[1]]
    assert ids(owner, state="failed", **also) == []


def test_jobs_are_listed_by_the_schedule_that_made_them(
    owner: Caller, stranger: Caller, jobs: Jobs
) -> None:
    schedule, (made, _) = str(uuid4()), (add(owner), add(owner))
    jobs.sql("UPDATE jobs SET schedule_id = %s WHERE id = %s", schedule, made)
    assert ids(owner, schedule_id=schedule) == [made]
    assert owner.ok("GET", f"/v1/jobs/{made}")["schedule_id"] == schedule
    assert ids(owner, schedule_id=str(uuid4())) == []
    assert ids(stranger, schedule_id=schedule) == []


@pytest.mark.parametrize(
    "query",
    [
        *("state=", "state=RUNNING", "state=queued,running", "type=", "type=Add", "type=a%20b"),
        *("since=", "since=1", "since=2026-02-30T00:00:00Z", "since=2026-01-01"),
        *("until=now", "until=2026-01-01T00:00:00", "until=99999-01-01T00:00:00Z"),
        *("schedule_id=", "schedule_id=any", "schedule_id=1", "schedule_id=%00"),
    ],
)
def test_a_filter_that_means_nothing_is_refused_by_name(owner: Caller, query: str) -> None:
    answer = owner.call("GET", f"/v1/jobs?{query}")
    assert answer.status_code == 422, answer.text
    assert list(answer.get_json()["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("make", [add, wait])
def test_filters_go_on_over_pages(owner: Caller, make: Callable[[Caller], str]) -> None:
    made = [make(owner) for _ in range(3)]
    kind = "add" if make is add else "wait"
    (add if make is wait else wait)(owner)
    first = owner.ok("GET", f"/v1/jobs?type={kind}&limit=2")
    rest = owner.ok("GET", f"/v1/jobs?type={kind}&limit=2&cursor={first['next']}")
    assert [job["id"] for job in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
