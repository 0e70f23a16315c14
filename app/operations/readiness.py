"""Readiness: which parts around this process do their work right now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from flask import Flask

from app.observability import get_logger
from app.operations.questions import Answer, Question, Unanswered, ask_all

log = get_logger(__name__)

EXTENSION = "ringback-readiness"
# A probe has an answer within 2 s, also on a busy machine.
LIMIT_SECONDS = 1.2


class Unfit(Exception):
    """A part does not do its work. The text is a fixed phrase: everybody may read it."""


@dataclass(frozen=True)
class PartState:
    """How one part does.

    Attributes:
        required: without it this process is of no use to anybody.
        reason: a phrase for the public, without names of machines or people; "" when all is well.
        milliseconds: how long the answer took, or has been waited for.
    """

    ok: bool
    required: bool
    reason: str
    milliseconds: float


class Readiness:
    """The parts of one app; each stage adds its own."""

    def __init__(self) -> None:
        self._required: dict[str, bool] = {}
        self._questions: dict[str, Question[str]] = {}
        self._failed: set[str] = set()

    def add(self, name: str, check: Callable[[], str], *, required: bool = False) -> None:
        """Add a part.

        Args:
            check: returns a remark for the public, mostly ""; raises when the part does not do
                its work (`Unfit` with the reason); may take for ever.
        """
        self._required[name] = required
        self._questions[name] = Question(check)

    def look(self) -> dict[str, PartState]:
        """Ask all parts, side by side, for `LIMIT_SECONDS` at most."""
        names = list(self._questions)
        answers = ask_all([self._questions[name] for name in names], LIMIT_SECONDS)
        for name, answer in zip(names, answers, strict=True):
            self._note(name, answer.error)
        return {
            name: _state(answer, self._required[name])
            for name, answer in zip(names, answers, strict=True)
        }

    def _note(self, name: str, error: BaseException | None) -> None:
        """The log has the details, once at each change."""
        if error is not None and name not in self._failed:
            self._failed.add(name)
            log.warning("part fails", part=name, reason=f"{type(error).__name__}: {error}")
        elif error is None and name in self._failed:
            self._failed.remove(name)
            log.info("part works again", part=name)


def is_ready(parts: Mapping[str, PartState]) -> bool:
    """Whether all required parts do their work."""
    return all(part.ok for part in parts.values() if part.required)


def readiness(app: Flask) -> Readiness:
    """The readiness of an app."""
    return cast(Readiness, app.extensions.setdefault(EXTENSION, Readiness()))


def _state(answer: Answer[str], required: bool) -> PartState:
    reason = _reason(answer.error, answer.seconds) if answer.error else answer.value or ""
    return PartState(answer.error is None, required, reason, round(answer.seconds * 1000, 1))


def _reason(error: BaseException, seconds: float) -> str:
    if isinstance(error, Unfit):
        return str(error)
    if isinstance(error, Unanswered):
        return f"has not answered for {seconds:.1f} s"
    return f"fails ({type(error).__name__})"
