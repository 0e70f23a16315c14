"""Who may read whose jobs: those with `jobs.read_any` everybody's, all others their own."""

import re
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import event

from app.accounts.permissions import Role
from app.config import Settings
from app.extensions import db
from app.jobs.queries import ANYBODY, Filters, list_jobs
from tests.support.activity import add_jobs, add_user
from tests.support.database import query
from tests.support.in_process import Accounts, Caller
from tests.support.quiet import (
    MakeApp,
    make_app,  # noqa: F401  # fixture
    new_user,
    next_turn,
    own_settings,  # noqa: F401  # fixture
    submit,
    succeed,
)

READERS = [Role.ADMIN, Role.AUDITOR]


@pytest.fixture
def app(make_app: MakeApp) -> APIFlask:  # noqa: F811
    return make_app()


@pytest.fixture
def owner(app: APIFlask) -> Caller:
    return new_user(app)


@pytest.fixture(params=READERS)
def reader(app: APIFlask, request: pytest.FixtureRequest) -> Caller:
    """Somebody else, who holds the permission."""
    return Accounts(app).caller(request.param)


def ids(caller: Caller, query: str = "") -> set[str]:
    return {job["id"] for job in caller.ok("GET", f"/v1/jobs?limit=200&{query}")["items"]}


def problem(caller: Caller, path: str, method: str = "GET") -> tuple[int, str]:
    answer = caller.call(method, path)
    return answer.status_code, answer.get_json()["code"]


def ended_with_file(app: APIFlask, owner: Caller) -> dict[str, Any]:
    job_id = submit(owner)
    with app.app_context():
        job = next_turn(job_id)
        assert job is not None
        succeed(job, b"the figures")
    ended: dict[str, Any] = owner.ok("GET", f"/v1/jobs/{job_id}")
    return ended


def test_a_job_says_whose_it_is_and_which_schedule_made_it(owner: Caller, app: APIFlask) -> None:
    job = owner.ok("GET", f"/v1/jobs/{submit(owner)}")
    assert (job["user_id"], job["schedule_id"]) == (owner.id, None)


def test_admins_and_auditors_list_everybodys_jobs(
    reader: Caller, owner: Caller, app: APIFlask
) -> None:
    mine, theirs, others = submit(reader), submit(owner), submit(new_user(app))
    assert ids(reader) == {mine}
    assert ids(reader, "user_id=any") == {mine, theirs, others}
    assert ids(reader, f"user_id={owner.id}") == {theirs}
    assert ids(reader, f"user_id={reader.id}") == {mine}
    assert ids(reader, f"user_id={uuid4()}") == set()


def test_everybodys_jobs_come_newest_first_in_pages_and_by_filter(
    owner: Caller, app: APIFlask
) -> None:
    admin, other = Accounts(app).caller(Role.ADMIN), new_user(app)
    made = [submit(each) for each in (owner, other, owner, other)]
    first = admin.ok("GET", "/v1/jobs?user_id=any&limit=3")
    rest = admin.ok("GET", f"/v1/jobs?user_id=any&limit=3&cursor={first['next']}")
    assert [job["id"] for job in first["items"] + rest["items"]] == made[::-1]
    added = other.ok("POST", "/v1/jobs", json={"type": "add", "params": {"a": 1, "b": 1}})["id"]
    assert ids(admin, "user_id=any&type=add") == {added}
    owner.ok("POST", f"/v1/jobs/{made[0]}/cancel")
    assert ids(admin, "user_id=any&state=cancelled") == {made[0]}
    assert ids(admin, f"user_id={other.id}&state=cancelled") == set()


@pytest.mark.parametrize("whose", ["any", "of somebody else", "of nobody"])
def test_who_lacks_the_permission_is_told_so(owner: Caller, app: APIFlask, whose: str) -> None:
    other = new_user(app)
    user_id = {"any": "any", "of somebody else": other.id, "of nobody": str(uuid4())}[whose]
    answer = owner.call("GET", f"/v1/jobs?user_id={user_id}")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "permission_missing")
    assert "jobs.read_any" in answer.get_json()["detail"]


def test_ones_own_id_takes_no_permission(owner: Caller, app: APIFlask) -> None:
    mine = submit(owner)
    submit(new_user(app))
    assert ids(owner, f"user_id={owner.id}") == {mine}
    assert ids(owner, f"user_id={owner.id.upper()}") == {mine}


