"""How the server ends connections: in its time, and none that fails keeps back the others."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from flask import Flask
from socketio.exceptions import ConnectionRefusedError as Refused

from app.accounts.tokens import Identity
from app.errors import AppError, ServerStopping
from app.operations.draining import CLIENT_SECONDS, Draining
from app.sockets.connection import Connection, Connections
from app.sockets.door import Door
from app.sockets.farewell import Farewell, UnderWay
from app.sockets.handlers import Handlers
from app.sockets.sender import Sender
from app.sockets.strangers import LOOK_SECONDS, REFUSED_SECONDS, STRANGER_SECONDS, Strangers
from app.sockets.watch import close_expired

CLIENTS = 50
USER = UUID(int=1)


class Clients(Connections):
    """Connections of nobody."""

    def __init__(self, count: int = 0) -> None:
        super().__init__()
        for number in range(count):
            self.come(str(number))

    def come(self, sid: str) -> None:
        expired = SimpleNamespace(timestamp=lambda: 0.0)
        identity = SimpleNamespace(user_id=USER, expires_at=expired)
        outbox = SimpleNamespace(close=lambda: None)
        self.add(Connection(sid, cast(Identity, identity), sid, cast(Any, outbox)))


class Broken:
    """A Socket.IO server that cannot send to the first connection."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.eio = SimpleNamespace(sockets={})
        self.manager = SimpleNamespace(eio_sid_from_sid=lambda sid, _: f"session of {sid}")

    def emit(self, *_: Any, to: str, **__: Any) -> None:
        if to == "0":
            raise RuntimeError("It cannot be sent to.")
        self.told.append(to)

    def disconnect(self, *_: Any, **__: Any) -> None:
        """It is gone."""


class Sessions:
    def __init__(self) -> None:
        self.cut_off: list[Any] = []
        self.full = False

    def find(self, sid: str) -> str:
        return sid

    def cut(self, session: str) -> None:
        self.cut_off.append(session)


def test_one_that_cannot_be_told_is_cut_off_and_the_others_are_told() -> None:
    clients, server, sessions = Clients(3), Broken(), Sessions()
    measures = SimpleNamespace(ended=lambda *_: None)
    io = SimpleNamespace(server=server)
    app = cast(Flask, None)
    sender = Sender(app, cast(Any, io), cast(Any, sessions), clients, cast(Any, measures))
    close_expired(clients, sender)()
    assert server.told == ["1", "2"]
    assert sessions.cut_off == ["session of 0"]
    assert len(clients) == 0


class Telling:
    """Tells everybody; three handshakes that were under way end meanwhile, one after the other."""

    def __init__(self, clients: Clients) -> None:
        self._clients, self._late = clients, ["late", "later", "last"]

    def end(self, connection: Connection, _: AppError) -> None:
        self._clients.remove(connection.sid)
        if not len(self._clients) and self._late:
            self._clients.come(self._late.pop())


def test_who_comes_late_does_not_make_the_end_any_later() -> None:
    clients = Clients(CLIENTS)
    pauses: list[float] = []
    io = SimpleNamespace(sleep=pauses.append, server=Broken())
    stop = Draining(60.0)
    stop.tell()
    told = cast(Any, Telling(clients))
    Farewell(cast(Any, io), clients, told, UnderWay(lambda *_: None), stop).run()
    assert len(pauses) == CLIENTS + 3
    assert max(pauses) <= CLIENT_SECONDS * 1.01


def test_a_handshake_that_waited_for_its_turn_is_refused_if_the_server_stops_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop = Draining(60.0)
    clients = Clients()
    door = Door(cast(Any, Sessions()), clients, stop, 5)
    refusals: list[str] = []
    nothing = cast(Any, SimpleNamespace(refused=refusals.append))
    handlers = Handlers(door, clients, nothing, nothing, nothing, nothing, nothing, nothing)
    door.check_room()
    wait = door.turn

    def waited() -> Any:
        stop.tell()
        return wait()

    door.turn = waited  # type: ignore[method-assign]
    monkeypatch.setattr("app.sockets.handlers._sid", lambda: "late")
    with Flask("test").test_request_context(), pytest.raises(Refused) as refused:
        handlers._on_connect({"token": "any"})
    assert isinstance(refused.value.__cause__, ServerStopping)
    assert refusals == ["server_stopping"]


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        fake = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr("app.sockets.strangers.time", fake)


def test_refused_handshakes_do_not_keep_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, clients, closed = Clock(monkeypatch), Clients(), []
    checking: dict[str, str] = {}  # sessions with a handshake, whatever comes of it
    manager = SimpleNamespace(
        sid_from_eio_sid=lambda session, _: checking.get(session),
        eio_sid_from_sid=lambda sid, _: sid,
    )
    sockets = {name: SimpleNamespace(closed=False, name=name) for name in ("a", "b", "c")}
    server = SimpleNamespace(manager=manager, eio=SimpleNamespace(sockets=sockets))
    strangers = Strangers(server, clients, lambda session: closed.append(session.name))

    def look(checked: bool) -> None:
        checking.update({"a": "a's", "b": "b's"} if checked else {"b": "b's"})
        strangers.look()
        clock.now += LOOK_SECONDS
        checking.pop("a", None)

    clients.come("b's")  # it got in
    strangers.refused("c")
    clock.now += REFUSED_SECONDS
    look(checked=True)
    assert closed == ["c"]
    del sockets["c"]
    while clock.now < 100 + STRANGER_SECONDS + 3 * LOOK_SECONDS:
        look(checked=True)  # "a" tries again and again, whenever somebody looks
    assert closed == ["c"]
    look(checked=False)
    assert closed == ["c", "a"]
