"""What one connected client was told: as it came in, and after the layer over it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Heard:
    """The record of one client.

    Attributes:
        name: of the client, for messages of the audit.
        user_id: whose numbers they are.
        start: it was to hear all numbers above this one.
        raw: (number, seconds since 1970) of each notification, as it came in.
        given: those that its layer let through.
        ups: when the server said `ready`.
        downs: when the connection was lost or refused, and why.
        refused: why the layer gave up; None as long as it tries.
    """

    name: str
    user_id: str
    start: int = 0
    raw: list[tuple[int, float]] = field(default_factory=list)
    given: list[tuple[int, float]] = field(default_factory=list)
    ups: list[float] = field(default_factory=list)
    downs: list[tuple[float, str]] = field(default_factory=list)
    refused: str | None = None

    @property
    def cursor(self) -> int:
        """Up to which number all was let through."""
        return self.given[-1][0] if self.given else self.start

    @property
    def is_up(self) -> bool:
        return len(self.ups) > 0 and (not self.downs or self.ups[-1] > self.downs[-1][0])

    def findings(self, head: int) -> Iterator[str]:
        """What is wrong if the user's highest number is `head`."""
        came = {number for number, _ in self.raw}
        missing = [each for each in range(self.start + 1, head + 1) if each not in came]
        if missing:
            refused = f"; it was refused: {self.refused}" if self.refused else ""
            yield f"{self.name}: never came: {in_short(missing)}{refused}"
        given = [number for number, _ in self.given]
        yield from (f"{self.name}: {each}" for each in check_numbers(given, head, self.start))


def check_numbers(numbers: list[int], head: int, start: int = 0) -> Iterator[str]:
    """Whether these are start + 1, start + 2 … head, in this order and once each."""
    counted = Counter(numbers)
    wanted = range(start + 1, head + 1)
    yield from (f"gap: number {each}" for each in wanted if each not in counted)
    yield from (f"duplicate: number {each}" for each, count in counted.items() if count > 1)
    yield from (f"number {each} above the head {head}" for each in counted if each > head)
    if numbers != sorted(numbers):
        yield f"out of order: {numbers}"


def in_short(numbers: list[int]) -> str:
    """The first five, and how many more there are."""
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return ", ".join(map(str, numbers[:5])) + more
