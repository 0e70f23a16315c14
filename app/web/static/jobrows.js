"use strict";

const MOST_JOBS = 50;
const TOO_LONG = "too long to be shown here";

/**
 * What can be done with a job; each button is handed in, to be out of use meanwhile.
 *
 * @typedef {Object} JobActions
 * @property {(job: Job, button: HTMLButtonElement) => void} download
 * @property {(job: Job, button: HTMLButtonElement) => void} cancel
 * @property {(job: Job, button: HTMLButtonElement) => void} again
 * @property {(job: Job, button: HTMLButtonElement) => void} change run again with other parameters.
 * @property {(job: Job) => Promise<Object[]>} readLog
 * @property {(job: Job) => boolean} isMine whether it is of whoever is signed in.
 * @property {(userId: string) => string} nameOf
 * @property {(scheduleId: string) => string} scheduleOf the name of a schedule, or nothing.
 */

/** The visible list of jobs, newest first. */
class JobRows {
  /** @type {Map<string, string>} */
  #titles = new Map();
  /** @type {WeakMap<HTMLElement, JobLog>} row -> its log */
  #logs = new WeakMap();

  /**
   * @param {HTMLElement} list
   * @param {JobActions} actions
   */
  constructor(list, actions) {
    this.list = list;
    this.actions = actions;
  }

  /** Say what the types are called. @param {JobType[]} types */
  nameTypes(types) {
    this.#titles = new Map(types.map(({ name, title }) => [name, title]));
  }

  /** Ids of the jobs shown that have not ended, as far as is known here. @returns {string[]} */
  get unfinished() {
    const open = [...this.list.children].filter(({ dataset }) => !FINAL_STATES.includes(dataset.state));
    return open.map(({ dataset }) => dataset.jobId);
  }

  /** Show what is known of a job now. @param {Job} job */
  show(job) {
    const row = this.#row(job);
    row.dataset.state = job.state;
    row.dataset.version = job.version;
    const title = this.#titles.get(job.type) ?? job.type;
    role(row, "title").textContent = title;
    role(row, "params").textContent = job.params ? describeValues(job.params) : TOO_LONG;
    role(row, "state").textContent = job.state;
    if (job.created_at) showTime(role(row, "time"), job.created_at);
    this.#showProgress(row, job);
    const reason = job.error && `${job.error.message} (${job.error.code})`;
    showText(role(row, "error"), reason);
    showValues(role(row, "result"), job.result ?? JobRows.#missing(job));
    this.#showOrigin(row, job);
    showText(role(row, "follows"), job.follows && this.#describeFirst(job.follows));
    this.#showDownload(role(row, "download"), job);
    this.#showActions(row, job, title);
    this.#logs.get(row).changed(job.version);
  }

  #find(id) {
    return [...this.list.children].find((row) => row.dataset.jobId === id);
  }

  #row(job) {
    const known = this.#find(job.id);
    if (known) return known;
    const template = document.getElementById("job-template");
    const row = template.content.firstElementChild.cloneNode(true);
    row.dataset.jobId = job.id;
    row.dataset.type = job.type;
    for (const name of ["cancel", "again", "change"]) {
      role(row, name).addEventListener("click", ({ target }) => this.actions[name](job, target));
    }
    this.#logs.set(row, new JobLog(role(row, "log"), () => this.actions.readLog(job)));
    // Ids begin with the time of their making, so their order is the order of the jobs.
    const older = [...this.list.children].find((each) => each.dataset.jobId < job.id);
    this.list.insertBefore(row, older ?? null);
    if (this.list.children.length > MOST_JOBS) this.list.lastElementChild.remove();
    return row;
  }

  /** Whose it is, if it is somebody else's, and which schedule made it. */
  #showOrigin(row, job) {
    showText(role(row, "owner"), this.actions.isMine(job) ? "" : `of ${this.actions.nameOf(job.user_id)}`);
    const schedule = job.schedule_id && (this.actions.scheduleOf(job.schedule_id) || "a schedule");
    showText(role(row, "schedule"), schedule && `started by ${schedule}`);
  }

  #showProgress(row, job) {
    const percent = Math.floor(job.progress * 100);
    role(row, "progress").value = job.progress;
    role(row, "percent").textContent = `${percent} %`;
    showText(role(row, "message"), job.progress_message);
    showText(role(row, "left"), JobRows.#describeTime(job));
    showText(role(row, "attempt"), job.attempt > 1 ? `attempt ${job.attempt}` : "");
  }

  #showDownload(button, job) {
    const { artifact } = job;
    button.hidden = !artifact || artifact.deleted || !this.actions.isMine(job);
    if (button.hidden || button.textContent) return;
    button.textContent = `Download ${artifact.name} (${formatSize(artifact.size)})`;
    button.addEventListener("click", () => this.actions.download(job, button));
  }

  /** What has not ended can be cancelled; what has, run again. Both by its owner alone. */
  #showActions(row, job, title) {
    const buttons = ["cancel", "again", "change"].map((name) => role(row, name));
    const [cancel, again, change] = buttons;
    const [hasEnded, isMine] = [FINAL_STATES.includes(job.state), this.actions.isMine(job)];
    cancel.hidden = hasEnded || Boolean(job.cancelling) || !isMine;
    again.hidden = change.hidden = !hasEnded || !isMine;
    showText(role(row, "cancelling"), job.cancelling ? "cancelling …" : "");
    for (const button of buttons) {
      button.setAttribute("aria-label", `${button.textContent}: ${title}`);
    }
  }

  /** In place of a result that was left out. */
  static #missing({ state, params, shortened }) {
    return state === "succeeded" && shortened && params ? { result: TOO_LONG } : null;
  }

  #describeFirst(id) {
    const first = this.#find(id);
    return `runs again what ran ${first ? `at ${role(first, "time").textContent}` : "before"}`;
  }

  static #describeTime({ eta_seconds, started_at, finished_at, run_after }) {
    if (run_after) return `tries again at ${new Date(run_after).toLocaleTimeString()}`;
    if (started_at && finished_at) {
      return `took ${formatDuration((new Date(finished_at) - new Date(started_at)) / 1000)}`;
    }
    const isKnown = eta_seconds !== null && eta_seconds !== undefined;
    return isKnown ? `about ${formatDuration(eta_seconds)} left` : "";
  }
}
