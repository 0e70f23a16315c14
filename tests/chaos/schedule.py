"""What is broken when: a seed fixes all of it."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PROCESSES = ("server", "worker", "beat", "postgres", "valkey")
KILLS = [(process, "kill") for process in PROCESSES]
OTHERS = [
    *((process, kind) for process in PROCESSES for kind in ("pause", "restart")),
    ("worker", "kill child"),
    ("postgres", "cut"),
    ("valkey", "cut"),
    ("valkey", "flush"),
]
SINGLE = {"postgres", "valkey"}
# Of each of two processes of a kind one is hit; the other may be hit meanwhile.
PROCESSES_OF_A_KIND = 2

FAULTS_A_MINUTE = 12
SLOT_SECONDS = 60 / FAULTS_A_MINUTE
LONGEST_DOWN_SECONDS = 4.0
PAUSE_SECONDS = (1.0, 8.0)


@dataclass(frozen=True)
class Fault:
    """One thing that is broken, and mended.

    Attributes:
        at: seconds from the first job on.
        process: one of `PROCESSES`.
        kind: `kill` (SIGKILL), `pause` (SIGSTOP), `restart` (SIGTERM, of each of its kind in turn),
            `kill child` (one process for jobs), `cut` (the sessions of Postgres; the subscribers of
            Valkey), `flush` (Valkey forgets everything).
        index: which of its kind.
        seconds: how long it is down or frozen.
    """

    at: float
    process: str
    kind: str
    index: int
    seconds: float

    def __str__(self) -> str:
        which = "" if self.kind == "restart" or self.process in SINGLE else f" {self.index + 1}"
        lasts = f", {self.seconds:.1f} s" if self.kind in {"kill", "pause"} else ""
        return f"{self.at:6.1f} s  {self.kind} {self.process}{which}{lasts}"


def make_schedule(seed: int, minutes: float) -> list[Fault]:
    """The faults of a run, in their order.

    Each whole minute kills every kind of process; what else there is comes in turn.
    """
    draw = random.Random(f"schedule {seed}")
    kinds = _kinds(draw)
    slots = range(int(minutes * FAULTS_A_MINUTE))
    return [_fault(draw, slot * SLOT_SECONDS, *next(kinds)) for slot in slots]


def _kinds(draw: random.Random) -> Iterator[tuple[str, str]]:
    others = _deal(draw, OTHERS)
    while True:
        hand = [*KILLS, *(next(others) for _ in range(FAULTS_A_MINUTE - len(KILLS)))]
        draw.shuffle(hand)
        yield from hand


def _deal(draw: random.Random, cards: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """All of them in some order, again and again."""
    deck = list(cards)
    while True:
        draw.shuffle(deck)
        yield from deck


def _fault(draw: random.Random, begin: float, process: str, kind: str) -> Fault:
    seconds = (
        draw.uniform(*PAUSE_SECONDS) if kind == "pause" else draw.uniform(0, LONGEST_DOWN_SECONDS)
    )
    at = begin + draw.uniform(0, SLOT_SECONDS)
    index = 0 if process in SINGLE else draw.randrange(PROCESSES_OF_A_KIND)
    return Fault(round(at, 1), process, kind, index, round(seconds, 1))
