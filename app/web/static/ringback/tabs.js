/**
 * The tabs of one user: one of them leads and has the connection; it tells the others what it hears.
 *
 * The browser elects: whoever holds the lock leads, and it gives the lock to the next tab when the
 * leader leaves, closes or crashes. Where there are no locks (plain http:// off localhost, Node),
 * every tab leads.
 */
export class Tabs {
  #channel = null;
  #leaving = null;

  /**
   * @param {Object} options
   * @param {LockManager} [options.locks]
   * @param {typeof BroadcastChannel} [options.Channel]
   * @param {() => void} options.lead this tab leads from now on.
   * @param {(message: Object) => void} options.hear another tab said something.
   */
  constructor({ locks, Channel, lead, hear }) {
    Object.assign(this, { locks, Channel, lead, hear });
    this.isLeader = false;
  }

  /** @param {string} name the same for all tabs of one user of one server. */
  join(name) {
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    if (!this.locks || !this.Channel || !this.#open(name)) return this.#elected();
    this.#stand(name, signal).catch((error) => {
      if (signal.aborted) return;
      // A page without an origin of its own may have no locks; then it goes alone.
      console.warn("Tabs cannot share a connection here.", error);
      this.#closeChannel();
      this.#elected();
    });
  }

  /** Stop leading or following; another tab takes over. */
  leave() {
    this.#closeChannel();
    this.isLeader = false;
    this.#leaving?.abort();
    this.#leaving = null;
  }

  /** Tell the other tabs. */
  say(message) {
    this.#channel?.postMessage(message);
  }

  #open(name) {
    try {
      this.#channel = new this.Channel(name);
    } catch (error) {
      console.warn("Tabs cannot share a connection here.", error);
      return false;
    }
    this.#channel.onmessage = ({ data }) => this.hear(data);
    return true;
  }

  #closeChannel() {
    this.#channel?.close();
    this.#channel = null;
  }

  #stand(name, signal) {
    return this.locks.request(name, { signal }, () => {
      if (signal.aborted) return;
      this.#elected();
      return new Promise((done) => signal.addEventListener("abort", done));
    });
  }

  #elected() {
    this.isLeader = true;
    this.lead();
  }
}
