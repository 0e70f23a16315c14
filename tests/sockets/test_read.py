"""What is read on one device is read on all of them, and stays so."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from flask import Flask

from app.delivery import events
from app.extensions import transaction
from app.notifications import inbox, reading
from app.notifications.view import notification_view
from app.services import services
from tests.support.api import Api
from tests.support.database import query
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

NOBODY = "redis://127.0.0.1:1/0"  # no Redis answers there
MANY = 100_000
FILL = """
INSERT INTO notifications (user_id, seq, id, type, title, body, data, final, expires_at)
SELECT %(user)s::uuid, seq, gen_random_uuid(), 'test', 't', '', '{}', false, now() + interval '1 day'
FROM generate_series(1, %(count)s::bigint) seq;
INSERT INTO inboxes (user_id, head_seq) VALUES (%(user)s::uuid, %(count)s)
"""


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


@pytest.fixture(scope="module")
def deaf_server(stack: Stack) -> AppServer:
    """One that neither hears from Redis nor can publish there."""
    return stack.add_server(RINGBACK_REDIS_URL=NOBODY)


@pytest.fixture(scope="module")
def core(stack: Stack) -> Iterator[Flask]:
    """The application's functions in this process."""
    app = stack.core()
    with app.app_context():
        yield app


def append(user: Api, count: int, *, ring: bool = False) -> list[str]:
    """Add notifications; returns their ids."""
    user_id, ids = UUID(user.user_id), []
    for number in range(count):
        with transaction():
            message = inbox.Message("test", f"number {number}")
            notification = inbox.append(user_id, message, timedelta(days=1))
        ids.append(str(notification.id))
        if ring:
            view = notification_view(notification)
            services().publisher.to_user(user_id, events.NOTIFICATION, view)
    return ids


def fill(stack: Stack, user: Api, count: int) -> None:
    sql = FILL.replace("%(user)s", f"'{user.user_id}'").replace("%(count)s", str(count))
    query(stack.database_url, sql)


def devices(user: Api, notification_id: str) -> list[str]:
    found = user.ok("GET", f"/v1/notifications/{notification_id}")["acknowledgements"]
    return [each["device"] for each in found]


def test_what_is_read_on_one_device_clears_the_badge_on_the_others_on_every_server(
    server: AppServer, stack: Stack, user: Api, core: Flask
) -> None:
    other = stack.server_under({"eventlet": "gevent", "gevent": "eventlet"}[server.engine])
    append(user, 3)
    told = {"up_to": 2, "unread": 1, "head": 3}
    with (
        Listener(server.url).connect(user.token) as one,
        Listener(server.url).connect(user.token) as two,
        Listener(other.url).connect(user.token) as three,
        Listener(server.url).connect(stack.new_user().token) as stranger,
    ):
        for listener in (one, two, three, stranger):
            listener.wait_for("ready")
        one.client.emit("read", {"up_to": 2})
        for listener in (one, two, three):
            assert listener.wait_for("read") == [told]
        user.ok("POST", "/v1/notifications/read", json={"up_to": 3})
        for listener in (one, two, three):
            assert listener.wait_for("read", 2)[1:] == [{"up_to": 3, "unread": 0, "head": 3}]
        stranger.client.emit("read", {"up_to": 1})
        assert stranger.wait_for("read") == [{"up_to": 0, "unread": 0, "head": 0}]


def test_reading_is_durable_and_both_ways_do_the_same(
    server: AppServer, user: Api, core: Flask
) -> None:
    append(user, 4)
    with Listener(server.url).connect(user.token) as listener:
        assert listener.wait_for("ready") == [{"head": 4, "unread": 4, "read": 0}]
        listener.client.emit("read", {"up_to": 1})
        listener.wait_for("read")
    assert user.ok("GET", "/v1/notifications/summary") == {"head": 4, "unread": 3, "read": 1}
    answer = user.ok("POST", "/v1/notifications/read", json={"up_to": 3})
    assert answer == {"head": 4, "unread": 1, "read": 3}
    with Listener(server.url).connect(user.token) as listener:
        assert listener.wait_for("ready") == [{"head": 4, "unread": 1, "read": 3}]
    assert [each["read_at"] is not None for each in user.notifications()] == [True] * 3 + [False]


