"""Questions to real servers."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import redis

from app.standalone.servers import Servers

ROOT = Path(__file__).resolve().parents[2]


def query(servers: Servers, statement: str) -> list[Any]:
    """Run one statement in a transaction of its own; its rows come back."""
    connection = psycopg2.connect(servers.postgres.url.replace("+psycopg2", "", 1))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def valkey(servers: Servers) -> Any:
    """A client; answers come as text."""
    return redis.Redis.from_url(servers.valkey.url, decode_responses=True)


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition, or fail once the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
