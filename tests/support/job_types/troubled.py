"""Types that end badly."""

import ctypes
import os
import signal

from app.errors import JobFailed
from app.job_types.base import JobContext, JobType, Json, Parameters

HOSTILE = "=1+1\x00 \x01\x1b[31m _x0041_ \ud83d مرحبا 😀\r\n"


class NoParameters(Parameters):
    """Takes nothing."""


class Raises(JobType[NoParameters]):
    """Raises what nobody expects, after it wrote a file."""

    name = "raises"
    title = "Raise"
    parameters = NoParameters
    example = {}

    def run(self, context: JobContext, parameters: NoParameters) -> dict[str, Json]:
        with context.artifact("half.txt", "text/plain") as file:
            file.write(b"half")
        raise ZeroDivisionError("division by zero\nand a second line")


class Refuses(JobType[NoParameters]):
    """Fails with a reason for its owner."""

    name = "refuses"
    title = "Refuse"
    parameters = NoParameters
    example = {}

    def run(self, context: JobContext, parameters: NoParameters) -> dict[str, Json]:
        raise JobFailed("There is nothing to report for this month.", code="nothing_to_report")


class SpeaksHostilely(JobType[NoParameters]):
    """Fails in words that no database, and then no workbook, takes as they are."""

    name = "speaks_hostilely"
    title = '=HYPERLINK("http://example.com")'
    parameters = NoParameters
    example = {}

    def run(self, context: JobContext, parameters: NoParameters) -> dict[str, Json]:
        context.progress(0.5, HOSTILE)
        raise JobFailed(HOSTILE)


class ReturnsHostileText(JobType[NoParameters]):
    """Returns such words."""

    name = "returns_hostile_text"
    title = "Return"
    parameters = NoParameters
    example = {}

    def run(self, context: JobContext, parameters: NoParameters) -> dict[str, Json]:
        return {"text": HOSTILE}


class KillsItsWorker(JobType[NoParameters]):
    """Ends its own process, every time."""

    name = "kills_its_worker"
    title = "Kill"
    parameters = NoParameters
    example = {}
    max_attempts = 2

    def run(self, context: JobContext, parameters: NoParameters) -> dict[str, Json]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}


class ReturnsNonsense(JobType[NoParameters]):
    """Returns what is not JSON, and reports nonsense on the way."""

    name = "returns_nonsense"
    title = "Nonsense"
    parameters = NoParameters
    example = {}

    def run(self, context: JobContext, parameters: NoParameters) -> dict[str, Json]:
        context.progress(float("nan"), "a NUL \x00 and half a pair \ud800")
        return {"value": float("nan")}


class HoldParameters(Parameters):
    """For how long."""

    seconds: float = 0


class LetsNobodyRun(JobType[HoldParameters]):
    """Holds the lock of the interpreter, again and again."""

    name = "lets_nobody_run"
    title = "Let nobody run"
    parameters = HoldParameters
    example = {}

    def run(self, context: JobContext, parameters: HoldParameters) -> dict[str, Json]:
        library = ctypes.PyDLL(None)  # unlike a CDLL, lets no other thread run meanwhile
        for _ in range(20 if parameters.seconds else 0):
            library.usleep(int(parameters.seconds * 1_000_000))
            context.progress(0.5)
        return {}
