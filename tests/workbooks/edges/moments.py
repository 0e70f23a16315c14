"""Dates and times: what Excel's calendar has, and ISO text for the rest."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from tests.workbooks.edges.edge import Edge, unchanged

INDIA = timezone(timedelta(hours=5, minutes=30))
WEST = timezone(timedelta(hours=-5))
ODD = timezone(timedelta(hours=1, minutes=23, seconds=45))
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
APIA = ZoneInfo("Pacific/Apia")


class Stamp(datetime):
    """A moment that shows itself as something else."""

    def __str__(self) -> str:
        return "stamp"


class Day(date):
    def __str__(self) -> str:
        return "day"


class Span(timedelta):
    def __str__(self) -> str:
        return "span"


def at(*parts: int, zone: tzinfo | None = None, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=zone, fold=fold)  # type: ignore[misc, arg-type]


FIRST = at(1, 1, 1)
LAST = at(9999, 12, 31, 23, 59, 59, 999_999)

DATES = [(2024, 2, 29), (1900, 3, 1), (1970, 1, 1), (2000, 1, 1), (9999, 12, 31)]

MOMENTS = [
    at(2024, 2, 29),
    at(2024, 2, 29, 23, 59, 59),
    at(2024, 2, 29, 23, 59, 59, 999_000),
    at(2024, 2, 29, 1, 2, 3, 456_789),
    at(2024, 2, 29, 12),
    at(1900, 3, 1),
    at(1900, 3, 1, 0, 0, 0, 1000),
    at(1970, 1, 1, 0, 0, 1),
    at(9999, 12, 31, 23, 59, 59),
    at(9999, 12, 31, 23, 59, 59, 999_000),
    LAST,
    at(9999, 12, 31, 23, 59, 59, 999_500),
]

AWARE = [
    (at(2024, 1, 1, 2, 0, zone=UTC), at(2024, 1, 1, 2, 0)),
    (at(2024, 1, 1, 2, 0, zone=INDIA), at(2023, 12, 31, 20, 30)),
    (at(2024, 1, 1, 23, 0, zone=WEST), at(2024, 1, 2, 4, 0)),
    (at(2024, 1, 1, 1, 23, 45, zone=ODD), at(2024, 1, 1)),
    (at(2024, 1, 1, zone=BERLIN), at(2023, 12, 31, 23)),
    (at(2024, 7, 1, zone=BERLIN), at(2024, 6, 30, 22)),
    # The hour that happens twice, and the one that does not happen.
    (at(2024, 10, 27, 2, 30, zone=BERLIN), at(2024, 10, 27, 0, 30)),
    (at(2024, 10, 27, 2, 30, zone=BERLIN, fold=1), at(2024, 10, 27, 1, 30)),
    (at(2024, 3, 31, 2, 30, zone=BERLIN), at(2024, 3, 31, 1, 30)),
    (at(2024, 11, 3, 1, 30, zone=NEW_YORK, fold=1), at(2024, 11, 3, 6, 30)),
    (at(2011, 12, 31, 12, 0, zone=APIA), at(2011, 12, 30, 22, 0)),
    (at(1900, 3, 1, 12, 0, zone=INDIA), at(1900, 3, 1, 6, 30)),
    (at(1900, 2, 28, 22, 0, zone=WEST), at(1900, 3, 1, 3, 0)),
    (LAST.replace(tzinfo=UTC), LAST),
    (LAST.replace(tzinfo=INDIA), LAST - timedelta(hours=5, minutes=30)),
]

AS_TEXT: list[tuple[object, str]] = [
    (date(1900, 2, 28), "1900-02-28"),
    (date(1900, 1, 1), "1900-01-01"),
    (date(1899, 12, 30), "1899-12-30"),
    (date.min, "0001-01-01"),
    (at(1900, 2, 28, 23, 59, 59, 999_999), "1900-02-28 23:59:59.999999"),
    (at(1899, 12, 31, 1, 2, 3), "1899-12-31 01:02:03"),
    (FIRST, "0001-01-01 00:00:00"),
    (at(1900, 3, 1, 1, 0, zone=INDIA), "1900-02-28 19:30:00"),
    (at(1800, 1, 1, zone=UTC), "1800-01-01 00:00:00"),
    # Their instants lie outside of Python's calendar.
    (LAST.replace(tzinfo=WEST), "9999-12-31 23:59:59.999999-05:00"),
    (FIRST.replace(tzinfo=INDIA), "0001-01-01 00:00:00+05:30"),
    (time(1, 2, 3, tzinfo=UTC), "01:02:03+00:00"),
    (time(1, 2, 3, 4, tzinfo=INDIA), "01:02:03.000004+05:30"),
    (Day(1800, 1, 1), "1800-01-01"),
    (Stamp(1800, 1, 1), "1800-01-01 00:00:00"),
]

TIMES = [
    time(0, 0),
    time(13, 14, 15),
    time(0, 0, 0, 1000),
    time(12, 0),
    time(23, 59, 59),
    time(23, 59, 59, 999_000),
    time.max,
]

SPANS = [
    timedelta(hours=30, minutes=5),
    timedelta(seconds=90),
    timedelta(seconds=-90),
    timedelta(0),
    timedelta(milliseconds=1),
    timedelta(days=1),
    timedelta(days=400, milliseconds=5),
    timedelta(days=-3, hours=2),
]

EDGES = [
    *(Edge(f"date {parts}", date(*parts), at(*parts)) for parts in DATES),
    *(unchanged(f"datetime {moment}", moment) for moment in MOMENTS),
    *(Edge(f"aware {moment} fold {moment.fold}", moment, utc) for moment, utc in AWARE),
    *(Edge(f"{type(each).__name__} as text {text}", each, text) for each, text in AS_TEXT),
    *(unchanged(f"time {each}", each) for each in TIMES),
    *(unchanged(f"timedelta {each}", each) for each in SPANS),
    Edge("subclass of datetime", Stamp(2024, 5, 6, 7, 8, 9), at(2024, 5, 6, 7, 8, 9)),
    Edge("aware subclass", Stamp(2024, 5, 6, 7, tzinfo=INDIA), at(2024, 5, 6, 1, 30)),
    Edge("subclass of date", Day(2024, 5, 6), at(2024, 5, 6)),
    Edge("subclass of timedelta", Span(hours=2), timedelta(hours=2)),
]
