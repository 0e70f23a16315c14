"""A database of its own for each stack."""

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
