"""Everything else that rows of a database or a program may hold."""

from collections import Counter, OrderedDict, defaultdict, namedtuple
from datetime import date
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from types import SimpleNamespace
from uuid import UUID

from psycopg2.extras import DateRange, DateTimeRange, Inet, NumericRange

from tests.workbooks.edges.edge import Edge
from tests.workbooks.edges.moments import at
from tests.workbooks.edges.texts import GONE, MOST, ROCKET

Point = namedtuple("Point", "x y")


class Odd:
    def __str__(self) -> str:
        return "=odd \x00 _x0041_ \ud800"


class Silent:
    def __str__(self) -> str:
        return ""


class OddList(list[int]):
    def __str__(self) -> str:
        return "odd"


HOLDS_ITSELF: list[object] = [1]
HOLDS_ITSELF.append(HOLDS_ITSELF)

JSON: list[tuple[object, str]] = [
    ({}, "{}"),
    ([], "[]"),
    ((), "[]"),
    (set(), "[]"),
    ([1, "=2", None, True, 1.5], '[1, "=2", null, true, 1.5]'),
    ((1, (2, 3)), "[1, [2, 3]]"),
    ({3}, "[3]"),
    (frozenset({"a"}), '["a"]'),
    ({"a": {"b": [1]}}, '{"a": {"b": [1]}}'),
    ({1: 2, None: 3}, '{"1": 2, "null": 3}'),
    ({"é": ROCKET}, f'{{"é": "{ROCKET}"}}'),
    ([Decimal("1.50"), date(2024, 1, 2)], '["1.50", "2024-01-02"]'),
    ([UUID(int=1)], '["00000000-0000-0000-0000-000000000001"]'),
    ({"at": at(2024, 1, 2, 3, 4)}, '{"at": "2024-01-02 03:04:00"}'),
    ([b"\x00\xff"], '["\\\\x00ff"]'),
    (["<&>\n"], '["<&>\\n"]'),
    (["\x00"], '["\\u0000"]'),
    (["_x0041_"], '["_x0041_"]'),
    (["\ud800"], f'["{GONE}"]'),
    (Point(1, "a"), '[1, "a"]'),
    (OrderedDict(b=1, a=2), '{"b": 1, "a": 2}'),
    (defaultdict(list, a=[1]), '{"a": [1]}'),
    (Counter("aab"), '{"a": 2, "b": 1}'),
    (OddList([1, 2]), "[1, 2]"),
    ([10**20], "[100000000000000000000]"),
]

BYTES: list[tuple[object, str]] = [
    (b"\x00\xff", "\\x00ff"),
    (b"", "\\x"),
    (b"=1+1", "\\x3d312b31"),
    (bytearray(b"\x01"), "\\x01"),
    (memoryview(b"abc"), "\\x616263"),
    (memoryview(b"abcdef")[::2], "\\x616365"),
]

RANGES: list[tuple[object, str]] = [
    (NumericRange(1, 5), "[1,5)"),
    (NumericRange(1, 5, "(]"), "(1,5]"),
    (NumericRange(None, 5, "()"), "(,5)"),
    (NumericRange(Decimal("1.50"), None), "[1.50,)"),
    (NumericRange(None, None, "()"), "(,)"),
    (NumericRange(empty=True), "empty"),
    (DateRange(date(2024, 1, 1), date(2024, 2, 1)), "[2024-01-01,2024-02-01)"),
    (
        DateTimeRange(at(2024, 1, 1), at(2024, 1, 2, 3)),
        '["2024-01-01 00:00:00","2024-01-02 03:00:00")',
    ),
]

TEXTS: list[tuple[object, str]] = [
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (UUID(int=2**128 - 1), "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    (Inet("192.0.2.0/24"), "192.0.2.0/24"),
    (IPv4Address("192.0.2.1"), "192.0.2.1"),
    (PurePosixPath("/a/b"), "/a/b"),
    (range(3), "range(0, 3)"),
    (SimpleNamespace(a=1), "namespace(a=1)"),
    (ValueError("what"), "what"),
    (Odd(), f"=odd \x00 _x0041_ {GONE}"),
    (int, "<class 'int'>"),
]

EDGES = [
    Edge("nothing", None, None),
    Edge("an object without a text", Silent(), None),
    *(
        Edge(f"{type(value).__name__} {ascii(text)[1:25]}", value, text)
        for value, text in [*JSON, *BYTES, *RANGES, *TEXTS]
    ),
    Edge("a long list", ["ab"] * 10_000, ('["ab", ' + '"ab", ' * 10_000)[:MOST]),
    Edge("long bytes", b"\xab" * 20_000, ("\\x" + "ab" * 20_000)[:MOST]),
    Edge("a list that holds itself", HOLDS_ITSELF, "[1, [...]]"),
    Edge("a dict with a tuple for a key", {(1, 2): 3}, "{(1, 2): 3}"),
    Edge("a long number in a list", [10**5000], f'["1{"0" * 5000}"]'),
]
