"""One user, one client and the real outbox on green threads, every switch of which a seed decides."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from greenlet import getcurrent, greenlet

from app.sockets.outbox import Outbox
from tests.faults.layer import Cursor, Verdict

MOST_ROWS = 150  # some replays need two pages


class Wire:
    """One connection: what the server has sent and the client has not taken yet, and its outbox."""

    def __init__(self, world: "World") -> None:
        self.under_way: list[int] = []
        self.is_cut = False
        self._world = world
        self.outbox = Outbox(fetch=self._fetch, send=self._send, spawn=world.spawn)
        self.numbers: list[int] = []
        self.asked = 0

    def handshake(self, after: int) -> None:
        """As `app.sockets.handlers` does it: known to hints first, then placed, then open."""
        self._world.wires.append(self)
        self._world.pause()
        head = self._world.head
        self._world.pause()
        self.outbox.place(after, head)
        self._world.pause()
        self.outbox.open()

    def _fetch(self, after: int, limit: int) -> Sequence[dict[str, Any]]:
        self._world.pause()
        if self._world.random.random() < 0.05:
            raise OSError("the database is away")
        found = range(after + 1, min(self._world.head, after + limit) + 1)
        self._world.pause()
        return [{"seq": seq} for seq in found]

    def _send(self, payload: dict[str, Any]) -> bool:
        if self._world.random.random() < 0.3:
            self._world.pause()  # the client reads slowly
        if not self.outbox.is_open:
            return False
        self.numbers.append(payload["seq"])
        self.under_way.append(payload["seq"])  # of a connection that is cut: into the void
        return True


class World:
    """Runs one seed.

    Attributes:
        head: the highest number that is committed.
        raw: what came in at the client; `given`: what its layer let through.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.head = self.random.randrange(MOST_ROWS)
        self.wires: list[Wire] = []
        self.raw: list[int] = []
        self.given: list[int] = []
        self.cuts = 0
        self._all: list[Wire] = []
        self._hints: list[int] = []
        self._cursor = Cursor()
        self._loses = 0.02
        self._ready: list[greenlet] = []
        self._hub = getcurrent()
        self._current: Wire | None = None

    # Green threads.

    def spawn(self, run: Callable[..., None], *args: Any) -> None:
        self._ready.append(greenlet(lambda: run(*args), self._hub))

    def pause(self) -> None:
        """Let others run."""
        self._ready.append(getcurrent())
        self._hub.switch()

    # What happens.

    def run(self, steps: int = 400) -> None:
        """So many events at random; then all is whole, and goes on until nothing is left to do."""
        events = [self._commit, self._hint, self._switch, self._read, self._cut, self._find]
        weights = [10, 8, 40, 40, 3, 2]
        for _ in range(steps):
            self.random.choices(events, weights)[0]()
            if self._current is None:
                self._connect()
        self._settle()

    def _settle(self) -> None:
        """Queries may still fail, so reconcile looks more than once; the last number shows a gap."""
        self._loses = 0.0
        self._commit()
        for _ in range(20):
            self._find()
            while self._ready or (self._current and self._current.under_way):
                self._switch()
                self._read()

    def _connect(self) -> None:
        self._current = Wire(self)
        self._all.append(self._current)
        self._cursor.connected()
        self.spawn(self._current.handshake, self._cursor.at)

    def _commit(self) -> None:
        self.head += 1
        self._hints.append(self.head)

    def _hint(self) -> None:
        """One of the oldest hints comes: late, or never, or after a newer one, or twice."""
        if self._hints:
            seq = self._hints.pop(self.random.randrange(min(3, len(self._hints))))
            for _ in range(self.random.choice([0, 1, 1, 1, 2])):
                for wire in self.wires:
                    wire.outbox.want(seq, {"seq": seq})

    def _switch(self) -> None:
        if self._ready:
            self._ready.pop(self.random.randrange(len(self._ready))).switch()

    def _read(self) -> None:
        """The client takes one number in."""
        wire = self._current
        if wire is not None and wire.under_way:
            seq = wire.under_way.pop(0)
            if self.random.random() < self._loses:
                return  # a page that loses what it was given has to ask for it
            self.raw.append(seq)
            verdict = self._cursor.take(seq)
            if verdict is Verdict.NEXT:
                self.given.append(seq)
            if verdict is Verdict.GAP or self.random.random() < 0.02:
                wire.outbox.rewind(self._cursor.at)  # `sync`, with a cause or without
                wire.asked += 1

    def _cut(self) -> None:
        """The client notices at once; the server later, and sends into the void until then."""
        if self._current is not None:
            self._current.is_cut, self._current = True, None
            self.cuts += 1

    def _find(self) -> None:
        """Reconcile; the server also notices what was cut."""
        for wire in [each for each in self.wires if each.is_cut]:
            wire.outbox.close()
            self.wires.remove(wire)
        for wire in self.wires:
            wire.outbox.want(self.head)

    def findings(self) -> list[str]:
        """What is wrong; empty if each number came, and was given once and in order."""
        wanted = list(range(1, self.head + 1))
        found = [] if self.given == wanted else [f"given {self.given}, head {self.head}"]
        missing = set(wanted) - set(self.raw)
        found += [f"never came: {sorted(missing)}"] if missing else []
        for wire in self._all:
            pairs = list(zip(wire.numbers, wire.numbers[1:], strict=False))
            if any(later > earlier + 1 for earlier, later in pairs):
                found.append(f"a gap on one connection: {wire.numbers}")
            if sum(later <= earlier for earlier, later in pairs) > wire.asked:
                found.append(f"more came twice than was asked for: {wire.numbers}")
        return found
