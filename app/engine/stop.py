"""How a server ends, as the engines see it."""

from typing import Protocol


class Stop(Protocol):
    """What a server is told of its end, and whom it tells."""

    def tell(self) -> None:
        """A signal came; called by its handler, where nothing may wait."""

    @property
    def begun(self) -> bool:
        """Whether to stop."""

    @property
    def seconds_left(self) -> float:
        """How long requests may go on."""

    def leave(self) -> None:
        """End what goes on beside requests; may wait, on green threads."""

    def left(self, requests: int) -> None:
        """The server has ended, and has cut off so many requests."""


class Running(Protocol):
    """A server that runs."""

    @property
    def alive(self) -> bool:
        """Whether it accepts connections."""

    @property
    def requests(self) -> int:
        """How many requests are not answered to their end; once `close` was called."""

    def close(self) -> None:
        """Accept no more; close what is idle. Again and again until the last request is answered."""
