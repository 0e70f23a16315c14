"""A client that sends faster than it is read: others are served, and it is closed, under both engines."""

import signal
import time
from collections.abc import Iterator

import psutil
import pytest
import requests

from tests.support.flooder import PING, PONG, TEXT, Flooder, frame
from tests.support.hostile import figure
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

CLOSED = "ringback_socket_sessions_closed_total"
FRAMES = {
    "ping": frame(PING),
    "pong": frame(PONG),
    "engine pong": frame(TEXT, b"3"),
    "engine upgrade": frame(TEXT, b"5"),
}
REQUEST = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
FLOOD_SECONDS = 1.5
ANSWER_SECONDS = 2.0
GRACE, PATIENCE = 5.0, 30.0
PATIENT = {
    "RINGBACK_MAX_SOCKET_EVENTS_PER_SECOND": "1000000000",
    "RINGBACK_STOP_GRACE_SECONDS": str(GRACE),
}


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def patient(request: pytest.FixtureRequest, stack: Stack) -> Iterator[AppServer]:
    """A server that closes nobody for what they send."""
    server = AppServer(stack.environment | PATIENT, stack.folder, request.param)
    server.start()
    yield server
    server.kill()


def slowest(server: AppServer) -> float:
    """Ask for a while how the server is; returns the seconds of the slowest answer."""
    worst, begun = 0.0, time.monotonic()
    while time.monotonic() < begun + FLOOD_SECONDS:
        asked = time.monotonic()
        assert requests.get(f"{server.url}/healthz", timeout=10).ok
        worst = max(worst, time.monotonic() - asked)
    return worst


@pytest.mark.parametrize("kind", FRAMES)
def test_who_floods_frames_that_are_no_event_is_closed(server: AppServer, kind: str) -> None:
    before = figure(server, CLOSED, reason="too_many_frames")
    with Flooder(server, FRAMES[kind]) as flooder:
        wait_for(lambda: flooder.closed, "the server closes it")
    assert figure(server, CLOSED, reason="too_many_frames") == before + 1


@pytest.mark.parametrize("kind", [*FRAMES, "request"])
def test_others_are_answered_while_one_sends_without_a_break(patient: AppServer, kind: str) -> None:
    unit = FRAMES.get(kind, REQUEST)
    with Flooder(patient, unit, websocket=kind in FRAMES) as flooder:
        time.sleep(0.2)  # the server is busy with it
        took = slowest(patient)
        assert not flooder.closed
    print(f"\n{patient.engine}, {kind}: slowest answer {took:.2f} s")  # noqa: T201
    assert took < ANSWER_SECONDS


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_flood_does_not_keep_a_server_from_ending_in_its_time(stack: Stack, engine: str) -> None:
    server = AppServer(stack.environment | PATIENT, stack.folder, engine)
    server.start()
    process = psutil.Process(server.process.pid)
    try:
        with Flooder(server, FRAMES["ping"]), Flooder(server, REQUEST, websocket=False):
            time.sleep(0.5)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: not server.process.is_running, "the server ends", GRACE + PATIENCE)
        print(f"\n{engine}: ended {time.monotonic() - begun:.1f} s after SIGTERM")  # noqa: T201
    finally:
        if server.process.is_running:
            server.kill()
