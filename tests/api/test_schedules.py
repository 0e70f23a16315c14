"""`/v1/schedules`: what comes in, what goes out, and whose it is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask

from app.accounts.permissions import Role
from app.extensions import db
from app.services import EXTENSION
from tests.support.in_process import Accounts, Caller

PATH = "/v1/schedules"
BODY = {
    "name": "Every morning",
    "type": "add",
    "params": {"a": 1, "b": 2},
    "cron": "30 7 * * *",
    "time_zone": "Europe/Berlin",
}


def add(user: Caller, **changes: Any) -> dict[str, Any]:
    schedule: dict[str, Any] = user.ok("POST", PATH, json=BODY | changes)
    return schedule


def test_schedules_are_added_shown_listed_and_deleted(user: Caller) -> None:
    answer = user.call("POST", PATH, json=BODY)
    assert answer.status_code == 201
    made = answer.get_json()
    assert answer.headers["Location"] == f"{PATH}/{made['id']}"
    assert BODY.items() <= made.items()
    assert (made["user_id"], made["system"], made["overlap"]) == (user.id, False, "skip")
    assert (made["enabled"], made["paused_reason"], made["last_tick_at"]) == (True, None, None)
    assert user.ok("GET", f"{PATH}/{made['id']}") == made
    assert user.ok("GET", PATH) == {"items": [made], "next": None}
    assert user.call("DELETE", f"{PATH}/{made['id']}").status_code == 204
    assert user.call("GET", f"{PATH}/{made['id']}").get_json()["code"] == "schedule_not_found"


def test_schedules_tell_their_next_five_runs_with_the_offset_of_their_zone(user: Caller) -> None:
    runs = add(user)["next_runs"]
    times = [datetime.fromisoformat(each) for each in runs]
    assert len(times) == 5
    assert times == sorted(times)
    assert all(each[11:16] == "07:30" for each in runs)
    assert {each.utcoffset() for each in times} <= {timedelta(hours=1), timedelta(hours=2)}
    assert [each.date() - times[0].date() for each in times] == [timedelta(n) for n in range(5)]


def test_schedules_are_listed_by_pages(user: Caller) -> None:
    made = [add(user, name=f"number {n}")["id"] for n in range(3)]
    first = user.ok("GET", f"{PATH}?limit=2")
    second = user.ok("GET", f"{PATH}?limit=2&cursor={first['next']}")
    assert [each["id"] for each in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None


def test_schedules_hold_no_connection_while_their_next_runs_are_looked_for_all_at_once(
    web_app: APIFlask, user: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def offload(function: Callable[..., Any], *args: Any) -> Any:
        held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
        return function(*args)

    given = replace(web_app.extensions[EXTENSION], offload=offload)
    monkeypatch.setitem(web_app.extensions, EXTENSION, given)
    made = [add(user, cron=f"30 {hour} * * *") for hour in range(3)]
    path = f"{PATH}/{made[0]['id']}"
    assert user.ok("GET", path) == user.ok("PATCH", path, json={}) == made[0]
    assert held == [0] * 5
    assert user.ok("GET", PATH)["items"] == made[::-1]
    assert held == [0] * 6


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cron": "every day"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "0 0 */29 2 SUN#2"}, "cron"),
        ({"cron": "* * * * * *"}, "cron"),
        ({"cron": "* " * 300}, "cron"),
        ({"cron": 5}, "cron"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "/etc/passwd"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": "Europe/Berlin\0"}, "time_zone"),
        ({"time_zone": 5}, "time_zone"),
        ({"type": "was_removed"}, "type"),
        ({"params": {"a": "x", "b": 2}}, "params.a"),
        ({"params": {"a": 10**4001, "b": 2}}, "params.a"),
        ({"params": {"a": 1, "b": 2, "c": 3}}, "params.c"),
        ({"params": []}, "params"),
        ({"overlap": "never"}, "overlap"),
        ({"enabled": "yes"}, "enabled"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_schedules_refuse_bad_input_and_name_the_field(
    user: Caller, changes: dict[str, Any], field: str
) -> None:
    answer = user.call("POST", PATH, json=BODY | changes)
    assert answer.status_code == 422, answer.text
    assert field in answer.get_json()["errors"]
    schedule = add(user)
    changed = user.call("PATCH", f"{PATH}/{schedule['id']}", json=changes)
    assert changed.status_code == 422
    assert field in changed.get_json()["errors"]
    assert user.ok("GET", f"{PATH}/{schedule['id']}") == schedule


def test_schedules_are_changed_field_by_field(user: Caller) -> None:
    made = add(user)
    path = f"{PATH}/{made['id']}"
    changes = {"name": "Other", "cron": "0 12 * * *", "time_zone": "UTC", "overlap": "cancel"}
    changed = user.ok("PATCH", path, json=changes)
    assert changed == made | changes | {"next_runs": changed["next_runs"]}
    assert all("12:00" in each for each in changed["next_runs"])
    assert user.ok("PATCH", path, json={"params": {"a": 5, "b": 6}})["params"] == {"a": 5, "b": 6}


def test_schedules_stay_as_they_are_where_a_change_leaves_fields_out_or_null(user: Caller) -> None:
    made = add(user)
    for changes in ({}, {"time_zone": None, "params": None}):
        assert user.ok("PATCH", f"{PATH}/{made['id']}", json=changes) == made


def test_schedules_are_paused_and_resumed(user: Caller) -> None:
    path = f"{PATH}/{add(user)['id']}"
    paused = user.ok("PATCH", path, json={"enabled": False})
    assert (paused["enabled"], paused["paused_reason"]) == (False, None)
    assert user.ok("PATCH", path, json={"enabled": True})["enabled"] is True


def test_schedules_of_others_do_not_exist(user: Caller, accounts: Accounts) -> None:
    made = add(user)
    path = f"{PATH}/{made['id']}"
    for role in (Role.USER, Role.ADMIN):
        other = accounts.caller(role)
        for method, where, options in [
            ("GET", path, {}),
            ("PATCH", path, {"json": {"enabled": False}}),
            ("DELETE", path, {}),
            ("POST", f"{path}/run", {}),
        ]:
            answer = other.call(method, where, **options)
            assert (answer.status_code, answer.get_json()["code"]) == (404, "schedule_not_found")
        assert other.ok("GET", PATH)["items"] == []
    assert user.ok("GET", path) == made


def test_schedules_of_others_are_listed_for_those_who_may_read_them(
    user: Caller, accounts: Accounts
) -> None:
    made = add(user)
    for role in (Role.ADMIN, Role.AUDITOR):
        reader = accounts.caller(role)
        assert reader.ok("GET", f"{PATH}?user_id={user.id}")["items"] == [made]
        listed = reader.ok("GET", f"{PATH}?user_id=any&limit=200")["items"]
        assert made["id"] in [each["id"] for each in listed]
    other = accounts.caller()
    for whose in (user.id, "any", str(uuid4())):
        answer = other.call("GET", f"{PATH}?user_id={whose}")
        assert (answer.status_code, answer.get_json()["code"]) == (403, "permission_missing")
    assert other.ok("GET", f"{PATH}?user_id={other.id}")["items"] == []
    assert other.call("GET", f"{PATH}?user_id=x").status_code == 422


def test_schedules_run_now_answers_as_a_submission_does(user: Caller) -> None:
    made = add(user, enabled=False)
    path, key = f"{PATH}/{made['id']}/run", {"Idempotency-Key": "once"}
    answer = user.call("POST", path, headers=key)
    assert answer.status_code == 202
    job = answer.get_json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["type"], job["params"]) == (BODY["type"], BODY["params"])
    assert job["schedule_id"] == made["id"]
    again = user.call("POST", path, headers=key)
    assert (again.status_code, again.get_json()["id"]) == (200, job["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    listed = user.ok("GET", f"/v1/jobs?schedule_id={made['id']}")["items"]
    assert [each["id"] for each in listed] == [job["id"]]
    other = add(user)
    reused = user.call("POST", f"{PATH}/{other['id']}/run", headers=key)
    assert reused.get_json()["code"] == "idempotency_key_reused"
    assert user.call("DELETE", f"{PATH}/{made['id']}").status_code == 204
    assert user.ok("GET", f"/v1/jobs/{job['id']}")["schedule_id"] == made["id"]


def test_schedules_run_now_answers_a_key_again_after_the_schedule_changed(user: Caller) -> None:
    path, key = f"{PATH}/{add(user)['id']}", {"Idempotency-Key": "once"}
    job = user.call("POST", f"{path}/run", headers=key).get_json()
    user.ok("PATCH", path, json={"type": "wait", "params": {"seconds": 1}})
    again = user.call("POST", f"{path}/run", headers=key)
    assert (again.status_code, again.get_json()["id"]) == (200, job["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    submitted = user.call(
        "POST", "/v1/jobs", json={"type": "wait", "params": {"seconds": 1}}, headers=key
    )
    assert submitted.get_json()["code"] == "idempotency_key_reused"


def test_schedules_of_one_user_are_limited_in_number(
    other_app: Callable[..., APIFlask], accounts: Accounts
) -> None:
    app = other_app(max_schedules_per_user=2)
    user = Accounts(app).caller()
    for _ in range(2):
        add(user)
    answer = user.call("POST", PATH, json=BODY)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "schedules_full")
    add(Accounts(app).caller())
