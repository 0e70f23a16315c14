"""Types that take too long, or never hear that they have to stop."""

import itertools
import os
import time
from collections import deque
from pathlib import Path
from typing import Literal

from pydantic import Field

from app.errors import JobTimedOut
from app.job_types.base import JobContext, JobType, Json, Parameters

MEGABYTE = 1 << 20


class Late(Parameters):
    """How to be late."""

    how: Literal["sleep", "ignore", "report", "hold", "fork"] = Field(
        "sleep", description="How to use up the time."
    )
    seconds: float = Field(0, description="How long.")
    file: bool = Field(False, description="Whether to do it in the middle of a file.")


class TakesTooLong(JobType[Late]):
    """Uses up its time, and more."""

    name = "takes_too_long"
    title = "Take too long"
    parameters = Late
    example = {}
    soft_seconds = 2
    hard_seconds = 3.5

    def run(self, context: JobContext, parameters: Late) -> dict[str, Json]:
        if parameters.file:
            with context.artifact("half.bin", "application/octet-stream") as file:
                file.write(bytes(MEGABYTE))
                file.flush()
                getattr(self, parameters.how)(context, parameters.seconds)
        else:
            getattr(self, parameters.how)(context, parameters.seconds)
        return {}

    def sleep(self, context: JobContext, seconds: float) -> None:
        time.sleep(seconds)

    def ignore(self, context: JobContext, seconds: float) -> None:
        """Takes no notice of any exception."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                time.sleep(0.05)
            except Exception:  # noqa: BLE001, S112
                continue

    def report(self, context: JobContext, seconds: float) -> None:
        """Takes no notice of the interruption, until its next progress call."""
        end = time.monotonic() + seconds
        try:
            time.sleep(seconds)
        except JobTimedOut:
            context.progress(0.5)
            time.sleep(max(0.0, end - time.monotonic()))

    def hold(self, context: JobContext, seconds: float) -> None:
        """Never leaves C, so neither a signal nor another thread of Python gets its turn."""
        deque(itertools.repeat(None, 10**12 if seconds else 0), maxlen=0)

    def fork(self, context: JobContext, seconds: float) -> None:
        """Like `ignore`, with a copy of the process that never ends."""
        if seconds and os.fork() == 0:
            time.sleep(3600)
        self.ignore(context, seconds)


class IsDeaf(TakesTooLong):
    """The same, with time enough to be cancelled."""

    name = "is_deaf"
    title = "Be deaf"
    soft_seconds = 6
    hard_seconds = 60


class SlowHow(Parameters):
    """How to work for long."""

    seconds: float = Field(0, description="How long.")
    report: bool = Field(True, description="Whether to call progress, always with one value.")
    hold: bool = Field(False, description="Whether to let no other thread run meanwhile.")
    once: str = Field("", description="Folder that remembers who has begun: not twice, then.")


class Dawdles(JobType[SlowHow]):
    """Works for long without visible progress."""

    name = "dawdles"
    title = "Dawdle"
    parameters = SlowHow
    example = {}
    soft_seconds = 100
    hard_seconds = 110

    def run(self, context: JobContext, parameters: SlowHow) -> dict[str, Json]:
        if parameters.once and not self._begin(Path(parameters.once) / str(context.job_id)):
            return {"pid": os.getpid()}
        end = time.monotonic() + parameters.seconds
        if parameters.hold:
            deque(itertools.repeat(None, 10**12), maxlen=0)
        while time.monotonic() < end:
            if parameters.report:
                context.progress(0.5, "still at it")
            time.sleep(0.05)
        return {"pid": os.getpid()}

    def _begin(self, mark: Path) -> bool:
        begins = not mark.exists()
        mark.touch()
        return begins


class DawdlesOnce(Dawdles):
    """Acts on the outside world."""

    name = "dawdles_once"
    title = "Dawdle once"
    repeatable = False
