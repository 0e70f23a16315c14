"""Parts of the browser's module that need no server: the numbered inbox, pauses, reading on."""

import pytest

from tests.browser.parts import run

# An inbox, everything that it sends, and everything that it tells.
INBOX = """
const sent = [], told = [], storage = memoryStorage();
const inbox = new Inbox({
  storage,
  tell: ({ seq }, replayed) => told.push(seq + (replayed ? " replayed" : "")),
  askForGap: (after) => sent.push(["sync", after]),
  acknowledge: (seq) => sent.push(["ack", seq]),
});
const receive = (...numbers) => numbers.forEach((seq) => inbox.receive({ seq }));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
"""


def test_the_cursor_moves_over_contiguous_numbers_only() -> None:
    script = """
      inbox.open("u");
      inbox.begin(10);
      inbox.ready(10);
      receive(10, 11, 13, 14, 11, 12, 13);
      return [told, inbox.cursor, sent];
    """
    assert run(INBOX + script) == [["11", "12", "13"], 13, [["sync", 11]]]


def test_one_acknowledgement_speaks_for_many() -> None:
    script = """
      inbox.open("u", 0);
      inbox.ready(3);
      receive(1, 2, 3);
      while (!sent.length) await pause(10);
      return [told, sent, inbox.isCaughtUp];
    """
    assert run(INBOX + script) == [
        ["1 replayed", "2 replayed", "3 replayed"],
        [["ack", 3]],
        True,
    ]


def test_the_cursor_is_kept_for_each_user() -> None:
    script = """
      inbox.open("u", 5);
      receive(6);
      inbox.close();
      inbox.open("v", 1);
      receive(2);
      inbox.close();
      inbox.open("u", 99);
      return [inbox.cursor, storage.getItem("v")];
    """
    assert run(INBOX + script) == [6, "2"]


@pytest.mark.parametrize("damaged", ["NaN", "", "null", "-1", "1.5"])
def test_a_damaged_cursor_is_as_good_as_none(damaged: str) -> None:
    script = f"""
      storage.setItem("u", "{damaged}");
      inbox.open("u", 3);
      receive(4);
      return [told, storage.getItem("u")];
    """
    assert run(INBOX + script) == [["4 replayed"], "4"]


def test_nothing_is_told_before_it_is_known_where_to_begin() -> None:
    script = """
      inbox.open("u");
      receive(7);
      const before = [inbox.after ?? null, inbox.cursor, inbox.isCaughtUp];
      inbox.ready(8);
      receive(8);
      inbox.begin(7);
      inbox.begin(9);
      receive(7, 8);
      return [before, told, inbox.after];
    """
    assert run(INBOX + script) == [[None, 0, False], ["8 replayed"], 8]


def test_an_inbox_that_was_set_back_is_followed_back() -> None:
    script = """
      inbox.open("u", 8);
      inbox.ready(5);
      receive(6);
      return [told, inbox.cursor];
    """
    assert run(INBOX + script) == [["6"], 6]


@pytest.mark.parametrize(
    ("failures", "longest"), [(0, 1000), (1, 2000), (3, 8000), (4, 15000), (50, 15000)]
)
def test_a_pause_is_uniform_from_nothing_to_its_longest(failures: int, longest: int) -> None:
    script = f"return [0, 0.5, 1].map((share) => pauseBefore({failures}, () => share))"
    assert run(script) == [0, longest / 2, longest]


def test_what_is_asked_for_again_while_it_is_read_is_read_once_more() -> None:
    """A follower's gap may be newer than the answer that is on its way."""
    script = """
      inbox.open("u", 0);
      const asked = [];
      const pages = [{ items: [{ seq: 1 }, { seq: 2 }], next: 2 }, { items: [{ seq: 3 }], next: null },
        { items: [{ seq: 4 }], next: null }];
      const ask = async (path) => {
        asked.push(path);
        if (asked.length === 2) reading.run(signal);
        if (asked.length === 4) throw new ApiError(503, "unavailable", "later");
        return pages.shift() ?? { items: [], next: null };
      };
      const { signal } = new AbortController();
      const reading = new CatchUp(inbox, { ask, random: () => 0 });
      reading.run(signal);
      while (asked.length < 3) await pause(5);
      await pause(5);
      reading.run(signal); // fails once, and is tried again
      while (asked.length < 5) await pause(5);
      return [told, asked.map((path) => Number(/after=(\\d+)/.exec(path)[1]))];
    """
    told, after = run(INBOX + script)
    assert told == ["1 replayed", "2 replayed", "3 replayed", "4 replayed"]
    assert after == [0, 2, 3, 4, 4]


