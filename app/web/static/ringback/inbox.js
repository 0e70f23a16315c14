/** @typedef {import("../ringback.d.ts").Notification} Notification */

const ACK_DELAY_MS = 100;
const ASK_AGAIN_MS = 5000;

/**
 * The numbered inbox of one user, as far as this client has seen it.
 *
 * The cursor moves over contiguous numbers only: what was seen is dropped, a gap is asked for.
 */
export class Inbox {
  #key = "";
  #cursor = null;
  #head = null;
  #asked = { after: -1, at: 0 };
  #ackTimer = 0;

  /**
   * @param {Object} options
   * @param {Storage} options.storage keeps the cursor.
   * @param {(notification: Notification, replayed: boolean) => void} options.tell gets each number
   *   once, in order.
   * @param {(after: number) => void} options.askForGap asks for everything above a number.
   * @param {(seq: number) => void} options.acknowledge says that everything up to a number is here.
   */
  constructor({ storage, tell, askForGap, acknowledge }) {
    Object.assign(this, { storage, tell, askForGap, acknowledge });
  }

  /** The number up to which everything is here; 0 while that is not known. */
  get cursor() {
    return this.#cursor ?? 0;
  }

  /** Where to go on from; undefined as long as it is not known where to begin. */
  get after() {
    return this.#cursor ?? undefined;
  }

  /** Whether everything that existed when the connection was made has arrived. */
  get isCaughtUp() {
    return this.#head !== null && this.cursor >= this.#head;
  }

  /**
   * Open a user's inbox where this client left it.
   *
   * @param {string} key under which the cursor is kept: one for each user of each server.
   * @param {number} [after] where to begin if it is new here; if left out, `begin` tells.
   */
  open(key, after) {
    if (key === this.#key) return;
    this.close();
    const stored = this.storage.getItem(key) ?? "";
    this.#key = key;
    this.#cursor = /^\d+$/.test(stored) ? Number(stored) : (after ?? null); // damaged is as absent
  }

  /** Nothing up to this number was asked for: it is where an inbox begins that is new here. */
  begin(head) {
    if (this.#cursor === null) this.#moveTo(head);
  }

  /** Close it; where it was left is kept in the storage. */
  close() {
    this.disconnected();
    this.#key = "";
    this.#cursor = null;
  }

  /** The server said how far the inbox goes: what is above the cursor up to there is to follow. */
  ready(head) {
    this.#head = head;
    this.#asked = { after: -1, at: 0 };
    // A lower one means that an older database was put back.
    if (this.#cursor !== null && head < this.#cursor) this.#moveTo(head);
  }

  /** The connection is gone; what the head is will be told anew. */
  disconnected() {
    this.#head = null;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
  }

  /** @param {Notification} notification as it came; perhaps again, perhaps too early. */
  receive(notification) {
    const { seq } = notification;
    if (this.#cursor === null || seq <= this.#cursor) return;
    if (seq > this.#cursor + 1) return this.#fillGap();
    const replayed = this.#head === null || seq <= this.#head;
    this.#moveTo(seq);
    this.#acknowledgeSoon();
    this.tell(notification, replayed);
  }

  #moveTo(seq) {
    this.#cursor = seq;
    this.storage.setItem(this.#key, String(seq));
  }

  #fillGap() {
    const { after, at } = this.#asked;
    if (after === this.#cursor && Date.now() - at < ASK_AGAIN_MS) return;
    this.#asked = { after: this.#cursor, at: Date.now() };
    this.askForGap(this.#cursor);
  }

  /** One `ack` for all that arrive within a moment: the highest number speaks for those below. */
  #acknowledgeSoon() {
    this.#ackTimer ||= setTimeout(() => {
      this.#ackTimer = 0;
      this.acknowledge(this.cursor);
    }, ACK_DELAY_MS);
  }
}
