"""When schedules fire: cron, time zones, and the two nights on which the clocks change."""

import random
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import islice
from pathlib import Path

import pytest
from cronsim import CronSim

from app.errors import InvalidInput
from app.schedules import timing as timing_module
from app.schedules.timing import Timing, upcoming

BERLIN = "Europe/Berlin"
# The clocks go from 02:00 to 03:00 on 2027-03-28, and from 03:00 back to 02:00 on 2027-10-31.
SPRING = datetime(2027, 3, 27, 12, tzinfo=UTC)
AUTUMN = datetime(2027, 10, 30, 12, tzinfo=UTC)


def runs(cron: str, after: datetime, hours: int = 24, zone: str = BERLIN) -> list[str]:
    """The ticks of so many hours, as the zone writes them."""
    end = after + timedelta(hours=hours)
    found: list[str] = []
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


# Each four hours before its clocks change: by an hour at midnight, by half an hour, by two hours.
ODD_NIGHTS = [
    ("America/Santiago", datetime(2024, 9, 8, 0, tzinfo=UTC)),
    ("America/Santiago", datetime(2024, 4, 6, 23, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2024, 4, 25, 18, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2024, 10, 31, 17, tzinfo=UTC)),
    ("America/Havana", datetime(2024, 3, 10, 1, tzinfo=UTC)),
    ("America/Havana", datetime(2024, 11, 3, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 10, 5, 11, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 11, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2024, 3, 30, 21, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2024, 10, 26, 21, tzinfo=UTC)),
]


def minutes_that_fit(cron: str, zone: str, after: datetime, hours: int) -> Iterator[str]:
    """What the zone's clock shows at each minute that fits, found by looking at every one."""
    fields = CronSim(cron, after)
    for minute in range(1, hours * 60 + 1):
        clock = (after + timedelta(minutes=minute)).astimezone(zoneinfo.ZoneInfo(zone))
        if (
            clock.minute in fields.minutes
            and clock.hour in fields.hours
            and fields.match_day(clock)
        ):
            yield clock.strftime("%m-%d %H:%M%z")


@pytest.mark.parametrize(("zone", "night"), ODD_NIGHTS)
@pytest.mark.parametrize(
    "cron",
    ["0 * * * *", "*/30 * * * *", "*/15 1-3 {day} * *", "*/20 0 {day} * *", "*/15 2,4 * * {week}"],
)
def test_periodic_schedules_run_at_each_minute_that_fits_wherever_the_clocks_change(
    cron: str, zone: str, night: datetime
) -> None:
    day = (night + timedelta(hours=6)).astimezone(zoneinfo.ZoneInfo(zone))
    cron = cron.format(day=day.day, week=day.isoweekday())
    expected = list(minutes_that_fit(cron, zone, night, 10))
    assert runs(cron, night, 10, zone) == expected
    assert expected or cron.startswith("*/20 0"), "midnight alone is left out"


@pytest.mark.parametrize(
    ("zone", "cron", "expected"),
    [
        ("America/Santiago", "0 0 * * *", "09-08 01:00-0300"),
        ("America/Santiago", "30 0 8 9 *", "09-08 01:00-0300"),
        ("Africa/Cairo", "0 0 * * *", "04-26 01:00+0300"),
        ("America/Havana", "15 0 * * *", "03-10 01:00-0400"),
        ("Australia/Lord_Howe", "10 2 * * *", "10-06 02:30+1100"),
    ],
)
def test_schedules_at_a_midnight_that_is_left_out_run_once_right_after_it(
    zone: str, cron: str, expected: str
) -> None:
    night = min(
        night for name, night in ODD_NIGHTS if name == zone and expected[:2] in f"{night:%m}"
    )
    assert runs(cron, night, 10, zone) == [expected]


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
            ticks = list(upcoming(text, BERLIN, SPRING))
        except InvalidInput:
            continue
        taken += 1
        assert ticks == sorted(set(ticks)), text
    assert taken > 50


def test_schedules_tell_times_with_the_offset_of_their_zone() -> None:
    nights = upcoming("0 12 * * *", BERLIN, datetime(2027, 3, 26, 12, tzinfo=UTC))
    assert [each.isoformat() for each in nights][:2] == [
        "2027-03-27T12:00:00+01:00",
        "2027-03-28T12:00:00+02:00",
    ]
    assert len(nights) == 5


def test_schedules_know_the_next_runs_of_a_minute_without_looking_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = []

    def look(*args: datetime | str) -> CronSim:
        looks.append(args)
        return CronSim(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(timing_module, "CronSim", look)
    moment = datetime(2027, 5, 1, 12, 29, 0, 1, tzinfo=UTC)
    cron = "30 12,13 1-7 5 *"
    first = upcoming(cron, "UTC", moment)
    assert first[0] == datetime(2027, 5, 1, 12, 30, tzinfo=UTC)
    count = len(looks)
    assert count > 0
    assert upcoming(cron, "UTC", moment.replace(second=59)) == first
    assert len(looks) == count
    assert upcoming(cron, "UTC", first[0])[:4] == first[1:]


def test_schedules_take_their_zones_from_the_package_and_not_from_the_machine(
    tmp_path: Path,
) -> None:
    other = files("tzdata").joinpath("zoneinfo/Asia/Tokyo").read_bytes()
    (tmp_path / "Asia").mkdir()
    (tmp_path / "Asia/Kathmandu").write_bytes(other)
    zoneinfo.reset_tzpath([tmp_path])
    try:
        moment = datetime(2027, 5, 1, tzinfo=UTC)
        machine = moment.astimezone(zoneinfo.ZoneInfo.no_cache("Asia/Kathmandu"))
        assert machine.utcoffset() == timedelta(hours=9)
        own = Timing("* * * * *", "Asia/Kathmandu").next(moment)
        assert own.utcoffset() == timedelta(hours=5, minutes=45)
    finally:
        zoneinfo.reset_tzpath()


def test_schedules_find_a_file_for_each_zone_that_they_take() -> None:
    names = timing_module._zones()
    assert len(names) > 400
    assert all(timing_module._zone(name).key == name for name in names)
