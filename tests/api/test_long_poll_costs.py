"""What requests with `?wait=` cost a server, how many it holds, and what ends them early."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import event

from app.extensions import db
from app.factory import create_app
from app.migrate import migrate
from app.operations.draining import draining
from app.operations.metrics import metrics
from app.standalone.servers import Servers
from tests.support.database import create_database
from tests.support.in_process import Caller, close, make_settings
from tests.support.long_poll import (
    AT_ONCE,
    CROWD,
    LONG,
    Waiters,
    ask,
    end,
    etag_of,
    in_time,
    waiting,
)
from tests.support.quiet import (
    MakeApp,
    make_app,  # noqa: F401  # fixture
    new_user,
    own_settings,  # noqa: F401  # fixture
    submit,
)
from tests.support.waiting import wait_for


@pytest.fixture
def app(make_app: MakeApp) -> APIFlask:  # noqa: F811
    return make_app()


@pytest.fixture
def owner(app: APIFlask) -> Caller:
    return new_user(app)


@pytest.fixture
def waiters(app: APIFlask) -> Iterator[Waiters]:
    with Waiters(app) as made:
        yield made


def test_more_wait_than_there_are_connections_and_all_others_are_answered(
    app: APIFlask, owner: Caller, waiters: Waiters
) -> None:
    jobs = [submit(owner) for _ in range(3)]
    asked = [waiters.ask(owner, jobs[number % 3]) for number in range(CROWD)]
    assert waiting(app) == CROWD
    with app.app_context():
        pool = db.engine.pool
    wait_for(lambda: pool.checkedout() == 0, "a moment without a connection in use")  # type: ignore[attr-defined]
    for _ in range(20):
        assert owner.call("GET", "/v1/jobs").status_code == 200
        assert pool.checkedout() <= 1  # type: ignore[attr-defined]  # the one that looks
    for job_id in jobs:
        end(app, job_id)
    assert [in_time(each).get_json()["state"] for each in asked] == ["succeeded"] * CROWD
    assert waiting(app) == 0


def test_one_query_asks_for_all_of_them_about_twice_a_second(
    app: APIFlask, owner: Caller, waiters: Waiters
) -> None:
    asked_for: list[str] = []
    with app.app_context():
        engine = db.engine
    jobs = [submit(owner) for _ in range(4)]
    asked = [waiters.ask(owner, job_id) for job_id in jobs]

    @event.listens_for(engine, "before_cursor_execute")
    def note(*call: Any) -> None:
        asked_for.append(str(call[3]))

    began = time.monotonic()
    wait_for(lambda: len(asked_for) >= 4, "four looks")
    looks, seconds = len(asked_for), time.monotonic() - began
    assert looks <= seconds / 0.5 + 1
    assert all(job_id in values for values in asked_for for job_id in jobs)
    for job_id in jobs:
        end(app, job_id)
    for each in asked:
        in_time(each)


def test_nobody_looks_while_nobody_waits(app: APIFlask, owner: Caller, waiters: Waiters) -> None:
    def looking() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name == "jobs waited for"]

    wait_for(lambda: not looking(), "the end of what other tests began")
    for _ in range(2):
        job_id = submit(owner)
        asked = waiters.ask(owner, job_id)
        assert len(looking()) == 1
        end(app, job_id)
        in_time(asked)
        wait_for(lambda: not looking(), "the end of the looks")


def test_a_server_holds_so_many_and_no_more(make_app: MakeApp) -> None:  # noqa: F811
    app = make_app(max_waiting_requests=2)
    with Waiters(app) as waiters:
        users = [new_user(app) for _ in range(3)]
        jobs = [submit(each) for each in users]
        asked = [waiters.ask(*each) for each in zip(users[:2], jobs[:2], strict=True)]
        refused = ask(app, users[2], jobs[2], LONG)
        assert (refused.status_code, refused.get_json()["code"]) == (503, "server_busy")
        assert (refused.headers["Retry-After"], refused.get_json()["retryable"]) == ("2", True)
        assert ask(app, users[2], jobs[2], 0).status_code == 200
        end(app, jobs[0])
        assert in_time(asked[0]).status_code == 200
        asked.append(waiters.ask(users[2], jobs[2]))
        for job_id in jobs[1:]:
            end(app, job_id)
        assert [in_time(each).status_code for each in asked] == [200] * 3


def test_one_user_takes_a_tenth_of_the_places(make_app: MakeApp) -> None:  # noqa: F811
    app = make_app(max_waiting_requests=20)
    many, other = new_user(app), new_user(app)
    job_id, others = submit(many), submit(other)
    with Waiters(app) as waiters:
        asked = [waiters.ask(many, job_id) for _ in range(2)]
        refused = ask(app, many, job_id, LONG)
        assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_waiting")
        assert refused.headers["Retry-After"] == "2"
        asked.append(waiters.ask(other, others))
        end(app, job_id)
        end(app, others)
        assert [in_time(each).status_code for each in asked] == [200] * 3


def test_a_server_that_is_told_to_stop_answers_at_once_with_what_there_is(
    app: APIFlask, owner: Caller, waiters: Waiters
) -> None:
    job_id = submit(owner)
    known = etag_of(owner, job_id)
    asked = [waiters.ask(owner, job_id), waiters.ask(owner, job_id, known=known)]
    draining(app).tell()
    draining(app).leave()
    assert [in_time(each).status_code for each in asked] == [200, 304]
    began = time.monotonic()
    assert ask(app, owner, job_id, LONG).get_json()["state"] == "queued"
    assert time.monotonic() - began < AT_ONCE


def test_what_is_waited_for_is_not_measured_as_slowness(app: APIFlask, owner: Caller) -> None:
    ask(app, owner, submit(owner), 2)
    labels = {"method": "GET", "route": "/v1/jobs/<uuid:job_id>"}
    registry = metrics(app).registry
    seconds = registry.get_sample_value("ringback_http_request_seconds_sum", labels)
    assert seconds is not None
    assert 0 <= seconds < 1.5


@pytest.fixture
def fragile(open_folder: Path) -> Iterator[tuple[APIFlask, Servers]]:
    """A server on a Postgres that the test may kill."""
    with Servers(open_folder / "data") as own:
        settings = make_settings(own, create_database(own))
        app = create_app(settings)
        migrate(app)
        yield app, own
        close(app)


def test_a_database_that_goes_away_ends_the_wait_with_503_and_loses_nothing(
    fragile: tuple[APIFlask, Servers],
) -> None:
    app, own = fragile
    owner = new_user(app)
    job_id = submit(owner, "add", a=1, b=1)
    with Waiters(app) as waiters:
        asked = [waiters.ask(owner, job_id) for _ in range(3)]
        own.postgres.kill()
        for each in asked:
            answer = in_time(each)
            assert (answer.status_code, answer.get_json()["code"]) == (503, "database_unavailable")
            assert (answer.headers["Retry-After"], answer.get_json()["retryable"]) == ("2", True)
        own.postgres.start()
        later = waiters.ask(owner, job_id)
        end(app, job_id)
        assert in_time(later).get_json()["state"] == "succeeded"
