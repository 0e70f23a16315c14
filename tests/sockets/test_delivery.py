"""Every notification once, in order, in the right user's room alone."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from app.delivery import events
from app.extensions import transaction
from app.notifications import inbox
from app.notifications.view import notification_view
from app.services import services
from tests.support.api import Api
from tests.support.js_socket import JsListener
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


@pytest.fixture(scope="module")
def core(stack: Stack) -> Iterator[Flask]:
    """The application's functions in this process, as a worker has them."""
    app = stack.core()
    with app.app_context():
        yield app


def append(user: Api, count: int, *, ring: bool) -> None:
    """Add notifications, each in a transaction of its own; needs an app context."""
    user_id = UUID(user.user_id)
    for number in range(count):
        with transaction():
            message = inbox.Message("test", f"number {number}")
            notification = inbox.append(user_id, message, timedelta(days=1))
        if ring:
            view = notification_view(notification)
            services().publisher.to_user(user_id, events.NOTIFICATION, view)


def test_the_ring_arrives_at_its_owner_and_at_nobody_else(
    server: AppServer, user: Api, stack: Stack
) -> None:
    other = stack.new_user()
    with (
        Listener(server.url).connect(user.token) as owners,
        Listener(server.url).connect(other.token) as others,
    ):
        owners.wait_for("ready")
        others.wait_for("ready")
        job = user.run("add", a=2, b=3)
        (notification,) = owners.wait_for("notification")
        assert notification["job_id"] == job["id"]
        assert notification["type"] == "job.succeeded"
        assert notification["data"]["result"] == {"sum": 5}
        other.run("add", a=1, b=1)
        others.wait_for("notification")
        assert len(others.numbers) == len(owners.numbers) == 1
        seen = {payload["id"] for payload in others.named("job")}
        assert job["id"] not in seen


def test_progress_arrives_live_with_rising_versions(server: AppServer, user: Api) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        job = user.submit("wait", seconds=1.5)
        listener.wait_for("notification")
        updates = [each for each in listener.named("job") if each["id"] == job["id"]]
        shares = [each["progress"] for each in updates]
        versions = [each["version"] for each in updates]
        assert versions == sorted(versions)
        assert len({share for share in shares if 0 < share < 1}) >= 3
        assert any(each["eta_seconds"] for each in updates)
        assert updates[-1]["state"] == "succeeded"


def test_a_client_that_was_away_is_sent_what_it_missed(server: AppServer, user: Api) -> None:
    for number in range(3):
        user.run("add", a=number, b=0)
    with Listener(server.url).connect(user.token, after=1) as listener:
        listener.wait_for("notification", 2)
        assert listener.numbers == [2, 3]


def test_sync_sends_everything_after_a_number_once_more(server: AppServer, user: Api) -> None:
    for number in range(3):
        user.run("add", a=number, b=0)
    with Listener(server.url).connect(user.token, after=0) as listener:
        listener.wait_for("notification", 3)
        listener.client.emit("sync", {"after": 1})
        listener.wait_for("notification", 5)
        assert listener.numbers == [1, 2, 3, 2, 3]


def test_a_notification_whose_hint_was_lost_arrives_all_the_same(
    server: AppServer, user: Api, core: Flask
) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        append(user, 3, ring=False)
        listener.wait_for("notification", 3, seconds=10)
        assert listener.numbers == [1, 2, 3]


def test_a_hint_without_a_row_is_not_believed(server: AppServer, user: Api, core: Flask) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        for seq in (5, 7):
            payload = {"seq": seq, "title": "forged"}
            services().publisher.to_user(UUID(user.user_id), events.NOTIFICATION, payload)
        append(user, 1, ring=True)
        listener.wait_for("notification")
        assert listener.numbers == [1]
        assert listener.named("notification")[0]["title"] == "number 0"


def test_an_ordinary_emit_of_another_program_still_arrives(
    server: AppServer, user: Api, core: Flask
) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        services().publisher.to_user(UUID(user.user_id), "news", {"text": "hello"})
        assert listener.wait_for("news") == [{"text": "hello"}]


def test_a_thousand_in_the_backlog_and_a_hundred_live_ones_arrive_across_a_cut_connection(
    server: AppServer, user: Api, core: Flask
) -> None:
    backlog, live = 1000, 100
    append(user, backlog, ring=False)

    def append_live() -> None:
        with core.app_context():
            append(user, live, ring=True)

    feeding = threading.Thread(target=append_live)
    with Listener(server.url).connect(user.token, after=0) as first:
        feeding.start()
        wait_for(lambda: len(first.numbers) >= 300, "part of the replay")
    with Listener(server.url).connect(user.token, after=first.numbers[-1]) as second:
        feeding.join()
        wait_for(lambda: second.numbers[-1:] == [backlog + live], "the rest", 60)
        assert first.numbers + second.numbers == list(range(1, backlog + live + 1))


def test_the_javascript_client_gets_backlog_and_live_ones_in_order(
    server: AppServer, user: Api, core: Flask
) -> None:
    append(user, 250, ring=False)
    with JsListener(server.url, token=user.token, device="tab-1", after=0) as listener:
        append(user, 50, ring=True)
        listener.wait_for("notification", 300)
        assert listener.numbers == list(range(1, 301))
        listener.emit("ack", {"seq": 300})
        last = listener.named("notification")[-1]
        wait_for(lambda: devices_of(user, last["id"]) == ["tab-1"], "the acknowledgement")


def test_acknowledgements_tell_which_device_has_seen_what(
    server: AppServer, user: Api, core: Flask
) -> None:
    append(user, 3, ring=False)
    with (
        Listener(server.url, acks=True).connect(user.token, after=0, device="phone") as phone,
        Listener(server.url).connect(user.token, after=0, device="desk") as desk,
    ):
        for listener in (phone, desk):
            listener.wait_for("notification", 3)
        desk.client.emit("ack", {"seq": 2})
        desk.client.emit("ack", {"seq": 1})
        second, third = phone.named("notification")[1:]
        wait_for(lambda: devices_of(user, second["id"]) == ["desk", "phone"], "both devices")
        wait_for(lambda: devices_of(user, third["id"]) == ["phone"], "the phone alone")


def test_the_future_cannot_be_acknowledged(server: AppServer, user: Api, core: Flask) -> None:
    with Listener(server.url).connect(user.token, device="liar") as listener:
        listener.wait_for("ready")
        listener.client.emit("ack", {"seq": 10})
        append(user, 1, ring=True)
        (notification,) = listener.wait_for("notification")
        listener.client.emit("ack", {"seq": 1})
        wait_for(lambda: devices_of(user, notification["id"]) == ["liar"], "acknowledgement")
        append(user, 1, ring=True)
        newer = listener.wait_for("notification", 2)[1]
        assert devices_of(user, newer["id"]) == []


def test_two_servers_ring_the_same_user(stack: Stack, user: Api) -> None:
    one, two = stack.server_under("eventlet"), stack.server_under("gevent")
    with (
        Listener(one.url).connect(user.token) as first,
        Listener(two.url).connect(user.token) as second,
    ):
        first.wait_for("ready")
        second.wait_for("ready")
        user.run("add", a=1, b=1)
        assert first.wait_for("notification") == second.wait_for("notification")


def devices_of(user: Api, notification_id: str) -> list[str]:
    found = user.ok("GET", f"/v1/notifications/{notification_id}")["acknowledgements"]
    return sorted(each["device"] for each in found)
