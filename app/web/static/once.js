"use strict";

/**
 * Makes one thing of a request that is sent again because no answer came: until the server has said
 * yes or no, the same request has the same `Idempotency-Key`.
 */
class Once {
  /** @type {Map<string, string>} the request -> its key, while no answer has come. */
  #keys = new Map();

  /**
   * @template T
   * @param {string} request what is wanted, in a form that is the same when it is wanted again.
   * @param {(headers: Object<string, string>) => Promise<T>} send
   * @returns {Promise<T>}
   */
  async send(request, send) {
    const key = this.#keys.get(request) ?? Once.#newKey();
    this.#keys.set(request, key);
    try {
      const answer = await send({ "Idempotency-Key": key });
      this.#keys.delete(request);
      return answer;
    } catch (error) {
      if (error.isRefusal) this.#keys.delete(request);
      throw error;
    }
  }

  /** Not `randomUUID`, which is missing on plain http:// off localhost. */
  static #newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}
