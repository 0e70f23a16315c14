"""Paging by cursor: `{"items": […], "next": cursor or null}`.

A cursor is opaque, and signed for its route: an edited one, or one of another list, is noticed
rather than obeyed.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from app.errors import BadRequest

T = TypeVar("T")


def encode_cursor(value: str) -> str:
    """Sign a position."""
    return str(_serializer().dumps(value))


def decode_cursor(cursor: str | None, parse: Callable[[str], T]) -> T | None:
    """The position that a cursor stands for.

    Args:
        parse: reads the position; raises `ValueError` for one of another list.

    Raises:
        BadRequest: it was not made by this server, or for another list.
    """
    if cursor is None:
        return None
    try:
        value = str(_serializer().loads(cursor))
        # Base64 has spare bits and skips foreign characters: some edits leave the signature good.
        if encode_cursor(value) != cursor:
            raise BadSignature("not as it was handed out")
        return parse(value)
    except (BadSignature, ValueError) as error:
        message = "The cursor is not one that this server made here. Start again without it."
        raise BadRequest(message, code="invalid_cursor") from error


def page_of(
    rows: Sequence[T], limit: int, show: Callable[[T], dict[str, Any]], position: Callable[[T], str]
) -> dict[str, Any]:
    """One page of an answer.

    Args:
        rows: up to `limit + 1` rows; the one too many tells that there is a next page.
        show: a row as JSON.
        position: where the next page starts, for the last row of this one.
    """
    shown = rows[:limit]
    more = len(rows) > limit
    return {
        "items": [show(row) for row in shown],
        "next": encode_cursor(position(shown[-1])) if more else None,
    }


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt=f"cursor of {request.endpoint}")
