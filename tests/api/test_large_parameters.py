"""What is large of jobs and schedules: whole where one is asked for, left out of lists and hints."""

from dataclasses import replace
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask import Flask

from app.delivery import events
from app.job_types.registry import JobTypes
from app.jobs.finish import Outcome, finish
from app.jobs.models import JobState
from app.jobs.queries import LARGE_BYTES
from app.services import EXTENSION
from tests.support.database import query
from tests.support.in_process import Caller
from tests.support.quiet import (
    MakeApp,
    make_app,  # noqa: F401  # fixture
    new_user,
    next_turn,
    own_settings,  # noqa: F401  # fixture
    submit,
)

SMALL = {"rows": 5, "comment": "short"}
LARGE = {"rows": 5, "comment": token_hex(LARGE_BYTES)}
# Of these zeros the database keeps a few KiB, for they are compressed.
ZEROS = """UPDATE jobs SET params = jsonb_build_object('numbers',
  (SELECT jsonb_agg(0) FROM generate_series(1, 20000))) WHERE id = %s"""
STORED = "SELECT pg_column_size(params) < %s, length(params::text) > 50000 FROM jobs WHERE id = %s"
MANY = """UPDATE jobs SET params = jsonb_build_object('numbers',
  (SELECT jsonb_agg(n) FROM generate_series(1, 100000) n)) WHERE user_id = %s"""
PAGE_BYTES = 10_000


@pytest.fixture
def app(make_app: MakeApp) -> APIFlask:  # noqa: F811
    return make_app()


@pytest.fixture
def owner(app: APIFlask) -> Caller:
    return new_user(app)


