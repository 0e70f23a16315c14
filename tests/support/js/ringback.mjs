// Many clients of the browser's module in one Node process, each with a connection of its own.
//
// Commands come as lines of JSON on standard input, `{do, id, ...}`; what happens goes out as lines
// of JSON, `{id, event, ...}`. The end of the input ends the process.
//
//   open {id, url, email, password, after?, device?}  sign in and start   -> opened | failed
//   start | stop | signOut | retryNow {id}
//   reload {id, url?}       as a page that is loaded again: a new object, the same storage
//                                                                         -> opened | failed
//   age {id, seconds}       make the access token seem that much older; a reload then sees it
//   cut {id}                break the transport under the socket
//   drop {id, seqs}         lose notifications of these numbers, once each, below the module
//   markRead {id, up_to, ref?}                                            -> answer | failed
//   call {id, method, path, body?, headers?, ref?}                        -> answer | failed
//   look {id, ref?}                                                       -> answer {body: {cursor, state}}
//
// Events: state {state}, ready {payload}, job {payload}, read {payload}, error {payload};
// raw {seq} for each notification that the official client handed up, again and early ones too;
// notification {seq, replayed} for each that the module delivered; sent {name, payload} for each
// event that the module emitted; connect {after, token} for each handshake.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { memoryStorage, Ringback } from "../../../app/web/static/ringback.js";

const TOLD = ["state", "ready", "job", "read"];
const clients = new Map();
const print = (id, event, more = {}) => console.log(JSON.stringify({ id, event, ...more }));

/** The official client with a record of what goes through it. */
function recording(client) {
  return (url, options) => {
    print(client.id, "connect", { after: options.auth.after ?? null, token: options.auth.token });
    const socket = io(url, options);
    client.socket = socket;
    const { on } = socket;
    socket.on("notification", ({ seq }) => print(client.id, "raw", { seq }));
    socket.on("error", (payload) => print(client.id, "error", { payload }));
    socket.on("connect_error", ({ data, message }) =>
      print(client.id, "refused", { payload: data ?? { message } }),
    );
    socket.onAnyOutgoing((name, payload) => print(client.id, "sent", { name, payload }));
    socket.on = (name, listener) => {
      if (name !== "notification") return on.call(socket, name, listener);
      return on.call(socket, name, (payload) => {
        if (!client.drops.delete(payload.seq)) listener(payload);
      });
    };
    return socket;
  };
}

function make(client) {
  const { id, url, device, after, storage } = client;
  const ringback = new Ringback({ url, io: recording(client), storage, device: device ?? id, after });
  client.ringback = ringback;
  for (const name of TOLD) {
    ringback.addEventListener(name, ({ detail }) =>
      print(id, name, name === "state" ? { state: detail } : { payload: detail }),
    );
  }
  ringback.addEventListener("notification", ({ detail: { notification, replayed } }) =>
    print(id, "notification", { seq: notification.seq, replayed }),
  );
  return ringback;
}

const commands = {
  async open({ id, email, password, ...more }) {
    const client = { id, ...more, storage: memoryStorage(), drops: new Set() };
    clients.set(id, client);
    const ringback = make(client);
    await ringback.signIn(email, password);
    print(id, "opened", { user: ringback.user.id });
    ringback.start();
  },
  async reload({ id, url }) {
    const client = clients.get(id);
    client.ringback.stop();
    if (url) client.url = url;
    const ringback = make(client);
    if (!(await ringback.restore())) throw new Error("There is no session to restore.");
    print(id, "opened", { user: ringback.user.id });
    ringback.start();
  },
  start: ({ id }) => clients.get(id).ringback.start(),
  stop: ({ id }) => clients.get(id).ringback.stop(),
  signOut: ({ id }) => clients.get(id).ringback.signOut(),
  retryNow: ({ id }) => clients.get(id).ringback.retryNow(),
  age({ id, seconds }) {
    const { storage } = clients.get(id);
    const stored = JSON.parse(storage.getItem("ringback.session"));
    stored.received_at -= seconds * 1000;
    storage.setItem("ringback.session", JSON.stringify(stored));
  },
  cut: ({ id }) => clients.get(id).socket?.io.engine?.close(),
  drop: ({ id, seqs }) => seqs.forEach((seq) => clients.get(id).drops.add(seq)),
  async markRead({ id, up_to, ref }) {
    print(id, "answer", { ref, body: await clients.get(id).ringback.markRead(up_to) });
  },
  async call({ id, method, path, body, headers, ref }) {
    const options = { body, headers, signal: AbortSignal.timeout(25_000) };
    const answer = await clients.get(id).ringback.call(method, path, options);
    const text = await answer.text();
    print(id, "answer", { ref, status: answer.status, body: text && JSON.parse(text) });
  },
  look({ id, ref }) {
    const { cursor, state } = clients.get(id).ringback;
    print(id, "answer", { ref, body: { cursor, state } });
  },
};

async function obey(line) {
  const command = JSON.parse(line);
  try {
    await commands[command.do](command);
  } catch ({ status, code, message }) {
    print(command.id, "failed", { do: command.do, ref: command.ref, status, code, message });
  }
}

createInterface({ input: process.stdin })
  .on("line", obey)
  .on("close", () => process.exit(0));
