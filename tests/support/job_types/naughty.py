"""Types that misbehave in every way that a worker has to stand."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from typing import NoReturn

from pydantic import Field

from app.errors import JobFailed, JobTimedOut
from app.job_types.base import JobContext, JobType, Json, Parameters

MEGABYTE = 1 << 20


class Unprintable(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Unpicklable(Exception):
    """Cannot be sent to another process."""

    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot be pickled")


class Naughty(Parameters):
    """How to misbehave."""

    trick: str = Field("behave", description="Name of a method.")


class Misbehaves(JobType[Naughty]):
    """Does what no job should."""

    name = "misbehaves"
    title = "Misbehave"
    parameters = Naughty
    example = {}
    soft_seconds = 60
    hard_seconds = 90

    def run(self, context: JobContext, parameters: Naughty) -> dict[str, Json]:
        done: dict[str, Json] = getattr(self, parameters.trick)(context) or {}
        return {"pid": os.getpid()} | done

    def behave(self, context: JobContext) -> None:
        context.progress(1)

    def print_binary(self, context: JobContext) -> None:
        rubbish = bytes(range(256)) * 16
        print("half a line", end="")  # noqa: T201  # it is what is tested
        sys.stdout.buffer.write(rubbish)
        os.write(1, rubbish)
        subprocess.run([sys.executable, "-c", f"import os; os.write(1, {rubbish!r})"], check=True)

    def exit(self, context: JobContext) -> None:
        sys.exit(3)

    def interrupt(self, context: JobContext) -> None:
        raise KeyboardInterrupt

    def leave_generator(self, context: JobContext) -> None:
        raise GeneratorExit

    def raise_unprintable(self, context: JobContext) -> None:
        raise Unprintable

    def raise_unpicklable(self, context: JobContext) -> None:
        raise Unpicklable

    def raise_in_a_circle(self, context: JobContext) -> None:
        first, second = ValueError("goes round"), ValueError("and round")
        first.__context__, second.__context__ = second, first
        raise first

    def fail_with_a_nul_in_the_code(self, context: JobContext) -> None:
        raise JobFailed("Nobody knows.", code="un\0known")

    def fail_with_a_number(self, context: JobContext) -> None:
        raise JobFailed(42)  # type: ignore[arg-type]  # that is its fault

    def write_with_a_nul_in_the_type(self, context: JobContext) -> None:
        with context.artifact("file.txt", "text/\0plain") as file:
            file.write(b"text")

    def get_terminated(self, context: JobContext) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)

    def allocate_blocks(self, context: JobContext) -> None:
        hoard = []
        while True:
            hoard.append(bytearray(8 * MEGABYTE))

    def allocate_crumbs(self, context: JobContext) -> None:
        hoard: list[object] = []
        while True:
            hoard = [hoard, object(), str(time.time_ns())]

    def write_two_gigabytes(self, context: JobContext) -> None:
        with context.artifact("large.bin", "application/octet-stream") as file:
            for _ in range(2048):
                file.write(bytes(MEGABYTE))

    def write_sixteen_megabytes(self, context: JobContext) -> None:
        with context.artifact("large.bin", "application/octet-stream") as file:
            for block in range(16):
                file.write(bytes([block]) * MEGABYTE)

    def write_and_ignore_errors(self, context: JobContext) -> None:
        with context.artifact("large.bin", "application/octet-stream") as file:
            for _ in range(2048):
                try:
                    file.write(bytes(MEGABYTE))
                except Exception:  # noqa: BLE001
                    return

    def fill_disk(self, context: JobContext) -> None:
        """The first time; then there is room."""
        with context.artifact("file.bin", "application/octet-stream") as file:
            if context.attempt == 1:
                os.dup2(os.open("/dev/full", os.O_RDWR), file.fileno())
            file.write(bytes(MEGABYTE))

    def meet_a_full_disk_of_its_own(self, context: JobContext) -> None:
        with context.artifact("file.bin", "application/octet-stream"):
            raise OSError(errno.ENOSPC, "not the store's")

    def fork(self, context: JobContext) -> dict[str, Json]:
        """The copy runs on as if it were the job."""
        copy = os.fork()
        return {} if copy == 0 else {"copy": status_of(copy)}

    def fork_in_the_file(self, context: JobContext) -> dict[str, Json]:
        with context.artifact("file.txt", "text/plain") as file:
            file.write(b"begun")
            copy = os.fork()
            if copy == 0:
                file.write(b" by a copy")
                return {}
            status = status_of(copy)
            file.write(b" and ended")
        return {"copy": status}

    def fork_and_use_the_context(self, context: JobContext) -> dict[str, Json]:
        uses = {
            1: lambda: context.progress(0.5),
            2: lambda: list(context.rows("SELECT 1 AS one FROM users")),
            4: lambda: context.artifact("file.txt", "text/plain").__enter__(),
        }
        copy = os.fork()
        if copy:
            return {"copy": status_of(copy), "refusals": sum(uses)}
        refused = 0
        for number, use in uses.items():
            try:
                use()
            except RuntimeError:
                refused |= number
        os._exit(refused)

    def fork_and_stay(self, context: JobContext) -> None:
        """A copy that never ends; only its process group is told."""
        if os.fork() == 0:
            time.sleep(3600)
        while True:
            try:
                time.sleep(3600)
            except JobTimedOut:
                continue


def status_of(copy: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
