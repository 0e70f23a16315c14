"""Clients of this module's tests leave nothing behind."""

import sys
import threading
import traceback
from collections.abc import Iterator

import pytest

from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """A closed client has ended its threads, and those of the official client."""
    before = set(threading.enumerate())
    yield
    try:
        wait_for(lambda: not _strangers(before), "the end of all threads", 10)
    except AssertionError as error:
        raise AssertionError("\n".join(map(_story, _strangers(before)))) from error


def _strangers(before: set[threading.Thread]) -> list[threading.Thread]:
    """Those of the client, and those that the official client names by their functions."""
    signs = ("ringback", "_loop", "_handle_eio", "_read_loop", "_write_loop")
    new = set(threading.enumerate()) - before
    return [each for each in new if any(sign in each.name for sign in signs)]


def _story(thread: threading.Thread) -> str:
    """Where a thread is that should have ended."""
    frame = sys._current_frames().get(thread.ident or 0)
    return f"{thread.name} has not ended:\n{''.join(traceback.format_stack(frame))}"
