"""Questions to others that may never answer. Who asks waits so long and no longer.

A server that is frozen rather than gone keeps its connections open and says nothing, for minutes.
So each question is asked on a thread of its own (a green one in the server), and never a second
time while the first is under way: nothing piles up, however often somebody wants to know.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Unanswered(Exception):
    """There was no answer in time."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What came of a question.

    Attributes:
        value: the answer; None if there is none.
        error: why there is none: what the function raised, or `Unanswered`.
        seconds: how long it took, or has taken so far.
    """

    value: T | None
    error: BaseException | None
    seconds: float


@dataclass
class _Asked:
    began: float = field(default_factory=time.monotonic)
    done: threading.Event = field(default_factory=threading.Event)
    answer: Answer[Any] | None = None

    def wait(self, deadline: float) -> Answer[Any]:
        self.done.wait(max(0.0, deadline - time.monotonic()))
        so_far = time.monotonic() - self.began
        return self.answer or Answer(None, Unanswered(), so_far)


class Question(Generic[T]):
    """One question, under way once at most.

    Args:
        ask: asks it; may take for ever.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: _Asked | None = None

    def begin(self) -> _Asked:
        """Ask, or join who is asking already."""
        with self._lock:
            if self._asked is None or self._asked.done.is_set():
                self._asked = _Asked()
                threading.Thread(target=self._run, args=(self._asked,), daemon=True).start()
            return self._asked

    def _run(self, asked: _Asked) -> None:
        value, error = None, None
        try:
            value = self._ask()
        except Exception as raised:  # noqa: BLE001
            error = raised  # whoever reads the answer says what it means
        asked.answer = Answer(value, error, time.monotonic() - asked.began)
        asked.done.set()


def ask_all(questions: Sequence[Question[Any]], seconds: float) -> list[Answer[Any]]:
    """Ask side by side, and return the answers in the order of the questions.

    Args:
        seconds: longest wait for all of them together.
    """
    deadline = time.monotonic() + seconds
    asked = [question.begin() for question in questions]
    return [each.wait(deadline) for each in asked]
