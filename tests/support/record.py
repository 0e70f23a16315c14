"""What arrived on one connection, raw."""

from typing import Any

from tests.support.waiting import wait_for


class Record:
    """Events in the order of their arrival.

    Attributes:
        events: `(name, payload)`.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def named(self, name: str) -> list[Any]:
        return [payload for event, payload in list(self.events) if event == name]

    @property
    def numbers(self) -> list[int]:
        """The notification numbers, raw, in the order of arrival."""
        return [payload["seq"] for payload in self.named("notification")]

    def wait_for(self, name: str, count: int = 1, seconds: float = 60.0) -> list[Any]:
        """Wait until at least `count` events of this name have arrived."""

        def arrived() -> list[Any] | None:
            found = self.named(name)
            return found if len(found) >= count else None

        found = wait_for(arrived, f"{count} × {name}; got {self.events[-5:]}", seconds)
        assert found is not None
        return found