def test_nothing_is_read_that_was_not_there_yet_and_nothing_becomes_unread_again(
    server: AppServer, user: Api, core: Flask
) -> None:
    append(user, 2)
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        for up_to, after in ((2**63 - 1, 2), (1, 2), (0, 2)):
            listener.client.emit("read", {"up_to": up_to})
            count = len(listener.named("read"))
            assert listener.wait_for("read", count + 1)[-1]["up_to"] == after
        append(user, 1, ring=True)
        listener.wait_for("notification")
    assert user.ok("GET", "/v1/notifications/summary") == {"head": 3, "unread": 1, "read": 2}


@pytest.mark.parametrize("payload", [None, {"up_to": -1}, {"up_to": "1"}, {"seq": 1}, [1]])
def test_nonsense_marks_nothing_and_is_answered_with_an_error(
    server: AppServer, user: Api, core: Flask, payload: Any
) -> None:
    append(user, 1)
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        listener.client.emit("read", payload)
        assert listener.wait_for("error")[0]["code"] == "invalid_input"
    assert user.ok("GET", "/v1/notifications/summary")["unread"] == 1


def test_a_lost_hint_is_made_up_for_by_the_next_turn(
    stack: Stack, deaf_server: AppServer, user: Api, core: Flask
) -> None:
    append(user, 3)
    with (
        Listener(deaf_server.url).connect(user.token) as deaf,
        Listener(stack.url).connect(user.token) as hearing,
    ):
        deaf.wait_for("ready")
        hearing.wait_for("ready")
        user.ok("POST", "/v1/notifications/read", json={"up_to": 2})
        assert deaf.wait_for("read") == [{"up_to": 2, "unread": 1, "head": 3}]
        deaf.client.emit("read", {"up_to": 3})  # what this server says is not heard either
        for listener in (deaf, hearing):
            assert listener.wait_for("read", 2)[1:] == [{"up_to": 3, "unread": 0, "head": 3}]
        # Two turns later nobody was told twice.
        append(user, 1)
        deaf.wait_for("notification")
        append(user, 1)
        deaf.wait_for("notification", 2)
        assert len(deaf.named("read")) == len(hearing.named("read")) == 2


def test_a_hundred_thousand_are_marked_without_holding_up_what_comes(
    stack: Stack, user: Api, core: Flask
) -> None:
    fill(stack, user, MANY)
    waits: list[float] = []
    answer: list[dict[str, Any]] = []

    def mark() -> None:
        answer.append(user.ok("POST", "/v1/notifications/read", json={"up_to": MANY}))

    marking = threading.Thread(target=mark)
    marking.start()
    while marking.is_alive():
        with transaction() as session:
            begun = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            inbox.append(UUID(user.user_id), inbox.Message("test", "new"), timedelta(days=1))
            ended = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        waits.append((ended - begun).total_seconds())
    marking.join()
    assert max(waits) < 2, f"longest of {len(waits)} waits: {max(waits):.2f} s"
    assert answer[0]["read"] == MANY
    assert answer[0]["unread"] == answer[0]["head"] - MANY
    unread = "SELECT count(*) FROM notifications WHERE user_id = %s AND read_at IS NULL"
    assert query(stack.database_url, unread, user.user_id) == [(len(waits),)]


def test_one_batch_at_a_time_is_locked(
    stack: Stack, user: Api, core: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stack, user, 7)
    monkeypatch.setattr(reading, "BATCH", 3)
    transactions = "SELECT count(DISTINCT xmin::text) FROM notifications WHERE user_id = %s"
    assert reading.mark_read(UUID(user.user_id), 7, services().publisher).unread == 0
    assert query(stack.database_url, transactions, user.user_id) == [(3,)]


def test_marks_of_several_devices_at_once_end_at_the_highest(
    stack: Stack, user: Api, core: Flask
) -> None:
    fill(stack, user, 5000)
    up_to = [5000, 3000, 4999, 10]
    marking = [
        threading.Thread(
            target=user.ok, args=["POST", "/v1/notifications/read"], kwargs={"json": {"up_to": seq}}
        )
        for seq in up_to
    ]
    for each in marking:
        each.start()
    for each in marking:
        each.join()
    assert user.ok("GET", "/v1/notifications/summary") == {"head": 5000, "unread": 0, "read": 5000}


