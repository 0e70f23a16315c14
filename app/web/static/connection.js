"use strict";

/**
 * @typedef {Object} ConnectionState
 * @property {"signed-out"|"connecting"|"catching-up"|"live"|"offline"} name
 * @property {number} [retryAt] when the next try begins, in milliseconds since 1970.
 * @property {string} [reason] why there is no connection.
 */

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;
const HANDSHAKE_MS = 10000;
/** The server no longer takes the access token; a refreshed one may do. */
const TOKEN_CODES = /^token_/;

/**
 * Keeps one Socket.IO connection alive for one session, and feeds the inbox from it.
 *
 * Socket.IO's own reconnection is off: it neither tells when it tries next nor tries again after
 * a refusal or after the server closed the connection.
 *
 * Events: `state` (`detail`: ConnectionState), `ready`, `job` (`detail`: Job or a part of it).
 */
class Connection extends EventTarget {
  #socket = null;
  #wanted = false;
  #failures = 0;
  #tries = 0;
  #timer = 0;
  #watch = 0;
  #reason = "";
  #tokenRefused = false;
  #tokenRenewed = false;

  /**
   * @param {Session} session
   * @param {() => Promise<Function>} loadClient gives the official client's `io`.
   */
  constructor(session, loadClient) {
    super();
    this.session = session;
    this.loadClient = loadClient;
    this.inbox = new Inbox((event, payload) => this.#send(event, payload));
    this.inbox.addEventListener("caught-up", () => this.#tell("live"));
    session.addEventListener("renewed", () => this.#authenticate());
    session.addEventListener("ended", () => this.stop());
    addEventListener("online", () => this.retryNow());
  }

  /** Connect, and stay connected until `stop`. */
  start() {
    this.#wanted = true;
    this.#failures = 0;
    this.#tokenRefused = this.#tokenRenewed = false;
    this.#try();
  }

  /** Close for good. */
  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#timer = 0;
    this.#socket?.off();
    this.#socket?.disconnect();
    this.#socket = null;
    this.inbox.close();
    this.#tell("signed-out");
  }

  /** Do not wait for the next try. */
  retryNow() {
    if (this.#timer) this.#try();
  }

  async #try() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const number = ++this.#tries;
    const isPast = () => !this.#wanted || number !== this.#tries;
    this.#tell("connecting");
    try {
      await this.#renewIfRefused();
      const io = await this.loadClient();
      const token = await this.session.token();
      if (isPast()) return;
      await this.inbox.open(this.session.user.id, () => this.#askHead());
      if (!isPast()) this.#open(io, token);
    } catch (error) {
      if (!isPast()) this.#retryLater(error.message);
    }
  }

  /** After a refusal the token is renewed once; when the new one is refused too, it is over. */
  async #renewIfRefused() {
    if (!this.#tokenRefused) return;
    if (this.#tokenRenewed) return this.session.end(this.#reason);
    await this.session.refresh();
    this.#tokenRefused = false;
    this.#tokenRenewed = true;
  }

  async #askHead() {
    const answer = await this.session.call("GET", "/v1/notifications/summary");
    return (await answer.json()).head;
  }

  #open(io, token) {
    const socket = io(this.session.api().base, {
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnection: false,
      forceNew: true,
      // A proxy in front of several servers keeps the requests of one device together by it.
      query: { device: this.session.device },
      auth: { token, device: this.session.device, after: this.inbox.cursor },
    });
    this.#socket = socket;
    this.#listen(socket);
    this.#watch = setTimeout(() => this.#lost(this.session.api().silence), HANDSHAKE_MS);
  }

  #listen(socket) {
    socket.on("connect_error", (error) => this.#refused(error));
    socket.on("disconnect", (why) => this.#closed(why));
    socket.on("error", (error) => this.#warned(error));
    socket.on("ready", ({ head }) => this.#ready(head));
    socket.on("notification", (message) => this.inbox.receive(message));
    socket.on("job", (job) => this.dispatchEvent(new CustomEvent("job", { detail: job })));
  }

  #ready(head) {
    clearTimeout(this.#watch);
    this.#failures = 0;
    this.#reason = "";
    this.#tokenRenewed = false;
    this.#tell("catching-up");
    this.inbox.ready(head);
    this.dispatchEvent(new Event("ready"));
  }

  #closed(why) {
    const byServer = why === "io server disconnect" && this.#reason;
    this.#lost(byServer || "The connection to the server was lost.");
  }

  /** The server says why it is about to close the connection, or what it did not like. */
  #warned({ code, message }) {
    this.#reason = message;
    this.#tokenRefused = TOKEN_CODES.test(code);
  }

  #refused(error) {
    if (error.data?.code) this.#warned(error.data);
    this.#lost(error.data?.message ?? this.session.api().silence);
  }

  #lost(reason) {
    clearTimeout(this.#watch);
    this.#socket?.off();
    this.#socket?.disconnect();
    this.#socket = null;
    this.inbox.disconnected();
    if (!this.#wanted) return;
    if (this.#tokenRefused) this.#try();
    else this.#retryLater(reason);
  }

  #retryLater(reason) {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    const jittered = pause * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#try(), jittered);
    this.#tell("offline", { reason, retryAt: Date.now() + jittered });
  }

  #send(event, payload) {
    if (this.#socket?.connected) this.#socket.emit(event, payload);
  }

  /** A new token lets the open connection live on. */
  async #authenticate() {
    this.#send("authenticate", { token: await this.session.token() });
  }

  #tell(name, more = {}) {
    this.dispatchEvent(new CustomEvent("state", { detail: { name, ...more } }));
  }
}
