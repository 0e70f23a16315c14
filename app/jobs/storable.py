"""What Postgres can store: text has no NUL and no unpaired surrogate, JSON no NaN."""

import json
from collections.abc import Iterator
from typing import Any

TROUBLE = "contains a NUL character or an unpaired surrogate"


def is_storable(text: str) -> bool:
    """Whether Postgres can store this text."""
    return "\x00" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def storable(text: str, limit: int) -> str:
    """The text without what cannot be stored, cut to `limit` characters."""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def unstorable_paths(value: Any, path: str) -> Iterator[str]:
    """The dotted paths of all texts inside a JSON value that cannot be stored."""
    if isinstance(value, str) and not is_storable(value):
        yield path
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unstorable_paths(item, f"{path}.{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unstorable_paths(key, path)
            yield from unstorable_paths(item, f"{path}.{key}")


def is_storable_json(value: Any) -> bool:
    """Whether the value is JSON (finite numbers, text keys) that can be stored."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return next(unstorable_paths(value, ""), None) is None
