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
