"""Many clients of the browser's module, in one Node process: `js/ringback.mjs`."""

from collections import defaultdict
from itertools import count
from typing import Any

from tests.support.node import NodeProcess
from tests.support.waiting import wait_for

Event = dict[str, Any]


class JsClients(NodeProcess):
    """Clients by their names; `events` holds what each has told, in order.

    The commands and events are those of `js/ringback.mjs`.
    """

    def __init__(self) -> None:
        self.events: defaultdict[str, list[Event]] = defaultdict(list)
        self._refs = count()
        super().__init__("ringback.mjs")

    def tell(self, do: str, client: str, **more: Any) -> None:
        """Send a command; what comes of it is among `events`."""
        self.send({"do": do, "id": client} | more)

    def ask(self, do: str, client: str, **more: Any) -> Event:
        """Send a command that is answered, and wait for its `answer` or `failed`."""
        ref = next(self._refs)
        self.tell(do, client, ref=ref, **more)

        def answers() -> list[Event]:
            return [each for each in list(self.events[client]) if each.get("ref") == ref]

        return wait_for(answers, f"an answer to {do} of {client}")[0]

    def of(self, client: str, event: str) -> list[Event]:
        """The events of one name that a client has told."""
        return [each for each in list(self.events[client]) if each["event"] == event]

    def raw(self, client: str) -> list[int]:
        """Numbers as the official client handed them up: again and early ones too."""
        return [each["seq"] for each in self.of(client, "raw")]

    def delivered(self, client: str) -> list[int]:
        """Numbers that the module delivered."""
        return [each["seq"] for each in self.of(client, "notification")]

    def state(self, client: str) -> str | None:
        """The name of the state that a client told last."""
        states = self.of(client, "state")
        return states[-1]["state"]["name"] if states else None

    def wait_for_state(self, client: str, name: str, seconds: float = 60) -> None:
        wait_for(lambda: self.state(client) == name, f"{client} is {name}", seconds)

    def wait_for_number(self, client: str, seq: int, seconds: float = 60) -> None:
        wait_for(lambda: seq in self.delivered(client), f"number {seq} at {client}", seconds)

    def take(self, line: Event) -> None:
        self.events[line["id"]].append(line)
