"""Named points at which a process of the application dies, freezes, waits or fails.

A point is armed by a file, also while the processes run. Whoever wins the file's rename acts: each
file acts once, in one process. Without the variable `FAULTS_FOLDER` no point does anything.

Actions:
    kill: SIGKILL to the process that reached the point (of a worker: the child that runs the job).
    kill_group: SIGKILL to it and to all that belong to it (of a worker: the whole worker).
    stop: SIGSTOP to the process; `Points.resume` continues it.
    hold: wait until `Points.release`.
    sleep:SECONDS: be slow.
    raise:ERRNO: raise the `OSError` of that number.
    Any other word is for the caller of `reach` to understand.
"""

import errno
import itertools
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.waiting import wait_for

FOLDER = "FAULTS_FOLDER"
# A process that nobody releases must not outlive its test for long.
LONGEST_HOLD_SECONDS = 150.0


@dataclass(frozen=True)
class Order:
    """What is to happen at a point.

    Attributes:
        job: at this job only.
        group: in the process with this id and its children only; see `AppProcess.pid`.
        keep: each time until it is disarmed, rather than once.
    """

    action: str
    job: str | None = None
    group: int | None = None
    keep: bool = False

    def concerns(self, job: str | None) -> bool:
        return self.job in {None, job} and self.group in {None, os.getpgid(0)}


def reach(point: str, job: object = None) -> str | None:
    """Say that this process is at the point, and do what is ordered; returns the action taken.

    Args:
        job: id of the job that is being dealt with, if it is one.
    """
    if FOLDER not in os.environ:
        return None
    root = Path(os.environ[FOLDER])
    about = None if job is None else str(job)
    for path in sorted((root / "armed" / point).glob("*.json")):
        order = _read(path)
        if order is not None and order.concerns(about) and _take(root, path, order):
            _write(root / "fired" / path.stem, _account(point, about))
            _act(root, path.stem, order.action)
            return order.action
    return None


def divert(message: dict[str, Any]) -> None:
    """Keep a message from the broker: the test will send it, or not."""
    _write(Path(os.environ[FOLDER]) / "diverted", message)


@dataclass(frozen=True)
class Armed:
    """An armed point, as its test sees it.

    Attributes:
        serial: name of its file.
    """

    root: Path
    point: str
    serial: str

    def fired(self) -> list[dict[str, Any]]:
        """Each time it acted: pid, group, job, at (seconds since 1970)."""
        return _read_all(self.root / "fired" / self.serial)

    def wait(self, seconds: float = 60.0) -> dict[str, Any]:
        """Wait until it has acted; returns the first time."""
        return wait_for(self.fired, f"somebody at {self.point}", seconds)[0]

    def release(self) -> None:
        """End a `hold`, also a future one."""
        (self.root / "released" / self.serial).touch()

    def resume(self) -> None:
        """Continue the process that a `stop` has frozen."""
        os.kill(self.wait()["pid"], signal.SIGCONT)

    def disarm(self) -> None:
        (self.root / "armed" / self.point / f"{self.serial}.json").unlink(missing_ok=True)


class Points:
    """The points of one cluster, in the hands of its test.

    Args:
        root: the folder that its processes find in `FAULTS_FOLDER`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._serials = itertools.count()
        self._armed: list[Armed] = []
        (root / "released").mkdir(parents=True)

    def arm(
        self,
        point: str,
        action: str,
        *,
        job: str | None = None,
        group: int | None = None,
        keep: bool = False,
    ) -> Armed:
        """Order an action; see `Order`. It takes effect at once."""
        armed = Armed(self.root, point, f"{next(self._serials):06}")
        order = Order(action, job, group, keep)
        _write(self.root / "armed" / point, asdict(order), f"{armed.serial}.json")
        self._armed.append(armed)
        return armed

    def diverted(self) -> list[dict[str, Any]]:
        """The messages that were kept from the broker, in their order."""
        return _read_all(self.root / "diverted")

    def clear(self) -> None:
        """Disarm everything, and let go whoever waits."""
        for armed in self._armed:
            armed.disarm()
            armed.release()
        self._armed.clear()
        for path in (self.root / "diverted").glob("*.json"):
            path.unlink()


def _act(root: Path, serial: str, action: str) -> None:
    name, _, value = action.partition(":")
    match name:
        case "kill" | "kill_group":
            _kill(whole_group=name == "kill_group")
        case "stop":
            signal.raise_signal(signal.SIGSTOP)  # of this very thread: it goes no further
        case "hold":
            _wait_for_release(root / "released" / serial)
        case "sleep":
            time.sleep(float(value))
        case "raise":
            number = getattr(errno, value)
            raise OSError(number, os.strerror(number))


def _kill(*, whole_group: bool) -> None:
    if whole_group:
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()  # a signal to a process may reach another of its threads first


def _wait_for_release(path: Path) -> None:
    deadline = time.monotonic() + LONGEST_HOLD_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody released {path}")
        time.sleep(0.02)


def _take(root: Path, path: Path, order: Order) -> bool:
    if order.keep:
        return True
    taken = root / "taken"
    taken.mkdir(exist_ok=True)
    try:
        path.rename(taken / path.name)
    except FileNotFoundError:
        return False
    return True


def _account(point: str, job: str | None) -> dict[str, Any]:
    return {
        "point": point,
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "job": job,
        "at": time.time(),
    }


def _read(path: Path) -> Order | None:
    try:
        return Order(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def _read_all(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in _in_order(folder)]


def _in_order(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.json"))


def _write(folder: Path, content: dict[str, Any], name: str | None = None) -> None:
    """A whole file or none, under a name of its time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"{time.time_ns()}-{uuid4().hex}.json")
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.rename(path)
