"""Values of libraries that need not be installed, and containers, as plain Python values or text.

Types are recognised by the names of their base classes, so nothing is imported for them.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_QUOTED = re.compile(r'[\s",()\[\]\\]')
"""What makes Postgres quote a bound of a range."""

_NO_LENGTH = ("timedelta64[M]", "timedelta64[Y]")
"""A month or a year is no number of days."""

Translator = Callable[[Any], object]


def translator_for(kind: type) -> Translator | None:
    """What turns values of a type into plain ones; `None` for a type that is not of those libraries."""
    for base in kind.__mro__:
        if translator := _OF_NAMES.get((base.__module__, base.__name__)):
            return translator
    return None


def json_text(value: object) -> str:
    """A container as JSON; as its `str()` where it contains itself or has keys that JSON has not."""
    try:
        return _dump(list(value) if isinstance(value, set | frozenset) else value)
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return str(value)
    except RecursionError:
        return f"({type(value).__name__}, nested too deeply)"
    except ValueError:  # Python spells no number of more than 4,300 digits
        return _dump(_with_long_numbers_as_text(value))


def hex_text(value: Any) -> str:
    r"""Bytes as Postgres writes them, `\x00ff`."""
    return "\\x" + bytes(value).hex()


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_for_json)


def _with_long_numbers_as_text(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _with_long_numbers_as_text(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_with_long_numbers_as_text(each) for each in value]
    return str(Decimal(value)) if isinstance(value, int) and abs(value) >= 10**15 else value


def _for_json(value: object) -> object:
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return hex_text(value)
    translator = translator_for(type(value))
    return translator(value) if translator else str(value)


def _range_text(value: Any) -> str:
    """A range of psycopg2 as Postgres writes it."""
    if value.isempty:
        return "empty"
    lower, upper = (
        "" if each is None else _bound(str(each)) for each in (value.lower, value.upper)
    )
    return f"{value._bounds[0]}{lower},{upper}{value._bounds[1]}"


def _bound(text: str) -> str:
    if text and not _QUOTED.search(text):
        return text
    doubled = text.replace("\\", r"\\").replace('"', '""')
    return f'"{doubled}"'


def _plain_scalar(value: Any) -> object:
    plain = value.item()
    return float(plain) if type(plain) is type(value) else plain  # a long double stays what it is


def _plain_moment(value: Any) -> object:
    """A `datetime64` or `timedelta64` to the microsecond; its text where Python's types end."""
    if str(value) == "NaT":
        return None
    plain = value.item()
    if str(value.dtype).endswith(_NO_LENGTH):
        return str(value)
    if isinstance(plain, int):  # it counts nanoseconds, or is out of range
        kind, _, _ = type(value).__name__.partition("64")
        plain = value.astype(f"{kind}64[us]").item()
    return str(value) if isinstance(plain, int) else plain


def _plain_array(value: Any) -> object:
    masked = getattr(value, "mask", False) is not False and value.ndim == 0 and bool(value.mask)
    return None if masked else value.tolist()


_OF_NAMES: dict[tuple[str, str], Translator] = {
    ("numpy", "datetime64"): _plain_moment,
    ("numpy", "timedelta64"): _plain_moment,
    ("numpy", "generic"): _plain_scalar,
    ("numpy", "ndarray"): _plain_array,
    ("psycopg2._range", "Range"): _range_text,
}
