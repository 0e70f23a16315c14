"""Requests of which only the beginning has been sent."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

SENT = 1000
"""Bytes of the body that are sent at first."""


@contextmanager
def begun_upload(url: str, token: str, size: int) -> Iterator[HTTPConnection]:
    """An upload that announces `size` bytes and has sent few of them; its answer is to be read."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.putrequest("POST", "/v1/uploads")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        connection.putheader("Content-Length", str(size))
        connection.endheaders(b"a" * SENT)
        yield connection


def answer_of(connection: HTTPConnection) -> tuple[int, Any]:
    """Status and JSON of the answer."""
    with connection.getresponse() as answer:
        return answer.status, json.load(answer)
