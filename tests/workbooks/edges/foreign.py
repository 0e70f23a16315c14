"""Values of numpy: scalars as the Python value, arrays as JSON."""

from datetime import timedelta

import numpy as np

from tests.workbooks.edges.edge import Edge
from tests.workbooks.edges.moments import at

ZERO = at(2024, 2, 29)

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
FLOATS = [np.float16, np.float32, np.float64, np.longdouble]

NUMBERS: list[tuple[object, object]] = [
    *((kind(5), 5) for kind in INTEGERS),
    *((kind(1.5), 1.5) for kind in FLOATS),
    (np.float32(0.1), 0.10000000149011612),
    (np.float64(0.1), 0.1),
    (np.float64(-0.0), 0.0),
    (np.int64(10**15 - 1), 10**15 - 1),
    (np.bool_(True), True),
    (np.bool_(False), False),
]

TEXTS: list[tuple[object, object]] = [
    (np.int64(2**63 - 1), "9223372036854775807"),
    (np.int64(10**15), "1000000000000000"),
    (np.uint64(2**64 - 1), "18446744073709551615"),
    (np.float32("nan"), "NaN"),
    (np.float64("nan"), "NaN"),
    (np.float64("inf"), "Infinity"),
    (np.float16("-inf"), "-Infinity"),
    (np.longdouble("nan"), "NaN"),
    (np.complex128(1 + 2j), "(1+2j)"),
    (np.str_("=text"), "=text"),
    (np.str_(""), None),
    (np.bytes_(b"\x00\xff"), "\\x00ff"),
    (np.void(b"\x00\xff"), "\\x00ff"),
]

MOMENTS: list[tuple[object, object]] = [
    (np.datetime64("2024-02-29"), ZERO),
    (np.datetime64("2024-02-29", "ns"), ZERO),
    (np.datetime64("2024-02", "M"), at(2024, 2, 1)),
    (np.datetime64("2024", "Y"), at(2024, 1, 1)),
    (np.datetime64("2024-02-29T13:14:15", "s"), ZERO.replace(hour=13, minute=14, second=15)),
    (np.datetime64("2024-02-29T13:14:15.5", "ms"), ZERO + timedelta(hours=13, seconds=855.5)),
    (np.datetime64("2024-02-29T00:00:00.001000000", "ns"), ZERO + timedelta(milliseconds=1)),
    (np.datetime64("1970-01-01T00:00:00.001", "ps"), at(1970, 1, 1, 0, 0, 0, 1000)),
    (np.datetime64("NaT"), None),
    (np.datetime64("NaT", "ns"), None),
    (np.timedelta64("NaT"), None),
    (np.timedelta64("NaT", "s"), None),
    (np.datetime64("1800-01-01T00:00:01"), "1800-01-01 00:00:01"),
    (np.datetime64("20000-01-01"), "20000-01-01"),
    (np.timedelta64(90, "s"), timedelta(seconds=90)),
    (np.timedelta64(5_000_000, "ns"), timedelta(milliseconds=5)),
    (np.timedelta64(2, "D"), timedelta(days=2)),
    (np.timedelta64(-36, "h"), timedelta(hours=-36)),
    # How long a month is, nobody knows.
    (np.timedelta64(3, "M"), "3 months"),
]

ARRAYS: list[tuple[object, object]] = [
    (np.array([1, 2]), "[1, 2]"),
    (np.array([]), "[]"),
    (np.array([[1.5, 2], [3, 4]]), "[[1.5, 2.0], [3.0, 4.0]]"),
    (np.array(["é", "=b"]), '["é", "=b"]'),
    (np.array([True, False]), "[true, false]"),
    (np.array(["2024-01-02"], "datetime64[D]"), '["2024-01-02"]'),
    (np.array([1, None, "x"], dtype=object), '[1, null, "x"]'),
    (np.ma.masked_array([1, 2], [False, True]), "[1, null]"),
    ([np.int64(1), np.float32(1.5), np.bool_(True)], "[1, 1.5, true]"),
    ({"a": np.array([1])}, '{"a": [1]}'),
]

EDGES = [
    *(
        Edge(f"{type(value).__name__} {ascii(value)[:40]}", value, arrives)
        for value, arrives in [*NUMBERS, *TEXTS, *MOMENTS, *ARRAYS]
    ),
    Edge("masked", np.ma.masked, None),
]
