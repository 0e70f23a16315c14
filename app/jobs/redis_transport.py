"""kombu's way to Redis, mended: a worker must outlive that Redis is lost, or silent, while a job runs.

Celery closes the connection that was lost. When the job ends, or when the channel is closed once
more, kombu 5.7 asks that closed connection for its address, and the `AttributeError` that follows
ends the worker. As an error of the connection, Celery expects and survives it: the message is
delivered again, and finds nothing to claim.

While Redis is silent no connection is lost, but a message cannot be acknowledged. kombu goes on to
count it as one that the worker is busy with, for ever: after as many as the worker has processes it
takes no more messages, and seems to be well.
"""

from typing import Any

from kombu.transport import redis as kombu_redis
from kombu.transport import virtual
from redis.exceptions import ConnectionError as RedisConnectionError


class QoS(kombu_redis.QoS):  # type: ignore[misc]  # ships no types
    """See above; what Redis did not hear of it delivers again, and there is nothing to claim."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge; raises errors of the connection, which Celery logs."""
        try:
            super().ack(delivery_tag)
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject; raises like `ack`."""
        try:
            super().reject(delivery_tag, requeue=requeue)
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Channel(kombu_redis.Channel):  # type: ignore[misc]
    """See above."""

    QoS = QoS

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("the connection of this channel is closed")
        params: dict[str, Any] = super()._connparams(asynchronous=asynchronous)
        return params


class Transport(kombu_redis.Transport):  # type: ignore[misc]
    """To be named to kombu."""

    Channel = Channel
