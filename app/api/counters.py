"""Counters with an end, for limits: shared by all servers through Redis.

While Redis is away each server counts for itself, so that limits hold (for each server) and no
request waits: the first one to notice waits `timeout`, the others go on in memory until a thread
of its own has found Redis again.

The storages are those of `limits`, the library under Flask-Limiter. Flask-Limiter keeps to itself
whether its storage is away; here requests and sign-ins must share that knowledge.
"""

import hmac
import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

from limits.storage import MemoryStorage, RedisStorage, Storage
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.retry import Retry

from app.observability import get_logger

T = TypeVar("T")

# Pause before Redis is asked again.
RETRY_SECONDS = 1.0
_log = get_logger(__name__)


class Counters:
    """Numbers that rise, and vanish a while after their first rise. Opens no connection when made.

    Args:
        url: address of Redis.
        prefix: of the keys; installations that share a Redis differ in it.
        timeout: longest wait for Redis, seconds.
        secret: what keys are hashed with, so that Redis holds no address of anybody.
    """

    def __init__(self, url: str, prefix: str, timeout: float, secret: bytes) -> None:
        self._redis = RedisStorage(
            url,
            key_prefix=f"{prefix}:limits",
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # A pooled connection may be older than a restart of Redis; a time-out is not tried again.
            # limits hands this on to redis-py as it is; its annotation names plain values only.
            retry=Retry(NoBackoff(), 1, (Disconnected,)),  # type: ignore[arg-type]
        )
        self._secret = secret
        self._memory: MemoryStorage | None = None  # it starts a thread, so not before it is needed
        self._ask_again_at = 0.0
        self._lock = threading.Lock()

    def count(self, key: str, seconds: int, amount: int = 1) -> int:
        """Raise a counter; returns its new value.

        Args:
            key: made of fixed words, ids, and the `hide` of anything else.
            seconds: life of the counter after its first rise.
        """
        return self._do(lambda storage: storage.incr(key, seconds, amount))

    def value(self, key: str) -> int:
        """The value of a counter; 0 if there is none."""
        return self._do(lambda storage: storage.get(key))

    def seconds_left(self, key: str) -> float:
        """Until the counter vanishes."""
        return max(0.0, self._do(lambda storage: storage.get_expiry(key)) - time.time())

    def clear(self, key: str) -> None:
        """Make a counter vanish."""
        self._do(lambda storage: storage.clear(key))

    def close(self) -> None:
        """Give the connections back to the system."""
        cast(Redis, self._redis.get_connection()).close()

    def hide(self, text: str) -> str:
        """A name for `text` that only this installation can make, and nobody can read."""
        message = b"counter " + text.encode(errors="backslashreplace")
        return hmac.digest(self._secret, message, "sha256").hex()[:32]

    def _do(self, work: Callable[[Storage], T]) -> T:
        if not self._ask_again_at:
            try:
                return work(self._redis)
            except RedisError as error:
                self._lose(error)
        elif time.monotonic() >= self._ask_again_at:
            self._ask_again_at = time.monotonic() + RETRY_SECONDS
            threading.Thread(target=self._look_for_redis, daemon=True).start()
        return work(self._own())

    def _own(self) -> MemoryStorage:
        with self._lock:
            self._memory = self._memory or MemoryStorage()
        return self._memory

    def _lose(self, error: RedisError) -> None:
        if not self._ask_again_at:
            _log.warning("limits are counted here alone, Redis is away", reason=str(error))
        self._ask_again_at = time.monotonic() + RETRY_SECONDS

    def _look_for_redis(self) -> None:
        if self._redis.check():
            _log.info("limits are counted together again")
            self._ask_again_at = 0.0
        else:
            self._ask_again_at = time.monotonic() + RETRY_SECONDS
