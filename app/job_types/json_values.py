"""What parsed JSON can contain that must not travel on: to JSON again, to Postgres, to JavaScript.

Most of it is refused. Text is mended instead: JSON can spell a NUL and half of a surrogate pair, but
Postgres stores neither, and half of a pair is no character at all. Both become U+FFFD, the replacement
character, as they do in HTML and CSS; what was accepted shows it.
"""

import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 4000
"""Python refuses to print integers of more than 4,300 digits."""

_TOO_LARGE = 10**MAX_DIGITS
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

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
            deeper.extend(_suspects(where, item))
        if not deeper:
            return
        level = deeper
    yield path, [f"Nests deeper than {MAX_DEPTH} levels"]


def _suspects(path: str, item: object) -> Iterator[tuple[str, object]]:
    """What is worth a look inside an item; most of a long list is not worth a path."""
    if isinstance(item, list):
        for index, each in enumerate(item):
            if isinstance(each, list | dict) or _problem(each):
                yield f"{path}.{index}", each
    elif isinstance(item, dict):
        for name, each in item.items():
            if isinstance(each, list | dict) or _problem(each):
                yield f"{path}.{_shown(name)}", each


def _problem(item: object) -> str | None:
    if isinstance(item, str):
        return None  # see `mended`
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
    return _UNSTORABLE.search(text) is None


def mended_text(text: str) -> str:
    """The text with U+FFFD for each character that not every store and parser takes."""
    return _UNSTORABLE.sub("\ufffd", text)


def mended(value: Any) -> Any:
    """A copy of a JSON value, nested no deeper than `MAX_DEPTH`, with all its texts mended.

    Names stay as they are: two of them might become one.
    """
    if isinstance(value, str):
        return mended_text(value)
    if isinstance(value, list):
        return [mended(each) for each in value]
    if isinstance(value, dict):
        return {name: mended(each) for name, each in value.items()}
    return value


def _shown(name: object) -> str:
    return str(name).encode("utf-8", "replace").decode().replace("\x00", "?")
