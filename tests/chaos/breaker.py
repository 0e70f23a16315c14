"""Breaks things by the schedule, and mends each."""

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.chaos.schedule import Fault
from tests.chaos.targets import (
    Application,
    Target,
    cut_sessions,
    cut_subscribers,
    flush,
    targets_of,
)
from tests.faults.cluster import Cluster
from tests.support.waiting import wait_for

LOOK_SECONDS = 0.1
STOP_SECONDS = 40.0
UP_SECONDS = 60.0

# What a fault does, piece by piece: each value is how many seconds to wait before the next.
Steps = Iterator[float]


class Breaker:
    """Use it from the main thread only: what it starts is to end when that one ends.

    Args:
        cluster: what is broken.
        schedule: when, from the creation of this object on.
        say: takes a line about what happens.
        findings: takes what should not have happened.

    Attributes:
        counts: how often what was done, by process and kind of fault.
        ended_at: when the last fault was over, seconds since 1970.
    """

    def __init__(
        self,
        cluster: Cluster,
        schedule: list[Fault],
        say: Callable[[str], None],
        findings: list[str],
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._findings = findings
        self.ended_at = time.time()
        self._cluster, self._say = cluster, say
        self._targets = targets_of(cluster)
        self._busy: set[str] = set()
        self._serials = itertools.count()
        self._begin = time.monotonic()
        self._due: list[tuple[float, int, Steps]] = []
        for fault in schedule:
            self._plan(fault.at, self._steps(fault))

    @property
    def done(self) -> bool:
        return not self._due

    def turn(self) -> None:
        """Do what is due; call it often."""
        self._find_dead()
        while self._due and self._due[0][0] <= time.monotonic() - self._begin:
            _, _, steps = heapq.heappop(self._due)
            pause = next(steps, None)
            if pause is None:
                self.ended_at = time.time()
            else:
                self._plan(time.monotonic() - self._begin + pause, steps)

    def check(self) -> None:
        """Wait until everything answers; fails if it does not."""
        for target in self._everything():
            wait_for(target.answers, f"an answer of {target.name}", UP_SECONDS)

    def _everything(self) -> Iterator[Target]:
        return itertools.chain.from_iterable(self._targets.values())

    def _plan(self, at: float, steps: Steps) -> None:
        heapq.heappush(self._due, (at, next(self._serials), steps))

    def _steps(self, fault: Fault) -> Steps:
        of_a_kind = self._targets[fault.process]
        hit = of_a_kind if fault.kind == "restart" else [of_a_kind[fault.index]]
        for target in hit:
            while target.name in self._busy:
                yield LOOK_SECONDS
            self._busy.add(target.name)
            self._say(f"{fault.kind} {target.name}")
            yield from self._break(fault, target)
            self._busy.discard(target.name)
        self.counts[fault.process, fault.kind] += 1

    def _break(self, fault: Fault, target: Target) -> Steps:
        match fault.process, fault.kind:
            case _, "kill":
                target.kill()
                yield fault.seconds
                yield from self._start(target)
            case _, "pause":
                target.freeze()
                yield fault.seconds
                target.thaw()
            case _, "restart":
                yield from self._restart(target)
            case _, "kill child":
                yield from self._kill_child(target)
            case "postgres", "cut":
                cut_sessions(self._cluster)
            case "valkey", "cut":
                cut_subscribers(self._cluster)
            case "valkey", "flush":
                flush(self._cluster)
            case what:
                raise ValueError(f"nobody knows how to do that: {what}")

    def _kill_child(self, target: Target) -> Steps:
        assert isinstance(target, Application)
        deadline = time.monotonic() + UP_SECONDS
        while not (target.is_ready() and target.kill_child()):
            if time.monotonic() > deadline:
                self._findings.append(
                    f"{target.name} had no process to kill for {UP_SECONDS:.0f} s"
                )
                return
            yield LOOK_SECONDS

    def _restart(self, target: Target) -> Steps:
        target.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while target.runs() and time.monotonic() < deadline:
            yield LOOK_SECONDS
        if target.runs():
            self._findings.append(
                f"{target.name} did not end within {STOP_SECONDS:.0f} s of SIGTERM"
            )
            target.kill()
        elif status := target.status():
            self._findings.append(f"{target.name} ended with status {status} at SIGTERM")
        yield from self._start(target)

    def _start(self, target: Target) -> Steps:
        target.start()
        deadline = time.monotonic() + UP_SECONDS
        while not target.answers():
            if time.monotonic() > deadline:
                self._findings.append(
                    f"{target.name} did not answer {UP_SECONDS:.0f} s after its start"
                )
                return
            yield LOOK_SECONDS

    def _find_dead(self) -> None:
        """Nothing ends unless it is told to."""
        for target in self._everything():
            if target.name not in self._busy and not target.runs():
                status = target.status()
                self._findings.append(f"{target.name} ended by itself, with status {status}")
                target.start()
