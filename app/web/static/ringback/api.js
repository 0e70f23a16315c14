/** A call that did not succeed: refused by the server, or never answered (`unreachable`). */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status; 0 if the server did not answer.
   * @param {string} code stable code of the answer.
   * @param {string} message a sentence for people.
   * @param {string} [requestId] what the server's log calls this request.
   * @param {Object<string, string[]>} [fields] input field -> what is wrong with it.
   */
  constructor(status, code, message, requestId = "", fields = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.fields = fields;
  }

  /** Whether the server knows the caller and says no, so that trying again is useless. */
  get isRefusal() {
    return this.status >= 400 && this.status < 500 && this.status !== 408 && this.status !== 429;
  }

  /** The whole story in plain words: message, wrong fields, request id. */
  describe() {
    const fields = Object.entries(this.fields).map(([name, texts]) => `${name}: ${texts.join(", ")}`);
    const id = this.requestId ? ` (request ${this.requestId})` : "";
    return [this.message, ...fields].join(" · ") + id;
  }
}

/** Calls the REST API of one server. Knows nothing of tokens: they are handed in. */
export class Api {
  /** @param {string} base address of the server, such as `http://localhost:5005`. */
  constructor(base) {
    this.base = base.replace(/\/+$/, "");
  }

  /** What to say when nothing comes back. A browser hides from a page why another origin refused. */
  get silence() {
    const isForeign = globalThis.location && this.base !== location.origin;
    const orRefuses = isForeign ? ", or does not accept calls of this page" : "";
    return `The server at ${this.base} does not answer${orRefuses}.`;
  }

  /**
   * One request.
   *
   * @param {string} method
   * @param {string} path begins with `/`.
   * @param {{body?: Object|FormData, token?: string, headers?: Object<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<Response>} a success.
   * @throws {ApiError} or, if the caller has aborted it, what `fetch` says of that.
   */
  async send(method, path, { body, token, headers: more, signal } = {}) {
    const headers = { Accept: "application/json", ...more };
    if (token) headers.Authorization = `Bearer ${token}`;
    const isForm = body instanceof FormData; // for which the browser sets the type
    if (body && !isForm) headers["Content-Type"] = "application/json";
    const response = await this.#fetch(path, {
      method,
      headers,
      body: isForm ? body : body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal,
    });
    if (!response.ok) throw await Api.#problem(response);
    return response;
  }

  async #fetch(path, options) {
    try {
      return await fetch(this.base + path, options);
    } catch (error) {
      const { aborted, reason } = options.signal ?? {};
      // Time that has run out tells of the server; any other abort is the caller's own wish.
      if (aborted && reason?.name !== "TimeoutError") throw error;
      throw new ApiError(0, "unreachable", this.silence);
    }
  }

  /** @param {Response} response an `application/problem+json`, or whatever a proxy answered. */
  static async #problem(response) {
    const problem = await response.json().catch(() => ({}));
    return new ApiError(
      response.status,
      problem.code ?? `http_${response.status}`,
      problem.detail ?? `The server answered ${response.status} ${response.statusText}.`,
      problem.request_id ?? response.headers.get("X-Request-ID") ?? "",
      problem.errors ?? {},
    );
  }
}
