"""What limits are made of: meters, paces, slots, queues, pages."""

import queue
import random
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.errors import AppError
from app.notifications.replay import page_of
from app.sockets import packets
from app.sockets.limits import MOST_OWED, Meter, Pace, Slots, Verdict
from app.sockets.lines import unmasked
from app.sockets.packets import packet_queue
from tests.support.api import Api
from tests.support.hostile import fill
from tests.support.stack import Stack


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def verdicts(meter: Meter, count: int) -> list[Verdict]:
    return [meter.take() for _ in range(count)]


def test_a_burst_is_twice_the_rate_then_comes_one_warning_and_after_another_burst_the_end() -> None:
    meter = Meter(5, Clock())
    assert verdicts(meter, 10) == [Verdict.FINE] * 10
    assert verdicts(meter, 9) == [Verdict.WARN] + [Verdict.IGNORE] * 8
    assert meter.take() is Verdict.CLOSE


def test_who_keeps_to_the_rate_is_never_warned_and_who_calms_down_is_forgiven() -> None:
    clock = Clock()
    meter = Meter(5, clock)
    for _ in range(100):
        clock.now += 0.2
        assert meter.take() is Verdict.FINE
    assert Verdict.WARN in verdicts(meter, 15)
    clock.now += 60
    assert verdicts(meter, 11)[-2:] == [Verdict.FINE, Verdict.WARN]


def test_each_notification_permits_one_acknowledgement_more_and_nothing_else() -> None:
    meter = Meter(5, Clock())
    for _ in range(100):
        meter.owe()
    assert verdicts(meter, 11) == [Verdict.FINE] * 10 + [Verdict.WARN]
    acknowledged = [meter.take(acknowledges=True) for _ in range(101)]
    assert acknowledged == [Verdict.FINE] * 100 + [Verdict.IGNORE]


def test_what_is_permitted_in_advance_has_an_end() -> None:
    meter = Meter(5, Clock())
    for _ in range(MOST_OWED * 2):
        meter.owe()
    acknowledged = [meter.take(acknowledges=True) for _ in range(MOST_OWED + 11)]
    assert acknowledged == [Verdict.FINE] * (MOST_OWED + 10) + [Verdict.WARN]


def test_a_pace_keeps_turns_apart_and_saves_none_up() -> None:
    clock = Clock()
    pace = Pace(10, clock=clock)
    assert [round(pace.pause(), 3) for _ in range(3)] == [0, 0.1, 0.2]
    clock.now += 60
    assert [round(pace.pause(), 3) for _ in range(2)] == [0, 0.1]


def test_a_pace_permits_a_few_turns_at_once_after_a_time_without_any() -> None:
    clock = Clock()
    pace = Pace(2, 3, clock)
    assert [pace.pause() for _ in range(6)] == [0, 0, 0, 0, 0.5, 1]
    clock.now += 60
    assert [pace.pause() for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_who_waits_too_long_for_a_slot_is_told_to_try_again() -> None:
    slots = Slots(1, 0.05)
    with slots.one():
        with pytest.raises(AppError) as refused, slots.one():
            pass
        assert refused.value.retryable
    with slots.one():
        pass


def make_queue() -> Any:
    return packet_queue(queue.Queue, queue.Empty)()


def packet(size: int = 10) -> SimpleNamespace:
    return SimpleNamespace(data="x" * size)


def test_a_queue_hands_over_few_packets_and_counts_them_until_the_next_time() -> None:
    waiting = make_queue()
    for _ in range(packets.CONGESTED_PACKETS):
        waiting.put(packet())
    assert waiting.congested
    waiting.get(timeout=1)
    for _ in range(packets.HANDED_PACKETS - 1):
        waiting.get(block=False)
    with pytest.raises(queue.Empty):
        waiting.get(block=False)
    assert waiting.congested  # what was handed over is not known to be sent
    waiting.get(timeout=1)
    assert not waiting.congested


def test_a_queue_that_is_full_takes_nothing_more_but_the_end() -> None:
    waiting = make_queue()
    taken = 0
    while not waiting.overflowed:
        waiting.put(packet(10_000))
        taken += 1
    assert packets.MOST_BYTES <= waiting.unsent < packets.MOST_BYTES + 20_000
    waiting.put(packet())
    waiting.put(None)
    assert waiting.qsize() == taken  # one was lost, and the end came
    waiting.join()  # returns at once


def test_a_page_is_bounded_in_bytes_and_never_empty_before_the_end(stack: Stack, user: Api) -> None:
    core: Flask = stack.core()
    fill(stack.database_url, user, 30, 10_000)
    mine = UUID(user.user_id)
    with core.app_context():
        assert [row.seq for row in page_of(mine, 0, 100, 45_000)] == [1, 2, 3, 4, 5]
        assert [row.seq for row in page_of(mine, 5, 2, 45_000)] == [6, 7]
        assert [row.seq for row in page_of(mine, 28, 100, 1)] == [29]
        assert page_of(mine, 30, 100, 45_000) == []


@pytest.mark.parametrize("size", [0, 1, 5, 65_536])
@pytest.mark.parametrize("offset", [0, 3])
def test_a_frame_is_unmasked_as_its_standard_says(size: int, offset: int) -> None:
    data, mask = random.Random(size).randbytes(size), b"\x01\x80\xff\x37"
    expected = bytes(byte ^ mask[(offset + place) % 4] for place, byte in enumerate(data))
    assert unmasked(data, mask, size, offset) == expected
