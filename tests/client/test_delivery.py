"""Each notification once and in order, whatever becomes of messages and connections."""

import json
import logging
import os
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.client import Ringback, RingbackError, State
from tests.client.support import PASSWORD, Bell, UnreliableRingback, append
from tests.faults.relay import Relay
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for


def test_order_holds_while_connections_are_cut(stack: Stack, user: Api) -> None:
    relay = Relay(urlsplit(stack.url).port or 0)
    bell = Bell()
    with Ringback(
        f"http://localhost:{relay.port}",
        email=user.email,
        password=PASSWORD,
        after=0,
        on_notification=bell,
    ) as ringback:
        for turn in range(3):
            append(stack, user, 10)
            bell.wait_for(10 * turn + 3)
            relay.cut()
            append(stack, user, 10)
            relay.mend()
            bell.wait_for(20 * turn + 20)
        relay_is_used = ringback.url.endswith(str(relay.port))
    relay.cut()
    assert relay_is_used
    assert bell.numbers == list(range(1, 61))
    assert [each.name for each in bell.threads] == ["ringback-callbacks"]


@pytest.mark.parametrize("seed", [1, 2])
def test_lost_repeated_and_overtaken_messages_are_made_good(
    stack: Stack, user: Api, seed: int
) -> None:
    bell = Bell()
    append(stack, user, 20, ring=False)
    with UnreliableRingback(
        seed, stack.url, email=user.email, password=PASSWORD, after=0, on_notification=bell
    ) as ringback:
        append(stack, user, 20)
        # Were the last one lost, only a later one would show it: so there are later ones.
        wait_for(lambda: append(stack, user, 5) or len(bell.rung) >= 45, "45 rings", 60)
    assert bell.numbers == list(range(1, len(bell.rung) + 1))
    raw = [seq for each in ringback.sockets for seq in each.raw]
    assert raw != sorted(set(raw)), "nothing was sent again"


def test_a_client_that_went_away_gets_what_it_missed_from_its_cursor_file(
    stack: Stack, user: Api, tmp_path: Path
) -> None:
    file = tmp_path / "cursor"
    bell = Bell()

    def client() -> Ringback:
        return Ringback(
            stack.url,
            email=user.email,
            password=PASSWORD,
            cursor_file=file,
            on_notification=bell,
        )

    append(stack, user, 3)
    with client() as ringback:
        wait_for(lambda: ringback.cursor == 3, "the place in the inbox")
        append(stack, user, 2)
        bell.wait_for(2)
    append(stack, user, 4, ring=False)
    with client():
        bell.wait_for(6)
    assert bell.numbers == [4, 5, 6, 7, 8, 9]
    assert [each.name for each in tmp_path.iterdir()] == ["cursor"]
    other = stack.new_user()
    with pytest.raises(RingbackError, match="another user") as problem:
        Ringback(
            stack.url, email=other.email, password=PASSWORD, cursor_file=file, on_notification=bell
        ).open()
    assert problem.value.code == "cursor_file"
    file.write_text("")
    with pytest.raises(RingbackError, match="not a cursor file"):
        client().open()


def test_what_comes_between_opening_and_the_first_connection_is_rung(
    stack: Stack, user: Api, tmp_path: Path
) -> None:
    append(stack, user, 2, ring=False)
    bell, opened = Bell(), threading.Event()

    class Late(Ringback):
        def _make_socket(self) -> Any:
            assert opened.wait(30)
            return super()._make_socket()

    file = tmp_path / "cursor"
    with Late(
        stack.url, email=user.email, password=PASSWORD, cursor_file=file, on_notification=bell
    ):
        assert json.loads(file.read_text())["cursor"] == 2
        append(stack, user, 3)
        opened.set()
        bell.wait_for(3)
    assert bell.numbers == [3, 4, 5]


