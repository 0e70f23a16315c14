"""What Postgres can store: text has no NUL and no unpaired surrogate, JSON no NaN."""

import json
from collections.abc import Iterator
from typing import Any

from app.job_types.json_values import is_clean, is_flat, mended, mended_text, refusals

TROUBLE = "contains a NUL character or an unpaired surrogate"


def storable(text: str, limit: int) -> str:
    """The text with U+FFFD for what cannot be stored, cut to `limit` characters."""
    clean = mended_text(text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def unstorable_paths(value: Any, path: str) -> Iterator[str]:
    """The dotted paths of all texts inside a JSON value that cannot be stored."""
    if isinstance(value, str) and not is_clean(value):
        yield path
    elif isinstance(value, list) and not is_flat(value):
        for index, item in enumerate(value):
            yield from unstorable_paths(item, f"{path}.{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unstorable_paths(key, path)
            yield from unstorable_paths(item, f"{path}.{key}")


def storable_json(value: Any) -> Any:
    """The value as it comes back from JSON, its texts mended so that they can be stored.

    Raises:
        TypeError: it is not JSON, or a number or a name in it cannot be stored.
    """
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
        refused = refusals(plain, "result", 1)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the result is not JSON that can be stored: {error}") from error
    if refused:
        raise TypeError(f"the result is not JSON that can be stored: {refused[0]}")
    return mended(plain)