def test_one_device_on_two_connections_acknowledges_once(
    server: AppServer, stack: Stack, user: Api, core: Flask
) -> None:
    ids = append(user, 4)
    with (
        Listener(server.url).connect(user.token, after=0, device="phone") as one,
        Listener(stack.url).connect(user.token, after=0, device="phone") as two,
    ):
        one.wait_for("notification", 4)
        two.wait_for("notification", 4)
        for seq in (1, 2, 3, 4):
            one.client.emit("ack", {"seq": seq})
            two.client.emit("ack", {"seq": seq})
        wait_for(lambda: devices(user, ids[-1]) == ["phone"], "the last acknowledgement")
    assert [devices(user, each) for each in ids] == [["phone"]] * 4
    ranges = query(
        stack.database_url,
        "SELECT from_seq, to_seq FROM acknowledgements WHERE user_id = %s ORDER BY to_seq",
        user.user_id,
    )
    assert [first for first, _ in ranges] == [1, *(last + 1 for _, last in ranges[:-1])]


def test_an_acknowledgement_counts_before_its_rows_are_sent_and_after_a_restart(
    server: AppServer, user: Api, core: Flask
) -> None:
    ids = append(user, 3)
    with Listener(server.url).connect(user.token, device="quick") as quick:
        quick.client.emit("ack", {"seq": 2})  # this connection is sent nothing of what was there
        wait_for(lambda: devices(user, ids[1]) == ["quick"], "the acknowledgement")
    assert devices(user, ids[2]) == []
    with Listener(server.url).connect(user.token, device="quick", after=2) as again:
        again.wait_for("notification")
        again.client.emit("ack", {"seq": 3})
        wait_for(lambda: devices(user, ids[2]) == ["quick"], "the acknowledgement")
    times = [user.ok("GET", f"/v1/notifications/{each}")["acknowledgements"][0] for each in ids]
    assert times[0]["at"] == times[1]["at"] < times[2]["at"]


def test_a_hint_of_what_does_not_exist_cannot_be_acknowledged_in_advance(
    server: AppServer, user: Api, core: Flask
) -> None:
    with Listener(server.url).connect(user.token, device="liar") as listener:
        listener.wait_for("ready")
        forged = {"seq": 5, "title": "forged"}
        services().publisher.to_user(UUID(user.user_id), events.NOTIFICATION, forged)
        listener.client.emit("ack", {"seq": 5})
        ids = append(user, 2, ring=True)
        listener.wait_for("notification", 2)
        listener.client.emit("ack", {"seq": 1})
        wait_for(lambda: devices(user, ids[0]) == ["liar"], "the acknowledgement")
        assert devices(user, ids[1]) == []


def measured(server: AppServer, name: str) -> float:
    lines = requests.get(f"{server.url}/metrics", timeout=10).text.splitlines()
    (line,) = [each for each in lines if each.startswith(f"{name} ")]
    return float(line.split()[1])


def test_how_long_an_acknowledgement_takes_is_measured_for_what_came_live(
    stack: Stack, user: Api, core: Flask
) -> None:
    server = stack.server
    append(user, 3)
    count, total = "ringback_acknowledge_seconds_count", "ringback_acknowledge_seconds_sum"
    counted, summed = measured(server, count), measured(server, total)
    with Listener(server.url).connect(user.token, after=0, device=uuid4().hex) as listener:
        listener.wait_for("notification", 3)
        append(user, 2, ring=True)
        listener.wait_for("notification", 5)
        listener.client.emit("ack", {"seq": 4})
        wait_for(lambda: measured(server, count) == counted + 1, "one that came live")
        listener.client.emit("sync", {"after": 0})
        listener.wait_for("notification", 10)
        listener.client.emit("ack", {"seq": 5})
        wait_for(lambda: measured(server, count) == counted + 2, "the other one, once")
    assert 0 < measured(server, total) - summed < 60
