/** How long a reloaded tab waits for its former self to let go of the session. */
const CLAIM_MS = 1000;

/**
 * One tab's claim to a sign-in, which no two tabs can use: a lock, held for as long as the page
 * lives or until it is let go.
 *
 * Where there are no locks (plain http:// off localhost, Node), every claim is good.
 */
export class Claim {
  #leaving = new AbortController();
  #isHeld = false;

  /** @param {LockManager} [locks] */
  constructor(locks) {
    this.locks = locks;
  }

  /**
   * Ask for the lock. What is free is granted, however busy this page is meanwhile.
   *
   * @param {string} name
   * @returns {Promise<void>} resolves when it is held, let go, or found to be impossible.
   */
  take(name) {
    this.letGo();
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    if (!this.locks) return Promise.resolve();
    return new Promise((resolve) => {
      const hold = () => {
        if (signal.aborted) return resolve();
        this.#isHeld = true;
        resolve();
        return new Promise((letGo) => signal.addEventListener("abort", letGo));
      };
      this.locks.request(name, { signal }, hold).catch((error) => {
        if (!signal.aborted) console.warn("Tabs cannot tell here whose a sign-in is.", error);
        resolve();
      });
    });
  }

  /**
   * As `take`, but give up if another tab holds the lock and keeps it.
   *
   * @param {string} name
   * @returns {Promise<boolean>} false if another tab keeps it.
   */
  async takeOver(name) {
    const taken = this.take(name).then(() => true);
    for (;;) {
      let timer;
      const late = new Promise((resolve) => (timer = setTimeout(resolve, CLAIM_MS, false)));
      const isTaken = await Promise.race([taken, late]);
      clearTimeout(timer);
      if (isTaken) return true;
      if (await this.#isElsewhere(name)) return false;
    }
  }

  /** Leave it to others. */
  letGo() {
    this.#leaving.abort();
    this.#isHeld = false;
  }

  /** A grant that is on its way is here before the answer to a later question. */
  async #isElsewhere(name) {
    const { held } = await this.locks.query().catch(() => ({ held: [] }));
    return !this.#isHeld && held.some((lock) => lock.name === name);
  }
}