def test_the_cursor_is_kept_now_and_then_on_the_disk_and_without_the_lock(
    stack: Stack, user: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, bell = tmp_path / "cursor", Bell()
    kept: list[bool] = []

    def fsync(number: int) -> None:
        kept.append(ringback._delivery is None or not is_held(ringback._delivery._changed))
        sync(number)

    sync = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    append(stack, user, 200, ring=False)
    begin = time.monotonic()
    ringback = Ringback(
        stack.url,
        email=user.email,
        password=PASSWORD,
        after=0,
        cursor_file=file,
        on_notification=bell,
    )
    with ringback:
        bell.wait_for(200)
        wait_for(lambda: json.loads(file.read_text())["cursor"] == 200, "the file, before the end")
        append(stack, user, 3)
        bell.wait_for(203)
    assert json.loads(file.read_text())["cursor"] == 203
    assert 2 <= len(kept) <= 3 + (time.monotonic() - begin)
    assert all(kept)


def is_held(condition: threading.Condition) -> bool:
    """Whether this thread holds it."""
    return bool(condition._is_owned())  # type: ignore[attr-defined]


def test_a_cursor_file_counts_more_than_the_number_to_begin_after(
    stack: Stack, user: Api, tmp_path: Path
) -> None:
    file, bell = tmp_path / "cursor", Bell()

    def client(user: Api) -> Ringback:
        return Ringback(
            stack.url,
            email=user.email,
            password=PASSWORD,
            after=0,
            cursor_file=file,
            on_notification=bell,
        )

    append(stack, user, 2, ring=False)
    with client(user):
        bell.wait_for(2)
    append(stack, user, 1, ring=False)
    with client(user):
        bell.wait_for(3)
    assert bell.numbers == [1, 2, 3]
    kept = file.read_text()
    with pytest.raises(RingbackError, match="another user"):
        client(stack.new_user()).open()
    assert file.read_text() == kept


def test_what_was_handled_is_acknowledged_and_what_is_being_handled_is_not(
    stack: Stack, user: Api
) -> None:
    holding, go_on = threading.Event(), threading.Event()

    def hold_the_third(notification: dict[str, int]) -> None:
        if notification["seq"] == 3:
            holding.set()
            assert go_on.wait(60)

    append(stack, user, 4)
    with Ringback(
        stack.url,
        email=user.email,
        password=PASSWORD,
        after=0,
        device="shelf",
        on_notification=hold_the_third,
    ) as ringback:
        assert holding.wait(30)
        wait_for(lambda: acknowledged(user) == [1, 2] or ringback.cursor == 2, "the first two")
        assert 3 not in acknowledged(user)
        go_on.set()
        wait_for(lambda: ringback.cursor == 4, "the rest")
    wait_for(lambda: acknowledged(user) == [1, 2, 3, 4], "all acknowledgements")


def acknowledged(user: Api) -> list[int]:
    """Numbers that the device `shelf` has acknowledged."""
    details = [user.ok("GET", f"/v1/notifications/{each['id']}") for each in user.notifications()]
    return [
        each["seq"]
        for each in details
        if any(one["device"] == "shelf" for one in each["acknowledgements"])
    ]


def test_a_callback_that_raises_is_logged_and_the_next_one_follows(
    stack: Stack, user: Api, caplog: pytest.LogCaptureFixture
) -> None:
    bell = Bell()

    def raise_at_odd_ones(notification: dict[str, int]) -> None:
        bell(notification)
        if notification["seq"] % 2:
            raise SystemExit(f"number {notification['seq']} is odd")

    append(stack, user, 4)
    with Ringback(
        stack.url, email=user.email, password=PASSWORD, after=0, on_notification=raise_at_odd_ones
    ) as ringback:
        wait_for(lambda: ringback.cursor == 4, "all four")
    assert bell.numbers == [1, 2, 3, 4]
    raised = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [str(each.exc_info[1]) for each in raised if each.exc_info] == [
        "number 1 is odd",
        "number 3 is odd",
    ]


def test_a_slow_callback_delays_neither_the_connection_nor_the_order(
    stack: Stack, user: Api
) -> None:
    bell = Bell()
    states: list[State] = []

    def slowly(notification: dict[str, int]) -> None:
        time.sleep(0.01)
        bell(notification)

    append(stack, user, 100, ring=False)
    with Ringback(
        stack.url,
        email=user.email,
        password=PASSWORD,
        after=0,
        on_notification=slowly,
        on_state=states.append,
    ) as ringback:
        append(stack, user, 150)
        assert ringback.run("add", a=1, b=2).result == {"sum": 3}
        bell.wait_for(251)
        wait_for(lambda: states[-1] == State("live"), "the state")
    assert bell.numbers == list(range(1, 252))
    assert [each.name for each in states] == ["connecting", "catching-up", "live"]


def test_a_callback_may_use_the_client_and_close_it(stack: Stack, user: Api) -> None:
    results: list[object] = []
    done = threading.Event()

    def again(notification: dict[str, object]) -> None:
        if not results:
            results.append(ringback.run("add", a=20, b=1).result)
            ringback.close()
            done.set()

    ringback = Ringback(
        stack.url, email=user.email, password=PASSWORD, after=0, on_notification=again
    )
    ringback.open()
    with closing(ringback):
        append(stack, user, 1)
        assert done.wait(60)
    assert results == [{"sum": 21}]


def test_without_a_callback_nothing_is_acknowledged(stack: Stack, user: Api) -> None:
    with Ringback(stack.url, email=user.email, password=PASSWORD, device="shelf") as ringback:
        job = ringback.run("add", a=1, b=1)
        wait_for(user.notifications, "the notification")
    assert [each["job_id"] for each in user.notifications()] == [job.id]
    assert acknowledged(user) == []
