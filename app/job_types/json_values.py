"""What parsed JSON can contain that must not travel on: to JSON again, to Postgres, to JavaScript.

Most of it is refused. Text is mended instead: JSON can spell a NUL and half of a surrogate pair, but
Postgres stores neither, and half of a pair is no character at all. Both become U+FFFD, the replacement
character, as they do in HTML and CSS; what was accepted shows it.
"""

import math
import re
from collections.abc import Iterator
from itertools import islice
from types import NoneType
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 4000
"""Python refuses to print integers of more than 4,300 digits."""

_TOO_LARGE = 10**MAX_DIGITS
_NUMBERS = {int, float, bool}
_LONG = 10_000
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
    if isinstance(item, list) and not _are_good_numbers(item):
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


def _are_good_numbers(items: list[Any]) -> bool:
    """Whether there is nothing else in the list; it may be long, so no function is called for each.

    NaN is less than nothing.
    """
    return {*map(type, items)} <= _NUMBERS and all(
        -_TOO_LARGE < each < _TOO_LARGE for each in items
    )


def is_flat(items: list[Any]) -> bool:
    """Whether there is neither a text in the list nor anything nested: found out fast."""
    return {*map(type, items)} <= _NUMBERS | {NoneType}


def is_long(value: object) -> bool:
    """Whether it is made of so many values that to look at each takes its time."""
    waiting, seen = [value], 0
    while waiting and seen <= _LONG:
        item = waiting.pop()
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        seen += len(parts)
        if seen <= _LONG:
            waiting.extend(parts)
    return seen > _LONG


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
        return list(value) if is_flat(value) else [mended(each) for each in value]
    if isinstance(value, dict):
        return {name: mended(each) for name, each in value.items()}
    return value


def _shown(name: object) -> str:
    return str(name).encode("utf-8", "replace").decode().replace("\x00", "?")
