"""The sign-in of the browser's module, against servers that only the test has written."""

import subprocess
from pathlib import Path

from tests.browser.parts import run
from tests.support.node import node

MODULE = Path(__file__).parents[2] / "app/web/static/ringback.js"

# A server that signs everybody in, a storage that can be made full, and the official client's place.
SERVER = """
const asked = [], sockets = [], warned = [], ended = [];
let full = false, answers = {};
console.warn = (...texts) => warned.push(texts);
const pair = (more = {}) => ({ access_token: "a" + asked.length, refresh_token: "r" + asked.length,
  expires_in: 900, session_id: "s" + asked.length, user: { id: "u" }, ...more });
globalThis.fetch = async (url, { headers, body, signal }) => {
  const path = new URL(url).pathname;
  const request = { path, token: headers.Authorization, body: body && JSON.parse(body), at: Date.now(), signal };
  asked.push(request);
  const [status, answer] = (await answers[path]?.(request)) ?? [200, pair()];
  return new Response(status === 204 ? null : JSON.stringify(answer), { status });
};
const paths = () => asked.map(({ path }) => path);
const memory = memoryStorage();
const refuse = () => { if (full) throw new DOMException("full", "QuotaExceededError"); };
const storage = { ...memory, setItem: (key, text) => { refuse(); memory.setItem(key, text); } };
const io = (url, { auth }) => {
  const socket = { auth, handlers: {}, sent: [], connected: true, on(name, act) { this.handlers[name] = act; },
    off() { this.handlers = {}; }, disconnect() { this.connected = false; },
    emit(name, payload) { this.sent.push([name, payload]); } };
  sockets.push(socket);
  return socket;
};
const make = (more) => new Ringback({ url: "http://x", io, storage, random: () => 0, ...more });
const session = new Session(new Api("http://x"), { storage, device: "d" });
session.addEventListener("ended", ({ detail }) => ended.push(detail.reason));
const until = async (what) => { while (!what()) await new Promise((done) => setTimeout(done, 5)); };
"""


def test_an_abort_is_the_callers_own_and_not_the_servers_silence() -> None:
    script = """
      globalThis.fetch = (url, { signal }) => new Promise((resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason)));
      const names = [];
      const own = new AbortController();
      setTimeout(() => own.abort(), 10);
      for (const signal of [own.signal, AbortSignal.timeout(10)]) {
        const lives = setTimeout(() => {}, 50_000); // the signal's own timer keeps no process alive
        await new Api("http://x").send("GET", "/", { signal }).catch((e) => names.push(e instanceof ApiError ? e.code : e.name));
        clearTimeout(lives);
      }
      return names;
    """
    assert run(script) == ["AbortError", "unreachable"]


def test_a_full_storage_loses_no_notification_and_no_token() -> None:
    script = """
      answers["/v1/login"] = () => [200, pair({ expires_in: 1 })];
      const got = [], client = make({ after: 0 });
      client.addEventListener("notification", ({ detail }) => got.push(detail.notification.seq));
      await client.signIn("u", "p");
      client.start();
      full = true;
      await until(() => sockets.length);
      sockets[0].handlers.ready({ head: 0, unread: 0, read: 0 });
      for (const seq of [1, 2, 3]) sockets[0].handlers.notification({ seq });
      await until(() => sockets[0].sent.some(([name]) => name === "authenticate"));
      await new Promise((done) => setTimeout(done, 300));
      client.stop();
      const renewals = paths().filter((path) => path === "/v1/refresh").length;
      return [got, renewals, warned.length, memory.getItem("ringback.session")];
    """
    got, renewals, warnings, stored = run(SERVER + script)
    assert got == [1, 2, 3]
    assert (renewals, warnings) == (1, 1)
    assert stored is None, "a reload would use a token twice"


def test_a_storage_that_is_forbidden_is_replaced_by_memory() -> None:
    script = """
      const forbidden = () => { throw new DOMException("no", "SecurityError"); };
      const client = make({ storage: { getItem: forbidden, setItem: forbidden, removeItem: forbidden } });
      const before = await client.restore();
      await client.signIn("u", "p");
      client.signOut();
      return [before, client.device.slice(0, 8), await client.restore(), warned.length];
    """
    assert run(SERVER + script) == [False, "browser-", False, 1]


def test_a_lost_answer_to_a_renewal_is_asked_for_again_within_the_grace() -> None:
    script = """
      const lost = ({ signal }) => new Promise((resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason)));
      const alive = setTimeout(() => {}, 60_000);
      answers["/v1/refresh"] = (request) => (asked.length === 2 ? lost(request) : undefined);
      await session.login("u", "p");
      const failure = await session.refresh().catch(({ code }) => code); // not even by the timer
      await until(() => asked.length === 3);
      const [, first, second] = asked;
      return [failure, (second.at - first.at) / 1000, second.body.refresh_token, ended];
    """
    failure, pause, token, ended = run(SERVER + script)
    assert (failure, token, ended) == ("unreachable", "r1", [])
    assert 5 <= pause < 9, "the server's grace is 10 s"


