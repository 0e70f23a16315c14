"""`/metrics`: who may read it, in which form, with few labels, and right figures of jobs."""

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from pydantic import SecretStr

from app.config import Settings
from app.extensions import OBSERVER, db
from app.factory import create_app
from app.jobs import figures
from app.jobs.figures import JobFigures
from app.migrate import migrate
from app.standalone.servers import Servers
from tests.operations.support import samples
from tests.support.database import create_database, query
from tests.support.in_process import Accounts, close, make_settings

TOKEN = "a token of the tests"
JOB = """
    INSERT INTO jobs (id, user_id, type, params, state, progress, progress_message, version,
      attempt, max_attempts, fence, queue, priority, dispatches, created_at, admitted_at,
      started_at, finished_at, lease_expires_at)
    VALUES (gen_random_uuid(), %s, %s, '{}', %s, 0, '', 1, 1, 3, 1, 'default', 5, 1,
      now() - interval '100 s', now() - interval '60 s', now() - interval '40 s',
      CASE WHEN %s THEN now() - interval '10 s' END, now() - interval '1 s')
    RETURNING id::text
"""
EVENT = """
    INSERT INTO job_events (job_id, at, attempt, fence, event, message, data)
    VALUES (%s, now() - %s * interval '1 s', 1, 1, %s, '', '{}')
"""


def read(app: APIFlask, **headers: str) -> dict[tuple[str, ...], float]:
    return samples(app.test_client().get("/metrics", headers=headers).text)


@pytest.fixture
def own_app(servers: Servers) -> Callable[[], APIFlask]:
    """Makes apps on a migrated database without jobs of other tests."""
    settings = make_settings(servers, create_database(servers))

    def make() -> APIFlask:
        app = create_app(settings)
        migrate(app)
        return app

    return make


def test_anybody_may_read_them_unless_there_is_a_token(
    web_app: APIFlask, other_app: Callable[..., APIFlask]
) -> None:
    assert web_app.test_client().get("/metrics").status_code == 200
    guarded = other_app(metrics_token=SecretStr(TOKEN)).test_client()
    for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = guarded.get("/metrics", headers=wrong)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "metrics_token_wrong")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert guarded.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_an_empty_token_opens_nothing(other_app: Callable[..., APIFlask]) -> None:
    guarded = other_app(metrics_token=SecretStr("")).test_client()
    for given in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}):
        assert guarded.get("/metrics", headers=given).status_code == 401


