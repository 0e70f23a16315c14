import { ApiError } from "./api.js";
import { pauseBefore } from "./jitter.js";

const HANDSHAKE_MS = 20_000;
/** A connection that has lived this long was a success: the next pause is a short one again. */
const STABLE_MS = 5000;
/** The server no longer takes the access token; a refreshed one may do. */
const TOKEN_CODES = /^token_/;
/** What the server said this long ago at most is why it closes the connection now. */
const REASON_MS = 5000;
const LOST = "The connection to the server was lost.";
const PASSED_ON = ["notification", "job", "read", "sessions"];

/**
 * @typedef {Object} Link how the socket is doing.
 * @property {"connecting"|"open"|"offline"} name
 * @property {number} [retryAt] when the next try begins, in milliseconds since 1970.
 * @property {string} [reason] why there is no connection.
 */

/**
 * Keeps one Socket.IO connection alive for one session.
 *
 * Socket.IO's own reconnection is off: it neither tells when it tries next nor tries again after
 * a refusal or after the server closed the connection.
 *
 * Events: `link` (`detail`: Link), `ready` and `event` (`detail`: `{name, payload}`, as received).
 */
export class Connection extends EventTarget {
  #socket = null;
  #wanted = false;
  #failures = 0;
  #tries = 0;
  #timer = 0;
  #watch = 0;
  #openedAt = null;
  #problem = {};
  #token = ""; // the one that the server has for the open connection
  #tokenRefused = false;
  #tokenRenewed = false;

  /**
   * @param {import("./session.js").Session} session
   * @param {Object} options
   * @param {() => Promise<Function>} options.loadClient gives the official client's `io`.
   * @param {() => Promise<void>} options.begin finds out where to go on from, if that is not known.
   * @param {() => number} options.after the cursor to go on from.
   * @param {() => number} options.random
   */
  constructor(session, { loadClient, begin, after, random }) {
    super();
    Object.assign(this, { session, loadClient, begin, after, random });
    session.addEventListener("renewed", () => this.#authenticate());
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
    this.#timer = 0;
    this.#close();
  }

  /** Do not wait for the next try. */
  retryNow() {
    if (this.#timer) this.#try();
  }

  /** Send if connected; what is not sent is made good by the next handshake. */
  send(event, payload) {
    if (this.#socket?.connected) this.#socket.emit(event, payload);
  }

  async #try() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const number = ++this.#tries;
    const isPast = () => !this.#wanted || number !== this.#tries;
    this.#tell({ name: "connecting" });
    try {
      await this.#renewIfRefused();
      await this.begin();
      const io = await this.loadClient();
      const token = await this.session.token();
      if (!isPast()) this.#open(io, token);
    } catch (error) {
      if (!isPast()) this.#retryLater(error.message);
    }
  }

  /** After a refusal the token is renewed once; when the new one is refused too, it is over. */
  async #renewIfRefused() {
    if (!this.#tokenRefused) return;
    if (this.#tokenRenewed) return this.session.end(this.#problem.message);
    await this.session.refresh();
    this.#tokenRefused = false;
    this.#tokenRenewed = true;
  }

  #open(io, token) {
    const { device, api } = this.session;
    const socket = io(api.base, {
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnection: false,
      forceNew: true,
      // A proxy in front of several servers keeps the requests of one device together by it.
      query: { device },
      auth: { token, device, after: this.after() },
    });
    this.#socket = socket;
    this.#token = token;
    this.#problem = {};
    this.#listen(socket);
    this.#watch = setTimeout(() => this.#lost(api.silence), HANDSHAKE_MS);
  }

  #listen(socket) {
    socket.on("connect_error", (error) => this.#refused(error));
    socket.on("disconnect", () => this.#closed());
    socket.on("error", (error) => this.#warned(error));
    socket.on("ready", (payload) => this.#ready(payload));
    for (const name of PASSED_ON) {
      socket.on(name, (payload) => this.#dispatch("event", { name, payload }));
    }
  }

  #ready(payload) {
    clearTimeout(this.#watch);
    this.#openedAt = Date.now();
    this.#problem = {};
    this.#tokenRenewed = false;
    this.#tell({ name: "open" });
    this.#dispatch("ready", payload);
    this.#authenticate(); // with what was renewed during the handshake
  }

  /** The server says why it is about to close the connection, or what it did not like. */
  #warned(problem) {
    this.#problem = { ...problem, at: Date.now() };
    this.#tokenRefused = TOKEN_CODES.test(problem.code);
  }

  #refused(error) {
    if (error.data?.code) this.#warned(error.data);
    this.#lost(error.data?.message ?? this.session.api.silence);
  }

  #closed() {
    if (!(Date.now() - this.#problem.at < REASON_MS)) this.#problem = {};
    this.#lost(this.#problem.message ?? LOST);
  }

  #lost(reason) {
    if (this.#openedAt && Date.now() - this.#openedAt >= STABLE_MS) this.#failures = 0;
    this.#close();
    if (!this.#wanted) return;
    if (this.#tokenRefused) this.#try();
    else this.#retryLater(reason);
  }

  #close() {
    clearTimeout(this.#watch);
    this.#openedAt = null;
    this.#socket?.off();
    this.#socket?.disconnect();
    this.#socket = null;
  }

  #retryLater(reason) {
    const asked = (this.#problem.retry_after ?? 0) * 1000;
    const pause = asked + pauseBefore(this.#failures, this.random);
    this.#problem = {};
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#try(), pause);
    this.#tell({ name: "offline", reason, retryAt: Date.now() + pause });
  }

  /** A new token lets the open connection live on; a session without one ends it by itself. */
  #authenticate() {
    const give = (token) => {
      if (token === this.#token || !this.#openedAt) return;
      this.#token = token;
      this.send("authenticate", { token });
    };
    this.session.token().then(give, (error) => {
      // What keeps a token from coming is the session's to mend: it tries again, or it ends.
      if (!(error instanceof ApiError)) throw error;
    });
  }

  #tell(link) {
    this.#dispatch("link", link);
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
