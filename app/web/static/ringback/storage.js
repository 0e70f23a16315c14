/** Where a client keeps its sign-in and its cursor. */

/** A storage for one client that ends with it. @returns {Storage} */
export function memoryStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, String(value)),
    removeItem: (key) => void items.delete(key),
  };
}

/**
 * A storage that never fails. What it refuses to keep (it is full, or forbidden) is kept in memory:
 * then a reload does not find it, but this page goes on.
 *
 * @param {Storage} storage
 * @returns {Storage}
 */
export function sturdyStorage(storage) {
  const refused = new Map(); // key -> text; null if the storage would not let go of it
  let warned = false;
  const attempt = (act, otherwise) => {
    try {
      return act();
    } catch (error) {
      if (!warned) console.warn("What this page keeps does not outlive it.", error);
      warned = true;
      return otherwise();
    }
  };
  const write = (key, text, act) => {
    attempt(() => (act(), refused.delete(key)), () => refused.set(key, text));
  };
  return {
    getItem: (key) =>
      refused.has(key) ? refused.get(key) : attempt(() => storage.getItem(key), () => null),
    setItem: (key, text) => write(key, text, () => storage.setItem(key, text)),
    removeItem: (key) => write(key, null, () => storage.removeItem(key)),
  };
}

/** The tab's own storage, which survives a reload; in Node, or where it is forbidden, memory. */
export function tabStorage() {
  try {
    return globalThis.document ? globalThis.sessionStorage : memoryStorage();
  } catch {
    return memoryStorage();
  }
}

/** A name for this client, the same after a reload. */
export function deviceName(storage) {
  const key = "ringback.device";
  const name = storage.getItem(key) ?? `browser-${Math.random().toString(36).slice(2, 10)}`;
  storage.setItem(key, name);
  return name;
}
