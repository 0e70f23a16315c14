"""When a schedule fires: cron expressions as Debian's cron reads them, in a time zone.

An expression whose minute and hour are both plain is a time of day: one that a change of the clocks
leaves out is made up for right after the gap, and one that comes twice counts the first time. Any other
goes by the time that passes: it fires whenever the zone's clock shows what fits. See
`docs/schedules.md`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from app.errors import InvalidInput

MAX_CRON = 200
FIELDS = 5
SHOWN_RUNS = 5
# How far back the newest of the missed ticks is looked for at first.
_FIRST_LOOK = timedelta(hours=1)
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
# Looking for a rare day takes milliseconds: what was found is kept, of more than one page shows.
KEPT_ANSWERS = 2048
_TZDATA = files("tzdata")


class Timing:
    """A cron expression in a time zone.

    Args:
        cron: five fields.
        time_zone: IANA name.

    Raises:
        InvalidInput: names the field, `cron` or `time_zone`, that is of no use.
    """

    def __init__(self, cron: str, time_zone: str) -> None:
        wrong = dict(_problems(cron, time_zone))
        if wrong:
            named = " and ".join(wrong)
            raise InvalidInput(f"Not acceptable: {named}.", {k: [v] for k, v in wrong.items()})
        self._cron, self._zone = cron, _zone(time_zone)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The ticks later than a moment, in order, with the zone's own offset; without end."""
        last, clock = moment.astimezone(UTC), moment.astimezone(self._zone)
        ticks = CronSim(self._cron, clock) if self._is_time_of_day() else self._passing(clock)
        for tick in ticks:
            instant = tick.astimezone(UTC)
            # In an hour that comes twice, times of its first run are found also in its second.
            if instant > last:
                last = instant
                yield instant.astimezone(self._zone)

    def _is_time_of_day(self) -> bool:
        return not any(field.startswith("*") for field in self._cron.split()[:2])

    def _passing(self, clock: datetime) -> Iterator[datetime]:
        """Each moment at which the zone's clock shows what fits, from `clock` on, in order.

        The parser is asked for what a clock shows, and knows no zone: counting on from a time that is
        left out, such as midnight in Santiago, it loses the hour after it.
        """
        repeated = _instant(clock, fold=1) - _instant(clock, fold=0)
        second_run: list[datetime] = []
        for shown in CronSim(self._cron, clock.replace(tzinfo=None) - repeated):
            both = [_instant(shown.replace(tzinfo=self._zone), fold) for fold in (0, 1)]
            moments = [each for each in both if self._shown(each) == shown]
            if moments:  # else it is left out
                while second_run and second_run[0] < moments[0]:
                    yield second_run.pop(0)
                yield moments[0]
                second_run += moments[1:]

    def _shown(self, instant: datetime) -> datetime:
        return instant.astimezone(self._zone).replace(tzinfo=None)

    def next(self, moment: datetime) -> datetime:
        """The first tick later than a moment."""
        return next(self.after(moment))

    def newest(self, due: datetime, now: datetime) -> datetime:
        """The last tick that is not later than `now`.

        Looks back further and further, so that it takes as long for a minute as for a year.

        Args:
            due: a tick that is not later than `now` either.
        """
        look = _FIRST_LOOK
        while True:
            begin = max(due, now - look)
            newest = due
            for tick in self.after(begin):
                if tick > now:
                    break
                newest = tick
            if newest > due or begin == due:
                return newest
            look *= 4


def upcoming(cron: str, time_zone: str, moment: datetime) -> tuple[datetime, ...]:
    """The next five ticks; takes milliseconds, the first time in each minute.

    Raises:
        InvalidInput: see `Timing`.
    """
    # Ticks are whole minutes: those after this moment are those after its minute began.
    return _upcoming(cron, time_zone, moment.replace(second=0, microsecond=0))


@lru_cache(KEPT_ANSWERS)
def _upcoming(cron: str, time_zone: str, minute: datetime) -> tuple[datetime, ...]:
    return tuple(islice(Timing(cron, time_zone).after(minute), SHOWN_RUNS))


def _instant(clock: datetime, fold: int) -> datetime:
    return clock.replace(fold=fold).astimezone(UTC)


def _problems(cron: str, time_zone: str) -> Iterator[tuple[str, str]]:
    problem = _cron_problem(cron)
    if problem:
        yield "cron", problem
    if time_zone not in _zones():
        yield (
            "time_zone",
            "There is no time zone of this name; one is `Europe/Berlin`, another `UTC`",
        )


@lru_cache(KEPT_ANSWERS)
def _cron_problem(cron: str) -> str | None:
    if len(cron) > MAX_CRON:
        return f"Has more than {MAX_CRON} characters"
    try:
        if len(cron.split()) != FIELDS:
            raise CronSimError("Wrong number of fields")
        next(CronSim(cron, _SOME_DAY))
    except CronSimError as error:
        return f"Is no cron expression of five fields, or names no day that there is: {error}"
    except StopIteration:
        return "Never fires: there is no such day"
    return None


@cache
def _zones() -> frozenset[str]:
    """The names that there are; those of a package, so that they are the same on every machine."""
    return frozenset(_TZDATA.joinpath("zones").read_text(encoding="utf-8").split())


@cache
def _zone(name: str) -> ZoneInfo:
    """The zone of one of these names, from the same package: `ZoneInfo(name)` asks the machine first."""
    with _TZDATA.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