# The official client's place is taken by one that only notes what is asked of it.
CONNECTION = """
const handshakes = [], states = [], sockets = [];
class Socket extends EventTarget {
  handlers = {};
  on(name, act) { this.handlers[name] = act; }
  off() { this.handlers = {}; }
  disconnect() {}
}
const io = (url, options) => { handshakes.push(options.auth); sockets.push(new Socket()); return sockets.at(-1); };
const session = Object.assign(new EventTarget(), {
  api: { base: "http://x", silence: "silence" }, device: "d", token: async () => "t",
  refresh: async () => states.push("refreshed"), end: (reason) => { states.push("ended: " + reason); connection.stop(); },
});
const connection = new Connection(session,
  { loadClient: async () => io, begin: async () => {}, after: () => 4, random: () => 0.5 });
connection.addEventListener("link", ({ detail: { name, retryAt, reason } }) =>
  states.push(retryAt ? [name, Math.round((retryAt - Date.now()) / 100), reason] : name));
const opened = (count) => new Promise((resolve) => {
  const look = () => (sockets.length >= count ? resolve() : setTimeout(look, 5));
  look();
});
connection.start();
await opened(1);
"""


def test_a_server_that_says_when_to_come_back_is_heeded() -> None:
    script = """
      const data = { code: "server_stopping", message: "stopping", retryable: true, retry_after: 3 };
      sockets[0].handlers.connect_error({ data });
      connection.retryNow();
      await opened(2);
      sockets[1].handlers.ready({ head: 4 });
      sockets[1].handlers.error({ ...data, retry_after: 2 });
      sockets[1].handlers.disconnect("io server disconnect");
      connection.stop();
      return [states, handshakes];
    """
    states, handshakes = run(CONNECTION + script)
    assert states == [
        "connecting",
        ["offline", 35, "stopping"],
        "connecting",
        "open",
        ["offline", 30, "stopping"],
    ]
    assert handshakes == [{"token": "t", "device": "d", "after": 4}] * 2


def test_an_old_warning_is_not_the_reason_of_a_lost_connection() -> None:
    script = """
      sockets[0].handlers.ready({ head: 4 });
      const { now } = Date;
      sockets[0].handlers.error({ code: "too_many_events", message: "slow down", retry_after: 60 });
      Date.now = () => now() + 6000;
      sockets[0].handlers.disconnect("transport close");
      connection.stop();
      return states.at(-1);
    """
    assert run(CONNECTION + script) == ["offline", 5, "The connection to the server was lost."]


def test_pauses_grow_until_a_connection_has_lasted() -> None:
    script = """
      for (let number = 1; number <= 3; number += 1) {
        sockets.at(-1).handlers.ready({ head: 4 });
        sockets.at(-1).handlers.disconnect("transport close");
        connection.retryNow();
        await opened(number + 1);
      }
      connection.stop();
      return states.filter(Array.isArray).map(([, tenths]) => tenths);
    """
    assert run(CONNECTION + script) == [5, 10, 20]


def test_a_refused_token_is_renewed_once_and_then_it_is_over() -> None:
    script = """
      const refuse = () => sockets.at(-1).handlers.connect_error(
        { data: { code: "token_expired", message: "expired" } });
      refuse();
      await opened(2);
      refuse();
      while (states.at(-1) !== "ended: expired") await new Promise((done) => setTimeout(done, 5));
      return [states.filter((each) => each !== "connecting"), handshakes.length];
    """
    assert run(CONNECTION + script) == [["refreshed", "ended: expired"], 2]