def test_a_process_ends_once_its_client_is_stopped() -> None:
    script = """
      const { Ringback } = await import(process.argv[1]);
      const pair = { access_token: "a", refresh_token: "r", expires_in: 900, user: { id: "u" } };
      globalThis.fetch = async () => Response.json(pair);
      const io = () => ({ on() {}, off() {}, disconnect() {} });
      const client = new Ringback({ url: "http://x", io, after: 0 });
      await client.signIn("u", "p");
      client.start();
      await new Promise((done) => setTimeout(done, 50));
      client.stop();
    """
    command = [node(), "--input-type=module", "--eval", script, MODULE.as_uri()]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_sign_out_with_an_expired_token_ends_the_session_on_the_server() -> None:
    script = """
      await session.login("u", "p");
      answers["/v1/logout"] = ({ token }) =>
        token === "Bearer a1" ? [401, { code: "token_expired" }] : [204];
      session.logout();
      await until(() => asked.length === 4);
      return [paths().slice(1), asked[2].body, asked[3].token, ended, memory.getItem("ringback.session")];
    """
    steps = ["/v1/logout", "/v1/refresh", "/v1/logout"]
    assert run(SERVER + script) == [steps, {"refresh_token": "r1"}, "Bearer a3", [""], None]


def test_whoever_signs_in_next_takes_over_nothing_of_the_user_before() -> None:
    script = """
      answers["/v1/login"] = ({ body: { email } }) =>
        [200, pair({ user: { id: email } })];
      answers["/v1/logout"] = () => [204];
      const client = make({ after: 10 }), got = [];
      client.addEventListener("notification", ({ detail }) => got.push(detail.notification.seq));
      await client.signIn("a", "p");
      client.start();
      await until(() => sockets.length === 1);
      await client.signIn("b", "p");
      const between = [client.state.name, client.cursor, sockets[0].connected];
      client.start();
      await until(() => sockets.length === 2 && paths().includes("/v1/logout"));
      sockets[0].handlers.notification?.({ seq: 11 });
      const { token } = asked.find(({ path }) => path === "/v1/logout");
      const { auth: { after, token: used } } = sockets[1];
      return [between, got, token, used, after, memory.getItem("ringback.cursor http://x b")];
    """
    between, got, ended, used, after, kept = run(SERVER + script)
    assert between == ["offline", 0, False]
    assert (got, ended, used, after, kept) == ([], "Bearer a1", "a2", 10, None)


def test_a_token_renewed_during_the_handshake_is_handed_to_the_connection() -> None:
    script = """
      answers["/v1/refresh"] = () => [200, pair({ access_token: "new" })];
      answers["/v1/login"] = () => [200, pair({ access_token: "old", expires_in: 1 })];
      const client = make({ after: 0 });
      await client.signIn("u", "p");
      client.start();
      await until(() => sockets.length);
      const [socket] = sockets;
      socket.connected = false;
      await until(() => JSON.parse(memory.getItem("ringback.session")).access_token === "new");
      await new Promise((done) => setTimeout(done, 20));
      socket.connected = true;
      socket.handlers.ready({ head: 0, unread: 0, read: 0 });
      await until(() => socket.sent.length);
      await new Promise((done) => setTimeout(done, 20));
      return [socket.auth.token, socket.sent];
    """
    assert run(SERVER + script) == ["old", [["authenticate", {"token": "new"}]]]


def test_from_now_on_is_from_the_start_however_late_the_connection() -> None:
    script = """
      let head = 4;
      answers["/v1/notifications/summary"] = () => [200, { head }];
      const client = make(), got = [];
      client.addEventListener("notification", ({ detail }) => got.push(detail.notification.seq));
      await client.signIn("u", "p");
      client.start();
      await until(() => sockets.length === 1);
      head = 6;
      sockets[0].handlers.connect_error(new Error("down"));
      await until(() => sockets.length === 2);
      sockets[1].handlers.ready({ head, unread: 2, read: 0 });
      for (const seq of [5, 6, 7]) sockets[1].handlers.notification({ seq });
      return [sockets.map(({ auth }) => auth.after), got, memory.getItem("ringback.cursor http://x u")];
    """
    assert run(SERVER + script) == [[4, 4], [5, 6, 7], "7"]


def test_a_server_that_is_away_at_the_start_is_asked_again_where_to_begin() -> None:
    script = """
      let tries = 0;
      answers["/v1/notifications/summary"] = () => (tries++ ? [200, { head: 4 }] : [503, {}]);
      const client = make(), states = [];
      client.addEventListener("state", ({ detail }) => states.push(detail.name));
      await client.signIn("u", "p");
      client.start();
      await until(() => sockets.length);
      return [states, sockets[0].auth.after, tries];
    """
    assert run(SERVER + script) == [["connecting", "offline", "connecting"], 4, 2]
