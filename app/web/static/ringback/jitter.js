/**
 * Pauses between tries: full jitter, so that clients which lost a server at the same moment do not
 * all come back at the same moment.
 */

export const FIRST_PAUSE_MS = 1000;
export const LONGEST_PAUSE_MS = 15000;

/**
 * How long to wait before the next try.
 *
 * @param {number} failures tries that have failed before this one.
 * @param {() => number} [random] from 0 to below 1.
 * @returns {number} milliseconds, uniform in 0 to min(longest, first * 2^failures).
 */
export function pauseBefore(failures, random = Math.random) {
  return random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
}

/**
 * Do something until it works or is no longer wanted.
 *
 * @param {() => Promise<void>} act
 * @param {() => boolean} isWanted
 * @param {() => number} random
 */
export async function keepTrying(act, isWanted, random) {
  for (let failures = 0; isWanted(); failures += 1) {
    try {
      return await act();
    } catch (error) {
      if (error.isRefusal) return; // the session looks after itself; nothing else is refused
      if (error.isRefusal === undefined) console.warn(error); // not an answer, so it is worth a look
      await new Promise((resolve) => setTimeout(resolve, pauseBefore(failures, random)));
    }
  }
}
