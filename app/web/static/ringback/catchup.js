import { keepTrying } from "./jitter.js";

const PAGE = 200;
const SUMMARY = "/v1/notifications/summary";

/** Reads over HTTP where an inbox begins, and what a tab lacks that has no connection of its own. */
export class CatchUp {
  #signal = null;
  #again = false;

  /**
   * @param {import("./inbox.js").Inbox} inbox takes what is read.
   * @param {{ask: (path: string) => Promise<Object>, random: () => number}} options
   */
  constructor(inbox, { ask, random }) {
    Object.assign(this, { inbox, ask, random });
  }

  /**
   * Read until the end; if it is under way, once more after that, because what asks for it may be
   * newer than the answer that is on its way.
   *
   * @param {AbortSignal} signal ends it.
   */
  run(signal) {
    if (this.inbox.after === undefined) return; // asked for again once it is known where to begin
    this.#again = true;
    if (this.#signal === signal) return;
    this.#signal = signal;
    const isWanted = () => this.#signal === signal && !signal.aborted;
    keepTrying(() => this.#read(isWanted), isWanted, this.random).finally(() => {
      if (this.#signal === signal) this.#signal = null;
    });
  }

  /**
   * Begin an inbox that is new here at its end of now, however long the first connection takes.
   *
   * @param {AbortSignal} signal ends it.
   * @throws {ApiError}
   */
  async begin(signal) {
    if (this.inbox.after !== undefined) return;
    const { head } = await this.ask(SUMMARY);
    if (!signal.aborted) this.inbox.begin(head);
  }

  /**
   * This tab is ahead of the leader: it is fast, or an older database was put back.
   *
   * @throws {ApiError}
   */
  async lookBack() {
    const { cursor } = this.inbox;
    const { head } = await this.ask(SUMMARY);
    if (head < cursor && cursor === this.inbox.cursor) this.inbox.ready(head);
  }

  /** Drop what is still to come. */
  stop() {
    this.#signal = null;
  }

  async #read(isWanted) {
    while (this.#again && isWanted()) {
      this.#again = false;
      try {
        await this.#readPages(isWanted);
      } catch (error) {
        this.#again = true;
        throw error;
      }
    }
  }

  async #readPages(isWanted) {
    for (let after = this.inbox.cursor; after !== null; ) {
      const page = await this.ask(`/v1/notifications?after=${after}&limit=${PAGE}`);
      if (!isWanted()) return;
      page.items.forEach((notification) => this.inbox.receive(notification));
      after = page.next;
    }
  }
}
