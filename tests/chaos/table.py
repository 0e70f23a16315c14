"""Whether a run counts, and its table."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.chaos.schedule import PROCESSES

FULL_MINUTES = 10.0
FULL_JOBS = 500
FULL_KILLS = 3


@dataclass(frozen=True)
class Minimums:
    """What a run has to have seen to say anything.

    Attributes:
        jobs: accepted.
        kills: of each kind of process.
    """

    jobs: int
    kills: int

    @classmethod
    def of(cls, minutes: float) -> "Minimums":
        """Those of a run of ten minutes or more, or a share of them."""
        share = min(minutes / FULL_MINUTES, 1.0)
        return cls(math.ceil(FULL_JOBS * share), math.ceil(FULL_KILLS * share))

    def missed(self, accepted: int, counts: Counter[tuple[str, str]]) -> list[str]:
        """Why a run does not count; nothing if it does."""
        jobs = [f"{accepted} accepted jobs of {self.jobs}"] if accepted < self.jobs else []
        killed = {process: counts[process, "kill"] for process in PROCESSES}
        return jobs + [
            f"{kills} kills of {process} of {self.kills}"
            for process, kills in killed.items()
            if kills < self.kills
        ]


def show(rows: Iterable[tuple[str, object]], counts: Counter[tuple[str, str]]) -> str:
    """The table, in lines."""
    lines = [f"  {name:<48}{value}" for name, value in rows]
    kinds = sorted({kind for _, kind in counts})
    head = "".join(f"{kind:>12}" for kind in kinds)
    lines.append(f"  {'faults':<12}{head}{'all':>8}")
    for process in PROCESSES:
        each = [counts[process, kind] for kind in kinds]
        cells = "".join(f"{count or '-':>12}" for count in each)
        lines.append(f"  {process:<12}{cells}{sum(each):>8}")
    return "\n".join(lines)
