"use strict";

/**
 * @typedef {Object} Message a notification.
 * @property {number} seq its number in this user's inbox; no number is left out.
 * @property {string} id
 * @property {string} type such as `job.succeeded`.
 * @property {string} title
 * @property {string} body
 * @property {Object} data
 * @property {string|null} job_id
 * @property {string} created_at
 * @property {string|null} read_at
 * @property {boolean} tombstone hidden or expired: only the number is left.
 */

const ACK_DELAY_MS = 100;
const SYNC_AGAIN_MS = 5000;

/**
 * The numbered inbox of one user, as far as this tab has seen it.
 *
 * The cursor moves over contiguous numbers only: what was seen is dropped, a gap is asked for.
 *
 * Events: `message` (`detail`: `{message, replayed}`, each number once and in order), `caught-up`
 * (`detail.count`: how many messages were replayed).
 */
class Inbox extends EventTarget {
  #key = "";
  #head = null;
  #replayed = 0;
  #asked = { after: -1, at: 0 };
  #ackTimer = 0;

  /**
   * @param {(event: string, payload: Object) => void} send sends to the server if connected.
   * @param {Storage} storage
   */
  constructor(send, storage = sessionStorage) {
    super();
    this.send = send;
    this.storage = storage;
    this.cursor = 0;
  }

  /**
   * Open a user's inbox where this tab left it; one that is new to this tab starts at its end.
   *
   * @param {string} userId
   * @param {() => Promise<number>} askHead the highest number that exists.
   */
  async open(userId, askHead) {
    const key = `ringback.cursor.${userId}`;
    if (key === this.#key) return;
    const stored = this.storage.getItem(key);
    const cursor = stored === null ? await askHead() : Number(stored);
    this.#key = key;
    this.#moveTo(cursor);
  }

  /** Close it; where it was left is kept in the storage. */
  close() {
    this.#key = "";
    this.cursor = 0;
    this.disconnected();
  }

  /** Whether everything that existed when the connection was made has arrived. */
  get isCaughtUp() {
    return this.#head !== null && this.cursor >= this.#head;
  }

  /** The server said how far the inbox goes. */
  ready(head) {
    this.#head = head;
    this.#replayed = 0;
    this.#asked = { after: -1, at: 0 };
    if (head < this.cursor) this.#moveTo(head); // an older database was put back
    if (this.isCaughtUp) this.#tellCaughtUp();
  }

  /** The connection is gone; what the head is will be told anew. */
  disconnected() {
    this.#head = null;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
  }

  /** @param {Message} message as it came; perhaps again, perhaps too early. */
  receive(message) {
    if (message.seq <= this.cursor) return;
    if (message.seq > this.cursor + 1) return this.#askForGap();
    const replayed = this.#head === null || message.seq <= this.#head;
    this.#moveTo(message.seq);
    this.#acknowledgeSoon();
    this.dispatchEvent(new CustomEvent("message", { detail: { message, replayed } }));
    if (replayed && !message.tombstone) this.#replayed += 1;
    if (message.seq === this.#head) this.#tellCaughtUp();
  }

  #tellCaughtUp() {
    this.dispatchEvent(new CustomEvent("caught-up", { detail: { count: this.#replayed } }));
  }

  #moveTo(seq) {
    this.cursor = seq;
    this.storage.setItem(this.#key, String(seq));
  }

  #askForGap() {
    const { after, at } = this.#asked;
    if (after === this.cursor && Date.now() - at < SYNC_AGAIN_MS) return;
    this.#asked = { after: this.cursor, at: Date.now() };
    this.send("sync", { after: this.cursor });
  }

  /** One `ack` for all that arrive within a moment: the highest number speaks for those below. */
  #acknowledgeSoon() {
    this.#ackTimer ||= setTimeout(() => {
      this.#ackTimer = 0;
      this.send("ack", { seq: this.cursor });
    }, ACK_DELAY_MS);
  }
}
