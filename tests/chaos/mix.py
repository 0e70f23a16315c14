"""What the users ask for: a seed fixes who asks for what, and in which way."""

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

Draw = random.Random
Params = dict[str, Any]
# How often, which type, with which parameters.
KINDS: list[tuple[int, str, Callable[[Draw], Params]]] = [
    (25, "steps", lambda draw: {"file": False, "seconds": round(draw.uniform(0, 0.3), 2)}),
    (15, "add", lambda draw: {"a": draw.randrange(1000), "b": draw.randrange(1000)}),
    (12, "wait", lambda draw: {"seconds": round(draw.uniform(0.5, 3), 1)}),
    (12, "steps", lambda draw: {"seconds": round(draw.uniform(0, 1), 2)}),
    (10, "excel_test", lambda draw: {"rows": draw.randrange(20, 400), "seed": draw.randrange(99)}),
    (5, "refuses", lambda _: {}),
    (4, "raises", lambda _: {}),
    (5, "hiccups", lambda _: {"times": 1}),
    (2, "one_of_a_kind", lambda draw: {"name": draw.choice("ab")}),
    (5, "writes_until_cancelled", lambda draw: {"whole": draw.random() < 0.5}),
    (5, "wait", lambda _: {"seconds": 5}),
]
WEIGHTS = [weight for weight, _, _ in KINDS]
# Those that go on for long end because their owner says so.
LONG = {"writes_until_cancelled", "wait"}


@dataclass(frozen=True)
class Order:
    """One job that a user wants.

    Attributes:
        user: number of the user.
        key: the `Idempotency-Key`; None for a request that is sent once, without one.
        twice: whether the same request is sent a second time, at the same time.
        cancel_after: seconds from its 202 on; None for one that is left alone.
        retry: whether another is asked for if it fails.
    """

    user: int
    type: str
    params: Params
    key: str | None
    twice: bool
    cancel_after: float | None
    retry: bool

    def command(self) -> dict[str, Any]:
        """What its client is told to do."""
        return {"do": "submit", "user": self.user, "order": asdict(self)}


def make_orders(seed: int, users: int) -> Iterator[Order]:
    """Without end."""
    draw = Draw(f"mix {seed}")
    while True:
        _, job_type, params = draw.choices(KINDS, WEIGHTS)[0]
        key = f"key {draw.getrandbits(64):x}" if draw.random() < 0.6 else None
        made = params(draw)
        long = job_type in LONG and made.get("seconds", 5) == 5
        yield Order(
            user=draw.randrange(users),
            type=job_type,
            params=made,
            key=key,
            twice=key is not None and draw.random() < 0.25,
            cancel_after=round(draw.uniform(0, 2), 1) if long else None,
            retry=draw.random() < 0.5,
        )
