"""The inbox over REST, and sending to the inbox of another user."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from app.accounts.permissions import Role
from app.extensions import transaction
from app.notifications import inbox
from tests.support.in_process import Accounts, Caller

PATH = "/v1/notifications"


def send(admin: Caller, user: Caller, **fields: Any) -> Any:
    return admin.call("POST", PATH, json={"user_id": user.id, "title": "Hello", **fields})


def test_what_an_administrator_sends_is_in_the_users_inbox(admin: Caller, user: Caller) -> None:
    answer = send(admin, user, body="Read this.", data={"link": "/a", "n": [1, None]}, type="news")
    assert answer.status_code == 201
    sent = answer.get_json()
    assert answer.headers["Location"] == f"{PATH}/{sent['id']}"
    assert (sent["sender_id"], sent["user_id"], sent["seq"]) == (admin.id, user.id, 1)
    (received,) = user.ok("GET", PATH)["items"]
    assert received.items() <= sent.items()
    assert received["data"] == {"link": "/a", "n": [1, None]}
    assert user.ok("GET", f"{PATH}/summary") == {"head": 1, "read": 0, "unread": 1}


def test_of_a_new_one_nobody_is_asked_who_has_it(
    admin: Caller, user: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(inbox, "acknowledgements", lambda row: asked.append(row) or [])
    sent = send(admin, user, dedup_key="once").get_json()
    assert (sent["acknowledgements"], asked) == ([], [])
    assert send(admin, user, dedup_key="once").get_json() == sent
    assert len(asked) == 1


def test_sender_and_owner_see_who_has_it_and_nobody_else_does(
    web_app: APIFlask, accounts: Accounts, admin: Caller, user: Caller
) -> None:
    sent = send(admin, user).get_json()
    with web_app.app_context(), transaction():
        inbox.acknowledge(UUID(user.id), "phone", 1)
    path = f"{PATH}/{sent['id']}"
    for caller in (admin, user):
        shown = caller.ok("GET", path)
        assert [each["device"] for each in shown["acknowledgements"]] == ["phone"]
        assert shown["acknowledgements"][0]["at"] >= shown["created_at"]
    for stranger in (accounts.caller(), accounts.caller(Role.ADMIN)):
        answer = stranger.call("GET", path)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "notification_not_found")


def test_a_user_may_not_send(user: Caller) -> None:
    answer = send(user, user)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "permission_missing")
    assert user.ok("GET", PATH)["items"] == []


def test_the_same_key_gives_back_the_first_one(
    accounts: Accounts, admin: Caller, user: Caller
) -> None:
    first = send(admin, user, dedup_key="once")
    again = send(admin, user, dedup_key="once", title="Something else")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    # A key is good for one user and one sender.
    assert send(admin, accounts.caller(), dedup_key="once").status_code == 201
    assert send(accounts.caller(Role.ADMIN), user, dedup_key="once").status_code == 201
    assert [each["seq"] for each in user.ok("GET", PATH)["items"]] == [1, 2]


def test_the_same_key_at_the_same_instant_makes_one(
    web_app: APIFlask, accounts: Accounts, admin: Caller, user: Caller
) -> None:
    callers = [accounts.again(admin.email) for _ in range(6)]
    with ThreadPoolExecutor(len(callers)) as pool:
        answers = list(pool.map(lambda each: send(each, user, dedup_key="race"), callers))
    assert sorted(each.status_code for each in answers) == [200] * 5 + [201]
    assert len({each.get_json()["id"] for each in answers}) == 1
    send(admin, user)
    assert [each["seq"] for each in user.ok("GET", PATH)["items"]] == [1, 2]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "x" * 201),
        ("body", "x" * 4001),
        ("data", {"x": "ü" * 8192}),
        ("data", []),
        ("type", "Shout"),
        ("type", "job.succeeded"),
        ("type", "artifact.expired"),
        ("type", "schedule_paused"),
        ("dedup_key", ""),
        ("dedup_key", "x" * 201),
        ("title", "nul \0"),
        ("user_id", "me"),
        ("final", True),
    ],
)
def test_what_is_too_large_or_not_theirs_to_say_is_refused_by_name(
    admin: Caller, user: Caller, field: str, value: Any
) -> None:
    answer = send(admin, user, **{field: value})
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [field]
    assert user.ok("GET", PATH)["items"] == []


def test_the_largest_that_is_permitted_is_kept_as_it_is(admin: Caller, user: Caller) -> None:
    largest = {"title": "ü" * 200, "body": "ü" * 4000, "data": {"x": "ü" * 8187}}
    assert send(admin, user, **largest).status_code == 201
    (received,) = user.ok("GET", PATH)["items"]
    assert {name: received[name] for name in largest} == largest


def test_nobody_cannot_be_told(admin: Caller) -> None:
    answer = admin.call("POST", PATH, json={"user_id": str(uuid4()), "title": "Hello"})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "user_not_found")


def test_reading_a_read_inbox_writes_nothing(
    web_app: APIFlask, admin: Caller, user: Caller
) -> None:
    send(admin, user)
    marks = "SELECT xmin::text FROM inboxes WHERE user_id = :user"

    def version() -> str:
        with web_app.app_context(), transaction() as session:
            return str(session.scalar(text(marks), {"user": user.id}))

    path = f"{PATH}/read"
    assert user.ok("POST", path, json={"up_to": 9}) == {"head": 1, "read": 1, "unread": 0}
    before = version()
    assert user.ok("POST", path, json={"up_to": 9}) == {"head": 1, "read": 1, "unread": 0}
    assert version() == before
