"""When schedules fire: cron, time zones, and the two nights on which the clocks change."""

import random
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from app.errors import InvalidInput
from app.schedules.timing import Timing

BERLIN = "Europe/Berlin"
# The clocks go from 02:00 to 03:00 on 2027-03-28, and from 03:00 back to 02:00 on 2027-10-31.
SPRING = datetime(2027, 3, 27, 12, tzinfo=UTC)
AUTUMN = datetime(2027, 10, 30, 12, tzinfo=UTC)


def runs(cron: str, after: datetime, hours: int = 24, zone: str = BERLIN) -> list[str]:
    """The ticks of so many hours, as the zone writes them."""
    end = after + timedelta(hours=hours)
    found = []
    for tick in Timing(cron, zone).after(after):
        if tick > end:
            return found
        found.append(tick.strftime("%m-%d %H:%M%z"))
    return found


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["03-28 03:00+0200"]),  # made up for, right after the gap
        ("0,30 2 * * *", ["03-28 03:00+0200"]),
        ("0 2,3 * * *", ["03-28 03:00+0200"]),
        ("30 1,3 * * *", ["03-28 01:30+0100", "03-28 03:30+0200"]),
        ("*/30 2 * * *", []),  # goes by the time that passes, and this hour does not
    ],
)
def test_schedules_in_the_skipped_hour_run_once_or_as_documented(
    cron: str, expected: list[str]
) -> None:
    assert runs(cron, SPRING) == expected


def test_periodic_schedules_leave_no_gap_where_the_clocks_skip_an_hour() -> None:
    assert runs("0 * * * *", datetime(2027, 3, 27, 23, 30, tzinfo=UTC), 3) == [
        "03-28 01:00+0100",
        "03-28 03:00+0200",
        "03-28 04:00+0200",
    ]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["10-31 02:30+0200"]),  # the first of the two
        ("0,30 2 * * *", ["10-31 02:00+0200", "10-31 02:30+0200"]),
        (
            "*/30 2 * * *",
            ["10-31 02:00+0200", "10-31 02:30+0200", "10-31 02:00+0100", "10-31 02:30+0100"],
        ),
    ],
)
def test_schedules_in_the_repeated_hour_run_once_or_as_documented(
    cron: str, expected: list[str]
) -> None:
    assert runs(cron, AUTUMN) == expected


def test_periodic_schedules_run_in_both_of_the_repeated_hours() -> None:
    assert runs("30 * * * *", datetime(2027, 10, 30, 23, 45, tzinfo=UTC), 3) == [
        "10-31 02:30+0200",
        "10-31 02:30+0100",
        "10-31 03:30+0100",
    ]


@pytest.mark.parametrize("cron", ["30 2 * * *", "0,30 2 * * *", "*/30 2 * * *", "30 * * * *"])
@pytest.mark.parametrize("night", [SPRING, AUTUMN])
def test_schedules_asked_at_any_moment_of_such_a_night_tell_the_same_ticks(
    cron: str, night: datetime
) -> None:
    timing = Timing(cron, BERLIN)
    ticks = list(islice(timing.after(night), 30))
    for minutes in range(0, 24 * 60, 7):
        moment = night + timedelta(minutes=minutes, seconds=30)
        later = [each for each in ticks if each > moment]
        assert timing.next(moment) == later[0], moment
        earlier = [each for each in ticks if each <= moment]
        if earlier:
            assert timing.newest(ticks[0], moment) == earlier[-1], moment


@pytest.mark.parametrize("cron", ["* * * * *", "*/7 * * * *", "15 3 * * 1", "0 0 1 1 *"])
def test_schedules_find_the_newest_missed_tick_after_years_at_once(cron: str) -> None:
    timing = Timing(cron, BERLIN)
    due = timing.next(datetime(2020, 1, 1, tzinfo=UTC))
    now = datetime(2027, 7, 1, 12, 34, 56, tzinfo=UTC)
    newest = timing.newest(due, now)
    assert newest <= now < timing.next(newest)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("", "Wrong number of fields"),
        ("* * * *", "Wrong number of fields"),
        ("* * * * * *", "Wrong number of fields"),
        ("@daily", "Wrong number of fields"),
        ("60 * * * *", "Bad minute"),
        ("* 24 * * *", "Bad hour"),
        ("* * 0 * *", "Bad day-of-month"),
        ("* * * 13 *", "Bad month"),
        ("* * * * 8", "Bad day-of-week"),
        ("*/0 * * * *", "Bad minute"),
        ("5-1 * * * *", "Bad minute"),
        ("x * * * *", "Bad minute"),
        ("² * * * *", "Bad minute"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 */29 2 SUN#2", "Never fires"),
        ("0 " * 200, "characters"),
    ],
)
def test_schedules_refuse_what_is_no_cron_expression_or_never_fires(cron: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Timing(cron, "UTC")
    assert words in refused.value.fields["cron"][0]
    assert set(refused.value.fields) == {"cron"}


@pytest.mark.parametrize(
    "zone",
    [
        *("", " ", "Mars/Olympus", "europe/berlin", "Europe", "Europe/", "/etc/passwd"),
        *("../../etc/passwd", "Europe/../UTC", "Europe/Berlin\0", "posixrules", "localtime", "é"),
    ],
)
def test_schedules_refuse_unknown_and_hostile_time_zones(zone: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Timing("* * * * *", zone)
    assert set(refused.value.fields) == {"time_zone"}


def test_schedules_survive_any_text_for_a_cron_expression() -> None:
    chance = random.Random(6)
    taken = 0
    for _ in range(3000):
        fields = ["".join(chance.choices("0123456789*/,-#LWSUN", k=chance.randint(1, 5)))] * 5
        text = " ".join(chance.choice([each, "*", "1"]) for each in fields)
        try:
            ticks = Timing(text, BERLIN).upcoming(SPRING)
        except InvalidInput:
            continue
        taken += 1
        assert ticks == sorted(set(ticks)), text
    assert taken > 50


def test_schedules_tell_times_with_the_offset_of_their_zone() -> None:
    nights = Timing("0 12 * * *", BERLIN).upcoming(datetime(2027, 3, 26, 12, tzinfo=UTC))
    assert [each.isoformat() for each in nights][:2] == [
        "2027-03-27T12:00:00+01:00",
        "2027-03-28T12:00:00+02:00",
    ]
    assert len(nights) == 5
