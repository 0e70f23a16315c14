// Hundreds of the official JavaScript client in one process, and over each a layer that keeps the
// rules of docs/sockets.md: resume, drop what was seen, ask again at a gap, acknowledge, come back.
//
// Usage: node crowd.mjs. A line on standard input is one command:
//   ["join", [{key, urls, token, device, after, pauses: [first, longest]}, …]]  (seconds)
//   ["lose"]    each second one loses its connection, and returns
//   ["leave"]   all disconnect and stay away
//   ["return"]  all connect, at once
// A line on standard output is a batch, [[key, what, value, milliseconds since 1970], …]: `raw` and
// `given` (a notification's number, before the layer and after it), `up`, `down`, `refused` (why).
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const BATCH_MS = 50;
const ACK_MS = 250;
const members = [];
let batch = [];

function print() {
  if (batch.length) process.stdout.write(`${JSON.stringify(batch)}\n`);
  batch = [];
}

class Member {
  constructor({ key, urls, token, device, after, pauses }) {
    Object.assign(this, { key, urls, token, device, cursor: after, pauses });
    this.turn = 0; // whose address is next
    this.failures = 0; // since the last `ready`
  }

  note(what, value) {
    batch.push([this.key, what, value ?? null, Date.now()]);
  }

  connect() {
    this.drop();
    this.problem = null;
    this.asked = -1;
    const socket = io(this.urls[this.turn++ % this.urls.length], {
      forceNew: true,
      reconnection: false,
      transports: ["websocket"],
      auth: { token: this.token, device: this.device, after: this.cursor },
    });
    this.socket = socket;
    socket.on("ready", () => this.ready());
    socket.on("notification", ({ seq }) => this.take(seq));
    socket.on("error", (problem) => (this.problem = problem));
    socket.on("connect_error", (error) => this.lost(error.message, error.data));
    socket.on("disconnect", (reason) => this.lost(reason, this.problem));
  }

  ready() {
    this.failures = 0;
    this.note("up");
  }

  take(seq) {
    this.note("raw", seq);
    if (seq <= this.cursor) return;
    if (seq > this.cursor + 1) return this.ask();
    this.cursor = seq;
    this.note("given", seq);
    this.acknowledging ??= setTimeout(() => this.acknowledge(), ACK_MS);
  }

  ask() {
    if (this.asked === this.cursor) return;
    this.asked = this.cursor;
    this.socket.emit("sync", { after: this.cursor });
  }

  acknowledge() {
    this.acknowledging = undefined;
    if (this.socket?.connected) this.socket.emit("ack", { seq: this.cursor });
  }

  lost(reason, problem) {
    this.drop();
    const final = problem?.code && !problem.retryable;
    this.note(final ? "refused" : "down", problem?.code ?? reason);
    if (final) return;
    const [first, longest] = this.pauses;
    const range = Math.min(longest, first * 2 ** Math.min(this.failures++, 10));
    const pause = (problem?.retry_after ?? 0) + Math.random() * range;
    this.timer = setTimeout(() => this.connect(), pause * 1000);
  }

  lose() {
    if (this.socket?.connected) this.note("down", "lost");
    this.connect();
  }

  leave() {
    if (this.socket?.connected) this.note("down", "left");
    this.drop();
  }

  drop() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = undefined;
    socket?.removeAllListeners();
    socket?.on("connect_error", () => {}); // of a handshake that was under way
    socket?.disconnect();
  }
}

const commands = {
  join: (wanted) => {
    const joined = wanted.map((each) => new Member(each));
    members.push(...joined);
    joined.forEach((each) => each.connect());
  },
  lose: () => members.filter((_, n) => n % 2).forEach((each) => each.lose()),
  leave: () => members.forEach((each) => each.leave()),
  return: () => members.forEach((each) => each.connect()),
};

setInterval(print, BATCH_MS);
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [name, argument] = JSON.parse(line);
    commands[name](argument);
  })
  .on("close", () => process.exit(0));
