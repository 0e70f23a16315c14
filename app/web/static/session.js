"use strict";

/** Renew an access token when this share of its life has passed. */
const RENEW_AT = 0.75;
const RENEW_RETRY_MS = 5000;
/** The longest that a browser's timer can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** How long a reloaded tab waits for its former self to let go of the session. */
const CLAIM_MS = 1000;

/**
 * One sign-in, kept in this tab alone (it survives a reload).
 *
 * Events: `renewed` (there is a new access token), `ended` (`detail.reason`: why; empty if the
 * user signed out).
 */
class Session extends EventTarget {
  static #KEY = "ringback.session";
  #stored = null;
  #refreshing = null;
  #timer = 0;

  /**
   * @param {() => Api} api the server to talk to.
   * @param {Storage} storage
   */
  constructor(api, storage = sessionStorage) {
    super();
    this.api = api;
    this.storage = storage;
    this.device = this.#deviceName();
  }

  /** @returns {User|null} who is signed in. */
  get user() {
    return this.#stored?.user ?? null;
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
    this.#stored = JSON.parse(this.storage.getItem(Session.#KEY) ?? "null");
    if (this.#stored && !(await this.#claim())) this.#forget();
    if (this.#stored) this.#plan();
    return this.#stored !== null;
  }

  /** @throws {ApiError} wrong address or password, or no answer. */
  async login(email, password) {
    const body = { email, password, device: this.device };
    const answer = await this.api().send("POST", "/v1/login", { body });
    this.#keep(await answer.json());
    await this.#claim();
  }

  /** Sign out here; the server is told, but is not waited for. */
  logout() {
    const token = this.#stored?.access_token;
    this.end("");
    if (token) this.api().send("POST", "/v1/logout", { token }).catch(console.warn);
  }

  /** @returns {Promise<string>} an access token that is good for a while. */
  async token() {
    if (!this.#stored) throw new ApiError(401, "signed_out", "You are signed out.");
    if (Date.now() >= this.#renewAt()) await this.refresh();
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
   * @returns {Promise<Response>}
   * @throws {ApiError}
   */
  async call(method, path, body, headers) {
    try {
      return await this.api().send(method, path, { body, headers, token: await this.token() });
    } catch (error) {
      if (error.status !== 401 || !this.#stored) throw error;
      await this.refresh();
      return this.api().send(method, path, { body, headers, token: this.#stored.access_token });
    }
  }

  async #refresh() {
    const body = { refresh_token: this.#stored.refresh_token };
    try {
      const answer = await this.api().send("POST", "/v1/refresh", { body });
      if (!this.#stored) return; // signed out meanwhile
      this.#keep(await answer.json());
      this.dispatchEvent(new Event("renewed"));
    } catch (error) {
      if (error instanceof ApiError && error.isRefusal) this.end(error.describe());
      throw error;
    }
  }

  #keep(answer) {
    const received = { received_at: Date.now(), ...answer };
    this.#stored = { ...this.#stored, ...received };
    this.storage.setItem(Session.#KEY, JSON.stringify(this.#stored));
    this.#plan();
  }

  #renewAt() {
    return this.#stored.received_at + this.#stored.expires_in * 1000 * RENEW_AT;
  }

  #plan(delay = Math.max(0, this.#renewAt() - Date.now())) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      await this.refresh().catch(() => this.#stored && this.#plan(RENEW_RETRY_MS));
    }, Math.min(delay, LONGEST_TIMER_MS));
  }

  /** Forget the sign-in; `reason` is told to whoever listens. */
  end(reason) {
    this.#forget();
    this.dispatchEvent(new CustomEvent("ended", { detail: { reason } }));
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#stored = null;
    this.storage.removeItem(Session.#KEY);
  }

  /** Hold the session's lock for as long as this page lives. */
  #claim() {
    if (!navigator.locks) return Promise.resolve(true); // plain http:// off localhost
    const name = `ringback-session-${this.#stored.session_id}`;
    const signal = AbortSignal.timeout(CLAIM_MS);
    return new Promise((resolve) => {
      const held = () => (resolve(true), new Promise(() => {}));
      navigator.locks.request(name, { signal }, held).catch(() => resolve(false));
    });
  }

  /** A name for this tab, the same after a reload. */
  #deviceName() {
    const key = "ringback.device";
    const name = this.storage.getItem(key) ?? `test-page-${Math.random().toString(36).slice(2, 8)}`;
    this.storage.setItem(key, name);
    return name;
  }
}
