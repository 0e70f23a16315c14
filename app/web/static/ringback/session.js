import { ApiError } from "./api.js";
import { Claim } from "./claim.js";

/** Renew an access token when this share of its life has passed. */
const RENEW_AT = 0.75;
/** The server takes a refresh token again until the tokens it was exchanged for are used. */
const RENEWED_MS = 4000;
/** Then, and for up to as long again, the exchange is tried anew: 5 to 6 s after it was begun. */
const RENEW_RETRY_MS = 1000;
/** Long, because an answer that comes late is better than the same question again. */
const ANSWER_MS = 30_000;
/** The longest that a timer can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const KEY = "ringback.session";

/**
 * One sign-in, kept in this client's storage: with a tab's storage in that tab alone.
 *
 * Events: `renewed` (there is a new access token), `ended` (`detail.reason`: why; empty if the
 * user signed out), `leaving` (somebody else has signed in, and takes this user's place next).
 */
export class Session extends EventTarget {
  #stored = null;
  #refreshing = null;
  #timer = 0;
  #claim;

  /**
   * @param {import("./api.js").Api} api the server.
   * @param {{storage: Storage, device: string, locks?: LockManager}} options
   */
  constructor(api, { storage, device, locks }) {
    super();
    Object.assign(this, { api, storage, device });
    this.#claim = new Claim(locks);
  }

  /** Who is signed in; null if nobody is. */
  get user() {
    return this.#stored?.user ?? null;
  }

  /** The id of the sign-in, as `GET /v1/sessions` lists it; null without one. */
  get id() {
    return this.#stored?.session_id ?? null;
  }

  /**
   * Take up the sign-in that this tab had before it was reloaded.
   *
   * A duplicated tab gets a copy of the storage. Two tabs cannot share a refresh token (its second
   * use looks like theft), so the copy is dropped and that tab starts signed out.
   *
   * @returns {Promise<boolean>} whether there is one.
   */
  async restore() {
    const stored = JSON.parse(this.storage.getItem(KEY) ?? "null");
    if (stored?.server !== this.api.base) return false; // another server's stays there for it
    this.#stored = stored;
    if (!(await this.#claim.takeOver(this.#lockName))) this.#forget();
    if (this.#stored) this.#plan();
    return this.#stored !== null;
  }

  /**
   * Sign in; whoever was signed in before is signed out, once that has succeeded.
   *
   * @throws {ApiError} wrong address or password, or no answer.
   */
  async login(email, password) {
    const body = { email, password, device: this.device };
    const answer = await (await this.#post("/v1/login", { body })).json();
    const before = this.#stored;
    if (before && before.user.id !== answer.user.id) this.dispatchEvent(new Event("leaving"));
    this.#keep(answer);
    if (before) this.#endOnServer(before).catch(console.warn);
    this.#claim.take(this.#lockName); // a new session's lock is free: nothing to wait for
  }

  /** Sign out here; the server is told, but is not waited for. */
  logout() {
    const ended = this.#stored;
    this.end("");
    if (ended) this.#endOnServer(ended).catch(console.warn);
  }

  /** @returns {Promise<string>} an access token that is good for a while. */
  async token() {
    if (!this.#stored) throw new ApiError(401, "signed_out", "You are signed out.");
    if (Date.now() >= this.#renewAt()) await this.refresh();
    if (!this.#stored) throw new ApiError(401, "signed_out", "You are signed out.");
    return this.#stored.access_token;
  }

  /**
   * Exchange the refresh token for a new pair; callers at the same time share one exchange.
   *
   * @throws {ApiError} if it is a refusal, the session has ended.
   */
  refresh() {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /**
   * An authenticated request; a token that the server no longer takes is renewed once.
   *
   * @param {string} method
   * @param {string} path
   * @param {{body?: Object, headers?: Object<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<Response>}
   * @throws {ApiError}
   */
  async call(method, path, options) {
    try {
      return await this.api.send(method, path, { ...options, token: await this.token() });
    } catch (error) {
      if (error.status !== 401 || !this.#stored) throw error;
      await this.refresh();
      return this.api.send(method, path, { ...options, token: await this.token() });
    }
  }

  /**
   * Ask the server whether this session still counts; if it does not, it ends here.
   *
   * @throws {ApiError}
   */
  async check() {
    await this.ask("/v1/users/me");
  }

  /** The JSON that an address answers with. @throws {ApiError} also if that takes too long. */
  async ask(path) {
    const answer = await this.call("GET", path, { signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.json();
  }

  /** Forget the sign-in; `reason` is told to whoever listens. */
  end(reason) {
    this.#forget();
    this.dispatchEvent(new CustomEvent("ended", { detail: { reason } }));
  }

  async #refresh() {
    const mine = this.#stored;
    try {
      const renewed = await this.#exchange(mine);
      if (this.#stored !== mine) return; // signed out meanwhile
      this.#keep({ ...mine, ...renewed });
      this.dispatchEvent(new Event("renewed"));
    } catch (error) {
      if (mine && this.#stored === mine) this.#failed(error);
      throw error;
    }
  }

  /** Whoever asked for the exchange: unless it is refused it is soon tried again. */
  #failed(error) {
    if (error instanceof ApiError && error.isRefusal) this.end(error.describe());
    else this.#plan(RENEW_RETRY_MS * (1 + Math.random()));
  }

  async #exchange({ refresh_token }) {
    const answer = await this.#post("/v1/refresh", { body: { refresh_token } }, RENEWED_MS);
    return answer.json();
  }

  /** Also with an access token that has expired. */
  async #endOnServer(ended) {
    const logout = (token) => this.#post("/v1/logout", { token });
    try {
      await logout(ended.access_token);
    } catch (error) {
      if (error.status !== 401) throw error;
      await logout((await this.#exchange(ended)).access_token);
    }
  }

  #post(path, options, longest = ANSWER_MS) {
    return this.api.send("POST", path, { ...options, signal: AbortSignal.timeout(longest) });
  }

  #keep(answer) {
    this.#stored = { ...answer, server: this.api.base, received_at: Date.now() };
    // Removed first: if the new one is refused, a reload must not find a token that is used up.
    this.storage.removeItem(KEY);
    this.storage.setItem(KEY, JSON.stringify(this.#stored));
    this.#plan();
  }

  get #lockName() {
    return `ringback-session-${this.id}`;
  }

  #renewAt() {
    return this.#stored.received_at + this.#stored.expires_in * 1000 * RENEW_AT;
  }

  #plan(delay = Math.max(0, this.#renewAt() - Date.now())) {
    clearTimeout(this.#timer);
    const renew = () => this.refresh().catch(() => {}); // what comes of a failure: see #failed
    this.#timer = setTimeout(renew, Math.min(delay, LONGEST_TIMER_MS));
    this.#timer.unref?.(); // in Node it alone keeps no process alive
  }

  #forget() {
    clearTimeout(this.#timer);
    if (this.#stored) this.storage.removeItem(KEY);
    this.#stored = null;
    this.#claim.letGo();
  }
}
