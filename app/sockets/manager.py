"""The client manager: python-socketio's Redis manager, plus the two things delivery needs to know.

It says when a client is connected (its CONNECT packet is queued, so events may follow), and when
the subscription was made anew (messages in between are lost, so Postgres must be asked).
"""

import math
import random
import threading
import time
from collections.abc import Hashable, Iterator
from typing import Any, Protocol

import socketio
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.delivery import events
from app.observability import get_logger

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 2.0
# A subscription that held for so long was a good one: the pauses begin anew. Each subscription asks
# Postgres for all that are connected.
HELD_SECONDS = 5.0
# Longest wait for Redis while a subscription is made; after that, it may be silent.
SUBSCRIBE_SECONDS = 2.0
# How long whoever listens may not notice that the subscription was given up.
NOTICE_SECONDS = 1.0


class Listener(Protocol):
    """Who is told."""

    def begun(self) -> None:
        """The first session is about to be opened; called once."""

    def connected(self, sid: str) -> None:
        """A client may now be sent events."""

    def subscribed(self) -> None:
        """The subscription to Redis was made, at first or anew."""

    def take(self, user_id: str, event: str, payload: Any) -> bool:
        """Take a message to one user's room; False if it is an ordinary emit."""


class ClientManager(socketio.RedisManager):  # type: ignore[misc]  # ships no types
    """Give it to Flask-SocketIO as `client_manager`. It never publishes: that is the publisher's.

    Args:
        url: address of Redis.
        channel: the channel that publishers use.
        listener: who is told.
    """

    name = "ringback"

    def __init__(self, url: str, channel: str, listener: Listener) -> None:
        options = {
            "socket_keepalive": True,
            "socket_connect_timeout": SUBSCRIBE_SECONDS,
            "socket_timeout": SUBSCRIBE_SECONDS,
            "retry": Retry(NoBackoff(), 0),  # the way back is a new subscription, and that is said
        }
        super().__init__(url, channel=channel, redis_options=options)
        self._listener = listener
        self._subscribed, self._given_up = threading.Event(), threading.Event()
        self._attempts = self._messages = 0

    def initialize(self) -> None:
        """Called by the server once, before it opens its first session."""
        super().initialize()
        self._listener.begun()

    def subscribe(self, seconds: float) -> bool:
        """Subscribe, if no client has made the server do so; wait until it has, at most so long.

        Returns:
            Whether it is subscribed.
        """
        if not self.server.manager_initialized:
            self.server.manager_initialized = True
            self.initialize()
        return self._subscribed.wait(seconds)

    def progress(self) -> Hashable:
        """Something else after each message, and after each attempt to subscribe."""
        return self._attempts, self._subscribed.is_set(), self._messages

    def renew(self) -> None:
        """Give up the present subscription; whoever listens to it makes a new one.

        It closes nothing: eventlet does not wake a green thread whose socket another one closes.
        """
        self._given_up.set()

    def connect(self, sid: str, namespace: str) -> str:
        """Called by the server right after it queued the CONNECT packet."""
        sid = super().connect(sid, namespace)
        if namespace == events.NAMESPACE:
            self._listener.connected(sid)
        return sid

    def _handle_emit(self, message: dict[str, Any]) -> None:
        user_id = events.user_of_room(message.get("room"))
        data = message.get("data")
        payload = data[0] if isinstance(data, list) and len(data) == 1 else None
        if user_id and self._listener.take(user_id, str(message.get("event")), payload):
            return
        super()._handle_emit(message)

    def _redis_listen_with_retries(self) -> Iterator[dict[str, Any]]:
        """Subscribe and listen for ever.

        Unlike the original it says when it subscribed, and pauses for at most two seconds: a server
        is deaf for as long as the pause goes on.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._attempts += 1
            since = math.inf
            self._given_up.clear()
            try:
                self._redis_connect()
                self.pubsub = self.redis.pubsub()  # this one tells when the subscription stands
                self.pubsub.subscribe(self.channel)
                for message in self._incoming():
                    self._messages += 1
                    if message["type"] == "subscribe":
                        self._subscribed.set()
                        since = time.monotonic()
                        self._listener.subscribed()
                    else:
                        yield message
            except Exception as error:  # noqa: BLE001
                # Whatever the Redis client raises, the way back is a new subscription.
                self._subscribed.clear()
                log.warning("subscription lost", reason=f"{type(error).__name__}: {error}")
            if time.monotonic() - since >= HELD_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self.server.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _incoming(self) -> Iterator[dict[str, Any]]:
        """What the subscription brings, until it breaks or is given up: both raise."""
        while self.pubsub.subscribed and not self._given_up.is_set():
            message = self.pubsub.get_message(timeout=NOTICE_SECONDS)
            if message is not None:
                yield message
        self.pubsub.close()
        raise ConnectionError("given up")
