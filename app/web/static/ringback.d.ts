/**
 * Ringback's browser client: every notification of the signed-in user, once and in order.
 *
 * `import { Ringback } from "/assets/ringback.js"`; how it is used: docs/browser-client.md.
 */

/** A message to the user. No number is left out: what has expired is a tombstone. */
export interface Notification {
  /** Its number in the user's inbox: 1, 2, 3 … */
  seq: number;
  id: string;
  /** Such as `job.succeeded`; more may be added. */
  type: string;
  title: string;
  body: string;
  data: Record<string, unknown>;
  job_id: string | null;
  /** ISO 8601 with offset, like all times here. */
  created_at: string;
  read_at: string | null;
  /** It has expired: only the number is left. */
  tombstone: boolean;
}

/** A job as `GET /v1/jobs/{id}` answers it. Of two with one id the higher `version` wins. */
export interface Job {
  id: string;
  type: string;
  /** Null if it is too large for an event or a list: see `shortened`. */
  params: Record<string, unknown> | null;
  state: "waiting" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
  /** 0 to 1. */
  progress: number;
  progress_message: string;
  eta_seconds: number | null;
  version: number;
  attempt: number;
  max_attempts: number;
  cancelling: boolean;
  run_after: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  /** Null as long as there is none, or if it is too large for an event or a list. */
  result: unknown;
  /** Whether `params` or `result` is null for its size: ask for the job. */
  shortened: boolean;
  error: { code: string; message: string; retryable: boolean } | null;
  artifact: {
    name: string;
    media_type: string;
    size: number;
    sha256: string;
    url: string;
    expires_at: string | null;
    deleted: boolean;
  } | null;
  follows: string | null;
}

/** Who is signed in. */
export interface User {
  id: string;
  email: string;
  role: string;
}

/** How the client is doing. */
export interface State {
  /**
   * `connecting`: a try is under way. `catching-up`: connected; what was missed is coming in.
   * `live`: everything is here, and what is new comes at once. `offline`: no connection.
   * `signed-out`: nobody is signed in, or the session has ended.
   */
  name: "signed-out" | "connecting" | "catching-up" | "live" | "offline";
  /** When offline: when the next try begins, in milliseconds since 1970; none after `stop()`. */
  retryAt?: number;
  /** A sentence for people: why it is offline, or why the session has ended. */
  reason?: string;
}

/** How far the inbox goes. */
export interface Ready {
  /** The highest number that exists. */
  head: number;
  /** How many notifications are unread. */
  unread: number;
  /** The highest number marked as read. */
  read: number;
}

/** What was read, on whichever device. */
export interface Read {
  /** This number and all below it are read. */
  up_to: number;
  /** How many are still unread. */
  unread: number;
}

/** What a client needs of a storage; `sessionStorage` and `localStorage` are such. */
export interface ClientStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Options {
  /** Address of the server. Left out: where the module was loaded from. Needed in Node. */
  url?: string;
  /** `io` of the official Socket.IO client. Left out: the server's own copy. Needed in Node. */
  io?: (url: string, options: object) => object;
  /**
   * Keeps session and cursor. One client each: two that share a refresh token sign each other out.
   * Left out: the tab's `sessionStorage`; in Node memory, so that a new client starts anew.
   */
  storage?: ClientStorage;
  /** Name of this device in acknowledgements and sessions; left out: a random one that is kept. */
  device?: string;
  /** Where a user begins who is new to the storage; left out: the end at `start`. 0: the beginning. */
  after?: number;
  /** Whether the tabs of one user share a connection where the browser can; true in browsers. */
  share?: boolean;
  /** From 0 to below 1, for the pauses between tries. */
  random?: () => number;
}

/** What the events of a client carry in `detail`. */
export interface RingbackEvents {
  /** Whenever the state has changed. */
  state: CustomEvent<State>;
  /** Each number once and in order. `replayed`: it was there before this tab was connected. */
  notification: CustomEvent<{ notification: Notification; replayed: boolean }>;
  /** The connection is there (again): look again at whatever has no numbers, such as jobs. */
  ready: CustomEvent<Ready>;
  /** A job has changed. These may be lost while there is no connection. */
  job: CustomEvent<Job>;
  /** Something was read, here or elsewhere. */
  read: CustomEvent<Read>;
}

type Listener<E> = ((event: E) => void) | { handleEvent(event: E): void };

/** A call that did not succeed: refused by the server, or never answered. */
export class ApiError extends Error {
  constructor(
    status: number,
    code: string,
    message: string,
    requestId?: string,
    fields?: Record<string, string[]>,
  );
  /** HTTP status; 0 if the server did not answer. */
  status: number;
  /** Stable code of the answer; `unreachable` if there was none. */
  code: string;
  /** What the server's log calls this request. */
  requestId: string;
  /** Input field -> what is wrong with it. */
  fields: Record<string, string[]>;
  /** Whether the server says no, so that trying again is useless. */
  get isRefusal(): boolean;
  /** The whole story in plain words: message, wrong fields, request id. */
  describe(): string;
}

/** A storage that ends with the process. */
export function memoryStorage(): ClientStorage;

/** One user's client. `signIn` or `restore`, then `start`. */
export class Ringback extends EventTarget {
  /** @throws {TypeError} `url` is no http(s) address. */
  constructor(options?: Options);

  /** Address of the server. */
  get url(): string;
  /** Who is signed in; null if nobody is. */
  get user(): User | null;
  /** Id of the sign-in, as `GET /v1/sessions` lists it; null without one. */
  get sessionId(): string | null;
  /** This device's name in acknowledgements. */
  get device(): string;
  /** Everything up to this number was delivered; 0 while it is not known where to begin. */
  get cursor(): number;
  /** How the client is doing. */
  get state(): State;
  /** Whether the connection is this client's own: false if another tab has it. */
  get hasConnection(): boolean;

  /**
   * Sign in. Who was signed in before is signed out; if that was another user, `start` again.
   *
   * @throws {ApiError} wrong address or password, or no answer.
   */
  signIn(email: string, password: string): Promise<void>;
  /** Take up the sign-in that the storage holds; whether there is one for this server. */
  restore(): Promise<boolean>;
  /** End the session, here and on the server. */
  signOut(): void;

  /** Connect, and stay connected until `stop` or the end of the session. @throws {ApiError} */
  start(): void;
  /** Disconnect; the session and the cursor are kept, and `start` goes on from there. */
  stop(): void;
  /** Do not wait for the next try. */
  retryNow(): void;

  /**
   * A REST call as the user who is signed in. A token that has ended is renewed.
   *
   * @throws {ApiError} whatever is no success; if `signal` was aborted, what it was aborted with.
   */
  call(
    method: string,
    path: string,
    options?: { body?: object; headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  /** Mark this number and all below it as read, on all devices. @throws {ApiError} */
  markRead(upTo: number): Promise<Read>;

  addEventListener<K extends keyof RingbackEvents>(
    type: K,
    listener: Listener<RingbackEvents[K]> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof RingbackEvents>(
    type: K,
    listener: Listener<RingbackEvents[K]> | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