class Recorder:
    """Hears what is published. In the place of Redis, behind which it is too late to see the cost."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def to_user(self, user_id: UUID, event: str, payload: dict[str, Any]) -> None:
        if event == events.JOB:
            self.heard.append(payload)


def given(app: Flask, **changes: Any) -> None:
    """Let the app work with other collaborators."""
    app.extensions[EXTENSION] = replace(app.extensions[EXTENSION], **changes)


def end(app: Flask, job_id: str, result: dict[str, Any]) -> None:
    with app.app_context():
        job = next_turn(job_id)
        assert job is not None
        assert finish(job.id, job.fence, Outcome(JobState.SUCCEEDED, result=result))


def listed(caller: Caller, path: str = "/v1/jobs") -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in caller.ok("GET", path)["items"]}


def test_a_list_leaves_out_large_parameters_and_says_so(owner: Caller) -> None:
    small, large = (submit(owner, "excel_test", **each) for each in (SMALL, LARGE))
    found = listed(owner)
    assert (found[small]["params"]["comment"], found[small]["shortened"]) == ("short", False)
    assert (found[large]["params"], found[large]["shortened"]) == (None, True)
    whole = owner.ok("GET", f"/v1/jobs/{large}")
    assert (whole["params"]["comment"], whole["shortened"]) == (LARGE["comment"], False)
    assert found[large] == whole | {"params": None, "shortened": True}


def test_a_list_leaves_out_a_large_result_and_keeps_its_parameters(
    app: APIFlask, owner: Caller
) -> None:
    long = {"text": token_hex(LARGE_BYTES)}
    made = {name: submit(owner, "add", a=1, b=2) for name in ("long", "short", "none")}
    end(app, made["long"], long)
    end(app, made["short"], {"sum": 3})
    found = listed(owner)
    shown = {name: found[made[name]] for name in made}
    assert [(each["result"], each["shortened"]) for each in shown.values()] == [
        (None, True),
        ({"sum": 3}, False),
        (None, False),
    ]
    assert {tuple(each["params"].items()) for each in shown.values()} == {(("a", 1), ("b", 2))}
    assert owner.ok("GET", f"/v1/jobs/{made['long']}")["result"] == long


def test_what_the_database_keeps_small_by_compression_is_large_all_the_same(
    app: APIFlask, owner: Caller
) -> None:
    job_id = submit(owner, "number_crunch", numbers=[0], operations=["sum"])
    url = app.extensions[EXTENSION].settings.database_url.get_secret_value()
    query(url, ZEROS, job_id)
    assert query(url, STORED, LARGE_BYTES, job_id) == [(True, True)]
    assert listed(owner)[job_id]["shortened"] is True


def test_a_page_of_the_largest_jobs_is_as_short_as_of_any(app: APIFlask, owner: Caller) -> None:
    made = {submit(owner, "number_crunch", numbers=[0], operations=["sum"]) for _ in range(5)}
    url = app.extensions[EXTENSION].settings.database_url.get_secret_value()
    query(url, MANY, owner.id)
    assert set(listed(owner)) == made
    assert len(owner.call("GET", "/v1/jobs").data) < PAGE_BYTES
    assert len(owner.call("GET", f"/v1/jobs/{made.pop()}").data) > 100 * 1024


def test_a_hint_leaves_out_what_is_large_before_it_is_sent(app: APIFlask, owner: Caller) -> None:
    recorder = Recorder()
    given(app, publisher=recorder)
    job_id = submit(owner, "excel_test", **LARGE)
    end(app, job_id, {"text": token_hex(LARGE_BYTES)})
    hint = recorder.heard[-1]
    assert (hint["state"], hint["params"], hint["result"]) == ("succeeded", None, None)
    assert hint["shortened"] is True
    other = submit(owner, "add", a=1, b=2)
    end(app, other, {"sum": 3})
    hint = recorder.heard[-1]
    assert (hint["params"], hint["result"]) == ({"a": 1, "b": 2}, {"sum": 3})
    assert hint["shortened"] is False


def test_a_list_of_schedules_leaves_out_large_parameters_and_says_so(owner: Caller) -> None:
    plan = {"name": "S", "type": "excel_test", "cron": "0 0 1 1 *"}
    small, large = (
        owner.ok("POST", "/v1/schedules", json=plan | {"params": each}) for each in (SMALL, LARGE)
    )
    found = listed(owner, "/v1/schedules")
    assert found[small["id"]] == small
    assert (small["shortened"], large["shortened"]) == (False, False)
    assert found[large["id"]] == large | {"params": None, "shortened": True}
    assert owner.ok("GET", f"/v1/schedules/{large['id']}")["params"] == LARGE


def offloaded_by(app: Flask) -> list[str]:
    """Names of what is done on other threads from now on."""
    names: list[str] = []

    def offload(function: Any, *args: Any) -> Any:
        names.append(function.__name__)
        return function(*args)

    given(app, offload=offload)
    return names


LONG = ["mended", JobTypes.validate.__name__]


def test_long_parameters_are_looked_through_on_another_thread_and_short_ones_are_not(
    app: APIFlask, owner: Caller
) -> None:
    offloaded = offloaded_by(app)
    submit(owner, "number_crunch", numbers=[1, 2], operations=["sum"])
    assert offloaded == []
    submit(owner, "number_crunch", numbers=[1] * 20_000, operations=["sum"])
    assert offloaded == LONG
    body = {"type": "number_crunch", "params": {"numbers": [1] * 20_000 + ["x"]}}
    refused = owner.call("POST", "/v1/jobs", json=body)
    assert refused.status_code == 422
    assert "params.numbers.20000" in refused.get_json()["errors"]


def test_a_long_body_is_looked_through_on_another_thread_and_refused_as_any(
    app: APIFlask, owner: Caller
) -> None:
    offloaded = offloaded_by(app)
    body = {"type": "number_crunch", "params": {"numbers": [[]] * 50_000}}
    assert owner.call("POST", "/v1/jobs", json=body).status_code == 422
    assert offloaded == ["_refuse_extremes", *LONG]
    del offloaded[:]
    direct = owner.call("POST", "/v1/create_excel_test", json={"nested": [[]] * 50_000})
    assert direct.status_code == 422
    assert offloaded == ["_refuse_extremes", "mended"]
    body["params"] = {"numbers": [[]] * 50_000 + [float("inf")]}
    refused = owner.call("POST", "/v1/jobs", json=body)
    assert (refused.status_code, refused.get_json()["code"]) == (400, "malformed_json")
