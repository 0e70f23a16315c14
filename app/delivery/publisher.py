"""Publishing hints to the socket servers.

A hint may be lost: the row in Postgres is the truth, and every server looks there by itself.
So publishing never raises and never waits for long.
"""

from typing import Any, Protocol
from uuid import UUID

import socketio

from app.delivery import events


class Publisher(Protocol):
    """Sends an event to all connections of one user."""

    def to_user(self, user_id: UUID, event: str, payload: dict[str, Any]) -> None:
        """Send; `payload` holds JSON values only. Never raises, never waits long."""


class RedisPublisher:
    """Publishes through the Redis message queue that the socket servers subscribe to.

    Args:
        url: address of Redis.
        channel: the servers' channel.
        timeout: longest wait for Redis, in seconds, for each of two attempts.
    """

    def __init__(self, url: str, channel: str, timeout: float) -> None:
        options = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        self._manager = socketio.RedisManager(
            url, channel=channel, write_only=True, redis_options=options
        )

    def to_user(self, user_id: UUID, event: str, payload: dict[str, Any]) -> None:
        """See `Publisher.to_user`; a failed publish is logged by python-socketio."""
        self._manager.emit(
            event, payload, namespace=events.NAMESPACE, room=events.user_room(user_id)
        )
