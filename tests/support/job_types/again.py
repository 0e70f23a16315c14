"""Types for the tests of jobs that are submitted, run or ended more than once."""

import time

from pydantic import Field

from app.errors import JobFailed
from app.job_types.base import JobContext, JobType, Json, Parameters


class NameParameters(Parameters):
    """Of which kind."""

    name: str = Field("one", description="Of this kind there is one at a time.")


class OneOfAKind(JobType[NameParameters]):
    """Of each name there is one at a time."""

    name = "one_of_a_kind"
    title = "One of a kind"
    parameters = NameParameters
    example = {}

    def unique_key(self, parameters: NameParameters) -> str | None:
        return parameters.name

    def run(self, context: JobContext, parameters: NameParameters) -> dict[str, Json]:
        return {}


class TimesParameters(Parameters):
    """How often to fail."""

    times: int = Field(1, description="Attempts that fail.")


class FailsForNow(JobType[TimesParameters]):
    """Says itself that another try may help."""

    name = "fails_for_now"
    title = "Fail for now"
    parameters = TimesParameters
    example = {"times": 0}

    def run(self, context: JobContext, parameters: TimesParameters) -> dict[str, Json]:
        with context.artifact("attempt.txt", "text/plain") as file:
            file.write(f"attempt {context.attempt}".encode())
        if context.attempt <= parameters.times:
            raise JobFailed("The figures are not there yet.", code="too_early", retryable=True)
        return {"attempt": context.attempt}


class Hiccups(JobType[TimesParameters]):
    """Raises what it declares to be a hiccup, and what it does not."""

    name = "hiccups"
    title = "Hiccups"
    parameters = TimesParameters
    example = {"times": 0}
    retry_on = (ConnectionError,)

    def run(self, context: JobContext, parameters: TimesParameters) -> dict[str, Json]:
        if context.attempt <= parameters.times:
            raise ConnectionResetError("the other side hung up")
        if parameters.times < 0:
            raise ValueError("no hiccup")
        return {"attempt": context.attempt}


class WritesParameters(Parameters):
    """What to be cancelled at."""

    whole: bool = Field(False, description="Whether the file is complete by then.")


class WritesUntilCancelled(JobType[WritesParameters]):
    """Writes a file, and reports progress for longer than any test waits."""

    name = "writes_until_cancelled"
    title = "Write"
    parameters = WritesParameters
    example = {}

    def run(self, context: JobContext, parameters: WritesParameters) -> dict[str, Json]:
        with context.artifact("half.txt", "text/plain") as file:
            file.write(b"half of it")
            file.flush()
            if not parameters.whole:
                self._go_on(context)
        self._go_on(context)
        return {}

    def _go_on(self, context: JobContext) -> None:
        for step in range(1200):
            context.progress(step / 1200, "writing")
            time.sleep(0.05)