@pytest.mark.parametrize("user_id", ["", "all", "ANY", "1", "%00", "any%00", "null"])
def test_a_user_id_that_is_none_is_refused_by_name(owner: Caller, user_id: str) -> None:
    answer = owner.call("GET", f"/v1/jobs?user_id={user_id}")
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == ["user_id"]


def test_admins_and_auditors_see_a_job_of_somebody_else_and_its_log(
    reader: Caller, owner: Caller
) -> None:
    job_id = submit(owner)
    seen = reader.ok("GET", f"/v1/jobs/{job_id}")
    assert seen == owner.ok("GET", f"/v1/jobs/{job_id}")
    assert seen["user_id"] == owner.id
    log = reader.ok("GET", f"/v1/jobs/{job_id}/events")
    assert [line["event"] for line in log["items"]] == ["accepted", "admitted"]
    assert log == owner.ok("GET", f"/v1/jobs/{job_id}/events")


def test_for_everybody_else_it_does_not_exist(owner: Caller, app: APIFlask) -> None:
    stranger, job_id = new_user(app), submit(owner)
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/events", f"/v1/jobs/{job_id}?wait=60"):
        assert problem(stranger, path) == (404, "job_not_found")


def test_a_file_stays_closed_to_those_who_read_everybodys_jobs(
    reader: Caller, owner: Caller, app: APIFlask
) -> None:
    job = ended_with_file(app, owner)
    with closing(owner.call("GET", job["artifact"]["url"])) as answer:
        assert answer.data == b"the figures"
    assert reader.ok("GET", f"/v1/jobs/{job['id']}")["artifact"] == job["artifact"]
    assert problem(reader, job["artifact"]["url"]) == (404, "job_not_found")


def test_to_read_a_job_is_not_to_cancel_or_to_repeat_it(
    reader: Caller, owner: Caller, app: APIFlask
) -> None:
    ended, active = ended_with_file(app, owner)["id"], submit(owner)
    assert problem(reader, f"/v1/jobs/{active}/cancel", "POST") == (404, "job_not_found")
    assert problem(reader, f"/v1/jobs/{ended}/retry", "POST") == (404, "job_not_found")
    assert owner.ok("GET", f"/v1/jobs/{active}")["cancelling"] is False
    assert ids(reader) == set()


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(type="rare"), "ix_jobs_type"),
        (Filters(state="failed"), "ix_jobs_failed"),
        (Filters(state="cancelled"), "ix_jobs_failed"),
        (Filters(since=datetime(2020, 1, 10, tzinfo=UTC)), "pk_jobs"),
        (Filters(until=datetime(2019, 12, 10, tzinfo=UTC)), "pk_jobs"),
    ],
    ids=["type", "failed", "cancelled", "since", "until"],
)
def test_few_of_everybodys_jobs_are_found_without_looking_at_the_many(
    app: APIFlask,
    own_settings: Settings,  # noqa: F811
    filters: Filters,
    index: str,
) -> None:
    url = own_settings.database_url.get_secret_value()
    owner, _ = add_user(url)
    add_jobs(url, owner, 2880, log=False)  # of two days
    query(url, "UPDATE jobs SET state = 'succeeded' WHERE created_at > '2020-01-01 00:10:00Z'")
    query(url, "UPDATE jobs SET type = 'rare' WHERE created_at = '2020-01-01 00:00:00Z'")
    query(url, "ANALYZE jobs")
    plan = plan_of_list(app, filters)
    assert index in plan
    assert "Seq Scan on jobs" not in plan
    if filters.since or filters.until:
        assert re.search(r"Index Cond: .*id (>=|<) ", plan)


def plan_of_list(app: APIFlask, filters: Filters) -> str:
    """How Postgres looks for a page of everybody's jobs."""
    said: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        said.append((statement, parameters))

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        list_jobs(ANYBODY, filters, None, 20)
        ((statement, parameters),) = said
        event.remove(db.engine, "before_cursor_execute", note)
        with db.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return "\n".join(str(row[0]) for row in rows)


def test_who_loses_the_role_loses_the_sight_at_once(owner: Caller, app: APIFlask) -> None:
    admin, former = Accounts(app).caller(Role.ADMIN), Accounts(app).caller(Role.AUDITOR)
    job_id = submit(owner)
    assert former.call("GET", f"/v1/jobs/{job_id}").status_code == 200
    admin.ok("PATCH", f"/v1/users/{former.id}", json={"role": "user"})
    again = Accounts(app).again(former.email)
    assert problem(again, f"/v1/jobs/{job_id}") == (404, "job_not_found")
    assert problem(again, "/v1/jobs?user_id=any") == (403, "permission_missing")
