"""Types for the tests of faults."""

import _thread
import sys
import threading
import time
import types
from typing import Any

from app.job_types.base import JobContext, JobType, Json, Parameters
from tests.faults.points import reach


class StepsParameters(Parameters):
    """What to do."""

    seconds: float = 0
    file: bool = True


class Steps(JobType[StepsParameters]):
    """Comes to the point `running`, works for a while, writes a file that tells the attempt."""

    name = "steps"
    title = "Steps"
    parameters = StepsParameters
    example = {}
    max_attempts = 5

    def run(self, context: JobContext, parameters: StepsParameters) -> dict[str, Json]:
        reach("running", context.job_id)
        end = time.monotonic() + parameters.seconds
        while time.monotonic() < end:
            context.progress(0.5)
            time.sleep(0.05)
        if parameters.file:
            with context.artifact("steps.txt", "text/plain") as file:
                file.write(f"attempt {context.attempt} of {context.job_id}\n".encode() * 1000)
        context.progress(1)
        return {"attempt": context.attempt}


class StepsOnce(Steps):
    """The same, and acts on the outside world."""

    name = "steps_once"
    repeatable = False


class LooksAround(JobType[Parameters]):
    """Tells whether a green-thread engine has patched the standard library of its process."""

    name = "looks_around"
    title = "Look around"
    parameters = Parameters
    example = {}

    def run(self, context: JobContext, parameters: Parameters) -> dict[str, Json]:
        return {
            "patched": patched(),
            "builtins": all(isinstance(each, types.BuiltinFunctionType) for each in NATIVE),
            "own_kernel_thread": native_id_of_a_thread() != threading.get_native_id(),
        }


NATIVE: tuple[Any, ...] = (time.sleep, _thread.start_new_thread, _thread.get_ident)


def patched() -> list[Json]:
    """What each engine says that it has patched."""
    found: list[Json] = []
    if "eventlet" in sys.modules:
        from eventlet.patcher import already_patched

        found += sorted(already_patched)
    if "gevent" in sys.modules:
        from gevent.monkey import saved

        found += sorted(saved)
    return found


def native_id_of_a_thread() -> int:
    ids: list[int] = []
    thread = threading.Thread(target=lambda: ids.append(threading.get_native_id()))
    thread.start()
    thread.join()
    return ids[0]
