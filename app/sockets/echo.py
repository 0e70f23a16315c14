"""Whether this server hears what is sent through Redis: it calls its own name and listens."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Protocol
from uuid import uuid4

import socketio
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.delivery import events
from app.observability import get_logger
from app.operations.readiness import LIMIT_SECONDS, Unfit

log = get_logger(__name__)

# Pause between two tests of the subscription, and how long a call may be on its way.
TEST_SECONDS = 2.0
HEAR_SECONDS = 3.0


class Voice(socketio.RedisManager):  # type: ignore[misc]  # ships no types
    """Publishes like any other process, but raises `RedisError` where those go on without a word.

    Args:
        url: address of Redis.
        channel: the servers' channel.
        timeout: longest wait for Redis, in seconds, for each of two attempts.
    """

    def __init__(self, url: str, channel: str, timeout: float) -> None:
        options = {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": Retry(NoBackoff(), 1),  # of a connection that broke since the last time
        }
        super().__init__(url, channel=channel, write_only=True, redis_options=options)

    def _publish(self, data: dict[str, Any]) -> None:
        if not self.connected:
            self._redis_connect()
        self.redis.publish(self.channel, self.json.dumps(data))


class Ear(Protocol):
    """What subscribes."""

    def subscribe(self, seconds: float) -> bool:
        """Wait until it is subscribed, at most so long."""

    def progress(self) -> Hashable:
        """Something else after each message, and after each attempt to subscribe."""

    def renew(self) -> None:
        """Give up the present subscription for a new one."""


class Echo:
    """Calls, and hears its own calls among all messages.

    Args:
        voice: calls.
        ear: subscribes.
    """

    def __init__(self, voice: Voice, ear: Ear) -> None:
        self._voice, self._ear = voice, ear
        self._room = events.user_room(uuid4())
        self._calls: dict[str, threading.Event] = {}

    def check(self) -> str:
        """See `app.operations.readiness.Readiness.add`."""
        if not self._ear.subscribe(LIMIT_SECONDS / 2):
            raise Unfit("not subscribed to Redis")
        try:
            heard = self.call(LIMIT_SECONDS / 2)
        except RedisError as error:
            raise Unfit("nothing can be sent through Redis") from error
        if not heard:
            raise Unfit("what is sent through Redis does not arrive")
        return ""

    def call(self, seconds: float) -> bool:
        """Call, and listen for so long at most; whether it was heard.

        Raises:
            RedisError: Redis did not take the call.
        """
        call, heard = uuid4().hex, threading.Event()
        self._calls[call] = heard
        try:
            self._voice.emit(
                events.ECHO, {"call": call}, namespace=events.NAMESPACE, room=self._room
            )
            return heard.wait(seconds)
        finally:
            del self._calls[call]

    def hear(self, payload: Any) -> None:
        """A call came in: of this server, or of another one."""
        call = payload.get("call") if isinstance(payload, dict) else None
        heard = self._calls.get(call) if isinstance(call, str) else None
        if heard is not None:
            heard.set()


class SelfTest:
    """Finds out that the subscription is deaf, and has it made anew.

    Args:
        count: is called for each that was deaf.
        spawn: starts a function on a green thread.
    """

    def __init__(
        self, echo: Echo, ear: Ear, count: Callable[[], None], spawn: Callable[..., Any]
    ) -> None:
        self._echo, self._ear = echo, ear
        self._count, self._spawn = count, spawn
        self._under_way = False
        self._next = 0.0

    def look(self) -> None:
        """Begin a test if it is time for one; see `app.sockets.watch.Watch`."""
        if not self._under_way and time.monotonic() >= self._next:
            self._under_way = True
            self._spawn(self._run)

    def _run(self) -> None:
        try:
            self.test()
        except RedisError:
            pass  # it is away: no test of hearing, and readiness says so
        except Exception:
            log.exception("self-test failed")
        finally:
            self._next = time.monotonic() + TEST_SECONDS
            self._under_way = False

    def test(self) -> None:
        """Call; one that nothing comes of, nor anything else meanwhile, was made to a deaf ear."""
        before = self._ear.progress()
        if self._echo.call(HEAR_SECONDS) or self._ear.progress() != before:
            return
        self._count()
        log.warning("subscription deaf")
        self._ear.renew()
