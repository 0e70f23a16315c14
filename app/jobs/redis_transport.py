"""kombu's way to Redis, mended: a worker must outlive the loss of Redis while a job runs.

Celery closes the connection that was lost. When the job ends, or when the channel is closed once
more, kombu 5.7 asks that closed connection for its address, and the `AttributeError` that follows
ends the worker. As an error of the connection, Celery expects and survives it: the message is
delivered again, and finds nothing to claim.
"""

from typing import Any

from kombu.transport import redis as kombu_redis
from redis.exceptions import ConnectionError as RedisConnectionError


class Channel(kombu_redis.Channel):  # type: ignore[misc]  # ships no types
    """See above."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("the connection of this channel is closed")
        params: dict[str, Any] = super()._connparams(asynchronous=asynchronous)
        return params


class Transport(kombu_redis.Transport):  # type: ignore[misc]
    """To be named to kombu."""

    Channel = Channel