def test_they_come_as_plain_text_or_as_openmetrics(web_app: APIFlask) -> None:
    client = web_app.test_client()
    plain = client.get("/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    asked = {"Accept": "application/openmetrics-text; version=1.0.0"}
    modern = client.get("/metrics", headers=asked)
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert {family.name for family in parse_openmetrics(modern.text)} >= {
        "ringback_http_requests",
        "ringback_job_run_seconds",
        "process_resident_memory_bytes",
    }


def test_whatever_a_client_makes_up_does_not_become_a_label(web_app: APIFlask) -> None:
    client = web_app.test_client()
    for number in range(5):
        client.get(f"/no/such/{number}")
        client.open(f"/v1/jobs/{number}", method=f"BREW{number}")
        client.get(f"/v1/jobs/00000000-0000-0000-0000-00000000000{number}")
    counted = [key for key in read(web_app) if key[0] == "ringback_http_requests_total"]
    methods, routes = {key[1] for key in counted}, {key[2] for key in counted}
    known = {rule.rule for rule in web_app.url_map.iter_rules()}
    assert methods <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"}
    assert routes <= {*known, "none"}
    assert {"OTHER", "GET"} <= methods
    assert {"none", "/v1/jobs/<uuid:job_id>"} <= routes


def test_requests_are_counted_and_timed_by_route_and_status(
    other_app: Callable[..., APIFlask],
) -> None:
    app = other_app()
    for _ in range(3):
        app.test_client().get("/v1/jobs")
    found = read(app)
    assert found["ringback_http_requests_total", "GET", "/v1/jobs", "401"] == 3
    assert found["ringback_http_request_seconds_count", "GET", "/v1/jobs"] == 3
    assert found["ringback_http_request_seconds_bucket", "+Inf", "GET", "/v1/jobs"] == 3


def test_two_apps_in_one_process_count_for_themselves(other_app: Callable[..., APIFlask]) -> None:
    one, two = other_app(), other_app()
    one.test_client().get("/healthz")
    key = ("ringback_http_requests_total", "GET", "/healthz", "200")
    assert read(one)[key] == 1
    assert key not in read(two)


def test_unfinished_jobs_are_counted_by_state_and_type_with_the_age_of_the_oldest(
    own_app: Callable[[], APIFlask],
) -> None:
    app = own_app()
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    user = Accounts(app).caller().id
    for type_name, state in (("add", "queued"), ("add", "queued"), ("wait", "waiting")):
        query(url, JOB, user, type_name, state, False)
    query(url, JOB, user, "wait", "running", False)
    query(url, JOB, user, "of_an_older_version", "queued", False)
    found = read(app)
    assert found["ringback_jobs", "queued", "add"] == 2
    assert found["ringback_jobs", "waiting", "wait"] == 1
    assert found["ringback_jobs", "running", "wait"] == 1
    assert found["ringback_jobs", "running", "add"] == 0
    assert found["ringback_jobs", "queued", "_removed"] == 1
    assert found["ringback_jobs_lease_overdue",] == 1
    assert 60 <= found["ringback_jobs_oldest_seconds", "queued", "add"] < 90
    assert 100 <= found["ringback_jobs_oldest_seconds", "waiting", "wait"] < 130
    assert 40 <= found["ringback_jobs_oldest_seconds", "running", "wait"] < 70
    assert found["ringback_database_sessions", "server"] >= 1
    assert found["ringback_database_up",] == 1
    close(app)


def test_what_has_happened_to_jobs_is_read_on_from_their_log(
    own_app: Callable[[], APIFlask],
) -> None:
    app = own_app()
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    user = Accounts(app).caller().id
    assert ("ringback_job_events_total", "claimed", "add") not in read(app)
    ((job_id,),) = query(url, JOB, user, "add", "succeeded", True)
    for age, event in ((100, "accepted"), (40, "claimed"), (10, "succeeded"), (0, "settling")):
        query(url, EVENT, job_id, age, event)
    for _ in range(2):  # the second time finds nothing new
        found = read(app)
        for event in ("accepted", "claimed", "succeeded"):
            assert found["ringback_job_events_total", event, "add"] == 1
        assert ("ringback_job_events_total", "settling", "add") not in found
    assert found["ringback_job_wait_seconds_count", "add"] == 1
    assert found["ringback_job_wait_seconds_sum", "add"] == pytest.approx(60, abs=5)
    assert found["ringback_job_wait_seconds_bucket", "30.0", "add"] == 0
    assert found["ringback_job_run_seconds_sum", "add"] == pytest.approx(30, abs=1)
    assert found["ringback_job_run_seconds_bucket", "60.0", "add"] == 1
    assert found["ringback_job_run_seconds_count", "wait"] == 0
    close(app)


def test_counters_go_on_when_an_older_database_was_put_back(
    own_app: Callable[[], APIFlask],
) -> None:
    app = own_app()
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    user = Accounts(app).caller().id
    ((job_id,),) = query(url, JOB, user, "add", "succeeded", True)
    for _ in range(5):
        query(url, EVENT, job_id, 20, "accepted")
    read(app)
    query(url, "DELETE FROM job_events")
    query(url, "ALTER TABLE job_events ALTER COLUMN id RESTART")
    query(url, EVENT, job_id, 20, "accepted")
    read(app)
    query(url, EVENT, job_id, 20, "claimed")
    assert read(app)["ringback_job_events_total", "claimed", "add"] == 1
    close(app)


def test_after_a_long_absence_the_log_is_caught_up_with_in_steps(
    own_app: Callable[[], APIFlask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = own_app()
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    user = Accounts(app).caller().id
    with app.app_context():
        reader = JobFigures(db.engines[OBSERVER], ["add"])
    monkeypatch.setattr(reader, "_lines", 2)
    monkeypatch.setattr(figures, "MAX_LINES", 2)
    monkeypatch.setattr(figures, "MIN_LINES", 2)
    reader.read()
    ((job_id,),) = query(url, JOB, user, "add", "succeeded", True)
    for _ in range(5):
        query(url, EVENT, job_id, 20, "accepted")
    counted = []
    for _ in range(3):
        reader.read()
        counted.append(reader._events["add", "accepted"])
    assert counted == [2, 4, 5]
    close(app)


def test_without_a_database_the_rest_is_still_told(settings: Settings) -> None:
    nowhere = SecretStr("postgresql+psycopg2://ringback@127.0.0.1:1/nothing")
    app = create_app(settings.model_copy(update={"database_url": nowhere}))
    found = read(app)
    assert found["ringback_database_up",] == 0
    assert found["ringback_part_up", "database"] == 0
    assert found["ringback_part_up", "redis"] == 1
    assert ("ringback_jobs_lease_overdue",) not in found
    assert found["ringback_job_run_seconds_count", "add"] == 0
