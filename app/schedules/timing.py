"""When a schedule fires: cron expressions as Debian's cron reads them, in a time zone.

An expression whose minute and hour are both plain is a time of day: one that a change of the clocks
leaves out is made up for right after the gap, and one that comes twice counts the first time. Any other
goes by the time that passes. See `docs/schedules.md`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
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
        self._cron, self._zone = cron, ZoneInfo(time_zone)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The ticks later than a moment, in order, with the zone's own offset; without end."""
        last = moment.astimezone(UTC)
        for tick in CronSim(self._cron, last.astimezone(self._zone)):
            instant = tick.astimezone(UTC)
            # In an hour that comes twice, the parser gives times of its first run also in its second.
            if instant > last:
                last = instant
                yield instant.astimezone(self._zone)

    def next(self, moment: datetime) -> datetime:
        """The first tick later than a moment."""
        return next(self.after(moment))

    def upcoming(self, moment: datetime) -> list[datetime]:
        """The next five."""
        return list(islice(self.after(moment), SHOWN_RUNS))

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


def _problems(cron: str, time_zone: str) -> Iterator[tuple[str, str]]:
    problem = _cron_problem(cron)
    if problem:
        yield "cron", problem
    if time_zone not in _zones():
        yield (
            "time_zone",
            "There is no time zone of this name; one is `Europe/Berlin`, another `UTC`",
        )


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
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())
