"""What parsed JSON can contain that must not travel on: to JSON again, to Postgres, to JavaScript."""

import math
from collections.abc import Iterator
from itertools import islice

MAX_DEPTH = 64
MAX_DIGITS = 4000
"""Python refuses to print integers of more than 4,300 digits."""

_TOO_LARGE = 10**MAX_DIGITS

Refusal = tuple[str, list[str]]


def refusals(value: object, path: str, limit: int) -> list[Refusal]:
    """The first `limit` places of a value that are not acceptable JSON.

    Args:
        value: as a JSON parser made it.
        path: the dotted path of `value` itself.

    Returns:
        Pairs of dotted path and messages.
    """
    return list(islice(_refusals(value, path), limit))


def _refusals(value: object, path: str) -> Iterator[Refusal]:
    """Walk level by level, not by recursion: the nesting is the sender's choice."""
    level: list[tuple[str, object]] = [(path, value)]
    for _ in range(MAX_DEPTH):
        deeper: list[tuple[str, object]] = []
        for where, item in level:
            problem = _problem(item)
            if problem:
                yield where, [problem]
            deeper.extend(_children(where, item))
        if not deeper:
            return
        level = deeper
    yield path, [f"Nests deeper than {MAX_DEPTH} levels"]


def _children(path: str, item: object) -> Iterator[tuple[str, object]]:
    if isinstance(item, list):
        yield from ((f"{path}.{index}", each) for index, each in enumerate(item))
    elif isinstance(item, dict):
        yield from ((f"{path}.{_shown(name)}", each) for name, each in item.items())


def _problem(item: object) -> str | None:
    if isinstance(item, str):
        return None if is_clean(item) else "Contains a NUL character or an unpaired surrogate"
    if isinstance(item, dict):
        clean = all(isinstance(name, str) and is_clean(name) for name in item)
        return None if clean else "Has a name with a NUL character or an unpaired surrogate"
    if isinstance(item, float):
        return None if math.isfinite(item) else "Is not a finite number"
    if isinstance(item, int):
        return None if -_TOO_LARGE < item < _TOO_LARGE else f"Has more than {MAX_DIGITS:,} digits"
    return None if item is None or isinstance(item, list) else "Is not a JSON value"


def is_clean(text: str) -> bool:
    """Whether the text is made of characters that every store and parser takes."""
    return "\x00" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _shown(name: object) -> str:
    return str(name).encode("utf-8", "replace").decode().replace("\x00", "?")
