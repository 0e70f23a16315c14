"""What a process that runs jobs does to itself, so that a job that misbehaves ends alone.

Each worker has some such processes, its children; each runs one job at a time on its main thread.
Jobs can be run elsewhere, too (a test, a shell): then nothing here takes effect.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from billiard.common import terminate_handler_fired

from app.config import Settings
from app.jobs.stopping import stopping
from app.observability import get_logger

log = get_logger(__name__)

LONGEST_LINE = 8192
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None)
_children: set[int] = set()
_forking_on_main_thread: set[bool] = set()


def prepare(settings: Settings) -> None:
    """Make this process one that runs jobs; right after it was forked."""
    if is_child():
        return
    _children.add(os.getpid())
    memory_limit.measure(settings.max_job_memory_bytes)
    _log_what_goes_past_python()
    os.register_at_fork(before=_note_thread, after_in_child=_end_with_parent)


def is_child() -> bool:
    """Whether this process runs the jobs of a worker, and is no copy of one that does."""
    return os.getpid() in _children


def is_interruptible() -> bool:
    """Whether a signal can interrupt what runs on this thread."""
    return is_child() and threading.current_thread() is threading.main_thread()


def is_told_to_exit() -> bool:
    """Whether a signal has told this process to exit, which shows as a SystemExit in its work."""
    return is_child() and bool(terminate_handler_fired())


def kill_itself() -> None:
    """End this process, whatever its other threads do; elsewhere than in a worker do nothing."""
    if is_child():
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()  # so that this thread, at least, does nothing more


@contextlib.contextmanager
def undisturbed(grace_seconds: float) -> Iterator[None]:
    """Let a SIGTERM to this process not break into the job, but have it handed back in time.

    Some supervisors send it to each process of a worker, and Celery does at a second Ctrl-C.
    """
    if not is_interruptible():
        yield
        return
    stopping.forget_here()
    before = signal.signal(signal.SIGTERM, lambda *_: stopping.begin_here(grace_seconds))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class MemoryLimit:
    """What work may take: what asks for more gets a MemoryError, and the system kills nobody."""

    def __init__(self) -> None:
        self._within: tuple[int, int] | None = None
        self._without: tuple[int, int] | None = None

    def measure(self, most: int) -> None:
        """Allow so many bytes beyond what the process has now."""
        if sys.platform != "linux":  # elsewhere the limit leaves out most of what is allocated
            return
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = _data_bytes() + most
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        self._within, self._without = (limit, hard), (hard, hard)

    def impose(self) -> None:
        """Begin: work follows."""
        if self._within is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._within)

    def lift(self) -> None:
        """End: to tell how work ended, after it took all it might, takes some memory."""
        if self._without is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._without)


memory_limit = MemoryLimit()


def _data_bytes() -> int:
    """What counts for the limit now, before any job: the code alone needs more than some jobs."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    return pages * resource.getpagesize()


def _log_what_goes_past_python() -> None:
    """Log what is written to descriptor 1 directly, line by line: it would break into log lines."""
    reading, writing = os.pipe()
    os.dup2(writing, 1)
    os.close(writing)
    threading.Thread(target=_relay, args=[reading], name="printed", daemon=True).start()


def _relay(descriptor: int) -> None:
    with os.fdopen(descriptor, "rb") as stream:
        while True:
            try:
                line = stream.readline(LONGEST_LINE)
                if not line:
                    return
                log.info("printed", text=line.decode(errors="backslashreplace").rstrip("\n"))
            except MemoryError:
                continue  # a job has taken it all; without a reader, later ones could not print


def _note_thread() -> None:
    _forking_on_main_thread.clear()
    if threading.current_thread() is threading.main_thread():
        _forking_on_main_thread.add(True)


def _end_with_parent() -> None:
    """A copy that a job makes of its process must not outlive it.

    It would keep the pipes open by whose closing the worker learns of the process' end. The system
    takes the thread that forked for the parent, so one that may end sooner is left out. A plain call:
    whatever imports or locks might wait for ever for a thread that is not in the copy.
    """
    if _forking_on_main_thread and sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
