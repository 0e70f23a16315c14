"""What the users ask for: kinds of jobs, small and large, and how often each."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Params = dict[str, Any]

DEFAULT_MIX = (
    "add=4,wait=2,excel_small=3,excel_large=1,numbers_small=2,numbers_large=1,chart=1,countdown=1"
)
OPERATIONS = ["sum", "mean", "min", "max"]


@dataclass(frozen=True)
class Kind:
    """One kind of job.

    Attributes:
        name: as in the mix.
        type: the server's name of the type.
        params: makes parameters, different ones each time.
    """

    name: str
    type: str
    params: Callable[[random.Random], Params]


def _numbers(count: int) -> Callable[[random.Random], Params]:
    return lambda dice: {
        "numbers": [dice.randint(-1000, 1000) for _ in range(count)],
        "operations": OPERATIONS,
    }


def _rows(least: int, most: int) -> Callable[[random.Random], Params]:
    return lambda dice: {"rows": dice.randint(least, most)}


KINDS = {
    kind.name: kind
    for kind in (
        Kind("add", "add", lambda dice: {"a": dice.randint(0, 999), "b": dice.randint(0, 999)}),
        Kind("wait", "wait", lambda dice: {"seconds": round(dice.uniform(0.5, 3), 1)}),
        Kind("excel_small", "excel_test", _rows(10, 500)),
        Kind("excel_large", "excel_test", _rows(20_000, 50_000)),
        Kind("numbers_small", "number_crunch", _numbers(5)),
        Kind("numbers_large", "number_crunch", _numbers(50_000)),
    )
}


@dataclass(frozen=True)
class Mix:
    """Kinds, each with the number of its shares."""

    kinds: Sequence[Kind]
    shares: Sequence[float]

    def draw(self, dice: random.Random) -> Kind:
        """The next one that a user asks for."""
        return dice.choices(self.kinds, self.shares)[0]


def parse(text: str) -> dict[str, float]:
    """`add=4,wait=2` as shares by name; a name alone is one share.

    Raises:
        ValueError: a share is no number above 0, or there is none.
    """
    shares: dict[str, float] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, share = part.partition("=")
        shares[name.strip()] = float(share or 1)
        if not 0 < shares[name.strip()] <= 1_000_000:
            raise ValueError(f"{part!r}: a share is a number above 0")
    if not shares:
        raise ValueError("the mix names nothing")
    return shares


def choose(
    shares: Mapping[str, float], examples: Mapping[str, Params]
) -> tuple[Mix | None, list[str]]:
    """Leave out what the server does not offer.

    A name that is none of `KINDS` is that of a type, which is asked for with its own example.

    Args:
        examples: parameters that fit, by the name of each type that the server offers.

    Returns:
        The mix, None if nothing is left of it; and the names that were left out.
    """
    wanted = {name: KINDS.get(name) or _by_example(name, examples) for name in shares}
    kinds = [kind for kind in wanted.values() if kind.type in examples]
    left_out = [name for name, kind in wanted.items() if kind.type not in examples]
    if not kinds:
        return None, left_out
    return Mix(kinds, [shares[kind.name] for kind in kinds]), left_out


def _by_example(name: str, examples: Mapping[str, Params]) -> Kind:
    return Kind(name, name, lambda _: dict(examples[name]))
