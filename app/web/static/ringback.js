/**
 * Ringback's browser client: every notification of the signed-in user, once and in order.
 *
 * Types and the meaning of every member: `ringback.d.ts`. How it is used: docs/browser-client.md.
 */

import { Api, ApiError } from "./ringback/api.js";
import { CatchUp } from "./ringback/catchup.js";
import { clientLoader } from "./ringback/client.js";
import { Connection } from "./ringback/connection.js";
import { Inbox } from "./ringback/inbox.js";
import { keepTrying } from "./ringback/jitter.js";
import { onReturn } from "./ringback/page.js";
import { Session } from "./ringback/session.js";
import { deviceName, memoryStorage, sturdyStorage, tabStorage } from "./ringback/storage.js";
import { Tabs } from "./ringback/tabs.js";

export { ApiError, memoryStorage };

export class Ringback extends EventTarget {
  #session;
  #inbox;
  #connection;
  #tabs;
  #id = String(Math.random()); // for messages to one tab alone
  #first;
  #random;
  #running = null; // one AbortController for each time that it was started
  #link = { name: "connecting" };
  #ready = null;
  #state = { name: "signed-out" };
  #catchingUp;

  constructor({
    url = new URL(import.meta.url).origin,
    io,
    storage: given = tabStorage(),
    device,
    after,
    share = Boolean(globalThis.document),
    random = Math.random,
  } = {}) {
    super();
    if (!/^https?:/.test(url)) throw new TypeError(`No address of a server: ${url}`);
    this.#first = after;
    this.#random = random;
    const storage = sturdyStorage(given);
    const api = new Api(url);
    const locks = share ? globalThis.navigator?.locks : undefined;
    this.#session = new Session(api, { storage, locks, device: device ?? deviceName(storage) });
    this.#inbox = this.#makeInbox(storage);
    this.#connection = this.#makeConnection(io ? async () => io : clientLoader(api));
    this.#catchingUp = new CatchUp(this.#inbox, { ask: (path) => this.#session.ask(path), random });
    this.#tabs = new Tabs({
      locks,
      Channel: share ? globalThis.BroadcastChannel : undefined,
      lead: () => this.#lead(),
      hear: (message) => this.#hear(message),
    });
    this.#session.addEventListener("leaving", () => this.#running && this.stop());
    this.#session.addEventListener("ended", ({ detail }) => this.#end(detail.reason));
  }

  get url() {
    return this.#session.api.base;
  }

  get user() {
    return this.#session.user;
  }

  get sessionId() {
    return this.#session.id;
  }

  get device() {
    return this.#session.device;
  }

  get cursor() {
    return this.#inbox.cursor;
  }

  get state() {
    return this.#state;
  }

  get hasConnection() {
    return this.#running !== null && this.#tabs.isLeader;
  }

  signIn(email, password) {
    return this.#session.login(email, password);
  }

  restore() {
    return this.#session.restore();
  }

  signOut() {
    this.#session.logout();
  }

  call(method, path, options) {
    return this.#session.call(method, path, options);
  }

  start() {
    if (!this.user) throw new ApiError(401, "signed_out", "Sign in before you start.");
    if (this.#running) return;
    this.#running = new AbortController();
    onReturn(() => this.retryNow(), this.#running.signal);
    const name = `${this.url} ${this.user.id}`;
    this.#inbox.open(`ringback.cursor ${name}`, this.#first);
    this.#setLink({ name: "connecting" });
    this.#tabs.join(`ringback ${name}`);
    if (this.#tabs.isLeader) return;
    this.#tabs.say({ kind: "hello", from: this.#id });
    if (this.#inbox.after === undefined) this.#try(() => this.#begin());
  }

  stop() {
    this.#halt();
    if (this.user) this.#tell({ name: "offline", reason: "Stopped." });
  }

  async markRead(upTo) {
    const body = { up_to: upTo };
    const answer = await this.call("POST", "/v1/notifications/read", { body });
    const { unread } = await answer.json();
    const read = { up_to: upTo, unread };
    this.#hand("read", read);
    this.#tabs.say({ kind: "event", name: "read", payload: read });
    return read;
  }

  retryNow() {
    if (this.#tabs.isLeader) this.#connection.retryNow();
    else this.#tabs.say({ kind: "retry" });
  }

  #makeInbox(storage) {
    return new Inbox({
      storage,
      tell: (notification, replayed) => {
        this.#emit("notification", { notification, replayed });
        this.#show();
      },
      askForGap: (after) => {
        if (this.#tabs.isLeader) this.#connection.send("sync", { after });
        else this.#catchUp();
      },
      acknowledge: (seq) => this.#tabs.isLeader && this.#connection.send("ack", { seq }),
    });
  }

  #makeConnection(loadClient) {
    const [begin, after] = [() => this.#begin(), () => this.#inbox.after];
    const options = { loadClient, begin, after, random: this.#random };
    const connection = new Connection(this.#session, options);
    connection.addEventListener("link", ({ detail }) => {
      this.#tabs.say({ kind: "link", link: detail });
      this.#setLink(detail);
    });
    connection.addEventListener("ready", ({ detail }) => {
      const after = Math.min(this.cursor, detail.head);
      this.#takeReady(detail);
      this.#tabs.say({ kind: "ready", ready: detail, after });
    });
    connection.addEventListener("event", ({ detail }) => {
      this.#tabs.say({ kind: "event", ...detail });
      this.#take(detail);
    });
    return connection;
  }

  #lead() {
    this.#catchingUp.stop();
    this.#connection.start();
  }

  /** What another tab said. Only the leader answers; only a follower believes. */
  #hear(message) {
    if (this.#tabs.isLeader) {
      if (message.kind === "hello") this.#welcome(message.from);
      if (message.kind === "retry") this.#connection.retryNow();
      if (message.kind === "event" && message.name === "read") this.#hand("read", message.payload);
    } else if ((message.to ?? this.#id) !== this.#id) return;
    else if (message.kind === "link") this.#follow(message.link);
    else if (message.kind === "ready") this.#followReady(message);
    else if (message.kind === "event") this.#take(message);
  }

  #welcome(to) {
    const { after } = this.#inbox;
    this.#tabs.say({ kind: "link", link: this.#link, to });
    if (this.#link.name !== "open") return;
    const head = Math.max(this.#ready.head, after);
    this.#tabs.say({ kind: "ready", ready: { ...this.#ready, head }, after, to });
  }

  #follow(link) {
    if (link.name === this.#link.name && link.retryAt === this.#link.retryAt) return;
    this.#setLink(link);
    if (link.retryAt) this.#wakeLeader(link.retryAt);
  }

  /** A browser slows down the timers of hidden tabs: one that is looked at reminds the leader. */
  #wakeLeader(retryAt) {
    const isWaiting = () => this.#link.retryAt === retryAt && !globalThis.document?.hidden;
    setTimeout(() => isWaiting() && this.retryNow(), Math.max(0, retryAt - Date.now()) + 500);
  }

  #followReady({ ready, after }) {
    const ahead = this.#inbox.after > ready.head;
    this.#setLink({ name: "open" });
    this.#takeReady(ahead ? { ...ready, head: this.cursor } : ready);
    if (this.cursor < after) this.#catchUp();
    this.#try(async () => {
      await this.#session.check();
      if (ahead) await this.#catchingUp.lookBack();
    });
  }

  /** Every tab on its own, whether it will lead or not. */
  async #begin() {
    await this.#catchingUp.begin(this.#running.signal);
    if (!this.#tabs.isLeader) this.#catchUp(); // what it was told before it knew where to begin
    this.#show();
  }

  #takeReady(ready) {
    this.#ready = ready;
    this.#inbox.ready(ready.head);
    this.#show();
    this.#emit("ready", ready);
  }

  #take({ name, payload }) {
    if (name === "notification") this.#inbox.receive(payload);
    else if (name === "sessions") this.#try(() => this.#session.check());
    else this.#hand(name, payload);
  }

  #hand(name, payload) {
    if (name === "read" && this.#ready) this.#ready = { ...this.#ready, unread: payload.unread };
    this.#emit(name, payload);
  }

  #catchUp() {
    if (this.#running) this.#catchingUp.run(this.#running.signal);
  }

  #try(act) {
    const signal = this.#running?.signal;
    if (signal) keepTrying(act, () => !signal.aborted, this.#random);
  }

  #end(reason) {
    this.#halt();
    this.#state = {}; // told also to who never started
    this.#tell({ name: "signed-out", ...(reason ? { reason } : {}) });
  }

  #halt() {
    this.#running?.abort();
    this.#running = this.#ready = null;
    this.#catchingUp.stop();
    this.#connection.stop();
    this.#tabs.leave();
    this.#inbox.close();
  }

  #setLink(link) {
    this.#link = link;
    if (link.name === "open") return; // what that means is told by `ready`
    this.#inbox.disconnected();
    this.#show();
  }

  #show() {
    if (!this.#running) return;
    const { name, ...more } = this.#link;
    if (name !== "open") return this.#tell({ name, ...more });
    this.#tell({ name: this.#inbox.isCaughtUp ? "live" : "catching-up" });
  }

  #tell(state) {
    const { name, retryAt, reason } = this.#state;
    if (state.name === name && state.retryAt === retryAt && state.reason === reason) return;
    this.#state = state;
    this.#emit("state", state);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
