"""Databases for tests, and a look into them."""

import secrets
from typing import Any

import psycopg2

from app.standalone.servers import Servers


def connect(url: str) -> Any:
    """A plain psycopg2 connection in autocommit mode, for looking at rows."""
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    return connection


def create_database(servers: Servers) -> str:
    """Make an empty database; returns its address."""
    name = f"test_{secrets.token_hex(6)}"
    connection = connect(servers.postgres.url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    base, _, _ = servers.postgres.url.rpartition("/")
    return f"{base}/{name}"


def query(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of one query."""
    connection = connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def spare_the_disk(servers: Servers) -> None:
    """Let Postgres not wait for the disk: tests kill processes, and never cut the power.

    What a killed Postgres has written is with the kernel. On a machine whose disk is busy a commit
    would otherwise take seconds, and what waits for its locks would fail.
    """
    query(servers.postgres.url, "ALTER SYSTEM SET fsync = off")
    query(servers.postgres.url, "SELECT pg_reload_conf()")
