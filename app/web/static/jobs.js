"use strict";

/**
 * @typedef {Object} Job
 * @property {string} id
 * @property {string} type
 * @property {string} [user_id] whose it is.
 * @property {string|null} [schedule_id] the schedule that made it.
 * @property {?Object} params null as long as only hints and lists told of it, and it is large.
 * @property {"waiting"|"queued"|"running"|"succeeded"|"failed"|"cancelled"} state
 * @property {number} progress 0 to 1.
 * @property {string} progress_message
 * @property {number|null} eta_seconds
 * @property {number} version rises at every change.
 * @property {boolean} [cancelling] its worker was told to stop.
 * @property {string|null} [run_after] when it is tried again, while it waits for that.
 * @property {string|null} [follows] the job that this one repeats.
 * @property {?Object} [result] null until it has succeeded, or as `params`.
 * @property {boolean} [shortened] whether the latest news left out one of the two.
 * @property {string} [created_at]
 * @property {string|null} [started_at]
 * @property {string|null} [finished_at]
 * @property {{code: string, message: string, retryable: boolean}|null} [error]
 * @property {{name: string, media_type: string, size: number}|null} [artifact]
 */

const FINAL_STATES = ["succeeded", "failed", "cancelled"];

/**
 * What this tab knows of the user's jobs, from REST answers and from hints alike: the higher
 * version wins, whichever arrives first.
 *
 * Event: `changed` (`detail`: the job).
 */
class JobList extends EventTarget {
  /** @type {Map<string, Job>} */
  #jobs = new Map();

  /** @param {Job} news a whole job, or a hint with the changing part of it. */
  accept(news) {
    const known = this.#jobs.get(news.id);
    if (known && news.version < known.version) {
      known.params = news.params ?? known.params; // an answer that a hint has overtaken
      return;
    }
    const job = { ...known, ...news };
    // A hint or a list leaves out what is large.
    job.params ??= known?.params ?? null;
    job.result ??= known?.result ?? null;
    this.#jobs.set(job.id, job);
    this.dispatchEvent(new CustomEvent("changed", { detail: job }));
  }

  /** Numbers that came through a socket may lack digits, and parameters never change. @param {Job} news */
  acceptHint(news) {
    this.accept(this.knows(news.id) ? { ...news, params: undefined } : news);
  }

  /** Whether anything of this job is known here. */
  knows(id) {
    return this.#jobs.has(id);
  }

  /** Whether this job has ended, as far as is known here. */
  isFinal(id) {
    return FINAL_STATES.includes(this.#jobs.get(id)?.state);
  }

  /** Forget all. */
  clear() {
    this.#jobs.clear();
  }
}
