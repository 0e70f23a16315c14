// Users with the browser's client; see `hosts.py` for what they are told and what they say.
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { io } from "socket.io-client";
import { memoryStorage, Ringback } from "../../app/web/static/ringback.js";

const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;
const UNREACHABLE = [0, 408, 429, 502, 503, 504];
const clients = new Map();

const now = () => Date.now() / 1000;
const say = (user, what, more = {}) => console.log(JSON.stringify({ user, what, ...more }));

/** The official client, which says what arrives at it. */
function recording(user) {
  return (url, options) => {
    const socket = io(url, options);
    socket.on("notification", ({ seq }) => say(user, "raw", { seq, at: now() }));
    return socket;
  };
}

/** One request; with a key (or one that does no harm twice) it is sent until it is answered. */
async function send(user, path, { body, key, again }) {
  const headers = key ? { "Idempotency-Key": key } : {};
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const answer = await clients.get(user).call("POST", path, { body, headers });
      return await answer.json();
    } catch (error) {
      // An answer may also break off in the middle.
      const lost = UNREACHABLE.includes(error.status ?? 0);
      if (!lost || !again || Date.now() > end) throw error;
      await pause(PAUSE_MS * (0.5 + Math.random()));
    }
  }
}

const commands = {
  async start({ user, url, email, password }) {
    const ringback = new Ringback({ url, io: recording(user), storage: memoryStorage(), after: 0 });
    clients.set(user, ringback);
    ringback.addEventListener("notification", ({ detail: { notification } }) =>
      say(user, "given", { notification, at: now() }),
    );
    await ringback.signIn(email, password);
    ringback.start();
    say(user, "started");
  },
  async submit({ user, call, order: { type, params, key, twice } }) {
    const once = () =>
      send(user, "/v1/jobs", { body: { type, params }, key, again: key !== null });
    const both = await Promise.allSettled(twice ? [once(), once()] : [once()]);
    // What one of them was promised counts, even if the other was not answered.
    const made = both.filter(({ status }) => status === "fulfilled");
    if (!made.length) throw both[0].reason;
    say(user, "answer", { call, jobs: made.map(({ value }) => value.id) });
  },
  async cancel({ user, call, job }) {
    try {
      await send(user, `/v1/jobs/${job}/cancel`, { again: true });
    } catch (error) {
      if (error.code !== "job_ended") throw error;
    }
    say(user, "answer", { call, jobs: [] });
  },
  async retry({ user, call, job, key }) {
    const made = await send(user, `/v1/jobs/${job}/retry`, { key, again: true });
    say(user, "answer", { call, jobs: [made.id] });
  },
};

async function obey(line) {
  const command = JSON.parse(line);
  const { user, call } = command;
  try {
    await commands[command.do](command);
  } catch (error) {
    const lost = UNREACHABLE.includes(error.status);
    const reason = lost ? error.code : `${command.do}: ${error.status} ${error.code}: ${error.stack}`;
    say(user, lost ? "refused" : "wrong", { call, reason });
  }
}

createInterface({ input: process.stdin })
  .on("line", obey)
  .on("close", () => process.exit(0));
