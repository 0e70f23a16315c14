/**
 * Call when a try is worth while: the browser is online again, or its user looks at the page again.
 *
 * @param {() => void} act
 * @param {AbortSignal} signal ends it.
 */
export function onReturn(act, signal) {
  globalThis.addEventListener?.("online", act, { signal });
  const seen = () => document.hidden || act();
  globalThis.document?.addEventListener("visibilitychange", seen, { signal });
}
