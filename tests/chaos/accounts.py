"""What each user's client received, below its layer and through it, and what is wrong with that."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.faults.heard import Heard
from tests.support.api import FINAL


@dataclass
class Account(Heard):
    """Of one user, who has one client.

    Attributes:
        told: how often the layer told the end of each job.
        rings: of each notification that the layer gave: when it was written (seconds since 1970), and
            how long it then took (seconds).
    """

    told: Counter[str] = field(default_factory=Counter)
    rings: list[tuple[float, float]] = field(default_factory=list)

    def receive(self, seq: int, at: float) -> None:
        """A number arrived at the official client, `at` seconds since 1970."""
        self.raw.append((seq, at))

    def give(self, notification: dict[str, Any], at: float) -> None:
        """The layer gave a notification, `at` seconds since 1970."""
        self.given.append((notification["seq"], at))
        if notification["type"].removeprefix("job.") in FINAL:
            self.told[notification["job_id"]] += 1
        written = datetime.fromisoformat(notification["created_at"]).timestamp()
        self.rings.append((written, at - written))

    @property
    def raw_duplicates(self) -> int:
        return len(self.raw) - len({seq for seq, _ in self.raw})

    @property
    def duplicates(self) -> int:
        return len(self.given) - len({seq for seq, _ in self.given})

    @property
    def out_of_order(self) -> int:
        """How often a number came after a higher one."""
        return sum(later < earlier for (earlier, _), (later, _) in pairwise(self.given))

    def gaps(self, head: int) -> int:
        """How many numbers the layer did not give."""
        return len(set(range(1, head + 1)) - {seq for seq, _ in self.given})

    def untold(self, jobs: Iterable[str]) -> Iterator[str]:
        """What is wrong with how the ends of these jobs were told."""
        for job in jobs:
            if self.told[job] != 1:
                yield f"{self.name}: the end of job {job} was told {self.told[job]} times"


def longest_ring(accounts: Iterable[Account], since: float, until: float) -> tuple[float, str]:
    """The longest time from commit to ring, of what was written in that time; seconds, and whose."""
    rings = ((account.name, *ring) for account in accounts for ring in account.rings)
    during = ((seconds, name) for name, written, seconds in rings if since <= written < until)
    return max(during, default=(0.0, "nobody"))
